// What of a session's options cannot work.
#include "client/reach.hpp"
#include "client/validate.hpp"

#include "base/ip_address.hpp"
#include "base/url.hpp"

namespace adit::inline v0 {
namespace {

constexpr std::uint16_t default_server_port = 443;
constexpr std::size_t interface_name_max = 15; // IFNAMSIZ of Linux without its zero

// ngrok's own service never saw more than the protocol's window (performance-and-reliability A.5).
bool is_ngroks(std::string host) {
    while (host.ends_with('.')) host.pop_back();
    for (char& c : host)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    return ("." + host).ends_with(".ngrok-agent.com") || ("." + host).ends_with(".ngrok.com");
}

Result<ServerTarget> check_server(const SessionOptions::Data& options) {
    const std::string& text = options.server;
    if (text.empty()) {
        return ErrorInfo(errc::no_server,
                         "no server was named: call SessionOptions::server(\"host:443\") or set ADIT_SERVER");
    }
    if (text.find('/') != std::string::npos) return invalid("server", "write host:port, not a URL");
    if (has_control_or_space(text)) return invalid("server", "has a space or a control character");
    const Result<HostPort> parts = split_host_port(text);
    if (!parts) return invalid("server", parts.error().message());
    if (parts->host.empty()) return invalid("server", "has no host");
    ServerTarget target;
    target.host = parts->host;
    target.port = parts->port.value_or(default_server_port);
    if (target.port == 0) return invalid("server", "port 0 cannot be connected to");
    target.verify_name = options.server_name.empty() ? parts->host : options.server_name;
    target.window_growth = options.window_growth.value_or(!is_ngroks(target.host) && !is_ngroks(target.verify_name));
    return target;
}

ErrorInfo check_times(const SessionOptions::Data& options) {
    using std::chrono::milliseconds;
    const milliseconds most = limits::option_time_max;
    if (options.heartbeat_interval < options.heartbeat_min || options.heartbeat_interval > most)
        return invalid("heartbeat_interval", "must be 100 ms to 24 h");
    if (options.heartbeat_tolerance < options.heartbeat_min || options.heartbeat_tolerance > most)
        return invalid("heartbeat_tolerance", "must be 100 ms to 24 h");
    if (options.connect_timeout <= milliseconds(0) || options.connect_timeout > most)
        return invalid("connect_timeout", "must be more than 0 and at most 24 h");
    return {};
}

ErrorInfo check_client_infos(const std::vector<ClientInfo>& infos) {
    if (infos.size() > limits::client_infos_max)
        return invalid("client_info", "more than " + std::to_string(limits::client_infos_max) + " entries");
    for (const ClientInfo& info : infos) {
        if (info.name.empty()) return invalid("client_info", "an entry needs a name");
        if (info.version.empty()) return invalid("client_info", "an entry needs a version");
        for (const std::string* text : {&info.name, &info.version, &info.comment})
            if (text->size() > limits::client_info_max) return too_long("client_info", limits::client_info_max);
    }
    return {};
}

ErrorInfo check_way(const SessionOptions::Data& options, const std::string& host) {
    if (const auto proxy = proxy_for(options, host); !proxy) return proxy.error();
    const std::string& local = options.interface_or_address;
    if (local.empty()) return {};
    if (options.dialer) return invalid("bind_interface", "a dialer connects by itself: leave one of them out");
    const bool is_address = IpAddress::parse(local).has_value();
    if (!is_address && (local.size() > interface_name_max || has_control_or_space(local) ||
                        local.find_first_of("/:") != std::string::npos))
        return invalid("bind_interface", "is neither an IP address nor the name of an interface");
    return {};
}

} // namespace

std::string ServerTarget::text() const { return join_host_port(host, port); }

Result<ServerTarget> check(const SessionOptions::Data& options) {
    if (options.authtoken.size() > limits::authtoken_max) return too_long("authtoken", limits::authtoken_max);
    if (has_control_or_space(options.authtoken))
        return invalid("authtoken", "has a space, a line end or a control character");
    if (options.metadata.size() > limits::metadata_max) return too_long("metadata", limits::metadata_max);
    if (options.roots == SessionOptions::Data::Roots::file && options.roots_value.empty())
        return invalid("roots_file", "the path is empty");
    if (options.roots == SessionOptions::Data::Roots::pem && options.roots_value.empty())
        return invalid("roots_pem", "the text is empty");
    if (ErrorInfo error = check_times(options)) return error;
    if (ErrorInfo error = check_client_infos(options.client_infos)) return error;
    if (has_control_or_space(options.server_name)) return invalid("server_name", "is no host name");
    if (const auto identity = client_identity(options); !identity) return identity.error();
    Result<ServerTarget> target = check_server(options);
    if (!target) return target;
    if (ErrorInfo error = check_way(options, target->host)) return error;
    return target;
}

} // namespace adit
