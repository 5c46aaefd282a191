// What an Inspector keeps, and where it serves.
#pragma once

#include <adit/config.hpp>
#include <adit/limits.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0 {

/// Options of one inspector; chained setters. Copyable, not thread-safe. A value that cannot work is refused by
/// Inspector::start with errc::invalid_option, and the message names the option.
class InspectorOptions {
public:
    InspectorOptions() = default;

    /// Where it listens: "127.0.0.1:4040" (default), "localhost:4040", "[::1]:0", "4040". Port 0 takes a free one, without a
    /// port it is 4040. Only addresses of this machine alone (127.0.0.0/8, ::1) are accepted.
    InspectorOptions& address(std::string_view host_and_port) {
        address_ = host_and_port;
        return *this;
    }
    /// One more name, without a port, that browsers may use for this page (for instance "inspect.localhost"); repeatable up
    /// to limits::inspector_hosts_max. localhost and the loopback addresses, with its own port, need none. Whoever owns the
    /// name decides where it leads: a stranger's name opens the page to the pages of that stranger (DNS rebinding).
    InspectorOptions& allow_host(std::string_view name) {
        allowed_hosts_.emplace_back(name);
        return *this;
    }
    /// Exchanges kept, 1 to limits::inspector_exchanges_max; the oldest go first. Default limits::inspector_exchanges.
    InspectorOptions& max_exchanges(std::size_t count) {
        max_exchanges_ = count;
        return *this;
    }
    /// Bytes kept of a request's body, and of a response's; the rest is counted. 0 keeps none, at most
    /// limits::inspector_body_max. Default limits::inspector_body.
    InspectorOptions& max_body(std::size_t bytes) {
        max_body_ = bytes;
        return *this;
    }
    /// Memory of all that is kept, limits::inspector_memory_min to limits::inspector_memory_max; the oldest exchanges go
    /// first. Default limits::inspector_memory.
    InspectorOptions& max_memory(std::size_t bytes) {
        max_memory_ = bytes;
        return *this;
    }

    // For the library itself.
    const std::string& address() const noexcept { return address_; }
    const std::vector<std::string>& allowed_hosts() const noexcept { return allowed_hosts_; }
    std::size_t max_exchanges() const noexcept { return max_exchanges_; }
    std::size_t max_body() const noexcept { return max_body_; }
    std::size_t max_memory() const noexcept { return max_memory_; }

private:
    std::string address_ = "127.0.0.1:4040";
    std::vector<std::string> allowed_hosts_;
    std::size_t max_exchanges_ = limits::inspector_exchanges;
    std::size_t max_body_ = limits::inspector_body;
    std::size_t max_memory_ = limits::inspector_memory;
};

} // namespace adit
