#include "http/meaning.hpp"

#include <adit/limits.hpp>

#include <algorithm>

namespace adit::inline v0 {
namespace {

constexpr HttpError no_host{400, "Exactly one Host field is needed."};
constexpr HttpError bad_host{400, "The Host field is not a host name or address with an optional port."};
constexpr HttpError other_host{400, "The request target and the Host field name different hosts."};
constexpr HttpError two_framings{400,
                                 "Both Content-Length and Transfer-Encoding are given; send one of them."};
constexpr HttpError bad_length{400, "Content-Length must be one field with one decimal number."};
constexpr HttpError bad_coding{400, "Transfer-Encoding must be one field with the value chunked."};
constexpr HttpError old_coding{400, "Transfer-Encoding does not exist in HTTP/1.0; send Content-Length."};
constexpr HttpError unknown_coding{501, "Only the transfer coding chunked is supported."};
constexpr HttpError unknown_expectation{417, "Only the expectation 100-continue is supported."};
constexpr HttpError many_options{431, "The Connection field lists too many options."};
constexpr HttpError two_credentials{400, "Authorization is given more than once; send it once."};
constexpr HttpError connect_body{400, "A CONNECT request cannot have a body."};

// What was found of the fields that matter, counted first and judged then.
struct Found {
    std::string_view host;
    std::string_view length;
    std::string_view coding;
    unsigned hosts = 0;
    unsigned lengths = 0;
    unsigned codings = 0;
    unsigned credentials = 0;
    std::size_t options = 0; // of Connection
    bool close = false;
    bool connection_upgrade = false;
    bool upgrade = false;
    bool expect_continue = false;
    bool expect_other = false;

    explicit Found(const Fields& fields) noexcept {
        for (const Field& field : fields) {
            if (field.id != FieldId::other) add(field);
        }
    }
    void add(const Field& field) noexcept {
        switch (field.id) {
        case FieldId::authorization: ++credentials; break;
        case FieldId::host: host = field.value, ++hosts; break;
        case FieldId::content_length: length = field.value, ++lengths; break;
        case FieldId::transfer_encoding: coding = field.value, ++codings; break;
        case FieldId::upgrade: upgrade = upgrade || !field.value.empty(); break;
        case FieldId::expect:
            (iequals(field.value, "100-continue") ? expect_continue : expect_other) = true;
            break;
        case FieldId::connection: {
            std::string_view option;
            for (std::string_view rest = field.value;
                 options <= limits::http_connection_options_max && next_element(rest, option); ++options) {
                close = close || iequals(option, "close");
                connection_upgrade = connection_upgrade || iequals(option, "upgrade");
            }
            break;
        }
        default: break;
        }
    }
};

std::optional<std::uint64_t> parse_length(std::string_view text) noexcept {
    if (text.empty() || text.size() > 18) return std::nullopt; // 18 digits cannot overflow
    std::uint64_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return value;
}

// For a Transfer-Encoding other than "chunked": 501 if it is a well-formed one that we lack, else 400.
HttpError refuse_coding(std::string_view value) noexcept {
    std::string_view coding;
    bool last_chunked = false;
    std::size_t chunked = 0;
    std::size_t codings = 0;
    while (next_element(value, coding)) {
        if (!is_token(coding)) return bad_coding;
        last_chunked = iequals(coding, "chunked");
        chunked += last_chunked ? 1 : 0;
        ++codings;
    }
    const bool well_formed = codings > 0 && (chunked == 0 || (chunked == 1 && last_chunked && codings > 1));
    return well_formed ? unknown_coding : bad_coding;
}

// RFC 9112 6.1 to 6.3. `otherwise` is the framing of a message that names none.
HttpError set_framing(Head& head, const Found& found, Framing otherwise) noexcept {
    if (found.lengths > 0 && found.codings > 0) return two_framings;
    if (found.lengths > 0) {
        const auto value = parse_length(found.length);
        if (found.lengths > 1 || !value) return bad_length;
        head.set_content_length(*value);
        head.set_framing(Framing::length);
        return {};
    }
    if (found.codings > 0) {
        if (head.version() == HttpVersion::http10) return old_coding;
        if (found.codings > 1) return bad_coding;
        if (!iequals(found.coding, "chunked")) return refuse_coding(found.coding);
        head.set_framing(Framing::chunked);
        return {};
    }
    head.set_framing(otherwise);
    return {};
}

HttpError check_host(const Head& request, const Target& target, const Found& found) noexcept {
    if (found.hosts > 1 || (found.hosts == 0 && request.version() != HttpVersion::http10)) return no_host;
    if (found.hosts == 1 && !is_authority(found.host)) return bad_host;
    const bool names_host = target.form == TargetForm::absolute || target.form == TargetForm::authority;
    if (names_host && found.hosts == 1 && !same_authority(target.authority, found.host, target.scheme)) {
        return other_host;
    }
    return {};
}

} // namespace

HttpError understand_request(Head& request, const Target& target) {
    const Found found(request);
    if (found.options > limits::http_connection_options_max) return many_options;
    if (const HttpError error = set_framing(request, found, Framing::none)) return error;
    if (const HttpError error = check_host(request, target, found)) return error;
    // The edge must not check one of them and the application another one (threat T14).
    if (found.credentials > 1) return two_credentials;
    const bool current = request.version() == HttpVersion::http11;
    const bool connect = target.form == TargetForm::authority;
    if (connect && request.has_body()) return connect_body;
    if (current && found.expect_other) return unknown_expectation;
    // HTTP/1.0 gets close semantics: its keep-alive is an extension that proxies in between get wrong.
    request.set_keep_alive(current && !found.close);
    request.set_upgrade(current && (connect || (found.connection_upgrade && found.upgrade)));
    request.set_expect_continue(current && found.expect_continue && request.has_body());
    return {};
}

HttpError understand_response(Head& response) {
    const Found found(response);
    if (found.options > limits::http_connection_options_max) return many_options;
    if (const HttpError error = set_framing(response, found, Framing::until_close)) return error;
    response.set_keep_alive(response.version() == HttpVersion::http11 && !found.close);
    return {};
}

bool may_trail(const Field& field) noexcept {
    if (field.id != FieldId::other || field.name.find('_') != std::string_view::npos) return false;
    // RFC 9110 6.5.1: what a recipient acts on before it reads the body.
    constexpr std::string_view barred[] = {
        "age",          "cache-control", "content-encoding", "content-range", "content-type",
        "cookie",       "date",          "expires",          "location",      "max-forwards",
        "range",        "retry-after",   "set-cookie",       "vary",          "www-authenticate"};
    return std::ranges::none_of(barred, [&](std::string_view name) { return iequals(name, field.name); });
}

} // namespace adit
