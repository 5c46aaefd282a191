#include "edge/context.hpp"

#include "base/hex.hpp"
#include "edge/spawn.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <exception>
#include <string>

namespace adit::inline v0::edge {

namespace {

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

/// Lines have text of agents in them, which must neither begin a line of its own nor command a terminal.
std::string escaped(std::string_view line) {
    std::string text;
    for (const char c : line) {
        if (!is_control(c)) {
            text += c;
            continue;
        }
        append_hex(text.append("\\x"), static_cast<std::uint8_t>(c));
    }
    return text;
}

} // namespace

bool VisitorCount::enter() noexcept {
    if (count_.fetch_add(1, std::memory_order_acq_rel) < limits::visitors_max) return true;
    leave();
    return false;
}

void VisitorCount::leave() noexcept {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    const std::lock_guard lock(mutex_); // between the check and the wait of the other thread
    empty_.notify_all();
}

void VisitorCount::wait_until_empty(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    empty_.wait_until(lock, deadline, [this] { return count_.load(std::memory_order_acquire) == 0; });
}

EdgeContext::EdgeContext(Settings checked, const tls::Sealer& seal)
    : settings(std::move(checked)), sealer(seal),
      certificates(std::make_shared<WebhookCertificates>(settings.certificate_fetching,
                                                         [this](std::string_view line) { log("warn", line); })) {}

EndpointPtr EdgeContext::find_internal(const EndpointRecord& from, std::string_view url) const {
    const auto parsed = EndpointUrl::parse(url);
    return parsed ? endpoints.find_internal(from.account, *parsed) : nullptr;
}

void EdgeContext::access(const AccessRecord& record) const noexcept {
    if (!access_sink) return;
    try {
        access_sink(record);
    } catch (...) {
        log("error", "the access sink threw an exception");
    }
}

void EdgeContext::log(std::string_view level, std::string_view line) const noexcept {
    if (!log_sink) return;
    try {
        if (std::ranges::none_of(line, is_control)) {
            log_sink(level, line);
        } else {
            log_sink(level, escaped(line));
        }
    } catch (...) { // there is nobody left to tell
    }
}

void EdgeContext::call_out(const std::function<void()>& call) const noexcept {
    try {
        call();
    } catch (...) {
        log("error", "the directory or the registry threw an exception");
    }
}

IpEndpoint to_ip_endpoint(const asio::ip::tcp::endpoint& endpoint) {
    const asio::ip::address address = endpoint.address();
    if (address.is_v4()) return IpEndpoint(IpAddress(address.to_v4().to_bytes()), endpoint.port());
    return IpEndpoint(IpAddress(address.to_v6().to_bytes()), endpoint.port());
}

asio::ip::tcp::endpoint to_tcp_endpoint(const IpEndpoint& endpoint) {
    const IpAddress& ip = endpoint.address;
    if (ip.is_v4()) return {asio::ip::address_v4(ip.v4()), endpoint.port};
    return {asio::ip::address_v6(ip.v6()), endpoint.port};
}

std::string to_text(const asio::ip::tcp::endpoint& endpoint) { return to_ip_endpoint(endpoint).to_string(); }

void spawn(EdgeContext& context, const asio::any_io_executor& executor, asio::awaitable<void> coroutine) {
    ++context.tasks;
    asio::co_spawn(executor, std::move(coroutine), [&context](const std::exception_ptr& thrown) {
        --context.tasks;
        if (!thrown) return;
        try {
            std::rethrow_exception(thrown);
        } catch (const std::exception& e) {
            context.log("error", std::string("a task ended by an exception: ") + e.what());
        } catch (...) {
            context.log("error", "a task ended by an exception");
        }
    });
}

} // namespace adit
