#include "client/tls_accept.hpp"

#include "client/listener_impl.hpp"
#include "client/session_impl.hpp"
#include "client/thrown.hpp"
#include "client/tls_server_state.hpp"
#include "net/deadline.hpp"
#include "proto/proxy_protocol.hpp"

#include <array>
#include <utility>

namespace adit::inline v0::detail {

TlsAccept::TlsAccept(std::shared_ptr<ListenerImpl> listener, std::shared_ptr<net::MuxStream> stream,
                     const ProxyHeader& header, TlsServer server, bool proxy_protocol)
    : listener_(std::move(listener)), stream_(std::move(stream)), header_(header), server_(std::move(server)),
      proxy_protocol_(proxy_protocol), executor_(one_at_a_time(listener_->session().executor())),
      life_(std::make_shared<ConnectionLife>(listener_->session().shared_from_this(), stream_, header.id,
                                             listener_->url(), header.client_addr)) {}

TlsAccept::~TlsAccept() {
    if (counted_) listener_->session().end_tls_handshake();
}

void TlsAccept::start() {
    const auto self = shared_from_this();
    counted_ = listener_->session().begin_tls_handshake();
    if (!counted_) {
        life_->fail(ErrorInfo(errc::limit_exceeded, "too many TLS handshakes at once"));
        refuse();
        return;
    }
    asio::co_spawn(executor_, run(self), [self](const std::exception_ptr& thrown) {
        if (!thrown) return;
        if (self->life_) self->life_->fail(describe(thrown));
        self->refuse();
    });
}

void TlsAccept::refuse() noexcept { stream_->reset(muxado::ErrorCode::accept_queue_full); }

asio::awaitable<void> TlsAccept::run(std::shared_ptr<TlsAccept> self) {
    const Result<std::shared_ptr<net::TlsMuxStream>> shaken = co_await self->shake();
    if (shaken) {
        ListenerImpl& listener = *self->listener_;
        listener.offer(std::make_shared<ConnectionImpl>(listener.session().shared_from_this(), self->stream_, *shaken,
                                                        self->header_, std::move(self->life_)));
        co_return;
    }
    self->life_->fail(shaken.error());
    self->life_.reset();
    co_await self->say_goodbye();
}

asio::awaitable<Result<std::shared_ptr<net::TlsMuxStream>>> TlsAccept::shake() {
    const auto time = listener_->session().options().tls_handshake_time;
    const net::Deadline bound(executor_, time, [weak = std::weak_ptr<net::MuxStream>(stream_)] {
        if (const auto late = weak.lock()) late->abort();
    });
    ByteQueue prefix;
    if (proxy_protocol_) {
        Result<ByteQueue> header = co_await read_proxy_header();
        if (bound.expired()) co_return ErrorInfo(errc::timed_out, "the PROXY protocol header did not come in time");
        if (!header) co_return header.error();
        prefix = std::move(*header);
    }
    const auto tls = std::make_shared<net::TlsMuxStream>(stream_, tls::Engine::server(server_.state()->context()),
                                                         std::move(prefix), listener_->session().options().tls_close_time);
    const Result<void> shaken = co_await tls->handshake();
    if (shaken) co_return tls;
    if (bound.expired()) co_return ErrorInfo(errc::timed_out, "the client did not finish its TLS handshake in time");
    co_return shaken.error();
}

asio::awaitable<Result<ByteQueue>> TlsAccept::read_proxy_header() {
    ProxyProtocolReader reader;
    ByteQueue header;
    std::uint8_t byte = 0;
    const MutableBytes space(&byte, 1); // what follows is TLS
    while (!reader.done()) {
        const net::IoResult got = co_await stream_->read_some(space);
        if (!got.ok()) co_return ErrorInfo(got.code(), "the connection ended in its PROXY protocol header");
        const Result<std::size_t> fed = reader.feed(space);
        if (!fed) co_return fed.error();
        header.append(space);
    }
    co_return header;
}

/// The alert and the end behind it, and a moment for what the visitor still sends: a reset would overtake the alert.
asio::awaitable<void> TlsAccept::say_goodbye() {
    std::array<std::uint8_t, 4096> buffer;
    const MutableBytes space(buffer);
    const net::Deadline bound(executor_, limits::linger_time, [weak = std::weak_ptr<net::MuxStream>(stream_)] {
        if (const auto late = weak.lock()) late->close();
    });
    stream_->finish_write();
    net::IoResult got;
    for (std::size_t discarded = 0; got.ok() && discarded < limits::linger_bytes; discarded += got.size())
        got = co_await stream_->read_some(space);
    stream_->close();
}

} // namespace adit
