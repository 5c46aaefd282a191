#include "tls_terms_support.hpp"

#include "net/handler_holder.hpp"

#include <chrono>
#include <thread>

namespace adit_test {
namespace {

using namespace adit;
using namespace adit::edge;

std::chrono::sys_seconds now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

tls::CertificateAuthority make_authority(std::string_view name) {
    auto made = tls::CertificateAuthority::create(name, now());
    REQUIRE(made);
    return std::move(*made);
}

} // namespace

TermsEdge::TermsEdge(const Change& change) : shard_([](std::string_view) {}) {
    ServerOptions options;
    options.base_domain("edge.test");
    if (change) change(options);
    auto settings = Settings::parse(options.data());
    REQUIRE_MESSAGE(settings, settings.error().to_string());
    context_ = std::make_unique<EdgeContext>(std::move(*settings), tls::Sealer(tls::Sealer::random_key()));
    auto made = make_tls(context_->settings, options.data());
    REQUIRE_MESSAGE(made, made.error().to_string());
    context_->tls = std::move(made->contexts);
    context_->shards = {shard_.executor()};
    ca_pem_ = made->ca_pem;
    asio::ip::tcp::acceptor acceptor(shard_.executor(), {asio::ip::address_v4::loopback(), 0});
    ingress_ = Ingress::create(*context_, shard_.executor(), std::move(acceptor), IngressKind::https);
    shard_.start();
    ingress_->start();
}

TermsEdge::~TermsEdge() {
    ingress_->stop();
    context_->tcp_ports.stop_all();
    while (ingress_->active() != 0 || context_->visitors.size() != 0 || context_->tasks != 0) std::this_thread::yield();
    shard_.stop();
    net::abandon_handlers(shard_.executor());
    context_->tcp_ports.clear();
}

EndpointPtr TermsEdge::serve(std::string_view url, const TlsSettings& wanted, std::string_view credential) {
    const auto record = std::make_shared<EndpointRecord>();
    record->id = "ep_" + std::string(url);
    record->credential = credential;
    record->url = *EndpointUrl::parse(url);
    record->terminate_tls = record->protocol() != UrlScheme::https;
    if (record->terminate_tls) record->tls_context = context_->tls.terminated;
    if (!wanted.plain()) {
        auto own = context_->tls.endpoints->get(wanted, record->protocol(), credential);
        REQUIRE_MESSAGE(own, own.error().to_string());
        record->tls_context = std::move(*own);
    }
    if (record->protocol() == UrlScheme::tcp) {
        const auto port = context_->tcp_ports.acquire(*context_, shard_.executor(), 0);
        REQUIRE(port);
        record->url = EndpointUrl(UrlScheme::tcp, "edge.test", *port);
    }
    REQUIRE(context_->endpoints.add(record));
    return record;
}

Authority::Authority(std::string_view name) : made_(make_authority(name)) {}

tls::IssuedCertificate Authority::server(std::vector<std::string> names, std::chrono::hours shift) const {
    auto issued = made_.issue_server(std::move(names), now() + shift);
    REQUIRE(issued);
    return std::move(*issued);
}

tls::IssuedCertificate Authority::client(const std::string& name) const {
    tls::LeafRequest request;
    request.client = true;
    request.common_name = name;
    request.not_before = now() - std::chrono::hours(1);
    request.not_after = now() + std::chrono::hours(1);
    auto issued = made_.issue(request);
    REQUIRE(issued);
    return std::move(*issued);
}

} // namespace adit_test
