#include "edge/gateway.hpp"

#include "edge/agent_session.hpp"
#include "edge/balancer.hpp"
#include "edge/context.hpp"
#include "edge/spawn.hpp"

#include "net/deadline.hpp"

#include <adit/limits.hpp>

#include <algorithm>

namespace adit::inline v0::edge {
namespace {

using Clock = std::chrono::steady_clock;

template <class T>
void keep(std::vector<std::weak_ptr<T>>& list, const std::shared_ptr<T>& item) {
    if (list.size() == list.capacity()) std::erase_if(list, [](const auto& each) { return each.expired(); });
    list.push_back(item);
}

} // namespace

Gateway::Gateway(EdgeContext& context, asio::any_io_executor executor, asio::ip::tcp::acceptor acceptor)
    : context_(context), executor_(std::move(executor)), acceptor_(std::move(acceptor)), backoff_(executor_) {
    std::error_code ignored;
    port_ = acceptor_.local_endpoint(ignored).port();
}

void Gateway::start() { spawn(context_, executor_, accept_loop()); }

asio::awaitable<void> Gateway::accept_loop() {
    const auto self = shared_from_this();
    std::error_code ec;
    while (acceptor_.is_open()) {
        net::Tcp::socket socket(executor_);
        net::Tcp::endpoint remote;
        co_await acceptor_.async_accept(socket, remote, asio::redirect_error(asio::use_awaitable, ec));
        if (!ec) {
            ByteQueue nothing;
            if (!context_.settings.is_balancer(ListenerKind::agent, to_ip_endpoint(remote).address)) {
                adopt(std::move(socket), remote, std::move(nothing));
            } else if (auto slot = std::make_shared<PreauthSlot>(context_.preauth.enter()); *slot) {
                spawn(context_, executor_, admit_proxied(std::move(socket), remote, std::move(slot)));
            } else {
                ++context_.counters.agents_refused; // closes the socket
            }
        } else if (ec != asio::error::connection_aborted && acceptor_.is_open()) {
            // No descriptors or memory: those that are connected go on, and may give some back.
            ++context_.counters.accept_failed;
            context_.log("error", "agents cannot be accepted: " + ec.message());
            backoff_.expires_after(limits::accept_backoff);
            co_await backoff_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
        }
    }
}

void Gateway::adopt(net::Tcp::socket socket, const net::Tcp::endpoint& remote, ByteQueue seen) {
    if (stopped_ || context_.draining) return; // closes the socket
    auto slot = std::make_shared<PreauthSlot>(context_.preauth.enter(to_ip_endpoint(remote).address));
    if (!*slot) {
        ++context_.counters.agents_refused;
        return;
    }
    ++context_.counters.agents_accepted;
    spawn(context_, executor_, admit(std::move(socket), remote, std::move(slot), std::move(seen)));
}

/// An agent behind a balancer, which says where he is.
asio::awaitable<void> Gateway::admit_proxied(net::Tcp::socket socket, net::Tcp::endpoint balancer,
                                             std::shared_ptr<PreauthSlot> slot) {
    const auto self = shared_from_this();
    const auto stream = std::make_shared<net::TcpStream>(std::move(socket));
    keep(proxied_, stream);
    Result<std::optional<ProxiedEnds>> ends(errc::protocol_error);
    {
        const net::Deadline deadline(executor_, context_.settings.client_hello_time, [stream] { stream->abort(); });
        ends = co_await read_proxy_protocol(stream);
    }
    if (stopped_) co_return;
    if (!ends) {
        ++context_.counters.proxy_headers_refused;
        context_.log("debug", "the balancer at " + to_text(balancer) + " was refused: " + ends.error().to_string());
        stream->close();
        co_return;
    }
    const net::Tcp::endpoint remote = *ends ? to_tcp_endpoint((*ends)->source) : balancer;
    ByteQueue nothing;
    net::Tcp::socket plain = stream->release(nothing);
    slot->release();
    adopt(std::move(plain), remote, std::move(nothing));
}

asio::awaitable<void> Gateway::admit(net::Tcp::socket socket, net::Tcp::endpoint remote,
                                     std::shared_ptr<PreauthSlot> slot, ByteQueue seen) {
    const auto self = shared_from_this();
    const auto auth_deadline = Clock::now() + context_.settings.auth_time;
    auto stream = std::make_shared<net::TlsStream>(std::move(socket), tls::Engine::server(context_.tls.agents),
                                                   std::move(seen));
    keep(handshakes_, stream);
    Result<void> done(errc::tls_handshake_failed);
    {
        const Clock::duration time = std::min<Clock::duration>(context_.settings.tls_handshake_time, context_.settings.auth_time);
        const net::Deadline deadline(executor_, time, [stream] { stream->abort(); });
        done = co_await stream->handshake();
    }
    if (!done || stopped_) {
        ++context_.counters.agent_tls_failed;
        context_.log("debug", "no TLS with the agent at " + to_text(remote) + ": " + done.error().to_string());
        stream->close();
        co_return;
    }
    auto [plain_socket, engine] = stream->release();
    const auto session = std::make_shared<AgentSession>(context_, executor_, remote, std::move(*slot));
    keep(sessions_, session);
    session->start(std::move(plain_socket), std::move(engine), auth_deadline);
}

std::vector<std::shared_ptr<AgentSession>> Gateway::sessions() {
    std::vector<std::shared_ptr<AgentSession>> alive;
    for (const auto& weak : sessions_) {
        if (auto session = weak.lock()) alive.push_back(std::move(session));
    }
    return alive;
}

void Gateway::close_acceptor() {
    std::error_code ignored;
    (void)acceptor_.close(ignored);
    backoff_.cancel();
}

void Gateway::stop_accepting() {
    asio::post(executor_, [self = shared_from_this()] { self->close_acceptor(); });
}

void Gateway::close_sessions() {
    asio::post(executor_, [self = shared_from_this()] {
        for (const auto& session : self->sessions()) session->close();
    });
}

void Gateway::close_idle_sessions() {
    asio::post(executor_, [self = shared_from_this()] {
        for (const auto& session : self->sessions()) {
            if (session->authenticated() && session->visitor_streams() == 0) session->close();
        }
    });
}

void Gateway::stop() {
    asio::post(executor_, [self = shared_from_this()] {
        self->stopped_ = true;
        self->close_acceptor();
        for (const auto& weak : self->handshakes_) {
            if (const auto stream = weak.lock()) stream->abort();
        }
        for (const auto& weak : self->proxied_) {
            if (const auto stream = weak.lock()) stream->abort();
        }
        for (const auto& session : self->sessions()) session->drop(ErrorInfo(errc::session_closed, "the edge stops"));
    });
}

} // namespace adit
