// A TCP proxy on loopback that cuts links: after so many bytes, or all of them now.
#pragma once

#include <adit/asio.hpp>

#include "net/socket.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <vector>

namespace adit_test {

/// How a link ends.
enum class CutKind : std::uint8_t {
    clean,      ///< both ends see an orderly end of the TCP connection
    reset,      ///< both see RST
    black_hole, ///< neither sees anything: bytes vanish
    ghost_up,   ///< the dialer sees RST, the server nothing
    ghost_down, ///< the server sees RST, the dialer nothing
};
constexpr std::size_t cut_kinds = 5;

/// When, counted in bytes that were passed on in one direction.
class Cut {
public:
    Cut(CutKind k, bool u, std::size_t b) : kind(k), up(u), bytes(b) {}
    CutKind kind;
    bool up; ///< from the dialer
    std::size_t bytes;
};

/// Everything on the executor, which runs one handler at a time.
class CutProxy {
public:
    using Tcp = adit::net::Tcp;

    CutProxy(const asio::any_io_executor& executor, std::uint16_t target);
    CutProxy(const CutProxy&) = delete;
    CutProxy& operator=(const CutProxy&) = delete;
    ~CutProxy();

    std::uint16_t port() const noexcept { return port_; }
    /// Asked for each new link; null: it is never cut.
    std::function<std::unique_ptr<Cut>()> plan;
    void target(std::uint16_t port) { target_ = port; }
    /// New connections are closed at once.
    void refuse(bool on) { refuses_ = on; }
    void cut_all(CutKind kind);
    /// Ends what black holes still hold open.
    void forget_holes();
    /// Connections that came, also refused ones.
    std::size_t accepted() const noexcept { return accepted_; }
    /// Links whose sockets are open, black holes included.
    std::size_t open() const;
    /// Bytes that were passed on, in both directions.
    std::uint64_t passed() const noexcept { return passed_; }

private:
    class Link;
    void accept();
    std::vector<std::shared_ptr<Link>> links() const;

    asio::any_io_executor executor_;
    Tcp::acceptor acceptor_;
    std::uint16_t target_;
    std::uint16_t port_;
    bool refuses_ = false;
    std::size_t accepted_ = 0;
    std::uint64_t passed_ = 0;
    std::vector<std::weak_ptr<Link>> links_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// One with a thread of its own.
class CutProxyThread {
public:
    explicit CutProxyThread(std::uint16_t target);
    ~CutProxyThread();

    std::uint16_t port() const noexcept { return proxy_->port(); }
    /// Runs on its thread, and gives what comes out.
    template <class F>
    auto with(F use) {
        std::packaged_task<decltype(use(*proxy_))()> task([&] { return use(*proxy_); });
        auto result = task.get_future();
        asio::post(context_, [&task] { task(); });
        return result.get();
    }
    void cut_all(CutKind kind) {
        with([kind](CutProxy& proxy) { proxy.cut_all(kind); });
    }
    std::size_t accepted() {
        return with([](CutProxy& proxy) { return proxy.accepted(); });
    }

private:
    asio::io_context context_;
    asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
    std::unique_ptr<CutProxy> proxy_;
    std::thread thread_;
};

} // namespace adit_test
