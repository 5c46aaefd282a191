// What a webhook may cost before its signature is checked: anybody can send one.
#include "policy/actions/webhook.hpp"

#include "base/bytes.hpp"
#include "support/doctest.hpp"

#include <adit/limits.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace adit;
using namespace adit::policy;

namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

WebhookVerifier verifier(std::string_view provider) {
    auto made = WebhookVerifier::create(provider, provider == "sns" ? "" : "secret");
    REQUIRE(made);
    return std::move(*made);
}

WebhookResult verify(const WebhookVerifier& verifier, const std::string& body, const Headers& headers = {}) {
    Fields fields;
    for (const auto& [name, value] : headers) REQUIRE(fields.add(name, value));
    const auto now = std::chrono::sys_seconds(std::chrono::seconds(1'700'000'000));
    WebhookResult result = verifier.verify({"POST", "https://app.example/hook", fields, as_bytes(body), now}, nullptr);
    CHECK_FALSE(result.verified);
    return result;
}

std::string repeated(std::string_view text, std::size_t count) {
    std::string out;
    while (count-- > 0) out += text;
    return out;
}

constexpr std::string_view too_large = "the body is too large to be checked",
                           too_deep = "the body is nested too deeply to be checked",
                           too_many = "the body has too many values to be checked";

} // namespace

TEST_CASE("JSON that nobody signed is parsed only if that costs little") {
    for (const auto& [provider, ordinary] : std::vector<std::pair<std::string_view, std::string_view>>{
             {"sns", "the body has no Type of a message of sns"}, {"mailgun", "the body has no signature"}}) {
        CAPTURE(provider);
        const WebhookVerifier json = verifier(provider);
        const auto error = [&json](const std::string& body) { return verify(json, body).error; };
        const auto in = [](const std::string& value) { return "{\"a\":" + value + "}"; };
        CHECK(error(std::string(limits::webhook_body_max, '[')) == too_large);
        CHECK(error(in('"' + std::string(limits::webhook_parsed_max - 8, 'x') + '"')) == ordinary);
        CHECK(error(in('"' + std::string(limits::webhook_parsed_max - 7, 'x') + '"')) == too_large);
        CHECK(error(in(std::string(31, '[') + std::string(31, ']'))) == ordinary);
        CHECK(error(in(std::string(32, '[') + std::string(32, ']'))) == too_deep);
        CHECK(error(std::string(100'000, '[')) == too_deep);
        // The outermost value, the object, the list, and each comma.
        CHECK(error(in("[" + repeated("0,", limits::webhook_values_max - 3) + "0]")) == ordinary);
        CHECK(error(in("[" + repeated("0,", limits::webhook_values_max - 2) + "0]")) == too_many);
        CHECK(error("[" + repeated("{},", 50'000) + "{}]") == too_many);
        CHECK(error("{" + repeated("\"a\":0,", 50'000) + "\"a\":0}") == too_many);
        // What is in strings does not count.
        CHECK(error(in('"' + repeated(R"([,\"{)", 50'000) + '"')) == ordinary);
        CHECK(error(in(R"("\\","b":)" + std::string(32, '[') + std::string(32, ']'))) == too_deep);
        CHECK(error(R"({"a\)") == (provider == "sns" ? "the body is no JSON object" : ordinary)); // ends within an escape
    }
}

TEST_CASE("a form that nobody signed has so many fields, of any size") {
    for (const auto& [provider, header] : std::vector<std::pair<std::string_view, std::string_view>>{
             {"twilio", "X-Twilio-Signature"}, {"mailchimp", "X-Mandrill-Signature"}}) {
        CAPTURE(provider);
        const WebhookVerifier form = verifier(provider);
        const auto error = [&form, field = std::string(header)](const std::string& body) {
            return verify(form, body, {{field, "AAAA"}, {"Content-Type", "application/x-www-form-urlencoded"}}).error;
        };
        CHECK(error(repeated("a&&", limits::webhook_form_max)) == "the signature does not match");
        CHECK(error(repeated("a&&", limits::webhook_form_max) + "b") == "the form has too many fields to be checked");
        CHECK(error(repeated("a&", limits::webhook_body_max / 2)) == "the form has too many fields to be checked");
        // Mandrill's events are one field.
        CHECK(error("a=" + std::string(limits::webhook_body_max - 2, 'x')) == "the signature does not match");
    }
}

TEST_CASE("a large body is no challenge of xero, and is not looked at") {
    const WebhookVerifier xero = verifier("xero");
    const std::string begin = "{\"events\":[],\"entropy\":\"";
    for (const std::size_t size : {limits::webhook_challenge_max, limits::webhook_challenge_max + 1}) {
        const std::string body = begin + std::string(size - begin.size() - 2, 'x') + "\"}";
        CHECK(verify(xero, body, {{"x-xero-signature", "AAAA"}}).answer.has_value() == (size == limits::webhook_challenge_max));
    }
}
