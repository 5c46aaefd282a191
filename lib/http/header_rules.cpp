#include "http/header_rules.hpp"

#include "http/target.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

namespace adit::inline v0 {
namespace {

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// "x_forwarded_for" is X-Forwarded-For to an application that reads its fields from CGI-like variables. Which
// known name is this an alias of? `other` for none.
FieldId alias_of(std::string_view name) noexcept {
    std::array<char, 64> plain;
    if (name.find('_') == std::string_view::npos) return FieldId::other;
    const std::size_t size = std::min(name.size(), plain.size()); // enough for every known name and prefix
    std::replace_copy(name.begin(), name.begin() + static_cast<std::ptrdiff_t>(size), plain.begin(), '_',
                      '-');
    return field_id({plain.data(), size});
}

// Connection may list fields to be removed (RFC 9110 7.6.1), but not to take from the application what the
// edge says.
constexpr bool is_protected(FieldId id) noexcept {
    switch (id) {
    case FieldId::cdn_loop:
    case FieldId::client_cert:
    case FieldId::client_cert_chain:
    case FieldId::content_length:
    case FieldId::forwarded:
    case FieldId::host:
    case FieldId::ngrok:
    case FieldId::ngrok_error:
    case FieldId::x_forwarded:
    case FieldId::x_forwarded_for:
    case FieldId::x_forwarded_host:
    case FieldId::x_forwarded_proto:
    case FieldId::x_real_ip: return true;
    default: return false;
    }
}

// Options of Connection that say something else than a field name, or name a field that goes anyway.
bool is_plain_option(std::string_view option) noexcept {
    return option.empty() || iequals(option, "keep-alive") || iequals(option, "close") ||
           iequals(option, "upgrade");
}

// Any order will do that knows no case: by length first, so that most pairs cost no look at their letters.
bool name_less(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return a.size() < b.size();
    return std::ranges::lexicographical_compare(a, b, {}, lower, lower);
}

// The field names that Connection lists, sorted. The parser bounds how many there are; a head may also be made by hand.
std::vector<std::string> listed_names(const Fields& fields) {
    std::vector<std::string> names; // copies, because removing moves the fields
    for (const Field& field : fields) {
        if (field.id != FieldId::connection) continue;
        std::string_view option;
        for (std::string_view rest = field.value; next_element(rest, option);) {
            if (!is_plain_option(option)) names.emplace_back(option);
        }
    }
    std::ranges::sort(names, name_less);
    return names;
}

void remove_listed(Fields& fields) {
    const std::vector<std::string> names = listed_names(fields);
    if (names.empty()) return;
    fields.remove_if([&](const Field& field) {
        if (field.id == FieldId::connection || field.id == FieldId::upgrade || is_protected(field.id)) return false;
        return std::ranges::binary_search(names, field.name, name_less);
    });
}

constexpr bool is_hop_by_hop(FieldId id) noexcept {
    switch (id) {
    case FieldId::connection:
    case FieldId::http2_settings:
    case FieldId::keep_alive:
    case FieldId::proxy_authenticate:
    case FieldId::proxy_authorization:
    case FieldId::proxy_connection:
    case FieldId::te:
    case FieldId::transfer_encoding: return true;
    default: return false;
    }
}

// Only a trusted proxy may say these.
constexpr bool is_forwarding(FieldId id) noexcept {
    switch (id) {
    case FieldId::client_cert:
    case FieldId::client_cert_chain:
    case FieldId::forwarded:
    case FieldId::ngrok:
    case FieldId::ngrok_error:
    case FieldId::x_forwarded:
    case FieldId::x_forwarded_for:
    case FieldId::x_forwarded_host:
    case FieldId::x_forwarded_proto:
    case FieldId::x_real_ip: return true;
    default: return false;
    }
}

void set_length(Head& head, std::uint64_t length) {
    char digits[20];
    const char* const end = std::to_chars(std::begin(digits), std::end(digits), length).ptr;
    const std::string_view text(digits, static_cast<std::size_t>(end - digits));
    if (head.find(FieldId::content_length) != text) head.set("Content-Length", text);
}

void set_origin_form(Head& request) {
    if (request.target().starts_with('/')) return;
    const auto target = parse_target(request.method(), request.target());
    if (!target || target->form != TargetForm::absolute) return;
    if (!request.has(FieldId::host)) request.add(FieldId::host, target->authority); // HTTP/1.0
    // Adding may have moved what `target` points to.
    const std::string path(parse_target(request.method(), request.target())->path);
    if (path.empty() && request.method() == "OPTIONS") {
        request.set_target("*"); // RFC 9112 3.2.4
    } else {
        request.set_target(path.starts_with('/') ? path : "/" + path);
    }
}

void set_forwarded(Head& request, const VisitorInfo& visitor) {
    const std::string_view scheme = visitor.https ? "https" : "http";
    if (!visitor.trusted_proxy) { // the visitor's are gone already
        request.add(FieldId::x_forwarded_for, visitor.client_ip);
        request.add(FieldId::x_forwarded_proto, scheme);
        if (request.has(FieldId::host)) request.add(FieldId::x_forwarded_host, request.host());
        return;
    }
    std::string chain;
    for (const Field& field : request) {
        if (field.id == FieldId::x_forwarded_for && !field.value.empty())
            chain.append(field.value).append(", ");
    }
    request.set("X-Forwarded-For", chain.append(visitor.client_ip));
    if (!request.has(FieldId::x_forwarded_proto)) request.add(FieldId::x_forwarded_proto, scheme);
    if (request.has(FieldId::host) && !request.has(FieldId::x_forwarded_host)) {
        request.add(FieldId::x_forwarded_host, request.host());
    }
}

void set_connection(Head& head, bool upgrade, bool keep_alive) {
    if (upgrade) {
        head.add(FieldId::connection, "Upgrade");
    } else if (!keep_alive) {
        head.add(FieldId::connection, "close");
    }
}

// A server of HTTP/1.1 may refuse these without a Content-Length (RFC 9110 8.6).
bool expects_body(const Head& request) noexcept {
    return request.method() == "POST" || request.method() == "PUT" || request.method() == "PATCH";
}

// Towards the visitor: how can the end of this final response be told to it?
Framing visitor_framing(const Head& response, const RequestFacts& request) noexcept {
    const int status = response.status();
    if (request.to_head || status == 204 || status == 304) return Framing::none;
    switch (response.framing()) {
    case Framing::none:
    case Framing::length: return Framing::length;
    case Framing::chunked:
    case Framing::until_close: break;
    }
    return request.version == HttpVersion::http10 ? Framing::until_close : Framing::chunked;
}

} // namespace

bool is_loop(const Head& request, std::string_view edge) noexcept {
    std::size_t hops = 0;
    for (const Field& field : request) {
        if (field.id != FieldId::cdn_loop) continue;
        std::string_view element;
        for (std::string_view rest = field.value; next_element(rest, element);) {
            const std::size_t parameters = std::min(element.find(';'), element.size());
            std::string_view name = element.substr(0, parameters);
            while (!name.empty() && (name.back() == ' ' || name.back() == '\t')) name.remove_suffix(1);
            if (iequals(name, edge) && ++hops >= limits::edge_hops_max) return true;
        }
    }
    return false;
}

void apply_request_rules(Head& request, const VisitorInfo& visitor) {
    const bool upgrade = is_upgrade(request);
    const bool chunked = request.chunked();
    auto length = request.framing() == Framing::length ? request.content_length() : std::nullopt;
    const bool by_http2 = request.version() == HttpVersion::http2;
    if (by_http2 && request.framing() == Framing::none && expects_body(request)) length = 0;
    remove_listed(request);
    request.remove_if([&](const Field& field) {
        switch (field.id) {
        case FieldId::other: return alias_of(field.name) != FieldId::other;
        case FieldId::content_length: return !length;
        case FieldId::expect: return true; // and again in one spelling, once
        case FieldId::proxy: return true; // becomes HTTP_PROXY in CGI
        case FieldId::trailer: return !chunked;
        case FieldId::upgrade: return !upgrade;
        default: return is_hop_by_hop(field.id) || (!visitor.trusted_proxy && is_forwarding(field.id));
        }
    });
    set_origin_form(request);
    if (!request.has(FieldId::host) && !visitor.server_name.empty()) request.add(FieldId::host, visitor.server_name);
    request.set_version(HttpVersion::http11);
    request.set_upgrade(upgrade);
    if (request.expect_continue()) request.add(FieldId::expect, "100-continue");
    if (length) set_length(request, *length);
    if (chunked) request.add(FieldId::transfer_encoding, "chunked");
    set_forwarded(request, visitor);
    for (const auto& [name, value] : visitor.fields) request.set(name, value);
    if (!visitor.edge.empty()) request.add(FieldId::cdn_loop, visitor.edge);
    set_connection(request, upgrade, request.keep_alive());
}

void apply_forward_rules(Head& request) {
    const bool upgrade = is_upgrade(request);
    const bool chunked = request.chunked();
    const auto length = request.framing() == Framing::length ? request.content_length() : std::nullopt;
    remove_listed(request);
    request.remove_if([&](const Field& field) {
        switch (field.id) {
        case FieldId::content_length: return !length;
        case FieldId::expect: return true; // and again in one spelling, once
        case FieldId::trailer: return !chunked;
        case FieldId::upgrade: return !upgrade;
        default: return is_hop_by_hop(field.id);
        }
    });
    set_origin_form(request);
    request.set_version(HttpVersion::http11);
    request.set_upgrade(upgrade);
    if (request.expect_continue()) request.add(FieldId::expect, "100-continue");
    if (length) set_length(request, *length);
    if (chunked) request.add(FieldId::transfer_encoding, "chunked");
    set_connection(request, upgrade, true);
}

int agent_error_number(const Head& response) noexcept {
    if (response.status() < 500) return 0;
    const auto code = response.find(FieldId::ngrok_error);
    if (code == "ERR_NGROK_8012" && response.status() == 502) return 8012;
    if (code == "ERR_NGROK_3004" && response.status() == 502) return 3004;
    if (code == "ERR_NGROK_3005" && response.status() == 504) return 3005;
    return 0;
}

ResponsePlan apply_response_rules(Head& response, const RequestFacts& request, bool request_done) {
    ResponsePlan plan;
    const bool switching = is_switching(response) && request.upgrade;
    plan.tunnel = switching || (request.to_connect && response.status() >= 200 && response.status() < 300);
    const bool bodiless = response.is_interim() || plan.tunnel;
    plan.framing = bodiless ? Framing::none : visitor_framing(response, request);
    const bool unwanted_switch = response.status() == 101 && !switching;
    plan.forward = !unwanted_switch && (!response.is_interim() || request.version != HttpVersion::http10);
    const bool may_go_on = response.is_interim() || request_done || request.version == HttpVersion::http2;
    plan.keep_alive = !plan.tunnel && request.keep_alive && plan.framing != Framing::until_close && may_go_on;

    // The length of what is not sent is worth telling after HEAD and in a 304 (RFC 9110 8.6).
    const bool tells_length = !bodiless && response.status() != 204 && response.content_length().has_value();
    remove_listed(response);
    response.remove_if([&](const Field& field) {
        switch (field.id) {
        case FieldId::content_length: return !tells_length;
        case FieldId::ngrok_error: return true;
        case FieldId::other: return alias_of(field.name) == FieldId::ngrok_error;
        case FieldId::trailer: return plan.framing != Framing::chunked;
        case FieldId::upgrade: return !switching;
        default: return is_hop_by_hop(field.id);
        }
    });
    if (plan.framing == Framing::length) {
        response.set_content_length(response.content_length().value_or(0));
        set_length(response, *response.content_length());
    }
    if (request.version != HttpVersion::http2) {
        if (plan.framing == Framing::chunked) response.add(FieldId::transfer_encoding, "chunked");
        response.set_version(HttpVersion::http11);
        if (!response.is_interim()) set_connection(response, switching, plan.keep_alive || plan.tunnel);
    }
    response.set_framing(plan.framing);
    response.set_keep_alive(plan.keep_alive);
    response.set_upgrade(plan.tunnel);
    return plan;
}

} // namespace adit
