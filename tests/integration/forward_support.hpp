// An upstream for forwarders, scripted connection by connection, in front of the edge of edge_visitor_support.hpp.
#pragma once

#include "edge_visitor_support.hpp"

#include "tls/certificate_authority.hpp"
#include "tls/context.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace adit_test {

/// Listens on loopback or on a local socket. Every wait fails the test after 20 s.
class TestUpstream {
public:
    TestUpstream();                              ///< TCP, a free port
    explicit TestUpstream(std::string unix_path); ///< a local socket, removed at the end
    TestUpstream(const TestUpstream&) = delete;
    TestUpstream& operator=(const TestUpstream&) = delete;
    ~TestUpstream();

    std::uint16_t port() const { return port_; }
    std::string at() const { return "127.0.0.1:" + std::to_string(port_); }
    std::string url(std::string_view scheme) const { return std::string(scheme) + "://" + at(); }
    NetVisitor accept();
    /// No further connection comes within a moment that one would take many times.
    bool nothing_comes();
    /// From now on connections are refused.
    void stop();

private:
    std::uint16_t port_ = 0; // filled while fd_ is made
    int fd_ = -1;
    std::string path_;
};

/// A port of loopback where nobody listens.
std::uint16_t dead_port();

/// A CA and certificates of it, or of another.
class TestCa {
public:
    TestCa();
    const std::string& pem() const { return authority_.certificate_pem(); }
    const adit::tls::CertificateAuthority& authority() const { return authority_; }
    /// For 127.0.0.1 and localhost unless another name is given.
    std::shared_ptr<const adit::tls::ServerContext> server(std::string_view name = "127.0.0.1", bool expired = false,
                                                           std::vector<std::string> alpn = {}) const;
    adit::tls::IssuedCertificate client() const;

private:
    adit::tls::CertificateAuthority authority_;
};

/// "HTTP/1.1 200 OK" with a length.
std::string response(std::string_view body, std::string_view more_fields = {}, std::string_view status = "200 OK");

/// Waits until the counters say so.
void wait_until(const adit::Forwarder& forwarder, const std::function<bool(const adit::ForwarderCounters&)>& reached);

std::uint16_t port_of(const adit::Forwarder& forwarder);

} // namespace adit_test
