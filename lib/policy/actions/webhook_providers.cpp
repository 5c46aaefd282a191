// The providers, each by what it documents itself. A row is added only for a scheme that is public and
// confirmed; the others stay in `not_built`, so that they are refused by name.
#include "policy/actions/webhook_scheme.hpp"

#include <algorithm>
#include <iterator>

namespace adit::inline v0::policy::webhook {
namespace {

using Kind = Scheme::Kind;
using Format = Scheme::Format;
using Clock = Scheme::Clock;
using Key = Scheme::Key;
using Challenge = Scheme::Challenge;
using tls::Hash;
constexpr auto base64 = Scheme::Encoding::base64;
constexpr auto hex = Scheme::Encoding::hex;

// HMAC-SHA256 of the body and nothing else.
constexpr Scheme body_mac(std::string_view name, std::string_view header, Scheme::Encoding encoding,
                          std::string_view prefix = {}, Hash hash = Hash::sha256) {
    return {.name = name, .header = header, .hash = hash, .encoding = encoding, .prefix = prefix};
}

// "t=TIME,v1=SIGNATURE" of "TIME.BODY", as Stripe does it.
constexpr Scheme like_stripe(std::string_view name, std::string_view header, std::string_view time_key = "t",
                             std::string_view signature_key = "v1") {
    return {.name = name,
            .header = header,
            .format = Format::fields,
            .signature_key = signature_key,
            .time_key = time_key,
            .clock = Clock::unix_time,
            .message = "%t.%b"};
}

// "v0=SIGNATURE" of "v0:TIME:BODY", as Slack does it.
constexpr Scheme like_slack(std::string_view name, std::string_view header, std::string_view time_header,
                            std::string_view prefix = "v0=", std::string_view message = "v0:%t:%b") {
    return {.name = name,
            .header = header,
            .prefix = prefix,
            .time_header = time_header,
            .clock = Clock::unix_time,
            .message = message};
}

// https://www.standardwebhooks.com; Svix began with its own names of the same fields.
constexpr Scheme standard(std::string_view name) {
    return {.name = name,
            .header = "webhook-signature",
            .other_header = "svix-signature",
            .encoding = base64,
            .format = Format::spaced,
            .signature_key = "v1",
            .clock = Clock::unix_time,
            .message = "%i.%t.%b",
            .key = Key::base64};
}

constexpr Scheme with(Scheme scheme, Challenge challenge) {
    scheme.challenge = challenge;
    return scheme;
}

// Sorted by name.
constexpr Scheme schemes[] = {
    body_mac("aftership", "aftership-hmac-sha256", base64),
    like_slack("airship", "x-ua-signature", "x-ua-timestamp", "", "%t:%b"),
    body_mac("alchemy", "x-alchemy-signature", hex),
    body_mac("autodesk", "x-adsk-signature", hex, "sha1hash=", Hash::sha1),
    body_mac("bitbucket", "x-hub-signature", hex, "sha256="),
    body_mac("bolt", "x-bolt-hmac-sha256", base64),
    {.name = "box",
     .header = "box-signature-primary",
     .other_header = "box-signature-secondary",
     .encoding = base64,
     .time_header = "box-delivery-timestamp",
     .clock = Clock::date,
     .tolerance = std::chrono::seconds(600),
     .message = "%b%t"},
    standard("brex"),
    like_stripe("buildkite", "x-buildkite-signature", "timestamp", "signature"),
    like_stripe("calendly", "calendly-webhook-signature"),
    body_mac("castle", "x-castle-signature", base64),
    body_mac("chargify", "x-chargify-webhook-signature-hmac-sha-256", hex),
    {.name = "circleci", .header = "circleci-signature", .format = Format::fields, .signature_key = "v1"},
    {.name = "clearbit",
     .header = "x-request-signature",
     .hash = Hash::sha1,
     .prefix = "sha1=",
     .key = Key::clearbit},
    standard("clerk"),
    {.name = "contentful",
     .kind = Kind::contentful,
     .header = "x-contentful-signature",
     .time_header = "x-contentful-timestamp",
     .clock = Clock::unix_time},
    {.name = "docusign", .header = "x-docusign-signature-", .encoding = base64, .format = Format::numbered},
    body_mac("dropbox", "x-dropbox-signature", hex),
    body_mac("facebook_graph_api", "x-hub-signature-256", hex, "sha256="),
    body_mac("facebook_messenger", "x-hub-signature-256", hex, "sha256="),
    like_slack("frameio", "x-frameio-signature", "x-frameio-request-timestamp"),
    body_mac("github", "x-hub-signature-256", hex, "sha256="),
    {.name = "gitlab", .kind = Kind::token, .header = "x-gitlab-token"},
    {.name = "graphcms",
     .kind = Kind::graphcms,
     .header = "gcms-signature",
     .encoding = base64,
     .format = Format::fields,
     .signature_key = "sign",
     .time_key = "t",
     .clock = Clock::unix_time},
    body_mac("heroku", "heroku-webhook-hmac-sha256", base64),
    {.name = "hubspot",
     .header = "x-hubspot-signature-v3",
     .encoding = base64,
     .time_header = "x-hubspot-request-timestamp",
     .clock = Clock::unix_time,
     .message = "%m%u%b%t"},
    body_mac("instagram", "x-hub-signature-256", hex, "sha256="),
    body_mac("intercom", "x-hub-signature", hex, "sha1=", Hash::sha1),
    body_mac("jira", "x-hub-signature", hex, "sha256="),
    body_mac("launch_darkly", "x-ld-signature", hex),
    body_mac("linear", "linear-signature", hex),
    // Mailchimp's product that signs is Mandrill, its transactional mail.
    {.name = "mailchimp",
     .kind = Kind::form,
     .header = "x-mandrill-signature",
     .hash = Hash::sha1,
     .encoding = base64},
    {.name = "mailgun", .kind = Kind::mailgun, .clock = Clock::unix_time},
    {.name = "microsoft_teams",
     .header = "authorization",
     .encoding = base64,
     .prefix = "HMAC ",
     .key = Key::base64},
    body_mac("modern_treasury", "x-signature", hex),
    body_mac("mongodb", "x-mms-signature", base64, "", Hash::sha1),
    like_stripe("mux", "mux-signature"),
    {.name = "orb",
     .header = "x-orb-signature",
     .prefix = "v1=",
     .time_header = "x-orb-timestamp",
     .clock = Clock::date,
     .message = "v1:%t:%b"},
    {.name = "pagerduty", .header = "x-pagerduty-signature", .format = Format::fields, .signature_key = "v1"},
    like_slack("pinwheel", "x-pinwheel-signature", "x-timestamp", "v2=", "v2:%t:%b"),
    body_mac("pusher", "x-pusher-signature", hex),
    {.name = "sendgrid",
     .kind = Kind::ecdsa,
     .header = "x-twilio-email-event-webhook-signature",
     .time_header = "x-twilio-email-event-webhook-timestamp",
     .clock = Clock::unix_time,
     .key = Key::spki},
    body_mac("sentry", "sentry-hook-signature", hex),
    body_mac("shopify", "x-shopify-hmac-sha256", base64),
    like_slack("slack", "x-slack-signature", "x-slack-request-timestamp"),
    // Amazon tries again for up to an hour, with the first time.
    {.name = "sns",
     .kind = Kind::sns,
     .clock = Clock::date,
     .tolerance = std::chrono::seconds(3'600),
     .key = Key::topic},
    body_mac("sonatype", "x-nexus-webhook-signature", hex, "", Hash::sha1),
    {.name = "square", .header = "x-square-hmacsha256-signature", .encoding = base64, .message = "%u%b"},
    standard("standard_webhooks"),
    like_stripe("stripe", "stripe-signature"),
    standard("svix"),
    body_mac("terraform", "x-tfe-notification-signature", hex, "", Hash::sha512),
    like_stripe("tiktok", "tiktok-signature", "t", "s"),
    {.name = "twilio",
     .kind = Kind::form,
     .header = "x-twilio-signature",
     .hash = Hash::sha1,
     .encoding = base64},
    with(body_mac("twitter", "x-twitter-webhooks-signature", base64, "sha256="), Challenge::twitter),
    body_mac("typeform", "typeform-signature", base64, "sha256="),
    body_mac("webex", "x-spark-signature", hex, "", Hash::sha1),
    body_mac("whatsapp", "x-hub-signature-256", hex, "sha256="),
    with(body_mac("worldline", "x-gcs-signature", base64), Challenge::worldline),
    with(body_mac("xero", "x-xero-signature", base64), Challenge::xero),
    {.name = "zendesk",
     .header = "x-zendesk-webhook-signature",
     .encoding = base64,
     .time_header = "x-zendesk-webhook-signature-timestamp",
     .clock = Clock::date,
     .message = "%t%b"},
    with(like_slack("zoom", "x-zm-signature", "x-zm-request-timestamp"), Challenge::zoom),
};
static_assert(std::ranges::is_sorted(schemes, {}, &Scheme::name));

// Names of behaviour C.5 whose scheme is not public, or not confirmed.
constexpr std::string_view not_built[] = {
    "coinbase", "go1", "hostedhooks", "orbit", "plivo", "signal_sciences", "trendmicro_conformity", "vmware"};
static_assert(std::ranges::is_sorted(not_built));

} // namespace

const Scheme* find_scheme(std::string_view name) noexcept {
    const auto found = std::ranges::lower_bound(schemes, name, {}, &Scheme::name);
    return found != std::end(schemes) && found->name == name ? found : nullptr;
}

bool is_known(std::string_view name) noexcept {
    return find_scheme(name) != nullptr || std::ranges::binary_search(not_built, name);
}

} // namespace adit::inline v0::policy::webhook

namespace adit::inline v0::policy {

std::vector<std::string_view> built_webhook_providers() {
    std::vector<std::string_view> names;
    for (const webhook::Scheme& scheme : webhook::schemes) names.push_back(scheme.name);
    return names;
}

std::vector<std::string_view> unbuilt_webhook_providers() {
    return {std::begin(webhook::not_built), std::end(webhook::not_built)};
}

} // namespace adit::inline v0::policy
