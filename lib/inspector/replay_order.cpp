// Reads what a replay shall be like.
#include "base/base64.hpp"
#include "inspector/json.hpp"
#include "proto/json_end.hpp"

#include <adit/limits.hpp>

#include <nlohmann/json.hpp>

namespace adit::inline v0::inspector {
namespace {

using Json = nlohmann::json;

ErrorInfo wrong(std::string message) { return {errc::invalid_option, std::move(message)}; }

Result<void> add_pair(ReplayOrder::Pairs& out, const std::string& name, const Json& value) {
    if (!value.is_string()) return wrong("the value of the field '" + name + "' is not a text");
    if (out.size() == limits::inspector_fields_max) return wrong("there are too many fields");
    out.emplace_back(name, value.get<std::string>());
    return {};
}

Result<ReplayOrder::Pairs> read_pairs(const Json& json, const char* member) {
    ReplayOrder::Pairs out;
    Result<void> added;
    if (json.is_object()) {
        for (const auto& [name, value] : json.items()) {
            if (!value.is_array()) added = add_pair(out, name, value);
            for (auto each = value.begin(); value.is_array() && added && each != value.end(); ++each)
                added = add_pair(out, name, *each);
            if (!added) return added.error();
        }
        return out;
    }
    if (!json.is_array()) return wrong(std::string(member) + " is neither an object nor a list");
    for (const Json& pair : json) {
        if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string())
            return wrong(std::string(member) + " has an entry that is not [\"Name\", \"value\"]");
        added = add_pair(out, pair[0].get<std::string>(), pair[1]);
        if (!added) return added.error();
    }
    return out;
}

} // namespace

Result<ReplayOrder> ReplayOrder::parse(std::string_view text) {
    JsonEnd end(limits::inspector_request_max); // bounds the nesting before anybody follows it
    const Result<std::size_t> fed = end.feed(as_bytes(text));
    if (!fed || !end.done()) return wrong("the body is not one JSON object");
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return wrong("the body is not one JSON object");
    ReplayOrder order;
    for (const auto& [name, value] : json.items()) {
        if (name == "headers" || name == "trailers") {
            Result<Pairs> pairs = read_pairs(value, name.c_str());
            if (!pairs) return pairs.error();
            (name == "headers" ? order.headers : order.trailers) = std::move(*pairs);
            continue;
        }
        if (!value.is_string()) return wrong(name + " is not a text");
        const auto& string = value.get_ref<const std::string&>();
        if (name == "id") {
            order.id = string;
        } else if (name == "tunnel_name") {
            order.tunnel_name = string;
        } else if (name == "method") {
            order.method = string;
        } else if (name == "path") {
            order.path = string;
        } else if (name == "body") {
            order.body = string;
        } else if (name == "body_base64") {
            order.body = base64_decode(string);
            if (!order.body) return wrong("body_base64 is not base64");
        } else {
            return wrong("there is no member '" + name + "'");
        }
    }
    if (order.id.empty()) return wrong("id is missing");
    return order;
}

} // namespace adit
