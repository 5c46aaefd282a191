// The schemes that sign more than pieces one after another, and the challenges.
#include "base/base64.hpp"
#include "base/hex.hpp"
#include "base/random.hpp"
#include "policy/actions/webhook_scheme.hpp"

#include <adit/limits.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

namespace adit::inline v0::policy::webhook {
namespace {

using nlohmann::json;

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// application/x-www-form-urlencoded.
std::string unescaped(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escape = text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
                            hex_digit(text[i + 2]) >= 0;
        if (escape) {
            out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

using Form = std::vector<std::pair<std::string, std::string>>;

// The next pair of a form, still escaped. False at its end.
bool next_pair(std::string_view& form, std::string_view& name, std::string_view& value) noexcept {
    form.remove_prefix(std::min(form.find_first_not_of('&'), form.size()));
    if (form.empty()) return false;
    const std::string_view pair = form.substr(0, form.find('&'));
    form.remove_prefix(pair.size());
    name = pair.substr(0, pair.find('='));
    value = pair.substr(std::min(name.size() + 1, pair.size()));
    return true;
}

// nullopt: there are too many pairs.
std::optional<Form> read_form(std::string_view text) {
    Form form;
    std::string_view name, value;
    while (next_pair(text, name, value)) {
        if (form.size() == limits::webhook_form_max) return std::nullopt;
        form.emplace_back(unescaped(name), unescaped(value));
    }
    return form;
}

std::string_view query_of(std::string_view url) noexcept {
    const std::size_t mark = url.find('?');
    return mark == std::string_view::npos ? std::string_view()
                                          : url.substr(mark + 1, url.find('#') - mark - 1);
}

std::optional<std::string> query_value(std::string_view url, std::string_view wanted) {
    std::string_view query = query_of(url), name, value;
    while (next_pair(query, name, value))
        if (unescaped(name) == wanted) return unescaped(value);
    return std::nullopt;
}

bool is_form(const WebhookRequest& request) noexcept {
    constexpr std::string_view type = "application/x-www-form-urlencoded";
    const std::string_view value = request.fields.find("content-type").value_or(std::string_view());
    return iequals(value.substr(0, value.find_first_of("; ")), type);
}

// The URL as the provider may have it: with the scheme's own port too.
std::string with_port(std::string_view url) {
    const std::size_t host = url.find("://");
    if (host == std::string_view::npos) return std::string(url);
    const std::size_t end = std::min(url.find_first_of("/?#", host + 3), url.size());
    return std::string(url.substr(0, end)) + (url.starts_with("https:") ? ":443" : ":80") +
           std::string(url.substr(end));
}

const json* member(const json& object, const char* name) noexcept {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(name);
    return found == object.end() ? nullptr : &*found;
}

std::string text_member(const json& object, const char* name) {
    const json* value = member(object, name);
    if (value == nullptr) return {};
    if (value->is_number_integer()) return value->dump();
    return value->is_string() ? value->get<std::string>() : std::string();
}

// After json_problem() or may_be_challenge().
json body_of(const Check& check) { return json::parse(as_text(check.request.body), nullptr, false); }

bool may_be_challenge(const Check& check) noexcept {
    return check.request.body.size() <= limits::webhook_challenge_max;
}

// A challenge is answered with a MAC of what it says: a token of these characters can never be one of the
// texts that are signed for messages, which begin with '{' or contain ':'.
bool is_challenge_token(std::string_view token) noexcept {
    const auto good = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("-_=+/.").find(c) != std::string_view::npos;
    };
    return !token.empty() && token.size() <= 256 && std::ranges::all_of(token, good);
}

WebhookAnswer json_answer(const json& value) { return {200, "application/json", value.dump()}; }

std::optional<WebhookAnswer> answer_twitter(const Check& check) {
    if (check.request.method != "GET") return std::nullopt;
    const auto token = query_value(check.request.url, "crc_token");
    if (!token || !is_challenge_token(*token)) return std::nullopt;
    const Bytes pieces[] = {as_bytes(*token)};
    return json_answer({{"response_token", "sha256=" + encoded_mac(check.scheme, check.key, pieces)}});
}

std::optional<WebhookAnswer> answer_worldline(const Check& check) {
    if (check.request.method != "GET") return std::nullopt;
    const auto text = check.request.fields.find("x-gcs-webhooks-endpoint-verification");
    if (!text || !is_challenge_token(*text)) return std::nullopt;
    return WebhookAnswer{200, "text/plain", std::string(*text)};
}

// Its "intent to receive" has no events; it must get 200 for a good signature and 401 for a bad one.
std::optional<WebhookAnswer> answer_xero(const Check& check, bool verified) {
    if (!may_be_challenge(check)) return std::nullopt;
    const json body = body_of(check);
    const json* events = member(body, "events");
    if (events == nullptr || !events->is_array() || !events->empty()) return std::nullopt;
    return WebhookAnswer{verified ? 200 : 401, "", ""};
}

std::optional<WebhookAnswer> answer_zoom(const Check& check, bool verified) {
    if (!verified || !may_be_challenge(check)) return std::nullopt;
    const json body = body_of(check);
    if (text_member(body, "event") != "endpoint.url_validation") return std::nullopt;
    const json* payload = member(body, "payload");
    const std::string token = payload == nullptr ? std::string() : text_member(*payload, "plainToken");
    if (!is_challenge_token(token)) return std::nullopt;
    const Bytes pieces[] = {as_bytes(token)};
    return json_answer(
        {{"plainToken", token}, {"encryptedToken", encoded_mac(check.scheme, check.key, pieces)}});
}

// Path and query.
std::string_view path_of(std::string_view url) noexcept {
    const std::size_t host = url.find("://");
    const std::size_t path = host == std::string_view::npos ? 0 : url.find('/', host + 3);
    return path == std::string_view::npos ? "/" : url.substr(path);
}

} // namespace

Verdict check_token(const Check& check) {
    std::string error;
    const auto sent = only_field(check.request, check.scheme.header, error);
    if (!sent) return error;
    return constant_time_equal(as_bytes(*sent), as_bytes(check.key)) ? "" : "the token does not match";
}

Verdict check_form(const Check& check) {
    std::string error;
    const auto sent = only_field(check.request, check.scheme.header, error);
    if (!sent) return error;
    std::optional<Form> form = Form();
    if (is_form(check.request)) {
        form = read_form(as_text(check.request.body));
        if (!form) return "the form has too many fields to be checked";
        std::ranges::sort(*form);
        form->erase(std::unique(form->begin(), form->end()), form->end()); // as the provider's own libraries
    } else if (!check.request.body.empty()) {
        // Another body is bound by its hash, which is in the URL that is signed.
        const auto hash = query_value(check.request.url, "bodySHA256");
        const tls::Hash kind = tls::Hash::sha256;
        if (!hash) return "the body is no form, and the URL has no bodySHA256";
        if (!constant_time_equal(as_bytes(*hash), as_bytes(hex_encode(tls::digest(kind, check.request.body)))))
            return "the body is another one than bodySHA256 says";
    }
    bool found = false;
    for (const std::string& url : {std::string(check.request.url), with_port(check.request.url)}) {
        std::vector<Bytes> pieces = {as_bytes(url)};
        for (const auto& [name, value] : *form) pieces.insert(pieces.end(), {as_bytes(name), as_bytes(value)});
        found |= same_signature(check.scheme, *sent, encoded_mac(check.scheme, check.key, pieces));
    }
    return found ? "" : "the signature does not match";
}

Verdict check_mailgun(const Check& check) {
    if (std::string problem = json_problem(check.request.body); !problem.empty()) return problem;
    const json body = body_of(check);
    const json* signature = member(body, "signature");
    if (signature == nullptr) return "the body has no signature";
    const std::string time = text_member(*signature, "timestamp");
    const std::string token = text_member(*signature, "token");
    if (std::string error = check_time(check.scheme, time, check.request.now); !error.empty()) return error;
    const Bytes pieces[] = {as_bytes(time), as_bytes(token)};
    const std::string expected = encoded_mac(check.scheme, check.key, pieces);
    return same_signature(check.scheme, text_member(*signature, "signature"), expected)
               ? ""
               : "the signature does not match";
}

Verdict check_graphcms(const Check& check) {
    std::string error;
    const auto value = only_field(check.request, check.scheme.header, error);
    if (!value) return error;
    std::string_view sign, environment, time, element;
    for (std::string_view rest = *value; next_element(rest, element);) {
        if (element.starts_with("sign=")) sign = element.substr(5);
        if (element.starts_with("env=")) environment = element.substr(4);
        if (element.starts_with("t=")) time = element.substr(2);
    }
    if (error = check_time(check.scheme, time, check.request.now); !error.empty()) return error;
    const auto quoted = [](std::string_view text) {
        return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
    };
    const std::string text = "{\"Body\":" + quoted(as_text(check.request.body)) +
                             ",\"EnvironmentName\":" + quoted(environment) +
                             ",\"TimeStamp\":" + std::string(time) + "}";
    const Bytes pieces[] = {as_bytes(text)};
    return same_signature(check.scheme, sign, encoded_mac(check.scheme, check.key, pieces))
               ? ""
               : "the signature does not match";
}

Verdict check_contentful(const Check& check) {
    std::string error;
    const auto sent = only_field(check.request, check.scheme.header, error);
    const auto time = only_field(check.request, check.scheme.time_header, error);
    const auto names = only_field(check.request, "x-contentful-signed-headers", error);
    if (!sent || !time || !names) return error;
    if (error = check_time(check.scheme, *time, check.request.now); !error.empty()) return error;
    const std::string_view path = path_of(check.request.url);
    if (path.find('?') != std::string_view::npos)
        return "webhooks of contentful to a URL with a query cannot be verified: register it without";
    std::string text = std::string(check.request.method) + "\n" + std::string(path) + "\n";
    bool has_time = false;
    std::string_view name;
    std::size_t count = 0;
    for (std::string_view rest = *names; next_element(rest, name); ++count) {
        const auto value = only_field(check.request, name, error);
        if (!value || count >= limits::http_connection_options_max)
            return "a signed header is missing, or there twice";
        has_time |= name == check.scheme.time_header;
        if (count > 0) text += ';';
        text.append(name).append(1, ':').append(*value);
    }
    if (!has_time) return "its time is not signed";
    text += '\n';
    const Bytes pieces[] = {as_bytes(text), check.request.body};
    return same_signature(check.scheme, *sent, encoded_mac(check.scheme, check.key, pieces))
               ? ""
               : "the signature does not match";
}

Verdict check_ecdsa(const Check& check, const tls::PublicKey& key) {
    std::string error;
    const auto sent = only_field(check.request, check.scheme.header, error);
    const auto time = only_field(check.request, check.scheme.time_header, error);
    if (!sent || !time) return error;
    if (error = check_time(check.scheme, *time, check.request.now); !error.empty()) return error;
    const auto signature = base64_decode(*sent);
    const std::string text = std::string(*time) + std::string(as_text(check.request.body));
    const bool good = signature && key.verify(tls::Hash::sha256, as_bytes(text), as_bytes(*signature));
    return good ? "" : "the signature does not match";
}

std::optional<WebhookAnswer> answer_challenge(const Check& check, bool verified) {
    switch (check.scheme.challenge) {
    case Scheme::Challenge::none: return std::nullopt;
    case Scheme::Challenge::twitter: return answer_twitter(check);
    case Scheme::Challenge::worldline: return answer_worldline(check);
    case Scheme::Challenge::xero: return answer_xero(check, verified);
    case Scheme::Challenge::zoom: return answer_zoom(check, verified);
    }
    return std::nullopt;
}

} // namespace adit::inline v0::policy::webhook
