#include <adit/edge/server.hpp>

#include "edge/agent_session.hpp"
#include "edge/certificates.hpp"
#include "edge/server_impl.hpp"
#include "edge/spawn.hpp"

#include "base/ngrok_errors.hpp"
#include "base/url.hpp"
#include "proto/codec.hpp"

namespace adit::inline v0::edge {
namespace {

ErrorInfo not_running() { return ErrorInfo(errc::unavailable, "the edge is not running"); }

ErrorInfo unknown(std::string_view what, std::string_view id) {
    return ErrorInfo(ngrok_error(333), "there is no " + std::string(what) + " with the id \"" + std::string(id) + "\"");
}

SessionView view_of(const AgentSession& session) {
    SessionView view;
    view.id = session.id();
    view.client_id = session.client_id();
    view.leg = session.leg();
    view.credential = session.credential();
    view.remote_address = to_text(session.remote());
    view.user_agent = session.auth_request().extra.user_agent;
    view.metadata = session.auth_request().extra.metadata;
    view.streams = session.stream_count();
    view.latency = session.latency();
    return view;
}

EndpointView view_of(const EndpointRecord& record) {
    EndpointView view;
    view.id = record.id;
    view.url = record.url_text;
    view.session_id = record.session_id;
    view.bind_id = record.bind_id;
    view.internal = record.internal();
    view.pooled = record.pooled;
    view.forwards_to = record.forwards_to;
    view.name = record.name;
    view.description = record.description;
    view.metadata = record.metadata;
    return view;
}

} // namespace

Server::Server() noexcept = default;
Server::Server(const Server&) noexcept = default;
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(const Server&) noexcept = default;
Server& Server::operator=(Server&&) noexcept = default;
Server::~Server() = default;

Server Server::start(const ServerOptions& options, ErrorInfo& error) {
    Server server;
    error = ErrorInfo();
    auto impl = Impl::start(options);
    if (impl) {
        server.impl_ = std::move(*impl);
    } else {
        error = impl.error();
    }
    return server;
}

Server Server::start(const ServerOptions& options) {
    ErrorInfo error;
    Server server = start(options, error);
    if (error) throw SystemError(std::move(error));
    return server;
}

bool Server::running() const noexcept { return impl_ && impl_->running(); }
std::uint16_t Server::agent_port() const noexcept { return impl_ ? impl_->agent_port : std::uint16_t{0}; }
std::uint16_t Server::https_port() const noexcept { return impl_ ? impl_->https_port : std::uint16_t{0}; }
std::uint16_t Server::http_port() const noexcept { return impl_ ? impl_->http_port : std::uint16_t{0}; }

std::string Server::agent_address() const {
    if (!impl_) return {};
    const asio::ip::address listening = impl_->context.settings.agent_address.address();
    const bool only_v6 = listening.is_v6() && !listening.is_unspecified();
    return join_host_port(only_v6 ? listening.to_string() : "127.0.0.1", impl_->agent_port);
}

std::string Server::ca_pem() const { return impl_ ? impl_->ca_pem : std::string(); }

std::vector<SessionView> Server::sessions() const {
    std::vector<SessionView> views;
    if (!impl_) return views;
    for (const auto& session : impl_->context.sessions.all()) views.push_back(view_of(*session));
    return views;
}

std::vector<EndpointView> Server::endpoints() const {
    std::vector<EndpointView> views;
    if (!impl_) return views;
    for (const EndpointPtr& record : impl_->context.endpoints.snapshot()) views.push_back(view_of(*record));
    return views;
}

ErrorInfo Server::stop_agent(std::string_view session_id) {
    if (!running()) return not_running();
    return impl_->command(session_id, RequestType::stop, encode(StopRequest()));
}

ErrorInfo Server::restart_agent(std::string_view session_id) {
    if (!running()) return not_running();
    return impl_->command(session_id, RequestType::restart, encode(RestartRequest()));
}

ErrorInfo Server::update_agent(std::string_view session_id, std::string_view version, bool permit_major_version) {
    if (!running()) return not_running();
    UpdateRequest request;
    request.version = version;
    request.permit_major_version = permit_major_version;
    return impl_->command(session_id, RequestType::update, encode(request));
}

ErrorInfo Server::stop_endpoint(std::string_view endpoint_id, std::string_view message, int ngrok_error_number) {
    if (!running()) return not_running();
    bool found = false;
    for (const EndpointPtr& record : impl_->context.endpoints.snapshot()) {
        if (record->id != endpoint_id) continue;
        const auto session = record->session.lock();
        // StopTunnel names the bind: the agent drops it with all its URLs.
        if (!session || !session->take_bind_offline(record->bind_id)) continue;
        found = true;
        StopTunnelRequest request;
        request.id = record->bind_id;
        request.message = message;
        if (ngrok_error_number != 0) request.error_code = "ERR_NGROK_" + std::to_string(ngrok_error_number);
        spawn(impl_->context, session->executor(), session->send_stop_tunnel(encode(request)));
    }
    return found ? ErrorInfo() : unknown("endpoint", endpoint_id);
}

ErrorInfo Server::disconnect(std::string_view session_id) {
    if (!running()) return not_running();
    const auto session = impl_->context.sessions.find(session_id);
    if (!session) return unknown("session", session_id);
    session->drop(ErrorInfo(errc::session_closed, "disconnected by the operator"));
    return {};
}

ErrorInfo Server::reload_certificate(std::string_view chain_pem, std::string_view key_pem) {
    if (!running()) return not_running();
    return reload_certificates({{std::string(chain_pem), std::string(key_pem)}});
}

ErrorInfo Server::reload_certificates(const std::vector<std::pair<std::string, std::string>>& chain_and_key_pem) {
    if (!running()) return not_running();
    const auto identities = read_certificates(chain_and_key_pem);
    if (!identities) return identities.error();
    use_certificates(impl_->context.tls, *identities);
    return {};
}

ErrorInfo Server::reload_authtokens(const std::vector<std::pair<std::string, std::string>>& token_and_credential) {
    if (!running()) return not_running();
    if (!impl_->tokens) {
        return ErrorInfo(errc::invalid_option, "tokens are the directory's business once directory() is set",
                         "authtoken");
    }
    return impl_->tokens->replace(token_and_credential).error();
}

ErrorInfo Server::reload(std::string_view chain_pem, std::string_view key_pem,
                         const std::vector<std::pair<std::string, std::string>>& token_and_credential) {
    return reload({{std::string(chain_pem), std::string(key_pem)}}, token_and_credential);
}

ErrorInfo Server::reload(const std::vector<std::pair<std::string, std::string>>& chain_and_key_pem,
                         const std::vector<std::pair<std::string, std::string>>& token_and_credential) {
    if (!running()) return not_running();
    const auto identities = read_certificates(chain_and_key_pem);
    if (!identities) return identities.error();
    if (ErrorInfo error = reload_authtokens(token_and_credential)) return error;
    use_certificates(impl_->context.tls, *identities);
    return {};
}

void Server::drain(std::chrono::milliseconds time) {
    if (impl_) impl_->drain(time);
}

void Server::stop() noexcept {
    if (impl_) impl_->stop();
}

} // namespace adit
