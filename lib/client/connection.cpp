#include <adit/connection.hpp>

#include "base/ip_address.hpp"
#include "client/connection_impl.hpp"

#include <utility>

namespace adit::inline v0 {

using asio::ip::tcp;

Connection::Connection() noexcept = default;
Connection::Connection(Connection&& other) noexcept = default;
Connection::Connection(std::shared_ptr<detail::ConnectionImpl> impl) noexcept : impl_(std::move(impl)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
    if (this != &other) {
        close();
        impl_ = std::move(other.impl_);
    }
    return *this;
}

// An operation in flight may still hold the state, so its end does not wait for that.
Connection::~Connection() { close(); }

Connection::executor_type Connection::get_executor() const {
    if (!impl_) return asio::system_executor();
    return impl_->executor();
}

bool Connection::is_open() const noexcept { return impl_ && impl_->is_open(); }
std::string Connection::remote_address() const { return impl_ ? impl_->remote_address() : std::string(); }
std::string Connection::protocol() const { return impl_ ? impl_->protocol() : std::string(); }
bool Connection::passthrough_tls() const noexcept { return impl_ && impl_->passthrough_tls(); }
std::string Connection::server_name() const { return impl_ ? impl_->tls().server_name : std::string(); }
std::string Connection::alpn_protocol() const { return impl_ ? impl_->tls().alpn : std::string(); }
std::string Connection::tls_version() const { return impl_ ? impl_->tls().version : std::string(); }
std::string Connection::tls_cipher() const { return impl_ ? impl_->tls().cipher : std::string(); }
PeerCertificate Connection::peer_certificate() const { return impl_ ? impl_->tls().certificate : PeerCertificate(); }

tcp::endpoint Connection::remote_endpoint() const {
    const auto parsed = IpEndpoint::parse(remote_address());
    if (!parsed) return {};
    if (parsed->address.is_v4()) return {asio::ip::address_v4(parsed->address.v4()), parsed->port};
    return {asio::ip::address_v6(parsed->address.v6()), parsed->port};
}

void Connection::start_read(const Impl& impl, asio::mutable_buffer buffer, Handler handler) {
    if (impl) {
        impl->start_read(buffer, std::move(handler));
    } else {
        handler.complete(errc::connection_closed, 0);
    }
}

void Connection::start_write(const Impl& impl, const detail::ConstBuffers& buffers, Handler handler) {
    if (impl) {
        impl->start_write(buffers, std::move(handler));
    } else {
        handler.complete(errc::connection_closed, 0);
    }
}

std::size_t Connection::read_blocking(asio::mutable_buffer buffer, std::error_code& ec) {
    if (impl_) return impl_->read(buffer, ec);
    ec = errc::connection_closed;
    return 0;
}

std::size_t Connection::write_blocking(const detail::ConstBuffers& buffers, std::error_code& ec) {
    if (impl_) return impl_->write(buffers, ec);
    ec = errc::connection_closed;
    return 0;
}

void Connection::throw_error(const std::error_code& ec) { throw SystemError(ErrorInfo(ec)); }

void Connection::read_timeout(std::chrono::milliseconds time) {
    if (impl_) impl_->read_timeout(time);
}

void Connection::write_timeout(std::chrono::milliseconds time) {
    if (impl_) impl_->write_timeout(time);
}

void Connection::shutdown(tcp::socket::shutdown_type what, std::error_code& ec) {
    ec = is_open() ? std::error_code() : make_error_code(errc::connection_closed);
    if (ec) return;
    if (what != tcp::socket::shutdown_receive) impl_->shutdown_send();
    if (what != tcp::socket::shutdown_send) impl_->shutdown_receive();
}

void Connection::shutdown(tcp::socket::shutdown_type what) {
    std::error_code ec;
    shutdown(what, ec);
    if (ec) throw_error(ec);
}

void Connection::close() noexcept {
    if (impl_) impl_->close();
}

void Connection::reset() noexcept {
    if (impl_) impl_->reset();
}

int Connection::release_socket(std::error_code& ec) {
    if (impl_) return impl_->release_socket(ec);
    ec = errc::connection_closed;
    return -1;
}

int Connection::release_socket() {
    std::error_code ec;
    const int descriptor = release_socket(ec);
    if (ec) throw_error(ec);
    return descriptor;
}

} // namespace adit
