#include "edge/ingress.hpp"

#include "edge/accept.hpp"
#include "edge/context.hpp"
#include "edge/visitor.hpp"
#include "edge/visitor_set.hpp"

namespace adit::inline v0::edge {
namespace {

std::uint16_t port_of(const asio::ip::tcp::acceptor& acceptor) {
    std::error_code ignored;
    return acceptor.local_endpoint(ignored).port();
}

} // namespace

Ingress::Ingress(EdgeContext& context, const asio::any_io_executor& executor, asio::ip::tcp::acceptor acceptor,
                 IngressKind kind)
    : executor_(executor), acceptor_(std::move(acceptor)), visitors_(std::make_shared<VisitorSet>(context, executor)),
      port_(port_of(acceptor_)), kind_(kind) {}

Ingress::~Ingress() = default;

std::shared_ptr<Ingress> Ingress::create(EdgeContext& context, const asio::any_io_executor& executor,
                                         asio::ip::tcp::acceptor acceptor, IngressKind kind) {
    return std::shared_ptr<Ingress>(new Ingress(context, executor, std::move(acceptor), kind));
}

void Ingress::serve_agents(std::shared_ptr<Gateway> gateway) { visitors_->agents = std::move(gateway); }

void Ingress::start() { visitors_->spawn(accept_visitors(shared_from_this())); }

asio::awaitable<void> Ingress::accept_visitors(std::shared_ptr<Ingress> self) {
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
        self->serve(std::move(socket), remote);
    }
}

void Ingress::serve(net::Tcp::socket socket, const net::Tcp::endpoint& remote) {
    const auto visitor = std::make_shared<Visitor>(visitors_, std::move(socket), remote);
    const bool https = kind_ == IngressKind::https;
    const ListenerKind listener = https ? ListenerKind::https : ListenerKind::http;
    auto served = https ? Visitor::serve_https(visitor) : Visitor::serve_http(visitor);
    if (visitors_->context.settings.is_balancer(listener, to_ip_endpoint(remote).address)) {
        served = Visitor::serve_proxied(visitor, std::move(served));
    }
    visitors_->spawn(std::move(served));
}

/// Closing the port would reset who connected before and was not accepted yet.
void Ingress::accept_waiting() {
    std::error_code ec;
    while (!ec && acceptor_.is_open()) {
        net::Tcp::endpoint remote;
        net::Tcp::socket socket(executor_);
        acceptor_.accept(socket, remote, ec);
        if (ec || !take_place(visitors_->context)) continue;
        serve(std::move(socket), remote);
    }
}

void Ingress::stop_accepting() {
    asio::post(executor_, [self = shared_from_this()] {
        std::error_code ignored;
        self->accept_waiting();
        self->acceptor_.close(ignored);
        self->visitors_->drain_all();
    });
}

void Ingress::stop() {
    asio::post(executor_, [self = shared_from_this()] {
        std::error_code ignored;
        self->stopped_ = true;
        self->acceptor_.close(ignored);
        self->visitors_->abort_all();
    });
}

std::size_t Ingress::active() const noexcept { return visitors_->size(); }

} // namespace adit
