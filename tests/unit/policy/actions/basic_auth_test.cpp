// Behaviour C.2 basic-auth, C.5; threat T14.
#include "base/base64.hpp"
#include "policy/actions/basic_auth.hpp"
#include "support/doctest.hpp"

#include <adit/limits.hpp>

using namespace adit;
using namespace adit::policy;

namespace {

Fields request(std::initializer_list<std::pair<std::string, std::string>> fields) {
    Fields out;
    for (const auto& [name, value] : fields) REQUIRE(out.add(name, value));
    return out;
}

std::string basic(std::string_view pair) { return "Basic " + base64_encode(pair); }

BasicAuthUsers users(const std::vector<std::string>& credentials) {
    auto made = BasicAuthUsers::create(credentials);
    REQUIRE_MESSAGE(made.has_value(), made.error().to_string());
    return std::move(*made);
}

} // namespace

TEST_CASE("what a request presents") {
    struct Row {
        std::string value;
        bool presented;
        std::string username, password;
    };
    const Row rows[] = {
        {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", true, "Aladdin", "open sesame"}, // RFC 7617 2
        {"Basic dGVzdDoxMjPCow==", true, "test", "123\xc2\xa3"},                // RFC 7617 2.1
        {"basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", true, "Aladdin", "open sesame"},
        {"BASIC   QWxhZGRpbjpvcGVuIHNlc2FtZQ==  ", true, "Aladdin", "open sesame"},
        {basic("user:a:b"), true, "user", "a:b"},
        {basic(":"), true, "", ""},
        {basic("user:"), true, "user", ""},
        {basic("user"), false, "", ""},
        {basic("us\ner:password"), false, "", ""},
        {basic(std::string_view("us\0er:password", 14)), false, "", ""},
        {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ", false, "", ""}, // no padding: two readings must not exist
        {"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==, Basic eDp5", false, "", ""},
        {"Basic", false, "", ""},
        {"Basic ", false, "", ""},
        {"BasicQWxhZGRpbjpvcGVuIHNlc2FtZQ==", false, "", ""},
        {"Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", false, "", ""},
        {"Aladdin:open sesame", false, "", ""},
        {"Basic " + std::string(limits::basic_auth_credential_max + 4, 'A'), false, "", ""},
    };
    for (const Row& row : rows) {
        CAPTURE(row.value);
        const BasicCredential credential = BasicCredential::from(request({{"Authorization", row.value}}));
        CHECK(credential.presented() == row.presented);
        CHECK(credential.username() == row.username);
        CHECK(credential.password() == row.password);
    }
}

TEST_CASE("no other field and no second one is taken for the credential (T14)") {
    const std::string good = basic("alice:password1");
    const BasicAuthUsers known = users({"alice:password1"});
    const Fields rows[] = {
        request({}),
        request({{"Proxy-Authorization", good}}),
        request({{"X-Authorization", good}}),
        request({{"Authorization_", good}}),
        request({{"Authorization", good}, {"Authorization", basic("mallory:password2")}}),
        request({{"Authorization", basic("mallory:password2")}, {"authorization", good}}),
        request({{"Authorization", good}, {"AUTHORIZATION", good}}),
    };
    for (const Fields& row : rows) {
        CHECK_FALSE(BasicCredential::from(row).presented());
        CHECK_FALSE(known.check(BasicCredential::from(row)));
    }
    const Fields both =
        request({{"Proxy-Authorization", basic("mallory:password2")}, {"Authorization", good}});
    CHECK(BasicCredential::from(both).username() == "alice");
    CHECK(known.check(BasicCredential::from(both)));
}

TEST_CASE("who is let in") {
    const BasicAuthUsers known = users({"alice:password1", "bob:with:colons", "alice:another one"});
    struct Row {
        std::string pair;
        bool good;
    };
    const Row rows[] = {
        {"alice:password1", true},
        {"bob:with:colons", true},
        {"alice:another one", true},
        {"alice:password2", false},
        {"alice:password", false},
        {"alice:password11", false},
        {"Alice:password1", false},
        {"bob:password1", false},
        {"bob:with", false},
        {"carol:password1", false},
        {":password1", false},
        {"alice:", false},
        {":", false},
        {"bob:with:colon", false},
    };
    for (const Row& row : rows) {
        CAPTURE(row.pair);
        CHECK(known.check(BasicCredential::from(request({{"Authorization", basic(row.pair)}}))) == row.good);
    }
    CHECK_FALSE(known.check(BasicCredential()));
}

TEST_CASE("credentials of a policy are checked, and an error never shows them") {
    struct Row {
        std::vector<std::string> credentials;
        int error; // 0: fine
    };
    const std::string long_user(limits::basic_auth_user_max, 'u');
    const std::string long_password(limits::basic_auth_password_max, 'p');
    const Row rows[] = {
        {{"u:secret78"}, 0},
        {{long_user + ":" + long_password}, 0},
        {{long_user + "u:" + long_password}, 359},
        {{long_user + ":" + long_password + "p"}, 360},
        {{":secret78"}, 359},
        {{"u:secret7"}, 360},
        {{"u:secret\t8"}, 360},
        {{"u\x7f:secret78"}, 359},
        {{"secret78"}, 2203},
        {{}, 2203},
        {std::vector<std::string>(10, "u:secret78"), 0},
        {std::vector<std::string>(11, "u:secret78"), 2203},
    };
    for (const Row& row : rows) {
        const auto made = BasicAuthUsers::create(row.credentials);
        CHECK(made.has_value() == (row.error == 0));
        if (row.error == 0) continue;
        CHECK(made.error().code() == ngrok_error(row.error));
        CHECK(made.error().to_string().find("secret") == std::string::npos);
    }
    const BasicAuthUsers::Pair with_colon[] = {{"a:b", "secret78"}};
    CHECK(BasicAuthUsers::create(with_colon).error().code() == ngrok_error(359));
}

TEST_CASE("a realm is quoted") {
    CHECK(basic_challenge("ngrok") == "Basic realm=\"ngrok\", charset=\"UTF-8\"");
    CHECK(basic_challenge("a \"b\" \\c") == "Basic realm=\"a \\\"b\\\" \\\\c\", charset=\"UTF-8\"");
    CHECK(realm_problem("my app") == "");
    CHECK(realm_problem(std::string(128, 'a')) == "");
    CHECK(realm_problem(std::string(129, 'a')) != "");
    CHECK(realm_problem("caf\xc3\xa9") != "");
    CHECK(realm_problem("a\r\nb") != "");
}
