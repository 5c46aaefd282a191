// Behaviour C.2 verify-webhook, C.5. Every provider has a vector of webhook_vectors.py; what is published
// comes on top.
#include "policy/actions/webhook.hpp"

#include "base/bytes.hpp"
#include "support/doctest.hpp"
#include "tls/certificate_authority.hpp"
#include "webhook_vectors.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <set>

using namespace adit;
using namespace adit::policy;
using webhook_test::Vector;
using namespace std::chrono_literals;

namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Call {
    std::string url = "https://app.example/hook";
    Headers headers;
    std::string body;
    std::int64_t now = webhook_test::vectors_time;
    std::string method = "POST";
};

WebhookVerifier verifier(std::string_view provider, std::string secret) {
    auto made = WebhookVerifier::create(provider, std::move(secret));
    REQUIRE_MESSAGE(made.has_value(), made.error().to_string());
    return std::move(*made);
}

WebhookResult verify(const WebhookVerifier& verifier, const Call& call, const WebhookCertificate* certificate = nullptr) {
    Fields fields;
    for (const auto& [name, value] : call.headers) REQUIRE(fields.add(name, value));
    const auto now = std::chrono::sys_seconds(std::chrono::seconds(call.now));
    const WebhookResult result = verifier.verify({call.method, call.url, fields, as_bytes(call.body), now}, certificate);
    CHECK(result.verified == result.error.empty());
    return result;
}

Call call_of(const Vector& v) { return {v.url, v.headers, v.body}; }

// Amazon's examples of messages; signed by a key of our own with OpenSSL 3.0 (dgst -sign).
constexpr std::string_view sns_version_1 =
    R"json({"Type": "Notification", "MessageId": "22b80b92", "TopicArn": "arn:aws:sns:us-west-2:1234567890)json"
    R"json(12:MyTopic", "Subject": "A subject", "Message": "Hello\nworld!", "Timestamp": "2023-11-14T22:13)json"
    R"json(:20.000Z", "SignatureVersion": "1", "SigningCertURL": "https://sns.us-west-2.amazonaws.com/Simp)json"
    R"json(leNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem", "Signature": "GKgIKRpP5BSxFsj6hKue)json"
    R"json(s/xFfWpvp5CvSM2QwPoaexcsCqs0Rb3EeJIyHCMgRi3aMD7ecHEOTtf2fynCZHqeodvwJUEH5g+I9ph8DU49dQCYhgbcHVG)json"
    R"json(Mw8OXbhwWHSJspKK1Ea41QmgR9UEkkOKMvNZdLpBms+1AVV4Ih4cGXWpPwFEtyyoaFQOAFb59EOGBPuQrVPlacKL/6TeI/I)json"
    R"json(bp3EkabWAmBsqCuadnlFZesfJerIKb4fsn01thVHGvCkMZdeiywPqgK2slKeumzS5RMuxouHdVLzWoTx8ZBXmz4jhQN0Bni)json"
    R"json(kri/2/+vNsKD/fgnoWH1pxEz5yxTewaXaBOvg=="})json";
constexpr std::string_view sns_version_2 =
    R"json({"Type": "Notification", "MessageId": "22b80b92", "TopicArn": "arn:aws:sns:us-west-2:1234567890)json"
    R"json(12:MyTopic", "Subject": "A subject", "Message": "Hello\nworld!", "Timestamp": "2023-11-14T22:13)json"
    R"json(:20.000Z", "SignatureVersion": "2", "SigningCertURL": "https://sns.us-west-2.amazonaws.com/Simp)json"
    R"json(leNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem", "Signature": "K2jHyPfqMpI85lwW3UG0)json"
    R"json(P6c48aKAXiGcz/snq1WWEmErdCqEcdGEdarbqRAZwKjkQLXbh3HpS1EA/EnWbjZAhLguEoY3GIVo2NlqpTtH/2jDurIXPZZ)json"
    R"json(suJOB5m/tkO2zWqdo6vICCmbsdyLehzXB4uKDjPFckljuV/RK7SEy/UVpti7axxmIeLwauxAsY11DeAq8OvNiq4UQ5fNpBz)json"
    R"json(6yuH6KSfNHKTb6p8QMz9cqwKLbXGCY3fXbHXf56G/SQCDPAC4knK3OdRlcuuxIfxedcHN4EhsdUMIHARGNgQbhidXaMYYpk)json"
    R"json(6zNumGhFpejhzqBKR1Izya2SZKQQPLlm6OlCw=="})json";
constexpr std::string_view sns_without_subject =
    R"json({"Type": "Notification", "MessageId": "22b80b92", "TopicArn": "arn:aws:sns:us-west-2:1234567890)json"
    R"json(12:MyTopic", "Message": "Hello\nworld!", "Timestamp": "2023-11-14T22:13:20.000Z", "SignatureVer)json"
    R"json(sion": "2", "SigningCertURL": "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-f3)json"
    R"json(ecfb7224c7233fe7bb5f59f96de52f.pem", "Signature": "U8RZKpw8nHq0gjsMCdOy2wVdHgdMp32A+V1l4pWs/MnG)json"
    R"json(I4ALJWv97eHYZ2V37Qfqyl04aSGsfn4/UiiGDjEaSHyrJ1/B3aHdL88qvp93lbB3E58vXDitAjDhOZ+E1zeYb6PIJzMpOLO)json"
    R"json(GT1VDFL7a76QELTi0JcwdjMrkO3Mpk79LsR+pw9nBervQpR9H9iZeoibE0NVUPJqUNq2Z5m5taU8Q+rL7jy0Me2VLbO3KdG)json"
    R"json(jRWuwuUqHteBHY70/eDIzh22YrfDboVuyRJLjmHBSQyF51q9IRxKYcPEhJXuj2mHX5V5DKF9GOM3sMeMPxQDrHNav30EDum)json"
    R"json(+WFj5cBFirTkw=="})json";
constexpr std::string_view sns_confirmation =
    R"json({"Type": "SubscriptionConfirmation", "MessageId": "165545c9", "Token": "2336412f", "TopicArn": )json"
    R"json("arn:aws:sns:us-west-2:123456789012:MyTopic", "Message": "You have chosen", "SubscribeURL": "ht)json"
    R"json(tps://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription", "Timestamp": "2023-11-14T22:13:)json"
    R"json(20.000Z", "SignatureVersion": "2", "SigningCertURL": "https://sns.us-west-2.amazonaws.com/Simpl)json"
    R"json(eNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem", "Signature": "WSjzShN/Xjp0qrtrxDZCB)json"
    R"json(H4nr47gUPsyX7IBZOKWgVyOaPqfZc+N8m+Gfc601CIeSaFjKt1GerWqsJ4ptciRFuN5ObitI0u/CAZJDgeGScCAA76GBrMi)json"
    R"json(j+c6KO27RjGwaR1HmTy9Xszllc8vax3zUw/MGcdCK5Xa+E0z0X8MFIl6mzMQ8lpnxpWP13SJ2DrzjMAejVrcqV1g6zrMyOH)json"
    R"json(xQF447h5Wko46utO5Dm8IWTXCI/UXaEFMPTTSkp+nCXdWroOW6EXfufNUDvgLI9V6ZipGtifLuZJPZ1CDEz8uYUn9ZH+6OZ)json"
    R"json(nJ1D2KfQLiu+UfmtKuyF5L8rVi0CHiglHWtA=="})json";
// Of the year 2023.
constexpr std::string_view sns_certificate =
    "-----BEGIN CERTIFICATE-----\n"
    "MIICHzCCAcSgAwIBAgIUIhteL43PT5P0bYZTdvWKdv0TKsAwCgYIKoZIzj0EAwIw\n"
    "FTETMBEGA1UEAwwKYWRpdCB0ZXN0czAeFw0yMzAxMDEwMDAwMDBaFw0yNDAxMDEw\n"
    "MDAwMDBaMBwxGjAYBgNVBAMMEXNucy5hbWF6b25hd3MuY29tMIIBIjANBgkqhkiG\n"
    "9w0BAQEFAAOCAQ8AMIIBCgKCAQEAopGk3a3XLrop8B2cDmov0oktOYrqickmIEPw\n"
    "OlJ2ZKNOJEeDhp2m9MbQ5XgyORCNda+9RNN7sZ9H58O88qIbElotUqFQ6a7EsbwT\n"
    "h3LtjFcGB7fpKsGQzSMna57a0uRcguYp2UemPz+byLtGZp7P9yWzFYByY3JEilcv\n"
    "UlQjej9Qxm3WL4YBzAVYkhgx0t7jdLV5sOoNkB63yaLmC7+55Ha3E2vqgYR8+jjZ\n"
    "fkDz+iVhSUuVh0f7jOLVW8/qPN95oRy3YKlWLQpQBlaEVdt1JywH/KdryBfd5u9U\n"
    "GMjXIc+tjjYJMwWNjnD6ULi3dwjmpkEzq4G0/3/bmWtAHQ/8fwIDAQABoyAwHjAc\n"
    "BgNVHREEFTATghFzbnMuYW1hem9uYXdzLmNvbTAKBggqhkjOPQQDAgNJADBGAiEA\n"
    "/D1BWm9nlCEr06qzg8oLS0PpKXH/CRu3wNTUsBaYjykCIQCGY9xuwD4WYGF7fN3j\n"
    "cpJ3Jyfy96CTZBQ3fLS97npuyQ==\n"
    "-----END CERTIFICATE-----\n";

} // namespace

TEST_CASE("a webhook of every provider is verified, and any change to it is not") {
    std::set<std::string_view> seen;
    for (const Vector& v : webhook_test::vectors) {
        CAPTURE(v.provider);
        seen.insert(v.provider);
        const WebhookVerifier good = verifier(v.provider, v.secret);
        const WebhookResult result = verify(good, call_of(v));
        CHECK_MESSAGE(result.verified, result.error);
        CHECK_FALSE(result.answer.has_value());

        // Another body. What Mailgun signs is not the body; GitLab signs nothing.
        const bool body_signed =
            std::string_view(v.provider) != "mailgun" && std::string_view(v.provider) != "gitlab";
        Call other = call_of(v);
        if (body_signed) {
            other.body += "x";
            CHECK_FALSE(verify(good, other).verified);
            other.body.clear();
            CHECK_FALSE(verify(good, other).verified);
        }
        // A header that is changed, missing, or there twice.
        for (std::size_t i = 0; i < v.headers.size(); ++i) {
            const std::string_view name = v.headers[i].first;
            if (name == "X-Pusher-Key" || name == "X-GCS-KeyId" || name == "BOX-SIGNATURE-PRIMARY" ||
                name == "X-DocuSign-Signature-1")
                continue; // not needed
            CAPTURE(name);
            other = call_of(v);
            other.headers.erase(other.headers.begin() + static_cast<std::ptrdiff_t>(i));
            CHECK_FALSE(verify(good, other).verified);
            other = call_of(v);
            char& letter = other.headers[i].second[other.headers[i].second.size() - 3];
            letter = letter == '1' ? '2' : '1';
            CHECK_FALSE(verify(good, other).verified);
        }
        // Another secret.
        const std::string secret = v.secret;
        const bool encoded = secret.ends_with("=");
        std::string changed = encoded ? secret : secret + "x";
        if (encoded) changed[changed.size() - 6] = changed[changed.size() - 6] == 'a' ? 'b' : 'a';
        CHECK_FALSE(verify(verifier(v.provider, changed), call_of(v)).verified);
        // Another time.
        const std::int64_t tolerance = std::string_view(v.provider) == "box" ? 600 : 300;
        for (const std::int64_t off :
             {tolerance, -tolerance, tolerance + 1, -tolerance - 1, std::int64_t{1'000'000}}) {
            other = call_of(v);
            other.now += off;
            CHECK(verify(good, other).verified == (!v.timed || std::abs(off) <= tolerance));
        }
    }
    for (const std::string_view name : built_webhook_providers()) {
        CAPTURE(name);
        if (name != "sendgrid" && name != "sns") CHECK(seen.contains(name)); // they have tests of their own
    }
}

TEST_CASE("published vectors") {
    struct Row {
        std::string source;
        std::string provider, secret;
        Call call;
    };
    const std::string slack_body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&"
                                   "channel_id=G8PSS9T3V&channel_name=foobar"
                                   "&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&"
                                   "response_url=https%3A%2F%2Fhooks.slack.com"
                                   "%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&"
                                   "trigger_id=398738663015.47445629121."
                                   "803a0bc887a14d10d2c447fce8b6703c";
    const std::string sendgrid_body =
        "[{\"email\":\"hello@world.com\",\"event\":\"dropped\",\"reason\":\"Bounced "
        "Address\",\"sg_event_id\":"
        "\"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA\",\"sg_message_id\":\"LRzXl_NHStOGhQ4kofSm_A."
        "filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0\",\"smtp-id\":\"<LRzXl_NHStOGhQ4kofSm_A@"
        "ismtpd0039p1iad1."
        "sendgrid.net>\",\"timestamp\":1600112492}]\r\n";
    const std::string twilio_url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    const Row rows[] = {
        {"GitHub: validating webhook deliveries",
         "github",
         "It's a Secret to Everybody",
         {"https://app.example/",
          {{"X-Hub-Signature-256",
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}},
          "Hello, World!"}},
        {"Slack: verifying requests from Slack",
         "slack",
         "8f742231b10e8888abcd99yyyzzz85a5",
         {"https://app.example/",
          {{"X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"},
           {"X-Slack-Request-Timestamp", "1531420618"}},
          slack_body,
          1'531'420'618}},
        {"Standard Webhooks: its libraries' tests",
         "standard_webhooks",
         "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
         {"https://app.example/",
          {{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
           {"webhook-timestamp", "1614265330"},
           {"webhook-signature",
            "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= "
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}},
          "{\"test\": 2432232314}",
          1'614'265'330}},
        {"Twilio: its libraries' tests",
         "twilio",
         "12345",
         {twilio_url,
          {{"X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="},
           {"Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"}},
          "To=%2B18005551212&From=%2B14158675309&Digits=1234&Caller=%2B14158675309&CallSid="
          "CA1234567890ABCDE"}},
        {"Twilio: its libraries' tests of a JSON body",
         "twilio",
         "12345",
         {twilio_url + "&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620",
          {{"X-Twilio-Signature", "a9nBmqA0ju/hNViExpshrM61xv4="}, {"Content-Type", "application/json"}},
          "{\"property\": \"value\", \"boolean\": true}"}},
        {"SendGrid: its libraries' tests",
         "sendgrid",
         "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/"
         "7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==",
         {"https://app.example/",
          {{"X-Twilio-Email-Event-Webhook-Signature",
            "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+"
            "luQAbPIqHh89M15TluLtEZtM="},
           {"X-Twilio-Email-Event-Webhook-Timestamp", "1600112502"}},
          sendgrid_body,
          1'600'112'502}},
        {"Contentful: made by its app toolkit",
         "contentful",
         std::string(32, 'a') + std::string(32, 'b'),
         {"https://app.example/trigger/SW5zdGFuY2VGbG93Q29uZmlnOjE=",
          {{"Content-Type", "application/vnd.contentful.management.v1+json"},
           {"X-Contentful-Topic", "ContentManagement.Entry.publish"},
           {"x-contentful-signature", "8dec81505760a10b542fbc36d3aa0a772b11f759eca7b2351daaf5bba8c7c6f1"},
           {"x-contentful-signed-headers",
            "content-type,x-contentful-signed-headers,x-contentful-timestamp,x-contentful-topic"},
           {"x-contentful-timestamp", "1767225600000"}},
          "{\"sys\":{\"id\":\"5KsDBWseXY6QegucYAoacS\",\"type\":\"Entry\"},\"fields\":{\"title\":{\"en-US\":"
          "\"Hello, World!\"}}}",
          1'767'225'600}},
    };
    for (const Row& row : rows) {
        CAPTURE(row.source);
        const WebhookVerifier good = verifier(row.provider, row.secret);
        CHECK(verify(good, row.call).error == "");
        Call other = row.call;
        other.body.back() = '!';
        other.body += '.';
        CHECK_FALSE(verify(good, other).verified);
    }
}

TEST_CASE("what is no provider, not built, or no secret is refused, and the secret is not shown") {
    struct Row {
        std::string provider, secret;
        int error; // 0: fine
    };
    const std::string p256 =
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw"
        "+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";
    const Row rows[] = {
        {"github", "s3cret", 0},
        {"", "s3cret", 2203},
        {"GitHub", "s3cret", 2203},
        {"githu", "s3cret", 2203},
        {"nobody", "s3cret", 2203},
        {"github", "", 2203},
        {"github", std::string(limits::webhook_secret_max, 's'), 0},
        {"github", std::string(limits::webhook_secret_max + 1, 's'), 2203},
        {"svix", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 0},
        {"svix", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 0},
        {"svix", "whsec_s3cret!", 2203},
        {"svix", "whsec_", 2203},
        {"microsoft_teams", "s3cret?", 2203},
        {"sendgrid", "s3cret", 379},
        {"sendgrid", p256.substr(4), 379},
        {"sendgrid", p256, 0},
        {"sns", "", 0},
        {"sns", "arn:aws:sns:us-west-2:123456789012:MyTopic", 0},
        {"sns", "123456789012", 0},
        {"sns", "s3cret", 2203},
        {"sns", "12345678901", 2203},
    };
    for (const Row& row : rows) {
        CAPTURE(row.provider);
        CAPTURE(row.secret);
        const auto made = WebhookVerifier::create(row.provider, row.secret);
        CHECK(made.has_value() == (row.error == 0));
        if (row.error == 0) continue;
        CHECK(made.error().code() == ngrok_error(row.error));
        CHECK(made.error().to_string().find("s3cret") == std::string::npos);
    }
    const auto coinbase = WebhookVerifier::create("coinbase", "s3cret");
    REQUIRE_FALSE(coinbase.has_value());
    CHECK(coinbase.error().message().find("coinbase are not verified by this edge") != std::string::npos);
}

TEST_CASE("the providers of behaviour C.5 are known, each once") {
    const std::string_view all[] = {"aftership",
                                    "airship",
                                    "alchemy",
                                    "sns",
                                    "autodesk",
                                    "bitbucket",
                                    "bolt",
                                    "box",
                                    "brex",
                                    "buildkite",
                                    "calendly",
                                    "castle",
                                    "chargify",
                                    "circleci",
                                    "clearbit",
                                    "clerk",
                                    "coinbase",
                                    "contentful",
                                    "docusign",
                                    "dropbox",
                                    "facebook_graph_api",
                                    "facebook_messenger",
                                    "frameio",
                                    "github",
                                    "gitlab",
                                    "go1",
                                    "heroku",
                                    "hostedhooks",
                                    "hubspot",
                                    "graphcms",
                                    "instagram",
                                    "intercom",
                                    "jira",
                                    "launch_darkly",
                                    "linear",
                                    "mailchimp",
                                    "mailgun",
                                    "microsoft_teams",
                                    "modern_treasury",
                                    "mongodb",
                                    "mux",
                                    "orb",
                                    "orbit",
                                    "pagerduty",
                                    "pinwheel",
                                    "plivo",
                                    "pusher",
                                    "sendgrid",
                                    "sentry",
                                    "shopify",
                                    "signal_sciences",
                                    "slack",
                                    "sonatype",
                                    "square",
                                    "stripe",
                                    "svix",
                                    "terraform",
                                    "tiktok",
                                    "trendmicro_conformity",
                                    "twilio",
                                    "twitter",
                                    "typeform",
                                    "vmware",
                                    "webex",
                                    "whatsapp",
                                    "worldline",
                                    "xero",
                                    "zendesk",
                                    "zoom"};
    const auto built = built_webhook_providers();
    const auto unbuilt = unbuilt_webhook_providers();
    for (const std::string_view name : all) {
        CAPTURE(name);
        CHECK(std::ranges::count(built, name) + std::ranges::count(unbuilt, name) == 1);
    }
    CHECK(built.size() + unbuilt.size() == std::size(all) + 1); // standard_webhooks
    CHECK(built.size() == 62);
}

TEST_CASE("signatures are read in their forms") {
    const Vector& stripe = *std::ranges::find(webhook_test::vectors, std::string_view("stripe"),
                                              [](const Vector& v) { return std::string_view(v.provider); });
    const WebhookVerifier good = verifier("stripe", stripe.secret);
    const std::string value = stripe.headers[0].second; // "t=TIME,v1=SIGNATURE"
    const std::string time = value.substr(0, value.find(','));
    const std::string signature = value.substr(value.find(',') + 1);
    std::string shouted = signature;
    for (char& c : shouted) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 0x20) : c;
    struct Row {
        std::string value;
        bool good;
    };
    const Row rows[] = {
        {value, true},
        {signature + ", " + time, true},
        {time + ",v0=00," + signature + ",v1=11", true}, // two keys, while one takes the other's place
        {time + "," + shouted, true},
        {time + ",v0=" + signature.substr(3), false}, // the old scheme does not count
        {time, false},
        {signature, false},
        {"t=," + signature, false},
        {"t=x," + signature, false},
        {"t=-1700000000," + signature, false},
        {"t=1700000001," + signature, false}, // another time is another signature
        {"t=1700000000000," + signature, false},
        {"", false},
        {",,,", false},
        {time + ",v1=", false},
    };
    for (const Row& row : rows) {
        CAPTURE(row.value);
        Call call = call_of(stripe);
        call.headers[0].second = row.value;
        CHECK(verify(good, call).verified == row.good);
    }
    Call many = call_of(stripe);
    for (std::size_t i = 0; i < limits::webhook_signatures_max; ++i) many.headers[0].second += ",v1=00";
    CHECK(verify(good, many).error == "there are too many signatures");
    Call twice = call_of(stripe);
    twice.headers.push_back(twice.headers[0]);
    CHECK_FALSE(verify(good, twice).verified);
}

TEST_CASE("Twilio signs the URL with or without its port, and every field of the form") {
    const WebhookVerifier good = verifier("twilio", "12345");
    Call call;
    call.url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    call.headers = {{"X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="},
                    {"Content-Type", "application/x-www-form-urlencoded"}};
    call.body =
        "To=%2B18005551212&From=%2B14158675309&Digits=1234&Caller=%2B14158675309&CallSid=CA1234567890ABCDE";
    CHECK(verify(good, call).verified);
    Call with_port =
        call; // python3: hmac.new(b"12345", b"https://mycompany.com:443/myapp.php..." + fields, "sha1")
    with_port.headers[0].second = "kvajT1Ptam85bY51eRf/AJRuM3w=";
    CHECK(verify(good, with_port).verified);
    Call doubled = call; // as Twilio's own libraries: one and the same pair counts once
    doubled.body += "&Digits=1234";
    CHECK(verify(good, doubled).verified);
    for (const char* added : {"&Digits=5", "&x=", "&x"}) {
        Call other = call;
        other.body += added;
        CHECK_FALSE(verify(good, other).verified);
    }
    Call json = call;
    json.headers[1].second = "application/json"; // not bound by anything
    CHECK_FALSE(verify(good, json).verified);
    Call http = call;
    http.url = "http://mycompany.com/myapp.php?foo=1&bar=2";
    CHECK_FALSE(verify(good, http).verified);
}

TEST_CASE("Contentful has to sign its time, and a URL with a query is not known") {
    const WebhookVerifier good = verifier("contentful", "secret");
    Call call;
    call.body = "{}";
    // python3: hmac.new(b"secret", b"POST\n/hook\ncontent-type:a\n{}", "sha256")
    call.headers = {
        {"x-contentful-signature", "54a4fe6d61d597de33ad1b28e46335d0d0bb4132c3c4d8c4b300f0df09430943"},
        {"x-contentful-signed-headers", "content-type"},
        {"x-contentful-timestamp", "1700000000000"},
        {"content-type", "a"}};
    CHECK(verify(good, call).error == "its time is not signed");
    call.url += "?a=b";
    CHECK(verify(good, call).error.find("without") != std::string::npos);
}

TEST_CASE("challenges are answered, and no answer is a signature of a message") {
    const std::string zoom_token =
        "{\"event\":\"endpoint.url_validation\",\"payload\":{\"plainToken\":\"qgg8vlvZRS6UYooatFL8Aw\"}}";
    SUBCASE("twitter") {
        const WebhookVerifier twitter = verifier("twitter", "secret");
        Call call;
        call.method = "GET";
        call.url = "https://app.example/hook?nonce=x&crc_token=challenge";
        const WebhookResult result = verify(twitter, call);
        REQUIRE(result.answer.has_value());
        CHECK(result.answer->status == 200);
        CHECK(result.answer->content_type == "application/json");
        // python3: hmac.new(b"secret", b"challenge", "sha256")
        CHECK(result.answer->body ==
              "{\"response_token\":\"sha256=oeUF6Wxqoezggrue+wbIDxKRPSF6esKwizR2MHh9HaA=\"}");
        call.url = "https://app.example/hook?crc_token=%7B%22event%22%3A1%7D"; // would sign a message
        CHECK_FALSE(verify(twitter, call).answer.has_value());
        call.url = "https://app.example/hook?crc_token=" + std::string(257, 'a');
        CHECK_FALSE(verify(twitter, call).answer.has_value());
        call.url = "https://app.example/hook?crc_token=challenge";
        call.method = "POST";
        CHECK_FALSE(verify(twitter, call).answer.has_value());
    }
    SUBCASE("worldline") {
        const WebhookVerifier worldline = verifier("worldline", "secret");
        Call call;
        call.method = "GET";
        call.headers = {{"X-GCS-Webhooks-Endpoint-Verification", "5b3c-abc_1"}};
        const WebhookResult result = verify(worldline, call);
        CHECK_FALSE(result.verified);
        REQUIRE(result.answer.has_value());
        CHECK(result.answer->body == "5b3c-abc_1");
        CHECK(result.answer->content_type == "text/plain");
        call.headers[0].second = "<script>";
        CHECK_FALSE(verify(worldline, call).answer.has_value());
    }
    SUBCASE("xero") {
        const WebhookVerifier xero = verifier("xero", "secret");
        Call call;
        call.body =
            "{\"events\":[],\"firstEventSequence\":0,\"lastEventSequence\":0,\"entropy\":\"S0m3r4Nd0mt3xt\"}";
        // python3: hmac.new(b"secret", body, "sha256")
        call.headers = {{"x-xero-signature", "S6xywTyo3U7+dNgsJyK0eTR4zAkXCTVmqz4Sc3X7Sy8="}};
        const WebhookResult good = verify(xero, call);
        CHECK(good.verified);
        REQUIRE(good.answer.has_value());
        CHECK(good.answer->status == 200);
        call.headers[0].second = "AAAA";
        const WebhookResult bad = verify(xero, call);
        REQUIRE(bad.answer.has_value());
        CHECK(bad.answer->status == 401);
        call.body = "{\"events\":[{}]}";
        CHECK_FALSE(verify(xero, call).answer.has_value());
    }
    SUBCASE("zoom") {
        const WebhookVerifier zoom = verifier("zoom", "secret");
        Call call;
        call.body = zoom_token;
        // python3: hmac.new(b"secret", b"v0:1700000000:" + body, "sha256")
        call.headers = {
            {"x-zm-request-timestamp", "1700000000"},
            {"x-zm-signature", "v0=a7ad559a5d77e3ca655c8bcfa08f4913f901947793e2209ea5d9bab7d3cfb8a2"}};
        const WebhookResult result = verify(zoom, call);
        REQUIRE(result.answer.has_value());
        CHECK(result.answer->body ==
              "{\"encryptedToken\":\"72cef096bfd47c0b8664df30d07721641e4abd7e885ba432204260db477a9a3e\","
              "\"plainToken\":\"qgg8vlvZRS6UYooatFL8Aw\"}");
        call.headers[1].second = "v0=00"; // it would sign whatever anybody asks for
        CHECK_FALSE(verify(zoom, call).answer.has_value());
    }
}

TEST_CASE("messages of sns need Amazon's certificate, and their topic may be fixed") {
    constexpr std::string_view topic = "arn:aws:sns:us-west-2:123456789012:MyTopic";
    constexpr std::string_view url =
        "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem";
    const WebhookVerifier sns = verifier("sns", "");
    CHECK(sns.needs_certificates());
    CHECK_FALSE(verifier("github", "s").needs_certificates());
    Call call;
    call.body = sns_version_2;
    const WebhookResult without = verify(sns, call);
    CHECK_FALSE(without.verified);
    CHECK(without.certificate_url == url);
    const WebhookCertificate fetched{url, sns_certificate};
    for (const std::string_view body :
         {sns_version_1, sns_version_2, sns_without_subject, sns_confirmation}) {
        call.body = body;
        CHECK(verify(sns, call, &fetched).error == "");
        for (const std::int64_t off : {3'600, 3'601}) {
            Call late = call;
            late.now += off;
            CHECK(verify(sns, late, &fetched).verified == (off == 3'600));
        }
        for (const std::string_view part :
             {"Hello", "You have", "MessageId\": \"1", "MessageId\": \"2", "A subject", "MyTopic", "22:13:20",
              "Token\": \"2", "ConfirmSub"}) {
            const std::size_t at = body.find(part);
            if (at == std::string_view::npos) continue;
            CAPTURE(part);
            Call changed = call;
            char& letter = changed.body[at + part.size() - 1];
            letter = letter == '1' ? '3' : '1';
            CHECK_FALSE(verify(sns, changed, &fetched).verified);
        }
    }
    call.body = sns_version_2;
    for (const auto& [wanted, good] :
         std::vector<std::pair<std::string, bool>>{{std::string(topic), true},
                                                   {std::string(topic) + "2", false},
                                                   {"123456789012", true},
                                                   {"123456789013", false}}) {
        CHECK(verify(verifier("sns", wanted), call, &fetched).verified == good);
    }
    const WebhookCertificate not_there{url, std::nullopt}, of_another{"https://sns.us-west-2.amazonaws.com/a.pem", sns_certificate};
    CHECK(verify(sns, call, &not_there).error == "the certificate of the signature could not be fetched");
    CHECK(verify(sns, call, &not_there).certificate_url == "");
    CHECK(verify(sns, call, &of_another).certificate_url == url);
}

TEST_CASE("a certificate vouches for messages of sns while it is valid and if it is that of sns") {
    constexpr std::string_view mine = "us-west-2.amazonaws.com";
    const auto now = std::chrono::sys_seconds(std::chrono::seconds(webhook_test::vectors_time));
    const auto authority = tls::CertificateAuthority::create("anybody", now);
    REQUIRE(authority);
    const WebhookVerifier sns = verifier("sns", "");
    const std::string mismatch = "the signature does not match"; // all else is right
    const std::string foreign = "the certificate of the signature is not that of sns";
    struct Row {
        std::string at;
        std::vector<std::string> names;
        std::string error;
        std::chrono::hours shift{0};
    };
    const Row rows[] = {
        {"us-west-2.amazonaws.com", {"sns.amazonaws.com"}, mismatch},
        {"us-west-2.amazonaws.com", {"other.example", "sns.us-west-2.amazonaws.com"}, mismatch},
        {"me-south-1.amazonaws.com", {"sns-signing.me-south-1.amazonaws.com"}, mismatch},
        {"cn-north-1.amazonaws.com.cn", {"sns-cn-north-1.amazonaws.com.cn"}, mismatch},
        {"us-gov-east-1.amazonaws.com", {"sns-us-gov-west-1.amazonaws.com"}, mismatch},
        {"us-west-2.amazonaws.com", {"sns-signing.me-south-1.amazonaws.com"}, foreign},
        {"us-west-2.amazonaws.com", {"s3.amazonaws.com"}, foreign},
        {"us-west-2.amazonaws.com", {"sns.us-west-2.amazonaws.com.evil.example"}, foreign},
        {"us-west-2.amazonaws.com", {"*.amazonaws.com"}, foreign},
        {"us-west-2.amazonaws.com", {"sns.amazonaws.com"}, "the certificate of the signature has expired", -30h},
        {"us-west-2.amazonaws.com", {"sns.amazonaws.com"}, "the certificate of the signature is not valid yet", 30h},
    };
    for (const Row& row : rows) {
        tls::LeafRequest leaf;
        leaf.names = row.names;
        leaf.common_name = "sns.amazonaws.com"; // counts only where there is no other name
        leaf.not_before = now + row.shift - 24h;
        leaf.not_after = now + row.shift + 24h;
        const std::string pem = authority->issue(leaf)->certificate_pem;
        Call call;
        call.body = sns_version_2;
        call.body.replace(call.body.find(mine), mine.size(), row.at);
        const std::string url = verify(sns, call).certificate_url;
        CAPTURE(url);
        const WebhookCertificate fetched{url, pem};
        CHECK(verify(sns, call, &fetched).error == row.error);
    }
    Call call;
    call.body = sns_version_2;
    const std::string url = verify(sns, call).certificate_url;
    for (const std::string_view text : {"", "<html>", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
        const WebhookCertificate fetched{url, text};
        CHECK(verify(sns, call, &fetched).error == "the certificate of the signature cannot be read");
    }
}

TEST_CASE("a certificate is asked for at Amazon's addresses only") {
    constexpr std::string_view mine =
        "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem";
    const WebhookVerifier sns = verifier("sns", "");
    struct Row {
        std::string url;
        bool amazons;
    };
    const Row rows[] = {
        {std::string(mine), true},
        {"https://sns.cn-north-1.amazonaws.com.cn/a.pem", true},
        {"http://sns.us-west-2.amazonaws.com/a.pem", false},
        {"https://sns.us-west-2.amazonaws.com.evil.example/a.pem", false},
        {"https://sns.us-west-2.amazonaws.com@evil.example/a.pem", false},
        {"https://evil.example/sns.us-west-2.amazonaws.com/a.pem", false},
        {"https://sns.evil.example/a.amazonaws.com/a.pem", false},
        {"https://sns.us-west-2.amazonaws.com:444/a.pem", false},
        {"https://sns.us-west-2.amazonaws.com/a.pem?x=.pem", false},
        {"https://sns.us-west-2.amazonaws.com/a.txt", false},
        {"https://s3.us-west-2.amazonaws.com/a.pem", false},
        {"https://sns..amazonaws.com/a.pem", false},
        {"https://sns.a.b.amazonaws.com/a.pem", false},
        {"https://sns.us-west-2.amazonaws.com/%2e.pem", false},
        {"https://sns.us-west-2.amazonaws.com/" + std::string(limits::webhook_certificate_url_max - 40, 'a') + ".pem", true},
        {"https://sns.us-west-2.amazonaws.com/" + std::string(limits::webhook_certificate_url_max - 39, 'a') + ".pem", false},
        {"", false},
    };
    for (const Row& row : rows) {
        CAPTURE(row.url);
        Call call;
        call.body = sns_version_2;
        call.body.replace(call.body.find(mine), mine.size(), row.url);
        CHECK(verify(sns, call).certificate_url == (row.amazons ? row.url : ""));
    }
    for (const char* body :
         {"", "[]", "null", "{", "{\"Type\":\"Notification\"}", "{\"Type\":1}", "{\"Type\":\"Other\"}"}) {
        Call call;
        call.body = body;
        CHECK(verify(sns, call).certificate_url == "");
    }
}

TEST_CASE("bodies that are no JSON are refused where a member is needed") {
    const WebhookVerifier mailgun = verifier("mailgun", "secret");
    for (const char* body : {"", "[1]", "{\"signature\":5}", "{\"signature\":{}}",
                             "{\"signature\":{\"timestamp\":[],\"token\":{}}}",
                             "{\"signature\":{\"timestamp\":1700000000}}", "\xff\xfe"}) {
        Call call;
        call.body = body;
        CHECK_FALSE(verify(mailgun, call).verified);
    }
}
