#include "temporary_file.hpp"
#include "tls_pair.hpp"

#include <cstdlib>
#include <optional>

using namespace tls_test;

namespace {

// Sets or unsets a variable until the end of its scope.
class Environment {
public:
    Environment(const char* name, const char* value) : name_(name) {
        if (const char* before = std::getenv(name)) before_ = before;
        value == nullptr ? unsetenv(name) : setenv(name, value, 1);
    }
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;
    ~Environment() { before_ ? setenv(name_, before_->c_str(), 1) : unsetenv(name_); }

private:
    const char* name_;
    std::optional<std::string> before_;
};

bool accepts(const TrustRoots& roots) {
    ClientOptions client = client_options();
    client.roots = roots;
    return Pair(client, server_options()).shake().connected();
}

} // namespace

TEST_CASE("roots are read from PEM text and counted once each") {
    const std::string one = authority().certificate_pem(), two = other_authority().certificate_pem();
    CHECK(TrustRoots().empty());
    CHECK(must(TrustRoots::from_pem(one)).count() == 1);
    const TrustRoots both = must(TrustRoots::from_pem("# comment\n" + one + two + one));
    CHECK(both.count() == 2);
    CHECK(accepts(both));
    CHECK_FALSE(accepts(must(TrustRoots::from_pem(two))));
    for (const std::string_view bad :
         {"", "nothing here", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
        CHECK(TrustRoots::from_pem(bad).error().code() == errc::invalid_option);
        CHECK(TrustRoots::from_pem(bad).error().message().starts_with("trusted roots: "));
    }
}

TEST_CASE("errors about a file of roots name it") {
    const TemporaryDirectory directory;
    const std::string good = directory.write("good.pem", authority().certificate_pem());
    const std::string bad = directory.write("bad.pem", "not PEM");
    CHECK(accepts(must(TrustRoots::from_file(good))));
    CHECK(TrustRoots::from_file(bad).error().message().starts_with(bad + ": "));
    const std::string missing = directory.path() + "/missing.pem";
    CHECK_HAS(TrustRoots::from_file(missing).error().message(), missing + ": No such file");
    CHECK_HAS(TrustRoots::from_file(directory.path()).error().message(), directory.path());
}

TEST_CASE("the system's roots come from SSL_CERT_FILE and SSL_CERT_DIR when these are set") {
    const TemporaryDirectory directory, other;
    const std::string file =
        directory.write("a.pem", authority().certificate_pem() +
                                     "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    other.write("b.0", other_authority().certificate_pem());
    other.write("README", "no certificate");
    {
        const Environment set("SSL_CERT_FILE", file.c_str()), unset("SSL_CERT_DIR", nullptr);
        const TrustRoots roots = must(TrustRoots::system());
        CHECK(roots.count() == 1);
        CHECK(accepts(roots));
    }
    {
        const std::string list = other.path() + ":" + directory.path();
        const Environment unset("SSL_CERT_FILE", nullptr), set("SSL_CERT_DIR", list.c_str());
        CHECK(must(TrustRoots::system()).count() == 2);
    }
    {
        const std::string missing = directory.path() + "/missing";
        const Environment set("SSL_CERT_FILE", missing.c_str()), unset("SSL_CERT_DIR", nullptr);
        CHECK_HAS(TrustRoots::system().error().message(), "SSL_CERT_FILE");
    }
    {
        const std::string empty = directory.write("empty", "");
        const Environment set("SSL_CERT_FILE", empty.c_str()), unset("SSL_CERT_DIR", nullptr);
        CHECK_HAS(TrustRoots::system().error().message(), empty);
    }
}

TEST_CASE("without these variables the machine's own bundle is found, or its absence is told") {
    const Environment file("SSL_CERT_FILE", nullptr), directory("SSL_CERT_DIR", nullptr);
    const Result<TrustRoots> roots = TrustRoots::system();
    if (roots) {
        CHECK(roots->count() > 10);
    } else {
        CHECK_HAS(roots.error().message(), "ca-certificates");
    }
}
