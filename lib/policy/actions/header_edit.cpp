#include "policy/actions/header_edit.hpp"

#include "http/target.hpp"

#include <adit/limits.hpp>

#include <algorithm>

namespace adit::inline v0::policy {
namespace {

std::string lowered(std::string_view name) {
    std::string out(name);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    return out;
}

// What frames a message or belongs to one connection: the edge alone says it.
bool is_the_edges(std::string_view name) noexcept {
    switch (field_id(name)) {
    case FieldId::connection:
    case FieldId::content_length:
    case FieldId::http2_settings:
    case FieldId::keep_alive:
    case FieldId::ngrok_error:
    case FieldId::proxy_connection:
    case FieldId::te:
    case FieldId::trailer:
    case FieldId::transfer_encoding:
    case FieldId::upgrade: return true;
    default: return false;
    }
}

std::string problem(std::string_view name) {
    if (!is_token(name)) return "this is no header name";
    if (name.size() > limits::policy_header_name_max) return "the header name is too long";
    if (iequals(name, "user-agent")) return "user-agent may not be added or removed";
    if (is_the_edges(name)) return "the edge alone sets " + lowered(name);
    return {};
}

} // namespace

std::string added_header_problem(std::string_view name) {
    if (iequals(name, "ngrok-skip-browser-warning")) return "ngrok-skip-browser-warning may not be added";
    return problem(name);
}

std::string removed_header_problem(std::string_view name) {
    if (iequals(name, "host")) return "a request cannot be without host; add-headers replaces it";
    return problem(name);
}

std::string header_value_problem(std::string_view value) {
    if (value.size() > limits::policy_header_value_max) return "the header value is too long";
    const auto bad = [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; };
    return std::any_of(value.begin(), value.end(), bad)
               ? "a header value is one line without control characters"
               : "";
}

HeaderList add_headers(Head& head, std::span<const std::pair<std::string, std::string>> headers) {
    HeaderList added;
    for (const auto& [name, value] : headers) {
        if (!added_header_problem(name).empty() || !header_value_problem(value).empty()) continue;
        std::string small = lowered(name);
        const bool host = small == "host";
        if (host && (!head.is_request() || !is_authority(value))) continue; // a message has no other
        if (host ? head.set(small, value) : head.add(small, value))
            added.emplace_back(std::move(small), value);
    }
    return added;
}

std::vector<std::string> remove_headers(Head& head, std::span<const std::string> names) {
    std::vector<std::string> removed;
    for (const std::string& name : names) {
        if (removed_header_problem(name).empty() && head.remove(name) > 0) removed.push_back(lowered(name));
    }
    return removed;
}

} // namespace adit::inline v0::policy
