#include "base/url.hpp"

#include "support/doctest.hpp"

using namespace adit;

namespace {

std::string labels(std::size_t count, std::size_t length) {
    std::string host;
    for (std::size_t i = 0; i < count; ++i) host += (i == 0 ? "" : ".") + std::string(length, 'a');
    return host;
}

} // namespace

TEST_CASE("endpoint URLs are read and written in one spelling") {
    constexpr std::pair<std::string_view, std::string_view> table[] = {
        {"https://app.example.com", "https://app.example.com"},
        {"HTTPS://App.Example.COM.", "https://app.example.com"},
        {"app.example.com", "https://app.example.com"},
        {"app.example.com:8443", "https://app.example.com:8443"},
        {"https://app.example.com:443", "https://app.example.com"},
        {"http://app.example.com:80", "http://app.example.com"},
        {"http://app.example.com:443", "http://app.example.com:443"},
        {"tls://app.example.com:443", "tls://app.example.com"},
        {"tcp://1.tcp.example.com:12345", "tcp://1.tcp.example.com:12345"},
        {"tcp://", "tcp://"},
        {"tls://", "tls://"},
        {"http://", "http://"},
        {"https://", "https://"},
        {"", "https://"},
        {"https://*.example.com", "https://*.example.com"},
        {"https://api.internal:9000", "https://api.internal:9000"},
        {"https://xn--bcher-kva.example", "https://xn--bcher-kva.example"},
        {"https://127.0.0.1:8080", "https://127.0.0.1:8080"},
        {"https://[2001:DB8::0:1]:8443", "https://[2001:db8::1]:8443"},
        {"tcp://[::1]:5", "tcp://[::1]:5"},
        {"https://[::1]", "https://[::1]"},
    };
    for (const auto& [text, written] : table) {
        CAPTURE(text);
        const Result<EndpointUrl> url = EndpointUrl::parse(text);
        REQUIRE(url.has_value());
        CHECK(url->to_string() == written);
        CHECK(*EndpointUrl::parse(written) == *url);
    }
}

TEST_CASE("a URL's parts are what they say") {
    const EndpointUrl url = *EndpointUrl::parse("tcp://edge.example.com:22000");
    CHECK(url.scheme() == UrlScheme::tcp);
    CHECK(url.host() == "edge.example.com");
    CHECK(url.port() == 22000);
    CHECK_FALSE(url.is_wildcard());
    CHECK(EndpointUrl::parse("*.example.com")->is_wildcard());
    CHECK(EndpointUrl::parse("a.internal")->is_internal());
    CHECK_FALSE(EndpointUrl::parse("https://a.example.com:443")->port().has_value());
    CHECK(EndpointUrl::parse("https://a.example.com")->effective_port() == 443);
    CHECK(EndpointUrl::parse("tcp://a.example.com")->effective_port() == 0);
}

TEST_CASE("each mistake in a URL has its number (behaviour D.5)") {
    const std::pair<std::string, int> table[] = {
        {"ftp://a.example.com", 9036},
        {"ssh://", 9036},
        {"://a.example.com", 9034},
        {"https://a b.example.com", 9034},
        {"https://a.example.com\n", 9034},
        {"https://a.example.com:", 9034},
        {"https://a.example.com:x", 9034},
        {"https://a.example.com:-1", 9034},
        {"https://:443", 9034},
        {":443", 9034},
        {"https://[::1", 9034},
        {"https://[::1]443", 9034},
        {"https://[1.2.3.4]", 9034},
        {"https://[name]", 9034},
        {"https://a:b:c", 9034},
        {"https://" + std::string(3000, 'a'), 9034},
        {"https://a.example.com:0", 9035},
        {"https://a.example.com:65536", 9035},
        {"https://a.example.com:99999999999999999999", 9035},
        {"https://user@a.example.com", 9037},
        {"https://user:pass@a.example.com", 9037},
        {"https://a.example.com/path", 9037},
        {"https://a.example.com/path/", 9037},
        {"https://a.example.com?q", 9037},
        {"https://a.example.com#f", 9037},
        {"https://?q", 9037},
        {"https://a.example.com/", 9038},
        {"/", 9038},
        {"https://a_b.example.com", 326},
        {"https://b\xc3\xbc"
         "cher.example",
         326},
        {"https://a.*.example.com", 326},
        {"https://*", 326},
        {"https://a%20b.example.com", 326},
        {"https://a\\b.example.com", 326},
        {"https://" + labels(16, 15) + ".com", 327},
        {"https://a..example.com", 328},
        {"https://.example.com", 328},
        {"https://.", 328},
        {"https://" + labels(1, 64) + ".com", 329},
        {"https://-a.example.com", 330},
        {"https://a-.example.com", 330},
    };
    for (const auto& [text, number] : table) {
        CAPTURE(text);
        const Result<EndpointUrl> url = EndpointUrl::parse(text);
        REQUIRE_FALSE(url.has_value());
        CHECK(url.error().code() == ngrok_error(number));
        CHECK(url.error().message().size() > 20);
        CHECK(url.error().message().size() < 250);
        CHECK(url.error().message().find('\n') == std::string::npos);
    }
}

TEST_CASE("host names reach their longest form and no further") {
    CHECK(normalize_host(labels(4, 62) + ".a").has_value()); // 253 characters
    CHECK(normalize_host(labels(4, 62) + ".a.").has_value());
    CHECK(normalize_host(labels(4, 62) + ".ab").error().code() == ngrok_error(327));
    CHECK(normalize_host(std::string(63, 'a')).has_value());
    CHECK(normalize_host("").error().code() == ngrok_error(328));
    CHECK(normalize_host("*.example.com").error().code() == ngrok_error(326));
    CHECK(normalize_host("*.example.com", true).has_value());
    CHECK(*normalize_host("LOCALHOST") == "localhost");
    CHECK(*normalize_host("2001:DB8::1") == "2001:db8::1");
}

TEST_CASE("a wildcard matches names below it at any depth, and nothing else") {
    CHECK(host_matches("*.example.com", "a.example.com"));
    CHECK(host_matches("*.example.com", "a.b.example.com"));
    CHECK_FALSE(host_matches("*.example.com", "example.com"));
    CHECK_FALSE(host_matches("*.example.com", ".example.com"));
    CHECK_FALSE(host_matches("*.example.com", "aexample.com"));
    CHECK(host_matches("a.example.com", "a.example.com"));
    CHECK_FALSE(host_matches("a.example.com", "b.a.example.com"));
    CHECK_FALSE(host_matches("", "a"));
}

TEST_CASE("a host and a port are told apart") {
    struct Row {
        std::string_view text;
        std::string_view host;
        int port; // -1: none
    };
    constexpr Row table[] = {
        {"example.com:443", "example.com", 443},
        {"example.com", "example.com", -1},
        {"127.0.0.1:0", "127.0.0.1", 0},
        {"[::1]:65535", "::1", 65535},
        {"[::1]", "::1", -1},
        {"::1", "::1", -1},
        {":80", "", 80},
        {"", "", -1},
    };
    for (const Row& row : table) {
        CAPTURE(row.text);
        const Result<HostPort> parts = split_host_port(row.text);
        REQUIRE(parts.has_value());
        CHECK(parts->host == row.host);
        CHECK(parts->port.has_value() == (row.port >= 0));
        if (parts->port) CHECK(*parts->port == row.port);
    }
    for (const std::string_view text :
         {"a:b:c", "a:", "a:x", "a:65536", "a:-1", "a: 1", "[::1", "[::1]x", "[::1]:", "[a]:1", "::1:x"}) {
        CAPTURE(text);
        CHECK(split_host_port(text).error().code() == errc::invalid_option);
    }
    CHECK(join_host_port("::1", 80) == "[::1]:80");
    CHECK(join_host_port("a.example.com", 80) == "a.example.com:80");
}

TEST_CASE("public and internal endpoints have their rules (behaviour D.1)") {
    const auto refusal = [](Result<void> (*check)(const EndpointUrl&), std::string_view text) {
        return check(*EndpointUrl::parse(text)).error().code();
    };
    for (const std::string_view text :
         {"https://", "tcp://", "https://a.example.com", "http://a.example.com:80", "tcp://a.example.com:1",
          "https://*.example.com", "tls://a.example.com:443"}) {
        CAPTURE(text);
        CHECK_FALSE(refusal(check_public, text));
    }
    CHECK(refusal(check_public, "https://a.example.com:8443") == ngrok_error(9035));
    CHECK(refusal(check_public, "tcp://a.example.com") == ngrok_error(9035));
    CHECK(refusal(check_public, "https://localhost") == ngrok_error(331));
    CHECK(refusal(check_public, "https://*.com") == ngrok_error(331));
    CHECK(refusal(check_public, "https://1.2.3.4") == ngrok_error(331));
    CHECK(refusal(check_public, "https://[::1]") == ngrok_error(331));

    CHECK_FALSE(refusal(check_internal, "https://a.internal:9000"));
    CHECK_FALSE(refusal(check_internal, "tcp://*.a.b.c.internal:1"));
    CHECK(refusal(check_internal, "tcp://a.internal") == ngrok_error(9030));
    CHECK(EndpointUrl::parse("https://A.internal:0").error().code() == ngrok_error(9030));
    CHECK(EndpointUrl::parse("tcp://a.internal:65536").error().code() == ngrok_error(9030));
    CHECK(EndpointUrl::parse("https://ainternal:0").error().code() == ngrok_error(9035));
    CHECK(refusal(check_internal, "https://") == ngrok_error(9028));
    CHECK(refusal(check_internal, "https://a.example.com") == ngrok_error(9029));
    CHECK(refusal(check_internal, "https://internal") == ngrok_error(9029));
    CHECK(refusal(check_internal, "https://a.b.c.d.e.internal") == ngrok_error(9031));
}
