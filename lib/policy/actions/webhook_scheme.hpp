// How one provider signs: a row of the table in webhook_providers.cpp. Private to the webhook files.
#pragma once

#include "policy/actions/webhook.hpp"
#include "tls/signature.hpp"

#include <adit/limits.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::policy::webhook {

struct Scheme {
    enum class Kind : std::uint8_t {
        mac,        ///< an HMAC of `message`
        token,      ///< the secret itself, in the header
        form,       ///< an HMAC of the URL and the sorted fields of the form (Twilio, Mandrill)
        mailgun,    ///< an HMAC of two members of the body
        graphcms,   ///< an HMAC of a JSON text around the body
        contentful, ///< an HMAC of method, path, the fields it lists, and body
        ecdsa,      ///< ECDSA of time and body; the secret is the public key (SendGrid)
        sns,        ///< RSA of members of the body, by a certificate of Amazon's
    };
    enum class Encoding : std::uint8_t { hex, base64 };
    /// What the signature's header holds.
    enum class Format : std::uint8_t {
        plain,    ///< `prefix` and one signature
        fields,   ///< "time_key=..,signature_key=..,..", any order, perhaps more signatures
        spaced,   ///< "v1,SIGNATURE v1,SIGNATURE": those with `signature_key` count
        numbered, ///< one signature in each of "HEADER1", "HEADER2", ...
    };
    enum class Clock : std::uint8_t { none, unix_time, date }; ///< unix_time: in seconds or milliseconds
    enum class Key : std::uint8_t {
        text,
        base64,   ///< decoded, without "whsec_" in front
        clearbit, ///< without "sk_" in front
        spki,     ///< base64 of a DER public key
        topic,    ///< sns: an account or an ARN; may be missing
    };
    enum class Challenge : std::uint8_t { none, twitter, worldline, xero, zoom };

    std::string_view name{};
    Kind kind = Kind::mac;
    std::string_view header{};       ///< in small letters
    std::string_view other_header{}; ///< box: a second signature; standard webhooks: the other spelling
    tls::Hash hash = tls::Hash::sha256;
    Encoding encoding = Encoding::hex;
    Format format = Format::plain;
    std::string_view prefix{};        ///< of a plain signature; it must be there
    std::string_view signature_key{}; ///< of fields and spaced
    std::string_view time_key{};      ///< of fields: where the time is, if not in a header
    std::string_view time_header{};
    Clock clock = Clock::none;
    std::chrono::seconds tolerance = limits::webhook_tolerance;
    /// What is signed: %b body, %t time as it was sent, %i message id, %m method, %u URL.
    std::string_view message = "%b";
    Key key = Key::text;
    Challenge challenge = Challenge::none;
};

/// nullptr if there is none.
const Scheme* find_scheme(std::string_view name) noexcept;
bool is_known(std::string_view name) noexcept;

/// A verification under way: the secret as key bytes, and the request.
struct Check {
    const Scheme& scheme;
    const std::string& key;
    const WebhookRequest& request;
};

/// An error text, empty for verified.
using Verdict = std::string;

// webhook_mac.cpp
Verdict check_mac(const Check& check);
/// The value of a field that is there once, or what is wrong in `error`.
std::optional<std::string_view> only_field(const WebhookRequest& request, std::string_view name,
                                           std::string& error);
/// Is it within the tolerance? Empty if so.
Verdict check_time(const Scheme& scheme, std::string_view sent, std::chrono::sys_seconds now);
std::string encoded_mac(const Scheme& scheme, std::string_view key, std::span<const Bytes> pieces);
/// In constant time; hex of both cases.
bool same_signature(const Scheme& scheme, std::string_view sent, std::string_view expected);

// webhook_json.cpp
/// Why a body that nobody signed yet is not parsed; empty if it may be. What passes need not be JSON.
Verdict json_problem(Bytes body);

// webhook_special.cpp
Verdict check_token(const Check& check);
Verdict check_form(const Check& check);
Verdict check_mailgun(const Check& check);
Verdict check_graphcms(const Check& check);
Verdict check_contentful(const Check& check);
Verdict check_ecdsa(const Check& check, const tls::PublicKey& key);
/// The answer to a challenge; `verified` tells whether the signature was good.
std::optional<WebhookAnswer> answer_challenge(const Check& check, bool verified);

// webhook_sns.cpp
WebhookResult check_sns(const Check& check, const WebhookCertificate* certificate);

} // namespace adit::inline v0::policy::webhook
