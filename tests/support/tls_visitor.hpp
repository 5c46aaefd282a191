// A visitor of the mock edge that speaks TLS through it, and writes down what the edge sees.
#pragma once

#include "support/mock_edge.hpp"
#include "tls/certificate_authority.hpp"
#include "tls/context.hpp"
#include "tls/engine.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit_test {

/// A CA, and leaves of it for servers and clients.
class TestAuthority {
public:
    enum class Dates { good, expired, not_yet };

    explicit TestAuthority(std::string_view name = "the application's");
    const std::string& pem() const { return authority_.certificate_pem(); }
    adit::tls::IssuedCertificate server(const std::string& name = "app.example.com", Dates dates = Dates::good) const;
    adit::tls::IssuedCertificate client(const std::string& name, Dates dates = Dates::good) const;

private:
    adit::tls::IssuedCertificate issue(adit::tls::LeafRequest request, Dates dates) const;
    adit::tls::CertificateAuthority authority_;
};

/// What a visitor says and accepts.
class TlsVisitorOptions {
public:
    explicit TlsVisitorOptions(std::string_view roots) : roots_pem(roots) {}
    std::string roots_pem;
    std::string host = "app.example.com";
    std::vector<std::string> alpn;
    std::optional<adit::tls::IssuedCertificate> certificate;
    adit::tls::Version max_version = adit::tls::Version::tls13;
};

class TlsVisitor {
public:
    TlsVisitor(Visitor visitor, const TlsVisitorOptions& options);

    /// The ClientHello only.
    void hello();
    /// The handshake, to its end; "" or why it failed.
    std::string handshake();
    void write(std::string_view text);
    std::string read(std::size_t n);
    /// To the end; fails the test unless that is close_notify.
    std::string read_all();
    /// Reads to the end of the TLS stream or of the transport; gives the alert's or end's text.
    std::string read_end();
    /// close_notify and FIN.
    void shutdown();
    /// close_notify alone.
    void goodbye();
    /// FIN alone: a truncation.
    void cut() { visitor_.finish(); }
    Visitor& raw() { return visitor_; }
    const adit::tls::Engine& engine() const { return engine_; }
    /// All bytes that the edge moved, in both directions.
    const std::string& seen_by_edge() const { return seen_; }

private:
    void flush();
    bool fill();

    Visitor visitor_;
    adit::tls::Engine engine_;
    std::string plain_, seen_;
};

} // namespace adit_test
