#include "edge/tcp_ports.hpp"

#include "edge/context.hpp"
#include "edge/tcp_ingress.hpp"

#include "base/random.hpp"

#include <algorithm>
#include <array>

namespace adit::inline v0::edge {
namespace {

std::uint32_t random_number() {
    std::array<std::uint8_t, 4> bytes;
    fill_random(bytes);
    return get_u32_be(bytes.data());
}

ErrorInfo no_port(const Settings& settings) {
    return ErrorInfo(ngrok_error(334), "all tcp ports of this edge, " + std::to_string(settings.tcp_first_port) + " to " +
                                           std::to_string(settings.tcp_last_port) + ", are taken");
}

} // namespace

TcpPorts::TcpPorts() = default;
TcpPorts::~TcpPorts() = default;

Result<std::uint16_t> TcpPorts::acquire(EdgeContext& context, const asio::any_io_executor& executor,
                                        std::uint16_t port) {
    const std::lock_guard lock(mutex_);
    if (port == 0) return open_any(context, executor);
    const Settings& settings = context.settings;
    if (settings.tcp_first_port != 0 && (port < settings.tcp_first_port || port > settings.tcp_last_port)) {
        return ErrorInfo(ngrok_error(307), "tcp endpoints of this edge have ports from " +
                                               std::to_string(settings.tcp_first_port) + " to " +
                                               std::to_string(settings.tcp_last_port));
    }
    if (settings.is_own_port(port)) {
        return ErrorInfo(ngrok_error(307), "the port " + std::to_string(port) + " is one that the edge itself listens on");
    }
    if (const auto found = open_.find(port); found != open_.end()) {
        ++found->second.users;
        return port;
    }
    return open_one(context, executor, port);
}

/// From a random place in the range on, each once.
Result<std::uint16_t> TcpPorts::open_any(EdgeContext& context, const asio::any_io_executor& executor) {
    const Settings& settings = context.settings;
    if (settings.tcp_first_port == 0) return open_one(context, executor, 0);
    const std::uint32_t count = std::uint32_t{settings.tcp_last_port} - settings.tcp_first_port + 1;
    const std::uint32_t start = random_number() % count;
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto port = static_cast<std::uint16_t>(settings.tcp_first_port + (start + i) % count);
        if (open_.contains(port) || settings.is_own_port(port)) continue;
        auto opened = open_one(context, executor, port);
        if (opened || opened.error().code() != ngrok_error(334)) return opened;
    }
    return no_port(settings);
}

Result<std::uint16_t> TcpPorts::open_one(EdgeContext& context, const asio::any_io_executor& executor,
                                         std::uint16_t port) {
    auto ingress = TcpIngress::open(context, executor, context.settings.tcp_host, port);
    if (!ingress && ingress.error().code() == errc::address_in_use) {
        return ErrorInfo(ngrok_error(334), "the tcp port " + std::to_string(port) + " is taken");
    }
    if (!ingress) return ingress.error();
    const std::uint16_t opened = (*ingress)->port();
    Entry& entry = open_[opened];
    entry.ingress = std::move(*ingress);
    entry.users = 1;
    return opened;
}

void TcpPorts::release(std::uint16_t port) noexcept {
    std::shared_ptr<TcpIngress> ingress;
    {
        const std::lock_guard lock(mutex_);
        const auto found = open_.find(port);
        if (found == open_.end() || --found->second.users != 0) return;
        ingress = std::move(found->second.ingress);
        open_.erase(found);
        std::erase_if(closed_, [](const auto& each) { return each.expired(); });
        closed_.push_back(ingress);
    }
    ingress->close();
}

void TcpPorts::close_all() noexcept {
    const std::lock_guard lock(mutex_);
    for (const auto& [port, entry] : open_) entry.ingress->close();
}

void TcpPorts::stop_all() noexcept {
    const std::lock_guard lock(mutex_);
    for (const auto& [port, entry] : open_) entry.ingress->stop();
    for (const auto& weak : closed_) {
        if (const auto ingress = weak.lock()) ingress->stop();
    }
}

void TcpPorts::clear() noexcept {
    const std::lock_guard lock(mutex_);
    open_.clear();
    closed_.clear();
}

} // namespace adit
