#include "inspector/options.hpp"

#include "base/url.hpp"

#include <algorithm>
#include <string>

namespace adit::inline v0::inspector {
namespace {

constexpr std::uint16_t default_port = 4040; // behaviour E.6

ErrorInfo wrong(std::string message) { return {errc::invalid_option, std::move(message)}; }

Result<void> check_range(const char* name, std::size_t value, std::size_t min, std::size_t max) {
    if (value >= min && value <= max) return {};
    return wrong(std::string(name) + ": " + std::to_string(value) + " is not in " + std::to_string(min) + " to " +
                 std::to_string(max));
}

Result<asio::ip::tcp::endpoint> parse_address(const std::string& text) {
    const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
    const Result<HostPort> split = split_host_port(digits ? "127.0.0.1:" + text : text);
    if (!split) return wrong("address: '" + text + "' is not host:port");
    const std::string host = split->host == "localhost" ? "127.0.0.1" : split->host;
    std::error_code ec;
    const asio::ip::address address = asio::ip::make_address(host, ec);
    if (ec) return wrong("address: '" + split->host + "' is neither localhost nor an IP address");
    if (!address.is_loopback()) {
        return wrong("address: " + split->host + " can be reached from the network, and an inspector shows passwords; use " +
                     "127.0.0.1 or [::1]");
    }
    return asio::ip::tcp::endpoint(address, split->port.value_or(default_port));
}

} // namespace

Result<asio::ip::tcp::endpoint> check(const InspectorOptions& options) {
    const Result<asio::ip::tcp::endpoint> address = parse_address(options.address());
    if (!address) return address.error();
    if (options.allowed_hosts().size() > limits::inspector_hosts_max)
        return wrong("allow_host: there are more than " + std::to_string(limits::inspector_hosts_max));
    for (const std::string& host : options.allowed_hosts()) {
        const Result<HostPort> split = split_host_port(host);
        if (!split || split->port || !normalize_host(split->host)) return wrong("allow_host: '" + host + "' is not the name of a host");
    }
    const Result<void> checks[] = {
        check_range("max_exchanges", options.max_exchanges(), 1, limits::inspector_exchanges_max),
        check_range("max_body", options.max_body(), 0, limits::inspector_body_max),
        check_range("max_memory", options.max_memory(), limits::inspector_memory_min, limits::inspector_memory_max)};
    for (const Result<void>& each : checks)
        if (!each) return each.error();
    return address;
}

} // namespace adit
