#include "client/upstream_dialer.hpp"

#include "client/roots.hpp"
#include "net/deadline.hpp"
#include "net/dial.hpp"

#include <algorithm>
#include <array>

namespace adit::inline v0 {
namespace {

using Clock = std::chrono::steady_clock;

Result<tls::TrustRoots> named_roots(const Upstream::Data& upstream) {
    SessionOptions::Data as_session; // who reads the roots of a session
    as_session.roots_value = upstream.roots_value;
    switch (upstream.roots) {
    case Upstream::Data::Roots::system: break;
    case Upstream::Data::Roots::file: as_session.roots = SessionOptions::Data::Roots::file; break;
    case Upstream::Data::Roots::pem: as_session.roots = SessionOptions::Data::Roots::pem; break;
    }
    Result<tls::TrustRoots> roots = load_roots(as_session);
    if (roots) return roots;
    const ErrorInfo& error = roots.error();
    return ErrorInfo(error.code(), "upstream " + error.message(), error.detail());
}

Result<std::shared_ptr<const tls::ClientContext>> make_context(const Upstream::Data& upstream, UpstreamScheme scheme,
                                                               bool http2) {
    tls::ClientOptions options;
    options.verify = upstream.verify;
    if (upstream.verify) {
        const Result<tls::TrustRoots> roots = named_roots(upstream);
        if (!roots) return roots.error();
        options.roots = *roots;
    }
    if (!upstream.certificate_pem.empty()) {
        const auto identity = tls::Identity::from_pem(upstream.certificate_pem, upstream.key_pem);
        if (!identity) {
            return ErrorInfo(errc::invalid_option, "upstream client_certificate: " + identity.error().message(),
                             identity.error().detail());
        }
        options.identity = *identity;
    }
    if (http2) {
        options.alpn.emplace_back("h2"); // alone: the bytes that follow are HTTP/2 whatever is agreed
    } else if (scheme == UpstreamScheme::https) {
        options.alpn.emplace_back("http/1.1");
    }
    return tls::ClientContext::create(std::move(options));
}

} // namespace

bool UpstreamConnection::is_quiet() {
    if (tls_) return tls_->is_quiet();
    std::array<std::uint8_t, 1> byte;
    return net::receive_now(tcp_->socket(), byte).code() == asio::error::would_block;
}

void UpstreamConnection::accept_truncation() noexcept {
    if (tls_) tls_->accept_truncation();
}

// --- dialling

Result<std::shared_ptr<const UpstreamDialer>> UpstreamDialer::create(const Upstream::Data& upstream,
                                                                     UpstreamTarget target, bool http2) {
    const std::shared_ptr<UpstreamDialer> dialer(new UpstreamDialer(upstream, std::move(target)));
    const UpstreamTarget& to = dialer->target_;
    if (!to.uses_tls()) return std::shared_ptr<const UpstreamDialer>(dialer);
    auto context = make_context(upstream, to.scheme, http2);
    if (!context) return context.error();
    dialer->tls_ = std::move(*context);
    dialer->verify_name_ = upstream.server_name.empty() ? to.host : upstream.server_name;
    const Result<tls::Engine> engine = tls::Engine::client(dialer->tls_, dialer->verify_name_);
    if (!engine) {
        return ErrorInfo(errc::invalid_option, "upstream server_name: " + engine.error().message(),
                         engine.error().detail());
    }
    return std::shared_ptr<const UpstreamDialer>(dialer);
}

asio::awaitable<Result<net::Tcp::socket>> UpstreamDialer::connect(asio::any_io_executor executor) const {
    const auto time = options_.dial_timeout;
    if (target_.scheme == UpstreamScheme::unix_socket) {
        Result<net::Tcp::socket> local = co_await net::dial_local(executor, target_.path, time);
        co_return local;
    }
    std::string host = target_.host;
    std::string port = std::to_string(target_.port);
    Result<net::Tcp::socket> socket = co_await net::dial(executor, std::move(host), std::move(port), time);
    co_return socket;
}

asio::awaitable<Result<UpstreamConnectionPtr>> UpstreamDialer::dial(asio::any_io_executor executor, std::string first,
                                                                    bool secure) const {
    const Clock::time_point end = Clock::now() + options_.dial_timeout;
    Result<net::Tcp::socket> socket = co_await connect(executor);
    if (!socket) co_return socket.error();
    if (!first.empty()) { // a few hundred bytes into an empty socket
        const net::IoResult sent = net::send_now(*socket, as_bytes(first));
        if (!sent.ok() || sent.size() != first.size()) {
            co_return ErrorInfo(sent.ok() ? make_error_code(errc::unavailable) : sent.code(),
                                "sending the PROXY protocol header to " + target_.url() + " failed");
        }
    }
    if (!secure || !tls_) {
        auto stream = std::make_shared<net::TcpStream>(std::move(*socket));
        co_return std::make_shared<UpstreamConnection>(std::move(stream));
    }
    Result<tls::Engine> engine = tls::Engine::client(tls_, verify_name_);
    if (!engine) co_return engine.error();
    const auto stream = std::make_shared<net::TlsStream>(std::move(*socket), std::move(*engine));
    Result<void> shaken;
    bool late = false;
    {
        const auto left = std::max(end - Clock::now(), Clock::duration::zero());
        const net::Deadline bound(executor, left, [weak = std::weak_ptr<net::TlsStream>(stream)] {
            if (const auto waiting = weak.lock()) waiting->abort();
        });
        shaken = co_await stream->handshake();
        late = bound.expired();
    }
    if (late && !shaken) co_return ErrorInfo(errc::timed_out, "TLS with " + target_.url() + " took too long");
    if (!shaken) {
        const ErrorInfo& error = shaken.error();
        const std::string why = error.message().empty() ? error.code().message() : error.message();
        co_return ErrorInfo(error.code(), "TLS with " + target_.url() + " failed: " + why, error.detail());
    }
    co_return std::make_shared<UpstreamConnection>(stream);
}

// --- the pool

UpstreamConnectionPtr UpstreamPool::take(Clock::duration max_age) {
    std::vector<UpstreamConnectionPtr> dead; // closed without the mutex
    UpstreamConnectionPtr found;
    {
        const std::lock_guard lock(mutex_);
        const Clock::time_point oldest = Clock::now() - std::min<Clock::duration>(max_age, idle_time_);
        while (!found && !idle_.empty() && idle_.back()->idle_since >= oldest) {
            UpstreamConnectionPtr last = std::move(idle_.back());
            idle_.pop_back();
            (last->is_quiet() ? found : dead.emplace_back()) = last;
        }
    }
    for (const UpstreamConnectionPtr& each : dead) each->stream->close();
    return found;
}

void UpstreamPool::put(UpstreamConnectionPtr connection) {
    UpstreamConnectionPtr unwanted;
    connection->used = true;
    connection->idle_since = Clock::now();
    {
        const std::lock_guard lock(mutex_);
        if (closed_ || max_ == 0) {
            unwanted = std::move(connection);
        } else {
            if (idle_.size() == max_) { // the oldest goes
                unwanted = std::move(idle_.front());
                idle_.erase(idle_.begin());
            }
            idle_.push_back(std::move(connection));
            if (!armed_) arm();
        }
    }
    if (unwanted) unwanted->stream->close();
}

void UpstreamPool::close() noexcept {
    std::vector<UpstreamConnectionPtr> idle;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        idle.swap(idle_);
        timer_.cancel();
    }
    for (const UpstreamConnectionPtr& each : idle) each->stream->close();
}

std::size_t UpstreamPool::size() const {
    const std::lock_guard lock(mutex_);
    return idle_.size();
}

void UpstreamPool::arm() {
    armed_ = true;
    timer_.expires_at(idle_.front()->idle_since + idle_time_);
    timer_.async_wait([weak = weak_from_this()](const std::error_code& ec) {
        const auto self = weak.lock();
        if (!ec && self) self->sweep();
    });
}

void UpstreamPool::sweep() {
    std::vector<UpstreamConnectionPtr> old;
    {
        const std::lock_guard lock(mutex_);
        armed_ = false;
        const Clock::time_point oldest = Clock::now() - idle_time_;
        const auto young = std::ranges::find_if(idle_, [&](const auto& each) { return each->idle_since > oldest; });
        old.assign(idle_.begin(), young);
        idle_.erase(idle_.begin(), young);
        if (!idle_.empty() && !closed_) arm();
    }
    for (const UpstreamConnectionPtr& each : old) each->stream->close();
}

} // namespace adit
