// The options that say how the edge is reached: what is refused before anything is tried.
#include "client/options_data.hpp"
#include "client/reach.hpp"
#include "tls/certificate_authority.hpp"

#include "support/doctest.hpp"

#include <array>
#include <cstdlib>

using namespace adit;
using namespace std::chrono_literals;

namespace {

SessionOptions base() { return SessionOptions().server("edge.example.com:443"); }

/// What check() says; "" if nothing.
std::string refusal(const SessionOptions& options) {
    const auto target = check(options.data());
    if (target) return {};
    CHECK(target.error().code() == errc::invalid_option);
    return target.error().message();
}

/// Of the machine the test runs on nothing is left in the environment.
class Environment {
public:
    Environment() {
        for (const char* name : names) ::unsetenv(name);
    }
    ~Environment() {
        for (const char* name : names) ::unsetenv(name);
    }
    static constexpr std::array<const char*, 8> names = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                                                         "http_proxy",  "HTTP_PROXY",  "no_proxy",  "NO_PROXY"};
};

/// The proxy that would be used for the host, as text; "" for none.
std::string chosen(const SessionOptions& options, std::string_view host = "edge.example.com") {
    const auto proxy = proxy_for(options.data(), host);
    REQUIRE(proxy.has_value());
    return *proxy ? (*proxy)->text() : std::string();
}

} // namespace

TEST_CASE("a client certificate is checked before it is used, and named") {
    const auto now = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
    const auto authority = tls::CertificateAuthority::create("ca", now);
    const auto leaf = *authority->issue_server({"a.test"}, now);
    const auto other = *authority->issue_server({"b.test"}, now);
    CHECK(refusal(base().client_certificate(leaf.certificate_pem, leaf.key_pem)).empty());
    CHECK((*client_identity(base().client_certificate(leaf.certificate_pem, leaf.key_pem).data()))->covers("a.test"));
    CHECK(*client_identity(base().data()) == nullptr);
    for (const auto& [certificate, key] :
         {std::pair(leaf.certificate_pem, other.key_pem), std::pair(leaf.certificate_pem, std::string()),
          std::pair(std::string(), leaf.key_pem), std::pair(std::string("x"), std::string("y"))}) {
        const std::string message = refusal(base().client_certificate(certificate, key));
        CAPTURE(message);
        CHECK(message.starts_with("client_certificate: "));
        CHECK(message.size() > std::string("client_certificate: ").size());
    }
}

TEST_CASE("a proxy's URL that cannot work is refused with where it came from, without its password") {
    const Environment environment;
    CHECK(refusal(base().proxy("http://joe:s3cret@p:3128")).empty());
    CHECK(refusal(base().proxy("")).empty());
    CHECK(refusal(base().proxy("ftp://joe:s3cret@p")) == "proxy: the scheme must be http, https, socks5 or socks5h");
    ::setenv("HTTPS_PROXY", "http://joe:s3cret@p:x", 1);
    const std::string message = refusal(base().proxy_from_env());
    CHECK(message.starts_with("HTTPS_PROXY: "));
    CHECK(message.find("s3cret") == std::string::npos);
    CHECK(refusal(SessionOptions::from_env().server("edge.example.com")) == message);
}

TEST_CASE("which variable names the proxy") {
    const Environment environment;
    CHECK(chosen(base().proxy_from_env()).empty());
    ::setenv("HTTP_PROXY", "http://never", 1); // not for TLS
    ::setenv("http_proxy", "http://never", 1);
    CHECK(chosen(base().proxy_from_env()).empty());
    ::setenv("ALL_PROXY", "socks5://4", 1);
    CHECK(chosen(base().proxy_from_env()) == "socks5://4:1080");
    ::setenv("all_proxy", "http://3", 1);
    CHECK(chosen(base().proxy_from_env()) == "http://3:80");
    ::setenv("HTTPS_PROXY", "http://2", 1);
    CHECK(chosen(base().proxy_from_env()) == "http://2:80");
    ::setenv("https_proxy", "", 1); // as unset
    CHECK(chosen(base().proxy_from_env()) == "http://2:80");
    ::setenv("https_proxy", "http://1", 1);
    const SessionOptions options = base().proxy_from_env();
    CHECK(chosen(options) == "http://1:80");
    CHECK(chosen(SessionOptions::from_env()) == "http://1:80");
    CHECK(chosen(base()).empty()); // only who asks
    ::setenv("https_proxy", "http://changed", 1);
    CHECK(chosen(options) == "http://1:80"); // read once
    // The last call wins.
    CHECK(chosen(SessionOptions(options).proxy("http://mine")) == "http://mine:80");
    CHECK(chosen(SessionOptions(options).proxy("")).empty());
    CHECK(chosen(base().proxy("http://mine").proxy_from_env()) == "http://changed:80");
}

TEST_CASE("whom the environment's proxy is not for") {
    const Environment environment;
    ::setenv("https_proxy", "http://p", 1);
    for (const char* host : {"localhost", "127.0.0.1", "::1"}) {
        CHECK(chosen(base().proxy_from_env(), host).empty());
        CHECK(chosen(base().proxy("http://p"), host) == "http://p:80");
    }
    ::setenv("NO_PROXY", "example.com", 1);
    CHECK(chosen(base().proxy_from_env()).empty());
    CHECK(chosen(base().proxy_from_env(), "10.0.0.1") == "http://p:80");
    CHECK(chosen(base().proxy_from_env().proxy("http://p")) == "http://p:80"); // it was named
    ::setenv("no_proxy", "10.0.0.0/8", 1);
    CHECK(chosen(base().proxy_from_env()) == "http://p:80"); // the lower-case one alone counts
    CHECK(chosen(base().proxy_from_env(), "10.0.0.1").empty());
}

TEST_CASE("what to bind to is an address or the name of an interface") {
    for (const char* fine : {"", "127.0.0.2", "::1", "eth0", "a-very-long-if", "wg.1"})
        CHECK(refusal(base().bind_interface(fine)).empty());
    for (const char* wrong : {"sixteen-letters-", "a b", "a/b", "fe80::1%eth0", "eth0\n", "eth0:1"})
        CHECK(refusal(base().bind_interface(wrong)) ==
              "bind_interface: is neither an IP address nor the name of an interface");
    const Dialer dialer = [](asio::any_io_executor, std::string, std::uint16_t, DialHandler) {};
    CHECK(refusal(base().bind_interface("eth0").dialer(dialer)) ==
          "bind_interface: a dialer connects by itself: leave one of them out");
    CHECK(refusal(base().bind_interface("eth0").dialer(dialer).dialer(nullptr)).empty());
}

TEST_CASE("a message about time says by which way") {
    const auto target = check(base().data());
    CHECK(describe_reach(base().data(), *target) == "name lookup or TCP connect of edge.example.com:443");
    CHECK(describe_reach(base().proxy("socks5://u:s3cret@p").data(), *target) ==
          "the way through the proxy socks5://p:1080 to edge.example.com:443");
}
