#include "support/cut_proxy.hpp"

#include <asio/write.hpp>

#include <algorithm>

namespace adit_test {

using adit::net::Tcp;

class CutProxy::Link : public std::enable_shared_from_this<CutProxy::Link> {
public:
    Link(CutProxy& proxy, Tcp::socket dialer, std::unique_ptr<Cut> cut)
        : proxy_(proxy), alive_(proxy.alive_), dialer_(std::move(dialer)), server_(dialer_.get_executor()),
          cut_(std::move(cut)) {}

    void start(std::uint16_t target) {
        const Tcp::endpoint address(asio::ip::address_v4::loopback(), target);
        server_.async_connect(address, [self = shared_from_this()](std::error_code ec) {
            if (ec) {
                self->end(CutKind::reset);
                return;
            }
            std::error_code ignored;
            (void)self->dialer_.set_option(Tcp::no_delay(true), ignored);
            (void)self->server_.set_option(Tcp::no_delay(true), ignored);
            self->read(self->up_);
            self->read(self->down_);
        });
    }

    void end(CutKind kind) {
        if (kind == CutKind::black_hole || kind == CutKind::ghost_up || kind == CutKind::ghost_down) {
            hole_ = true;
            if (kind == CutKind::ghost_up) close(dialer_, true);
            if (kind == CutKind::ghost_down) close(server_, true);
            return;
        }
        hole_ = false;
        close(dialer_, kind == CutKind::reset);
        close(server_, kind == CutKind::reset);
    }
    bool is_hole() const noexcept { return hole_; }
    bool is_open() const { return dialer_.is_open() || server_.is_open(); }

private:
    class Way {
    public:
        explicit Way(bool u) : up(u) {}
        const bool up;
        std::size_t passed = 0;
        bool ended = false;
        std::array<char, 16'384> buffer;
    };

    Tcp::socket& from(const Way& way) { return way.up ? dialer_ : server_; }
    Tcp::socket& to(const Way& way) { return way.up ? server_ : dialer_; }

    static void close(Tcp::socket& socket, bool with_reset) {
        std::error_code ignored;
        if (with_reset) (void)socket.set_option(asio::socket_base::linger(true, 0), ignored);
        (void)socket.close(ignored);
    }

    void read(Way& way) {
        from(way).async_read_some(asio::buffer(way.buffer), [self = shared_from_this(), &way](std::error_code ec, std::size_t n) {
            if (ec) {
                self->finish(way, ec == asio::error::eof);
            } else if (self->hole_) {
                self->read(way); // and the bytes are gone
            } else {
                self->pass(way, n);
            }
        });
    }

    void pass(Way& way, std::size_t n) {
        const bool its = cut_ && cut_->up == way.up;
        const std::size_t room = its ? cut_->bytes - way.passed : n;
        const bool last = its && n >= room;
        const std::size_t now = std::min(n, room);
        way.passed += now;
        if (*alive_) proxy_.passed_ += now;
        asio::async_write(to(way), asio::buffer(way.buffer, now), [self = shared_from_this(), &way, last](std::error_code ec, std::size_t) {
            if (last && !self->hole_) self->end(self->cut_->kind);
            if (self->hole_ || !ec) {
                self->read(way);
            } else {
                self->finish(way, false);
            }
        });
    }

    void finish(Way& way, bool orderly) {
        way.ended = true;
        std::error_code ignored;
        if (hole_) {
            close(from(way), false);
        } else if (!orderly || (up_.ended && down_.ended)) {
            end(orderly ? CutKind::clean : CutKind::reset);
        } else {
            (void)to(way).shutdown(Tcp::socket::shutdown_send, ignored);
        }
    }

    CutProxy& proxy_;
    const std::shared_ptr<bool> alive_;
    Tcp::socket dialer_, server_;
    const std::unique_ptr<Cut> cut_;
    bool hole_ = false;
    Way up_{true}, down_{false};
};

CutProxy::CutProxy(const asio::any_io_executor& executor, std::uint16_t target)
    : executor_(executor), acceptor_(executor, Tcp::endpoint(asio::ip::address_v4::loopback(), 0)), target_(target),
      port_(acceptor_.local_endpoint().port()) {
    accept();
}

CutProxy::~CutProxy() {
    *alive_ = false;
    for (const auto& link : links()) link->end(CutKind::reset);
}

void CutProxy::accept() {
    acceptor_.async_accept([this, alive = alive_](std::error_code ec, Tcp::socket socket) {
        if (ec || !*alive) return;
        ++accepted_;
        if (!refuses_) {
            std::erase_if(links_, [](const auto& link) { return link.expired(); });
            const auto link = std::make_shared<Link>(*this, std::move(socket), plan ? plan() : nullptr);
            links_.push_back(link);
            link->start(target_);
        }
        accept();
    });
}

std::vector<std::shared_ptr<CutProxy::Link>> CutProxy::links() const {
    std::vector<std::shared_ptr<Link>> links;
    for (const auto& weak : links_)
        if (auto link = weak.lock()) links.push_back(std::move(link));
    return links;
}

void CutProxy::cut_all(CutKind kind) {
    for (const auto& link : links())
        if (!link->is_hole()) link->end(kind);
}

void CutProxy::forget_holes() {
    for (const auto& link : links())
        if (link->is_hole()) link->end(CutKind::reset);
}

std::size_t CutProxy::open() const {
    const auto all = links();
    return static_cast<std::size_t>(std::ranges::count_if(all, [](const auto& link) { return link->is_open(); }));
}

CutProxyThread::CutProxyThread(std::uint16_t target)
    : proxy_(std::make_unique<CutProxy>(context_.get_executor(), target)), thread_([this] { context_.run(); }) {}

CutProxyThread::~CutProxyThread() {
    asio::post(context_, [this] {
        proxy_.reset();
        work_.reset();
    });
    thread_.join();
}

} // namespace adit_test
