#include "edge/tcp_ingress.hpp"

#include "edge/accept.hpp"
#include "edge/context.hpp"
#include "edge/visitor.hpp"
#include "edge/visitor_set.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace adit::inline v0::edge {

TcpIngress::TcpIngress(EdgeContext& context, asio::ip::tcp::acceptor acceptor, std::uint16_t port)
    : executor_(acceptor.get_executor()), acceptor_(std::move(acceptor)),
      visitors_(std::make_shared<VisitorSet>(context, executor_)), port_(port) {}

TcpIngress::~TcpIngress() = default;

Result<std::shared_ptr<TcpIngress>> TcpIngress::open(EdgeContext& context, const asio::any_io_executor& executor,
                                                     const asio::ip::address& ip, std::uint16_t port) {
    const net::Tcp::endpoint address(ip, port);
    net::Tcp::acceptor acceptor(executor);
    std::error_code ec;
    acceptor.open(address.protocol(), ec);
    if (!ec) (void)::fcntl(acceptor.native_handle(), F_SETFD, FD_CLOEXEC);
    if (!ec) acceptor.set_option(net::Tcp::acceptor::reuse_address(true), ec);
    const int v6_only = ip.is_unspecified() ? 0 : 1; // "::" takes IPv4 as well, whatever the system's default
    if (ip.is_v6()) (void)::setsockopt(acceptor.native_handle(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
    if (!ec) acceptor.bind(address, ec);
    if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) {
        const std::error_code code = ec == asio::error::address_in_use ? make_error_code(errc::address_in_use) : ec;
        return ErrorInfo(code, "cannot listen on " + to_text(address) + ": " + ec.message());
    }
    const std::uint16_t chosen = acceptor.local_endpoint(ec).port();
    const std::shared_ptr<TcpIngress> ingress(new TcpIngress(context, std::move(acceptor), chosen));
    ingress->visitors_->spawn(accept_visitors(ingress));
    return ingress;
}

asio::awaitable<void> TcpIngress::accept_visitors(std::shared_ptr<TcpIngress> self) {
    const std::shared_ptr<VisitorSet> visitors = self->visitors_;
    bool open = true;
    while (open) {
        net::Tcp::socket socket(self->executor_);
        net::Tcp::endpoint remote;
        open = co_await accept_visitor(self->acceptor_, visitors->context, socket, remote);
        if (!open) break;
        if (self->stopped_) { // in the same moment
            visitors->context.visitors.leave();
            break;
        }
        const auto visitor = std::make_shared<Visitor>(visitors, std::move(socket), remote);
        auto serve = Visitor::serve_tcp(visitor, self->port_);
        if (visitors->context.settings.is_balancer(ListenerKind::tcp, to_ip_endpoint(remote).address)) {
            serve = Visitor::serve_proxied(visitor, std::move(serve));
        }
        visitors->spawn(std::move(serve));
    }
}

void TcpIngress::close() noexcept {
    asio::post(executor_, [self = shared_from_this()] {
        std::error_code ignored;
        self->acceptor_.close(ignored);
    });
}

void TcpIngress::stop() noexcept {
    asio::post(executor_, [self = shared_from_this()] {
        std::error_code ignored;
        self->stopped_ = true;
        self->acceptor_.close(ignored);
        self->visitors_->abort_all();
    });
}

} // namespace adit
