#include "policy/http_values.hpp"

#include "policy/shape.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <unordered_map>

namespace adit::inline v0::policy {
namespace {

using cel::Value;

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    }
    return out;
}

std::string_view trim(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Cuts `text` at the first `c`: what is before it; `text` becomes what is behind it.
std::string_view cut(std::string_view& text, char c) noexcept {
    const std::size_t at = text.find(c);
    const std::string_view front = text.substr(0, at);
    text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
    return front;
}

Value strings(const std::vector<std::string>& texts) {
    std::vector<Value> values;
    values.reserve(texts.size());
    for (const std::string& text : texts) values.push_back(Value::string(text));
    return Value::list(std::move(values));
}

class HeadersMap final : public cel::Map {
public:
    explicit HeadersMap(const Fields& fields) noexcept : fields_(fields) {}
    std::size_t size() const override { return keys().size(); }
    std::optional<Value> find(const Value& key) const override {
        if (!key.is(cel::Kind::string) || !fields_.has(key.as_text())) return {};
        return header_values(fields_, key.as_text());
    }
    std::vector<Value> keys() const override {
        std::vector<std::string> names;
        for (const Field& field : fields_) names.push_back(lower(field.name));
        std::ranges::sort(names);
        names.erase(std::ranges::unique(names).begin(), names.end());
        std::vector<Value> out;
        out.reserve(names.size());
        for (std::string& name : names) out.push_back(Value::string(std::move(name)));
        return out;
    }

private:
    const Fields& fields_;
};

/// Calls `take(name, value)` for each cookie of all Cookie fields until it answers true.
template <class Take>
void each_request_cookie(const Fields& request, Take&& take) {
    for (const Field& field : request) {
        if (!iequals(field.name, "cookie")) continue;
        for (std::string_view rest = field.value; !rest.empty();) {
            std::string_view value = trim(cut(rest, ';'));
            const std::string_view name = trim(cut(value, '='));
            value = trim(value);
            if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
            if (!name.empty() && take(name, value)) return;
        }
    }
}

Value request_cookie_value(std::string_view name, std::string_view value) {
    return record(request_cookie_type(), {Value::string(std::string(name)), Value::string(std::string(value))});
}

/// One Set-Cookie (RFC 6265 5.2).
Value response_cookie_value(std::string_view field) {
    Value domain, path, expires, same_site, max_age;
    bool http_only = false, secure = false;
    std::vector<std::string> others;
    std::string_view pair = cut(field, ';');
    const std::string_view name = trim(cut(pair, '='));
    std::string_view content = trim(pair);
    if (content.size() >= 2 && content.front() == '"' && content.back() == '"') content = content.substr(1, content.size() - 2);
    while (!field.empty()) {
        const std::string_view whole = trim(cut(field, ';'));
        std::string_view value = whole;
        const std::string_view attribute = trim(cut(value, '='));
        value = trim(value);
        const Value text = Value::string(std::string(value));
        if (iequals(attribute, "domain")) {
            domain = text;
        } else if (iequals(attribute, "path")) {
            path = text;
        } else if (iequals(attribute, "expires")) {
            expires = text;
        } else if (iequals(attribute, "samesite")) {
            same_site = text;
        } else if (iequals(attribute, "httponly")) {
            http_only = true;
        } else if (iequals(attribute, "secure")) {
            secure = true;
        } else if (std::int64_t age = 0; iequals(attribute, "max-age") &&
                   std::from_chars(value.data(), value.data() + value.size(), age).ec == std::errc()) {
            max_age = Value::integer(age);
        } else if (!whole.empty()) {
            others.emplace_back(whole);
        }
    }
    return record(response_cookie_type(),
                 {Value::string(std::string(name)), Value::string(std::string(content)), domain, path, expires, max_age,
                  Value::boolean(http_only), Value::boolean(secure), same_site, strings(others)});
}

std::string_view cookie_name(std::string_view field) noexcept {
    std::string_view pair = cut(field, ';');
    return trim(cut(pair, '='));
}

/// Name -> list, in the order in which the names came first.
class Grouped {
public:
    void add(std::string_view name, Value value) {
        const auto [place, fresh] = places_.emplace(std::string(name), groups_.size());
        if (fresh) groups_.emplace_back(std::string(name), std::vector<Value>());
        groups_[place->second].second.push_back(std::move(value));
    }
    Value value() && {
        std::vector<std::pair<Value, Value>> entries;
        entries.reserve(groups_.size());
        for (auto& [name, values] : groups_)
            entries.emplace_back(Value::string(std::move(name)), Value::list(std::move(values)));
        return Value::map(std::move(entries));
    }

private:
    std::vector<std::pair<std::string, std::vector<Value>>> groups_;
    std::unordered_map<std::string, std::size_t> places_;
};

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// Calls `take(name, value)`, both decoded, for each parameter.
template <class Take>
void each_parameter(std::string_view query, Take&& take) {
    while (!query.empty()) {
        std::string_view value = cut(query, '&');
        if (value.empty()) continue;
        const std::string_view name = cut(value, '=');
        take(percent_decode(name, true), percent_decode(value, true));
    }
}

} // namespace

Value headers_value(const Fields& fields) {
    return Value::map(std::unique_ptr<const cel::Map>(std::make_unique<HeadersMap>(fields)));
}

Value header_values(const Fields& fields, std::string_view name) {
    std::vector<Value> values;
    for (const Field& field : fields) {
        if (iequals(field.name, name)) values.push_back(Value::borrowed_string(field.value));
    }
    return Value::list(std::move(values));
}

Value list_header_value(const Fields& fields, std::string_view name) {
    std::vector<Value> values;
    for (const Field& field : fields) {
        if (!iequals(field.name, name)) continue;
        std::string_view rest = field.value;
        for (std::string_view element; next_element(rest, element);) {
            if (!element.empty()) values.push_back(Value::borrowed_string(element));
        }
    }
    return Value::list(std::move(values));
}

const cel::ObjectType& request_cookie_type() {
    static const auto* type = [] {
        auto* made = new cel::ObjectType("cookie");
        made->add("name", cel::Type::string());
        made->add("value", cel::Type::string());
        return made;
    }();
    return *type;
}

const cel::ObjectType& response_cookie_type() {
    static const auto* type = [] {
        auto* made = new cel::ObjectType("cookie");
        for (const char* name : {"name", "value", "domain", "path", "expires"}) made->add(name, cel::Type::string());
        made->add("max_age", cel::Type::integer());
        made->add("http_only", cel::Type::boolean());
        made->add("secure", cel::Type::boolean());
        made->add("same_site", cel::Type::string());
        made->add("unparsed_attributes", cel::Type::list(cel::Type::string()));
        return made;
    }();
    return *type;
}

Value request_cookies_value(const Fields& request) {
    Grouped groups;
    each_request_cookie(request, [&](std::string_view name, std::string_view value) {
        groups.add(name, request_cookie_value(name, value));
        return false;
    });
    return std::move(groups).value();
}

Value response_cookies_value(const Fields& response) {
    Grouped groups;
    for (const Field& field : response) {
        if (iequals(field.name, "set-cookie")) groups.add(cookie_name(field.value), response_cookie_value(field.value));
    }
    return std::move(groups).value();
}

Value request_cookie(const Fields& request, std::string_view name) {
    Value found;
    each_request_cookie(request, [&](std::string_view each, std::string_view value) {
        if (each != name) return false;
        found = request_cookie_value(each, value);
        return true;
    });
    return found;
}

Value response_cookie(const Fields& response, std::string_view name) {
    for (const Field& field : response) {
        if (iequals(field.name, "set-cookie") && cookie_name(field.value) == name) return response_cookie_value(field.value);
    }
    return {};
}

std::string_view media_type(std::string_view content_type) noexcept { return trim(cut(content_type, ';')); }

Value media_type_parameters(std::string_view content_type) {
    std::vector<std::pair<Value, Value>> entries;
    cut(content_type, ';');
    while (!content_type.empty()) {
        std::string_view value = cut(content_type, ';');
        const std::string_view name = trim(cut(value, '='));
        value = trim(value);
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
        if (!name.empty()) entries.emplace_back(Value::string(lower(name)), Value::string(std::string(value)));
    }
    return Value::map(std::move(entries));
}

Value query_value(std::string_view query) {
    Grouped groups;
    each_parameter(query,
                   [&](const std::string& name, std::string value) { groups.add(name, Value::string(std::move(value))); });
    return std::move(groups).value();
}

std::vector<std::string> query_values(std::string_view query, std::string_view name) {
    std::vector<std::string> out;
    each_parameter(query, [&](const std::string& each, std::string value) {
        if (each == name) out.push_back(std::move(value));
    });
    return out;
}

std::string percent_decode(std::string_view text, bool plus) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low >= 0) {
            out += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            out += plus && text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

} // namespace adit
