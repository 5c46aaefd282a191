#include <adit/tls_server.hpp>

#include "client/tls_server_state.hpp"

#include <utility>

namespace adit::inline v0 {
namespace {

/// `option` in front, once: the layers below name some of theirs themselves.
ErrorInfo named(const std::string& option, const ErrorInfo& error) {
    if (error.message().starts_with(option + ": ")) return error;
    return {errc::invalid_option, option + ": " + error.message(), error.detail()};
}

void throw_if(const ErrorInfo& error) {
    if (error) throw SystemError(error);
}

} // namespace

TlsServer::State::State() {
    options_.select = tls::selector_of(certificates);
    (void)change([](tls::ServerOptions&) {});
}

std::shared_ptr<const tls::ServerContext> TlsServer::State::context() const {
    const std::lock_guard lock(mutex_);
    return context_;
}

bool TlsServer::State::has_certificate() const {
    return certificates->size() != 0 || certificates->select({}) != nullptr;
}

template <class Change>
Result<void> TlsServer::State::change(const Change& edit) {
    const std::lock_guard lock(mutex_);
    tls::ServerOptions options = options_;
    edit(options);
    auto context = tls::ServerContext::create(options);
    if (!context) return context.error();
    options_ = std::move(options);
    context_ = std::move(*context);
    return {};
}

TlsServer::TlsServer() : state_(std::make_shared<State>()) {}
TlsServer::TlsServer(std::string_view chain_pem, std::string_view key_pem) : TlsServer() {
    certificate(chain_pem, key_pem);
}
TlsServer::TlsServer(const TlsServer&) noexcept = default;
TlsServer::TlsServer(TlsServer&& other) noexcept : state_(other.state_) {} // a handle always stands for something
TlsServer& TlsServer::operator=(const TlsServer&) noexcept = default;
TlsServer& TlsServer::operator=(TlsServer&& other) noexcept {
    state_ = other.state_;
    return *this;
}
TlsServer::~TlsServer() = default;

void TlsServer::certificate(std::string_view chain_pem, std::string_view key_pem, ErrorInfo& error) {
    auto identity = tls::Identity::from_pem(chain_pem, key_pem);
    error = identity ? ErrorInfo() : named("certificate", identity.error());
    if (identity) state_->certificates->set_default(std::move(*identity));
}

TlsServer& TlsServer::certificate(std::string_view chain_pem, std::string_view key_pem) {
    ErrorInfo error;
    certificate(chain_pem, key_pem, error);
    throw_if(error);
    return *this;
}

void TlsServer::add_certificate(std::string_view chain_pem, std::string_view key_pem, ErrorInfo& error) {
    error = {};
    const auto identity = tls::Identity::from_pem(chain_pem, key_pem);
    if (!identity) {
        error = named("add_certificate", identity.error());
    } else if ((*identity)->info().dns_names.empty()) {
        error = {errc::invalid_option, "add_certificate: it has no DNS name to be asked for; certificate() needs none"};
    } else {
        state_->certificates->add(*identity);
    }
}

TlsServer& TlsServer::add_certificate(std::string_view chain_pem, std::string_view key_pem) {
    ErrorInfo error;
    add_certificate(chain_pem, key_pem, error);
    throw_if(error);
    return *this;
}

TlsServer& TlsServer::remove_certificate(std::string_view name) {
    state_->certificates->set(name, nullptr);
    return *this;
}

void TlsServer::client_ca(std::string_view pem, ClientCertificate need, ErrorInfo& error) {
    error = {};
    const Result<tls::TrustRoots> roots = tls::TrustRoots::from_pem(pem);
    if (!roots) {
        error = named("client_ca", roots.error());
        return;
    }
    const auto auth = need == ClientCertificate::required ? tls::ClientAuth::require : tls::ClientAuth::request;
    const Result<void> changed = state_->change([&](tls::ServerOptions& options) {
        options.client_roots = *roots;
        options.client_auth = auth;
    });
    if (!changed) error = named("client_ca", changed.error());
}

TlsServer& TlsServer::client_ca(std::string_view pem, ClientCertificate need) {
    ErrorInfo error;
    client_ca(pem, need, error);
    throw_if(error);
    return *this;
}

TlsServer& TlsServer::alpn(const std::vector<std::string>& protocols) {
    const Result<void> changed = state_->change([&](tls::ServerOptions& options) { options.alpn = protocols; });
    if (!changed) throw SystemError(named("alpn", changed.error()));
    return *this;
}

TlsServer& TlsServer::min_version(TlsVersion version) {
    const auto least = version == TlsVersion::tls13 ? tls::Version::tls13 : tls::Version::tls12;
    const Result<void> changed = state_->change([&](tls::ServerOptions& options) { options.min_version = least; });
    if (!changed) throw SystemError(named("min_version", changed.error()));
    return *this;
}

} // namespace adit
