// URLs of proxies, and who is exempt from them.
#include "net/proxy_url.hpp"

#include <adit/limits.hpp>

#include "support/doctest.hpp"

using namespace adit;
using net::ProxyKind;
using net::ProxyUrl;

TEST_CASE("forms of a proxy's URL") {
    struct Row {
        const char* url;
        ProxyKind kind;
        const char* host;
        int port;
        bool credentials;
        const char* user;
        const char* password;
        const char* text;
    };
    const Row rows[] = {
        {"http://p", ProxyKind::http, "p", 80, false, "", "", "http://p:80"},
        {"p.example.com:3128", ProxyKind::http, "p.example.com", 3128, false, "", "", "http://p.example.com:3128"},
        {"HTTPS://p/", ProxyKind::https, "p", 443, false, "", "", "https://p:443"},
        {"socks5://10.0.0.1", ProxyKind::socks5, "10.0.0.1", 1080, false, "", "", "socks5://10.0.0.1:1080"},
        {"socks5h://[::1]:9", ProxyKind::socks5h, "::1", 9, false, "", "", "socks5h://[::1]:9"},
        {"http://u:p@h:1", ProxyKind::http, "h", 1, true, "u", "p", "http://h:1"},
        {"http://u%3ax:p@h", ProxyKind::http, nullptr, 0, false, "", "", ""},
        {"socks5://a%3Ab:%25%41%2f@h", ProxyKind::socks5, "h", 1080, true, "a:b", "%A/", "socks5://h:1080"},
        {"http://u:p:q@r@h", ProxyKind::http, "h", 80, true, "u", "p:q@r", "http://h:80"},
        {"http://u@h", ProxyKind::http, "h", 80, true, "u", "", "http://h:80"},
        {"http://:p@h", ProxyKind::http, "h", 80, true, "", "p", "http://h:80"},
        {"u:p@h:5", ProxyKind::http, "h", 5, true, "u", "p", "http://h:5"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.url);
        const auto url = ProxyUrl::parse(row.url);
        REQUIRE(url.has_value() == (row.host != nullptr));
        if (!url) continue;
        CHECK(url->kind() == row.kind);
        CHECK(url->host() == row.host);
        CHECK(url->port() == row.port);
        CHECK(url->has_credentials() == row.credentials);
        CHECK(url->user() == row.user);
        CHECK(url->password() == row.password);
        CHECK(url->text() == row.text);
    }
}

TEST_CASE("what is no proxy's URL is refused without being quoted") {
    const std::string long_name(256, 's');
    for (const std::string& url : {std::string("ftp://s3cret@h"),
                                   std::string("socks4://s3cret@h"),
                                   std::string("://h"),
                                   std::string(""),
                                   std::string("http://"),
                                   std::string("http://u:s3cret@"),
                                   std::string("http://u:s3cret@h:0"),
                                   std::string("http://u:s3cret@h:65536"),
                                   std::string("http://u:s3cret@h:x"),
                                   std::string("http://u:s3cret@h/path"),
                                   std::string("http://u:s3cret/x"),
                                   std::string("http://h?q"),
                                   std::string("http://u:s3%zz@h"),
                                   std::string("http://u:s3cret%4@h"),
                                   std::string("http://u:s3cret%0a@h"),
                                   std::string("http://u:s3 cret@h"),
                                   std::string("http://u:s3cret\r\nX: y@h"),
                                   std::string("http://[::1"),
                                   std::string("http://a:b:c"),
                                   "socks5://" + long_name + ":p@h",
                                   "socks5://u:" + long_name + "@h",
                                   std::string("socks5://:p@h"),
                                   "http://" + std::string(limits::proxy_url_max, 'x')}) {
        CAPTURE(url);
        const auto parsed = ProxyUrl::parse(url);
        REQUIRE_FALSE(parsed.has_value());
        CHECK(parsed.error().code() == errc::invalid_option);
        CHECK(parsed.error().to_string().find("s3cret") == std::string::npos);
    }
    CHECK(ProxyUrl::parse("socks5://" + long_name.substr(1) + ":" + long_name.substr(1) + "@h").has_value());
    CHECK(ProxyUrl::parse("http://" + long_name + ":p@h").has_value());
}

TEST_CASE("who is exempt by NO_PROXY, as curl documents it") {
    struct Row {
        const char* list;
        const char* host;
        bool exempt;
    };
    const Row rows[] = {
        {"", "example.com", false},
        {"*", "example.com", true},
        {" * ", "10.0.0.1", true},
        {"*,other.com", "example.com", false}, // only alone
        {"*.example.com", "www.example.com", false},
        {"local.com", "local.com", true},
        {"local.com", "www.local.com", true},
        {"local.com", "a.b.LOCAL.com.", true},
        {"local.com", "www.notlocal.com", false},
        {"local.com", "local.com.evil", false},
        {".local.com", "local.com", true},
        {".local.com", "www.local.com", true},
        {".local.com", "notlocal.com", false},
        {"Local.Com.", "local.com", true},
        {"a.com,b.com", "b.com", true},
        {"a.com, b.com c.com", "c.com", true},
        {",,a.com,,", "a.com", true},
        {",", "a.com", false},
        {".", "a.com", false},
        {"localhost", "localhost", true},
        {"", "localhost", false},
        {"192.168.0.1", "192.168.0.1", true},
        {"192.168.0.1", "192.168.0.10", false},
        {"168.0.1", "192.168.0.1", false}, // a name's rule is not for addresses
        {"192.168.0.0/16", "192.168.7.1", true},
        {"192.168.0.0/16", "192.169.0.1", false},
        {"192.168.0.0/16", "192.168.0.1.example.com", false},
        {"192.168.0.0/33", "192.168.0.1", false},
        {"0.0.0.0/0", "8.8.8.8", true},
        {"0.0.0.0/0", "::1", false},
        {"::1", "::1", true},
        {"[::1]", "::1", true},
        {"0:0:0:0:0:0:0:1", "::1", true},
        {"2001:db8::/32", "2001:db8:1::2", true},
        {"2001:db8::/32", "2001:db9::2", false},
        {"[2001:db8::/32]", "2001:db8::1", true},
    };
    for (const Row& row : rows) {
        CAPTURE(row.list);
        CAPTURE(row.host);
        CHECK(net::exempt_from_proxy(row.list, row.host) == row.exempt);
    }
}

TEST_CASE("this machine has names and addresses") {
    for (const char* host :
         {"localhost", "LOCALHOST.", "app.localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"})
        CHECK(net::is_this_machine(host));
    for (const char* host : {"localhost.example.com", "mylocalhost", "128.0.0.1", "::2", ""})
        CHECK_FALSE(net::is_this_machine(host));
}
