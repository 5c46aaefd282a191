// url.*, queryString.*, and the like as methods.
#include "policy/cel/library.hpp"
#include "policy/cel/text.hpp"

#include <charconv>

namespace adit::inline v0::cel {

namespace {

using Entries = std::vector<std::pair<Value, Value>>;

bool is_unreserved(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~").find(c) != std::string_view::npos;
}

int hex(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// RFC 3986 2.1: everything but unreserved characters.
void escape_into(std::string& out, std::string_view text) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char c : text) {
        if (is_unreserved(c)) {
            out.push_back(c);
        } else {
            out.push_back('%');
            out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
            out.push_back(digits[static_cast<unsigned char>(c) & 15]);
        }
    }
}

// nullopt for a '%' without two hexadecimal digits.
std::optional<std::string> unescaped(std::string_view text, bool plus_is_space) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) return std::nullopt;
            out.push_back(static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2])));
            i += 2;
        } else {
            out.push_back(text[i] == '+' && plus_is_space ? ' ' : text[i]);
        }
    }
    return out;
}

Value escape(Call& call, Arguments a) {
    if (!call.charge_bytes(3 * a[0].as_text().size())) return Call::exhausted();
    std::string out;
    escape_into(out, a[0].as_text());
    return Value::string(std::move(out));
}

Value unescape(Call& call, Arguments a) {
    if (!call.charge_bytes(2 * a[0].as_text().size())) return Call::exhausted();
    std::optional<std::string> out = unescaped(a[0].as_text(), true);
    return out ? Value::string(std::move(*out))
               : Value::error("a '%' in this text is not followed by two hexadecimal digits");
}

// The values of each name, in their order; an error for wrong escapes.
Value parse_query(std::string_view query, Budget& budget) {
    if (!budget.charge_bytes(2 * query.size())) return Call::exhausted();
    if (query.starts_with('?')) query.remove_prefix(1);
    std::vector<std::pair<Value, std::vector<Value>>> names;
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), pair.size() + 1));
        if (pair.empty()) continue;
        const std::size_t equals = pair.find('=');
        const auto name = unescaped(pair.substr(0, equals), true);
        const auto value =
            unescaped(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1), true);
        if (!name || !value)
            return Value::error("a '%' in the query is not followed by two hexadecimal digits");
        if (!budget.charge(2 + names.size() / 4)) return Call::exhausted();
        auto found = names.begin();
        while (found != names.end() && found->first.as_text() != *name) ++found;
        if (found == names.end()) found = names.insert(found, {Value::string(*name), {}});
        found->second.push_back(Value::string(*value));
    }
    Entries entries;
    for (auto& [name, values] : names) entries.emplace_back(std::move(name), Value::list(std::move(values)));
    return Value::map(std::move(entries));
}

Value decode_query(Call& call, Arguments a) { return parse_query(a[0].as_text(), call.budget()); }

bool put_pair(Call& call, std::string& out, std::string_view name, const Value& value, std::string& problem) {
    const std::optional<std::string> text = value.is(Kind::null) ? std::string() : scalar_text(value);
    if (!text) {
        problem =
            "a query has texts, numbers and lists of them only, no " + std::string(type_name(value.kind()));
        return false;
    }
    if (!call.charge_bytes(3 * (name.size() + text->size()))) return false;
    if (!out.empty()) out.push_back('&');
    escape_into(out, name);
    out.push_back('=');
    escape_into(out, *text);
    return true;
}

Value encode_query(Call& call, Arguments a) {
    const Map& map = a[0].as_map();
    std::string out;
    std::string problem;
    for (const Value& key : map.keys()) {
        const std::optional<Value> value = map.find(key);
        if (!value) continue;
        const std::string name = scalar_text(key).value_or(std::string());
        bool fine = true;
        if (value->is(Kind::list)) {
            const List& list = value->as_list();
            for (std::size_t i = 0; i < list.size() && fine; ++i)
                fine = put_pair(call, out, name, list.at(i), problem);
        } else {
            fine = put_pair(call, out, name, *value, problem);
        }
        if (!fine) return problem.empty() ? Call::exhausted() : Value::error(problem);
    }
    return Value::string(std::move(out));
}

Value is_query(Call& call, Arguments a) {
    const std::string_view text = a[0].as_text();
    const Value parsed = parse_query(text, call.budget());
    for (const char c : text) {
        if (static_cast<unsigned char>(c) <= ' ' || c == 0x7F || c == '#') return Value::boolean(false);
    }
    return Value::boolean(!parsed.is_error() && text.find('=') != std::string_view::npos);
}

class Url {
public:
    std::string_view scheme, user, host, port, path, query;
    bool has_authority = false;
};

bool is_scheme(std::string_view text) noexcept {
    if (text.empty()) return false;
    for (const char c : text) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        const bool later = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (!letter && (!later || &c == text.data())) return false;
    }
    return true;
}

bool is_port(std::string_view text) noexcept {
    unsigned port = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
    return text.empty() || (code == std::errc() && end == text.data() + text.size() && port <= 65'535);
}

// RFC 3986 3, without its fragment.
std::optional<Url> parse_url(std::string_view text) {
    for (const char c : text) {
        if (static_cast<unsigned char>(c) <= ' ' || c == 0x7F) return std::nullopt;
    }
    Url url;
    text = text.substr(0, text.find('#'));
    const std::size_t colon = text.find_first_of(":/?");
    if (colon != std::string_view::npos && text[colon] == ':') {
        url.scheme = text.substr(0, colon);
        if (!is_scheme(url.scheme)) return std::nullopt;
        text.remove_prefix(colon + 1);
    }
    const std::size_t question = text.find('?');
    if (question != std::string_view::npos) url.query = text.substr(question + 1);
    text = text.substr(0, question);
    if (text.starts_with("//")) {
        url.has_authority = true;
        std::string_view authority = text.substr(2, text.find('/', 2) - 2);
        text.remove_prefix(2 + authority.size());
        if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
            url.user = authority.substr(0, at);
            authority.remove_prefix(at + 1);
        }
        const std::size_t bracket = authority.starts_with('[') ? authority.find(']') : 0;
        if (bracket == std::string_view::npos) return std::nullopt;
        const std::size_t separator = authority.find(':', bracket);
        url.host = authority.substr(0, separator);
        if (separator != std::string_view::npos) url.port = authority.substr(separator + 1);
        if (!is_port(url.port)) return std::nullopt;
    }
    url.path = text;
    return url;
}

Value url_of(Call& call, Arguments a) {
    const std::string_view text = a[0].as_text();
    if (!call.charge_bytes(8 * text.size())) return Call::exhausted();
    const std::optional<Url> url = parse_url(text);
    if (!url) return Value::error("this is no URL");
    const auto path = unescaped(url->path, false);
    Value parameters = parse_query(url->query, call.budget());
    if (!path || parameters.is_error())
        return Value::error("a '%' in the URL is not followed by two hexadecimal digits");
    const auto copy = [](std::string_view view) { return Value::string(std::string(view)); };
    std::string authority(url->host);
    if (!url->port.empty()) authority.append(":").append(url->port);
    std::string uri(url->path.empty() ? "/" : url->path);
    if (!url->query.empty()) uri.append("?").append(url->query);
    std::int64_t port = url->scheme == "https" ? 443 : (url->scheme == "http" ? 80 : 0);
    std::from_chars(url->port.data(), url->port.data() + url->port.size(), port);
    const auto key = [](std::string_view name) { return Value::borrowed_string(name); };
    return Value::map({{key("raw"), copy(text)},
                       {key("scheme"), copy(url->scheme)},
                       {key("authority"), copy(authority)},
                       {key("user_password"), copy(url->user)},
                       {key("host"), copy(url->host)},
                       {key("port"), Value::integer(port)},
                       {key("path"), copy(*path)},
                       {key("raw_path"), copy(url->path)},
                       {key("query"), copy(url->query)},
                       {key("query_params"), std::move(parameters)},
                       {key("uri"), copy(uri)}});
}

Value is_url(Call& call, Arguments a) {
    if (!call.charge_bytes(4 * a[0].as_text().size())) return Call::exhausted();
    const std::optional<Url> url = parse_url(a[0].as_text());
    return Value::boolean(url && !url->scheme.empty() && url->has_authority && !url->host.empty());
}

} // namespace

void add_urls(Library& library) {
    const Type string = Type::string(), query = Type::map(string, Type::list(string));
    const Type any = Type::map(Type(), Type()), url = Type::map(string, Type());
    library.global("url.escape", {string}, string, escape);
    library.global("url.unescape", {string}, string, unescape);
    library.global("url.parse", {string}, url, url_of);
    library.method("escapeUrl", {string}, string, escape);
    library.method("unescapeUrl", {string}, string, unescape);
    library.method("parseUrl", {string}, url, url_of);
    library.method("isURL", {string}, Type::boolean(), is_url);
    library.global("queryString.decode", {string}, query, decode_query);
    library.global("queryString.encode", {any}, string, encode_query);
    library.method("decodeQueryString", {string}, query, decode_query);
    library.method("encodeQueryString", {any}, string, encode_query);
    library.method("isQueryString", {string}, Type::boolean(), is_query);
}

} // namespace adit::inline v0::cel
