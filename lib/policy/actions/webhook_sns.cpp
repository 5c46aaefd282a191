// Amazon SNS: members of the JSON body, signed by RSA with a certificate of Amazon's
// (https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html).
#include "base/base64.hpp"
#include "policy/actions/webhook_scheme.hpp"
#include "tls/certificate_facts.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace adit::inline v0::policy::webhook {
namespace {

using nlohmann::json;

/// Of a certificate's URL.
struct Place {
    std::string_view region, domain; // "us-west-2", "amazonaws.com"
};

// https://sns.REGION.amazonaws.com/NAME.pem, and Amazon's China. Nothing else may ever be fetched or
// believed.
std::optional<Place> amazons(std::string_view url) noexcept {
    constexpr std::string_view begin = "https://sns.";
    if (url.size() > limits::webhook_certificate_url_max) return {};
    if (!url.starts_with(begin) || !url.ends_with(".pem")) return {};
    url.remove_prefix(begin.size());
    const std::size_t dot = url.find('.');
    const std::size_t slash = url.find('/');
    if (dot == std::string_view::npos || slash == std::string_view::npos || slash < dot) return {};
    const auto region_char = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    };
    const auto path_char = [&](char c) {
        return region_char(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '/' || c == '_';
    };
    const Place place{url.substr(0, dot), url.substr(dot + 1, slash - dot - 1)};
    const bool good = dot > 0 && std::ranges::all_of(place.region, region_char) &&
                      (place.domain == "amazonaws.com" || place.domain == "amazonaws.com.cn") &&
                      std::ranges::all_of(url.substr(slash), path_char);
    return good ? std::optional(place) : std::nullopt;
}

// Names of the service itself, as Amazon's own SDKs know them: one for most regions, younger ones and
// partitions have their own. Other customers' hosts below amazonaws.com must not count.
bool is_of_sns(const tls::CertificateFacts& facts, const Place& place) {
    const std::string at = std::string(place.region) + "." + std::string(place.domain);
    std::vector<std::string> names = {"sns.amazonaws.com", "sns." + at, "sns-signing." + at, "sns-" + at};
    if (place.region.starts_with("us-gov-")) names.push_back("sns-us-gov-west-1.amazonaws.com");
    const auto known = [&names](const std::string& name) { return std::ranges::count(names, name) != 0; };
    return std::ranges::any_of(facts.info.dns_names, known) ||
           (facts.info.dns_names.empty() && known(facts.subject.common_name));
}

// Empty if the certificate may vouch for messages. It came from Amazon over verified TLS; it brings no chain.
std::string certificate_problem(std::string_view pem, const Place& place, std::chrono::sys_seconds now) {
    const auto facts = tls::certificate_facts(pem);
    if (!facts) return "the certificate of the signature cannot be read";
    if (now < facts->info.not_before) return "the certificate of the signature is not valid yet";
    if (now > facts->info.not_after) return "the certificate of the signature has expired";
    if (!is_of_sns(*facts, place)) return "the certificate of the signature is not that of sns";
    return {};
}

std::optional<std::string> text_of(const json& body, std::string_view name) {
    const auto found = body.find(std::string(name));
    return found != body.end() && found->is_string() ? std::optional(found->get<std::string>())
                                                     : std::nullopt;
}

constexpr std::string_view of_notification[] = {"Message",   "MessageId", "Subject",
                                                "Timestamp", "TopicArn",  "Type"};
constexpr std::string_view of_subscription[] = {"Message", "MessageId", "SubscribeURL", "Timestamp",
                                                "Token",   "TopicArn",  "Type"};

// "Name\nvalue\n" of each; nullopt if one that must be there is not.
std::optional<std::string> signed_text(const json& body, std::span<const std::string_view> names) {
    std::string out;
    for (const std::string_view name : names) {
        const auto value = text_of(body, name);
        if (!value && name == "Subject") continue;
        if (!value) return std::nullopt;
        out.append(name).append(1, '\n').append(*value).append(1, '\n');
    }
    return out;
}

// `wanted` is the ARN of a topic, or the number of the account that owns it: the fifth part of the ARN.
bool is_wanted(std::string_view topic, std::string_view wanted) noexcept {
    if (wanted.starts_with("arn:")) return topic == wanted;
    for (int part = 0; part < 4; ++part) {
        const std::size_t colon = topic.find(':');
        if (colon == std::string_view::npos) return false;
        topic.remove_prefix(colon + 1);
    }
    return topic.substr(0, topic.find(':')) == wanted;
}

WebhookResult refused(std::string why) {
    WebhookResult result;
    result.error = std::move(why);
    return result;
}

} // namespace

WebhookResult check_sns(const Check& check, const WebhookCertificate* certificate) {
    if (std::string problem = json_problem(check.request.body); !problem.empty()) return refused(std::move(problem));
    const json body = json::parse(as_text(check.request.body), nullptr, false);
    if (!body.is_object()) return refused("the body is no JSON object");
    const std::string type = text_of(body, "Type").value_or("");
    const bool notification = type == "Notification";
    if (!notification && type != "SubscriptionConfirmation" && type != "UnsubscribeConfirmation")
        return refused("the body has no Type of a message of sns");
    const auto text = notification ? signed_text(body, of_notification) : signed_text(body, of_subscription);
    const std::string version = text_of(body, "SignatureVersion").value_or("");
    const auto signature = base64_decode(text_of(body, "Signature").value_or(""));
    if (!text || !signature || (version != "1" && version != "2"))
        return refused("the message is not complete");
    if (!check.key.empty() && !is_wanted(text_of(body, "TopicArn").value_or(""), check.key))
        return refused("the message is of another topic");
    if (std::string error = check_time(check.scheme, *text_of(body, "Timestamp"), check.request.now);
        !error.empty())
        return refused(std::move(error));
    const std::string url = text_of(body, "SigningCertURL").value_or("");
    const auto place = amazons(url);
    if (!place) return refused("SigningCertURL is not Amazon's");
    if (certificate == nullptr || certificate->url != url) {
        WebhookResult result = refused("the certificate of the signature is not at hand");
        result.certificate_url = url;
        return result;
    }
    if (!certificate->pem) return refused("the certificate of the signature could not be fetched");
    const std::string_view pem = *certificate->pem;
    if (std::string problem = certificate_problem(pem, *place, check.request.now); !problem.empty())
        return refused(std::move(problem));
    const auto key = tls::PublicKey::from_certificate(pem);
    if (!key) return refused("the certificate of the signature cannot be read");
    const tls::Hash hash = version == "1" ? tls::Hash::sha1 : tls::Hash::sha256;
    if (!key->verify(hash, as_bytes(*text), as_bytes(*signature)))
        return refused("the signature does not match");
    WebhookResult result;
    result.verified = true;
    return result;
}

} // namespace adit::inline v0::policy::webhook
