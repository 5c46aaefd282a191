#include "tls/tls_error.hpp"

#include "tls/x509.hpp"

#include <algorithm>
#include <array>

namespace adit::inline v0::tls {
namespace {

using x509::date_text;

constexpr int alert_reasons = 1000; // BoringSSL: a received alert's reason is its number plus this

struct AlertEntry {
    int number;
    bool handshake; // is about the handshake even when it comes after it, as client certificate alerts do in
                    // TLS 1.3
    const char* name;
    const char* to_client; // what it usually means when a server sent it
    const char* to_server; // and when a client did
};

constexpr AlertEntry alerts[] = {
    {10, false, "unexpected_message", "the server saw a message out of order",
     "the client saw a message out of order"},
    {20, false, "bad_record_mac", "the server could not open a record: something between changed it",
     "the client could not open a record: something between changed it"},
    {22, false, "record_overflow", "the server found a record too large",
     "the client found a record too large"},
    {40, true, "handshake_failure",
     "the server found no common ground: cipher suites, versions, or it wants a client certificate",
     "the client found no common ground: cipher suites, versions or signature types"},
    {42, true, "bad_certificate", "the server refuses our client certificate",
     "the client refuses our certificate"},
    {43, true, "unsupported_certificate", "the server does not support our client certificate's type",
     "the client does not support our certificate's type or purpose"},
    {44, true, "certificate_revoked", "our client certificate was revoked", "our certificate was revoked"},
    {45, true, "certificate_expired", "our client certificate is expired",
     "the client finds our certificate expired"},
    {46, true, "certificate_unknown", "the server cannot accept our client certificate",
     "the client cannot accept our certificate: often an unknown root or another name"},
    {47, true, "illegal_parameter", "the server found a value it cannot accept",
     "the client found a value it cannot accept"},
    {48, true, "unknown_ca", "the server does not know the authority of our client certificate",
     "the client does not trust the authority of our certificate"},
    {49, true, "access_denied", "the server knows our certificate and denies access",
     "the client knows our certificate and denies access"},
    {50, true, "decode_error", "the server could not read our message",
     "the client could not read our message"},
    {51, true, "decrypt_error", "the server could not verify our signature",
     "the client could not verify our signature"},
    {70, true, "protocol_version", "the server accepts none of the TLS versions offered",
     "the client accepts none of our TLS versions"},
    {71, true, "insufficient_security", "the server wants stronger ciphers",
     "the client wants stronger ciphers"},
    {80, false, "internal_error", "the server failed for a reason of its own",
     "the client failed for a reason of its own"},
    {86, true, "inappropriate_fallback", "the server supports a higher version than was retried",
     "the client noticed a downgrade"},
    {90, true, "user_canceled", "the server gave up", "the client gave up"},
    {109, true, "missing_extension", "the server misses an extension", "the client misses an extension"},
    {110, true, "unsupported_extension", "the server refuses an extension",
     "the client refuses an extension"},
    {112, true, "unrecognized_name", "the server has no certificate for this host name",
     "the client does not recognise the name"},
    {116, true, "certificate_required", "the server requires a client certificate and got none",
     "the client requires a certificate"},
    {120, true, "no_application_protocol", "the server supports none of the ALPN protocols offered",
     "the client supports none of our ALPN protocols"},
};

struct ReasonEntry {
    int reason;
    const char* text;
};

constexpr ReasonEntry reasons[] = {
    {SSL_R_UNSUPPORTED_PROTOCOL, "the peer and we have no TLS version in common: it has to offer 1.2 or 1.3"},
    {SSL_R_TLS13_DOWNGRADE, "both sides speak TLS 1.3, and somebody between them hides it: a downgrade"},
    {SSL_R_WRONG_VERSION_NUMBER, "the peer does not speak TLS: is this a TLS port?"},
    {SSL_R_HTTP_REQUEST, "the peer sent plain HTTP to a TLS port: use https://"},
    {SSL_R_HTTPS_PROXY_REQUEST, "the peer sent an HTTP proxy request to a TLS port"},
    {SSL_R_NO_SHARED_CIPHER, "the peer and we have no cipher suite in common"},
    {SSL_R_NO_SHARED_GROUP, "the peer and we have no key exchange group in common (X25519 or P-256)"},
    {SSL_R_NO_COMMON_SIGNATURE_ALGORITHMS, "the peer accepts no signature that our certificate can make"},
    {SSL_R_NO_APPLICATION_PROTOCOL, "the peer and we have no ALPN protocol in common"},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "a client certificate is required and none came"},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC,
     "a record was changed on its way or belongs to another connection"},
    {SSL_R_UNEXPECTED_RECORD, "a record came that has no place here"},
    {SSL_R_UNEXPECTED_MESSAGE, "a message came that has no place here"},
    {SSL_R_ENCRYPTED_LENGTH_TOO_LONG, "a record is larger than TLS allows"},
    {SSL_R_DATA_LENGTH_TOO_LONG, "a record is larger than TLS allows"},
    {SSL_R_PROTOCOL_IS_SHUTDOWN, "the connection was already shut down for writing"},
    {SSL_R_CLIENTHELLO_PARSE_FAILED, "the ClientHello is not well-formed"},
    {SSL_R_BAD_SIGNATURE, "the peer's signature is wrong: it does not have the key of its certificate"},
    {SSL_R_NO_RENEGOTIATION, "the peer wants to renegotiate, which is not supported"},
    {SSL_R_TOO_MANY_KEY_UPDATES, "the peer sends too many KeyUpdate messages"},
    {SSL_R_TOO_MANY_EMPTY_FRAGMENTS, "the peer sends too many empty records"},
};

std::string list_of(const CertificateInfo& info) {
    constexpr std::size_t shown = 5;
    std::vector<std::string> all = info.dns_names;
    all.insert(all.end(), info.ip_addresses.begin(), info.ip_addresses.end());
    if (all.empty()) return "no name at all";
    std::string text;
    for (std::size_t i = 0; i < std::min(all.size(), shown); ++i) text += (i == 0 ? "" : ", ") + all[i];
    return all.size() > shown ? text + ", ..." : text;
}

// The certificate's own words are the peer's: they go into the detail, which is escaped when shown.
ErrorInfo explain_verification(const Failure& failure) {
    const Notes& notes = *failure.notes;
    const CertificateInfo& bad = notes.bad_certificate;
    const std::string peer = failure.server ? "the client's certificate " : "the server's certificate ";
    const std::string reason = X509_verify_cert_error_string(notes.verify_error);
    switch (notes.verify_error) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return ErrorInfo(make_error_code(errc::certificate_name), peer + "is not for " + notes.server_name,
                         "it is for " + list_of(bad));
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return ErrorInfo(make_error_code(errc::certificate_expired),
                         peer + "expired at " + date_text(bad.not_after) +
                             "; check this machine's clock if that is wrong",
                         bad.subject);
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return ErrorInfo(make_error_code(errc::certificate_expired),
                         peer + "is not valid before " + date_text(bad.not_before) +
                             "; check this machine's clock if that is wrong",
                         bad.subject);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return ErrorInfo(make_error_code(errc::certificate_untrusted),
                         peer + "comes from an authority that is not trusted here: add its root",
                         "issuer " + bad.issuer + ": " + reason);
    default:
        return ErrorInfo(make_error_code(errc::certificate_untrusted), peer + "was refused: " + reason,
                         bad.subject);
    }
}

constexpr int handshake_failure = 40; // what TLS 1.2 says instead of certificate_required
constexpr int certificate_required = 116;
constexpr int certificate_alerts[] = {42, 43, 44, 45, 46, 48, 49, certificate_required};

// A server has no other certificate to complain about.
bool is_about_our_certificate(const Failure& failure, int number) {
    if (failure.server) return false;
    if (number == handshake_failure) return failure.notes->bare;
    return std::find(std::begin(certificate_alerts), std::end(certificate_alerts), number) !=
           std::end(certificate_alerts);
}

ErrorInfo explain_alert(const Failure& failure, int number) {
    const bool ours = is_about_our_certificate(failure, number);
    const int meant = ours && failure.notes->bare ? certificate_required : number;
    const auto entry_of = [](int wanted) {
        return std::find_if(std::begin(alerts), std::end(alerts),
                            [wanted](const AlertEntry& e) { return e.number == wanted; });
    };
    const auto* entry = entry_of(number);
    const bool known = entry != std::end(alerts);
    const bool handshake = failure.handshake || (known && entry->handshake);
    const char* meaning =
        failure.server ? "the client ended the connection" : "the server ended the connection";
    if (known) meaning = failure.server ? entry->to_server : entry_of(meant)->to_client;
    const std::string name = known ? entry->name : "unknown";
    errc code = handshake ? errc::tls_handshake_failed : errc::tls_error;
    if (ours) code = errc::client_certificate_refused;
    return ErrorInfo(make_error_code(code), meaning, "alert " + name + " (" + std::to_string(number) + ")");
}

} // namespace

ErrorInfo explain(const Failure& failure) {
    const int library = ERR_GET_LIB(failure.packed);
    const int reason = ERR_GET_REASON(failure.packed);
    if (library == ERR_LIB_SSL && reason == SSL_R_CERTIFICATE_VERIFY_FAILED &&
        failure.notes->verify_error != X509_V_OK) {
        return explain_verification(failure);
    }
    if (library == ERR_LIB_SSL && reason >= alert_reasons)
        return explain_alert(failure, reason - alert_reasons);
    const std::error_code code =
        make_error_code(failure.handshake ? errc::tls_handshake_failed : errc::tls_error);
    if (failure.notes->own_failure) {
        return ErrorInfo(code, "this program could not provide what the handshake needs: " +
                                   failure.notes->own_text);
    }
    if (failure.notes->name_refused) {
        const std::string& name = failure.notes->server_name;
        return ErrorInfo(code,
                         name.empty()
                             ? "the client asked for no server name and there is no default certificate"
                             : "there is no certificate for the server name the client asked for",
                         name);
    }
    const char* text = failure.packed == 0 ? nullptr : ERR_reason_error_string(failure.packed);
    const std::string detail = text == nullptr ? "no further reason" : text;
    const auto* entry = std::find_if(std::begin(reasons), std::end(reasons),
                                     [&](const ReasonEntry& e) { return e.reason == reason; });
    if (library == ERR_LIB_SSL && entry != std::end(reasons)) return ErrorInfo(code, entry->text, detail);
    return ErrorInfo(
        code, failure.handshake ? "the TLS handshake with the peer cannot go on" : "the TLS connection broke",
        detail);
}

} // namespace adit::inline v0::tls
