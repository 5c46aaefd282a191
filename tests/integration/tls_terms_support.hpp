// An edge of which only the HTTPS port is there, with endpoints whose TLS settings the test chooses. No agent is behind
// them: who gets through TLS gets the page that says so.
#pragma once

#include "edge/certificates.hpp"
#include "edge/context.hpp"
#include "edge/ingress.hpp"
#include "edge/shard.hpp"
#include "support/doctest.hpp"
#include "support/tool_visitor.hpp"
#include "tls/certificate_authority.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace adit_test {

class TermsEdge {
public:
    using Change = std::function<void(adit::edge::ServerOptions&)>;
    explicit TermsEdge(const Change& change = {});
    ~TermsEdge();

    /// "https://a.edge.test", "tls://...": TLS ends at the edge; "tcp://": on a port of its own, which is in
    /// url.port().
    adit::edge::EndpointPtr serve(std::string_view url, const adit::edge::TlsSettings& wanted = {},
                                  std::string_view credential = "cr_1");
    void stop_serving(const adit::edge::EndpointPtr& endpoint) { context_->endpoints.remove(endpoint); }
    std::uint16_t port() const { return ingress_->port(); }
    const std::string& ca_pem() const { return ca_pem_; }
    adit::edge::EdgeContext& context() { return *context_; }

private:
    std::unique_ptr<adit::edge::EdgeContext> context_;
    std::string ca_pem_;
    adit::edge::Shard shard_;
    std::shared_ptr<adit::edge::Ingress> ingress_;
};

/// A CA that the edge does not know, and certificates of it that are good now.
class Authority {
public:
    explicit Authority(std::string_view name = "visitors");
    const std::string& pem() const { return made_.certificate_pem(); }
    /// `shift`: of its dates.
    adit::tls::IssuedCertificate server(std::vector<std::string> names, std::chrono::hours shift = {}) const;
    adit::tls::IssuedCertificate client(const std::string& name) const;

private:
    adit::tls::CertificateAuthority made_;
};

} // namespace adit_test
