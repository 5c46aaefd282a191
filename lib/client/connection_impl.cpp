#include "client/connection_impl.hpp"

#include "client/blocking.hpp"
#include "client/session_impl.hpp"
#include "client/socket_pump.hpp"

#include <array>

namespace adit::inline v0::detail {
namespace {

asio::awaitable<void> discard(std::shared_ptr<net::SharedStream> stream) {
    std::array<std::uint8_t, 4096> buffer;
    const MutableBytes space(buffer);
    for (;;) {
        const net::IoResult got = co_await stream->read_some(space);
        if (!got.ok()) co_return;
    }
}

// Zero waits for ever.
bool wait(BlockingCall<std::size_t>& call, std::chrono::milliseconds time) {
    if (time.count() > 0) return call.wait_for(time);
    call.wait();
    return true;
}

} // namespace

ConnectionLife::ConnectionLife(std::shared_ptr<SessionImpl> session, std::shared_ptr<net::MuxStream> stream,
                               std::string listener_id, std::string url, std::string remote_address)
    : session_(std::move(session)), stream_(std::move(stream)), listener_id_(std::move(listener_id)),
      url_(std::move(url)), remote_address_(std::move(remote_address)), head_size_(stream_->bytes_received()) {
    session_->connection_began();
    if (session_->wants_events()) session_->tell(event(Event::Kind::connection_opened));
}

ConnectionLife::~ConnectionLife() {
    if (session_->wants_events()) {
        const auto closed = event(Event::Kind::connection_closed);
        closed->bytes_in = stream_->bytes_received() - head_size_;
        closed->bytes_out = stream_->bytes_sent();
        closed->reason = failure_;
        closed->duration = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began_);
        session_->tell(closed);
    }
    session_->connection_ended();
}

std::shared_ptr<Event::Data> ConnectionLife::event(Event::Kind kind) const {
    auto event = std::make_shared<Event::Data>(kind);
    event->url = url_;
    event->listener_id = listener_id_;
    event->remote_address = remote_address_;
    return event;
}

ConnectionImpl::ConnectionImpl(std::shared_ptr<SessionImpl> session, std::shared_ptr<net::MuxStream> stream,
                               const ProxyHeader& header, std::string url, bool passthrough_tls)
    : session_(std::move(session)), mux_(std::move(stream)), stream_(mux_), remote_address_(header.client_addr),
      protocol_(header.protocol), passthrough_tls_(passthrough_tls),
      life_(std::make_shared<ConnectionLife>(session_, mux_, header.id, std::move(url), header.client_addr)) {}

ConnectionImpl::ConnectionImpl(std::shared_ptr<SessionImpl> session, std::shared_ptr<net::MuxStream> stream,
                               std::shared_ptr<net::TlsMuxStream> tls, const ProxyHeader& header,
                               std::shared_ptr<ConnectionLife> life)
    : session_(std::move(session)), mux_(std::move(stream)), stream_(tls), remote_address_(header.client_addr),
      protocol_(header.protocol), passthrough_tls_(false), tls_(tls->engine()), life_(std::move(life)) {}

TlsFacts::TlsFacts(const tls::Engine& engine)
    : server_name(engine.server_name()), alpn(engine.alpn()), version(engine.version()), cipher(engine.cipher()) {
    const std::optional<tls::PeerCertificate> shown = engine.peer_certificate();
    if (!shown) return;
    const tls::CertificateInfo& info = shown->info;
    certificate.chain(shown->chain_pem, shown->verified).names(info.subject, info.issuer, info.dns_names);
    certificate.numbers(info.serial, info.fingerprint).valid(info.not_before, info.not_after);
}

const asio::any_io_executor& ConnectionImpl::executor() const noexcept { return session_->executor(); }

void ConnectionImpl::start_read(asio::mutable_buffer buffer, Handler handler) {
    if (receive_shut_.load()) {
        handler.complete(asio::error::eof, 0);
    } else {
        stream_->start_read(buffer, std::move(handler));
    }
    session_->ensure_completion();
}

void ConnectionImpl::start_write(const ConstBuffers& buffers, Handler handler) {
    stream_->start_write(buffers, std::move(handler));
    session_->ensure_completion();
}

std::size_t ConnectionImpl::read(asio::mutable_buffer buffer, std::error_code& ec) {
    if (session_->is_own_thread()) {
        ec = errc::would_deadlock;
        return 0;
    }
    if (receive_shut_.load()) {
        ec = asio::error::eof;
        return 0;
    }
    BlockingCall<std::size_t> call;
    stream_->start_read(buffer, call.handler());
    if (!wait(call, read_timeout_.load())) {
        stream_->cancel_read(make_error_code(errc::timed_out)); // or it completes just now
        call.wait();
    }
    ec = call.code();
    return call.result<0>();
}

std::size_t ConnectionImpl::write(const ConstBuffers& buffers, std::error_code& ec) {
    if (session_->is_own_thread()) {
        ec = errc::would_deadlock;
        return 0;
    }
    BlockingCall<std::size_t> call;
    stream_->start_write(buffers, call.handler());
    if (!wait(call, write_timeout_.load())) {
        stream_->cancel_write(make_error_code(errc::timed_out));
        call.wait();
    }
    ec = call.code();
    return call.result<0>();
}

void ConnectionImpl::shutdown_receive() {
    if (closed_.load() || receive_shut_.exchange(true)) return;
    stream_->cancel_read(asio::error::eof);
    asio::co_spawn(session_->strand(), discard(stream_), asio::detached);
}

void ConnectionImpl::close() noexcept {
    if (closed_.exchange(true)) return;
    stream_->close_holding(std::move(life_)); // a session that drains waits for what was written
}

void ConnectionImpl::reset(muxado::ErrorCode code) noexcept {
    if (closed_.exchange(true)) return;
    stream_->reset(code);
    life_.reset();
}

int ConnectionImpl::release_socket(std::error_code& ec) {
    if (closed_.load()) {
        ec = errc::connection_closed;
        return -1;
    }
    const Result<std::shared_ptr<SocketPump>> pump = SocketPump::create(stream_, life_);
    if (!pump) {
        ec = pump.error().code();
        return -1;
    }
    ec = {};
    closed_.store(true); // the pump ends the stream from now on
    life_.reset();
    stream_->cancel_read(make_error_code(errc::connection_closed));
    stream_->cancel_write(make_error_code(errc::connection_closed));
    return (*pump)->start();
}

} // namespace adit
