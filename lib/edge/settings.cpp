#include "edge/settings.hpp"

#include <algorithm>
#include <thread>

namespace adit::inline v0::edge {
namespace {

using Tcp = asio::ip::tcp;

ErrorInfo invalid(std::string_view option, std::string message) {
    return ErrorInfo(errc::invalid_option, std::move(message), std::string(option));
}

constexpr const char* internal_names =
    "names below \"internal\" are those of internal endpoints, which no visitor reaches; take another one";

bool is_internal(std::string_view host) noexcept { return host == "internal" || host.ends_with(".internal"); }

Result<Tcp::endpoint> parse_address(std::string_view option, std::string_view text) {
    auto parts = split_host_port(text);
    std::error_code ec;
    const auto ip = parts ? asio::ip::make_address(parts->host, ec) : asio::ip::address();
    if (!parts || ec || !parts->port) {
        return invalid(option, "the address \"" + std::string(text) +
                                   "\" must be a literal IP and a port, such as 127.0.0.1:8443 or [::]:443");
    }
    return Tcp::endpoint(ip, *parts->port);
}

Result<void> parse_domains(const ServerOptions::Data& data, Settings& settings) {
    auto base = normalize_host(data.base_domain);
    if (!base) return invalid("base_domain", base.error().to_string());
    if (IpAddress::parse(*base)) return invalid("base_domain", "the base domain must be a name, not an address");
    if (is_internal(*base)) return invalid("base_domain", internal_names);
    settings.base_domain = std::move(*base);
    for (const std::string& name : data.allowed_domains) {
        auto host = normalize_host(name, true);
        if (!host) return invalid("allow_domain", host.error().to_string());
        if (is_internal(*host)) return invalid("allow_domain", internal_names);
        settings.allowed_domains.push_back(std::move(*host));
    }
    return {};
}

Result<void> parse_addresses(const ServerOptions::Data& data, Settings& settings) {
    auto agent = parse_address("agent_address", data.agent_address);
    if (!agent) return agent.error();
    auto https = parse_address("https_address", data.https_address);
    if (!https) return https.error();
    auto http = parse_address("http_address", data.http_address);
    if (!http) return http.error();
    settings.agent_address = *agent;
    settings.https_address = *https;
    settings.http_address = *http;

    std::error_code ec;
    settings.tcp_host = asio::ip::make_address(data.tcp_host, ec);
    if (ec) return invalid("tcp_host", "\"" + data.tcp_host + "\" must be a literal IP address");
    if (data.tcp_first_port > data.tcp_last_port || (data.tcp_first_port == 0 && data.tcp_last_port != 0))
        return invalid("tcp_ports", "the first port must be at least 1024 and not above the last");
    if (data.tcp_first_port != 0 && data.tcp_first_port < limits::tcp_port_min)
        return invalid("tcp_ports", "ports below 1024 are privileged: agents may not have them");
    settings.tcp_first_port = data.tcp_first_port;
    settings.tcp_last_port = data.tcp_last_port;

    for (const auto& [name, fd] : data.listen_fds) {
        std::optional<int>* place = name == "agent"   ? &settings.agent_fd
                                    : name == "https" ? &settings.https_fd
                                    : name == "http"  ? &settings.http_fd
                                                      : nullptr;
        if (place == nullptr)
            return invalid("listen_fd", "\"" + name + "\" must be \"agent\", \"https\" or \"http\"");
        if (fd < 0 || *place) return invalid("listen_fd", "the descriptor for \"" + name + "\" is negative or repeated");
        *place = fd;
    }
    settings.public_https_port = data.public_https_port;
    settings.public_http_port = data.public_http_port;
    return {};
}

Result<void> parse_balancers(const ServerOptions::Data& data, Settings& settings) {
    static constexpr std::string_view names[] = {"agent", "https", "http", "tcp"}; // as ListenerKind
    for (const auto& [listener, text] : data.balancers) {
        const auto* const name = std::ranges::find(names, listener);
        const auto range = Cidr::parse(text);
        if (name == std::end(names))
            return invalid("proxy_protocol", "\"" + listener + "\" must be \"agent\", \"https\", \"http\" or \"tcp\"");
        if (!range) return invalid("proxy_protocol", "\"" + text + "\" must be a network such as 10.0.0.0/8");
        settings.balancers[static_cast<std::size_t>(name - std::begin(names))].push_back(*range);
    }
    return {};
}

/// As agents may dial it: a name or an IP, and a port.
Result<std::string> parse_advertised(const std::string& text) {
    auto parts = split_host_port(text);
    std::string host;
    if (parts && parts->port && *parts->port != 0) {
        const auto ip = IpAddress::parse(parts->host);
        auto name = ip ? Result<std::string>(ip->to_string()) : normalize_host(parts->host);
        if (name) host = std::move(*name);
    }
    if (host.empty()) {
        return invalid("advertise_agent_address", "the address \"" + text +
                                                      "\" must be a name or an IP and a port, such as edge.example.com:443");
    }
    return join_host_port(host, *parts->port);
}

Result<void> parse_advertised_addresses(const ServerOptions::Data& data, Settings& settings) {
    if (data.advertised_agent_addresses.size() > limits::advertised_addresses)
        return invalid("advertise_agent_address", "at most " + std::to_string(limits::advertised_addresses) +
                                                      " addresses are told to agents");
    for (const std::string& text : data.advertised_agent_addresses) {
        auto address = parse_advertised(text);
        if (!address) return address.error();
        if (std::ranges::find(settings.advertised_agent_addresses, *address) != settings.advertised_agent_addresses.end())
            return invalid("advertise_agent_address", "the address \"" + text + "\" is repeated");
        settings.advertised_agent_addresses.push_back(std::move(*address));
    }
    return {};
}

Result<void> parse_routes(const ServerOptions::Data& data, Settings& settings) {
    for (const auto& [text, labels] : data.label_routes) {
        auto url = EndpointUrl::parse(text);
        if (!url) return invalid("route_labels", url.error().to_string());
        if (url->host().empty() || (url->scheme() == UrlScheme::tcp && !url->port()))
            return invalid("route_labels", "the URL \"" + text + "\" must name its host, and for tcp its port");
        if (url->scheme() != UrlScheme::tcp && url->port())
            return invalid("route_labels", "the URL \"" + text + "\" must have no port: visitors come to the edge's own");
        if (url->is_internal()) return invalid("route_labels", internal_names);
        if (labels.empty()) return invalid("route_labels", "a route needs at least one label");
        settings.label_routes.emplace_back(std::move(*url),
                                           std::map<std::string, std::string>(labels.begin(), labels.end()));
    }
    return {};
}

Result<void> parse_times(const ServerOptions::Data& data, Settings& settings) {
    const auto positive = [](std::chrono::milliseconds time) { return time.count() > 0; };
    if (!positive(data.auth_time)) return invalid("auth_time", "the time must be above 0");
    if (data.heartbeat_interval.count() < 10 || data.heartbeat_tolerance.count() < 10)
        return invalid("heartbeat", "interval and tolerance must be at least 10 ms");
    if (!positive(data.client_hello_time)) return invalid("client_hello_time", "the time must be above 0");
    if (!positive(data.tls_handshake_time)) return invalid("tls_handshake_time", "the time must be above 0");
    if (!positive(data.http_head_time)) return invalid("http_head_time", "the time must be above 0");
    if (!positive(data.http_idle_time)) return invalid("http_idle_time", "the time must be above 0");
    if (!positive(data.http_response_time)) return invalid("http_response_time", "the time must be above 0");
    if (!positive(data.agent_stream_idle_time)) return invalid("agent_stream_idle_time", "the time must be above 0");
    if (!positive(data.http_stall_time)) return invalid("http_stall_time", "the time must be above 0");
    if (data.policy_body_memory > limits::policy_bodies_max_most) return invalid("policy_body_memory", "it may be 0 to 64 GiB");
    if (data.http_head_max < limits::http_head_max_least || data.http_head_max > limits::http_head_max_most) {
        return invalid("http_head_max", "a head may have 1 KiB to 16 MiB");
    }
    if (data.http_fields_max < limits::http_headers_max_least || data.http_fields_max > limits::http_headers_max_most) {
        return invalid("http_fields_max", "a head may have 10 to 10,000 fields");
    }
    settings.http_stall_time = data.http_stall_time;
    settings.policy_body_memory = data.policy_body_memory;
    settings.http_head = HeadLimits{data.http_head_max, data.http_fields_max};
    settings.auth_time = data.auth_time;
    settings.heartbeat_interval = data.heartbeat_interval;
    settings.heartbeat_tolerance = data.heartbeat_tolerance;
    settings.client_hello_time = data.client_hello_time;
    settings.tls_handshake_time = data.tls_handshake_time;
    settings.http_head_time = data.http_head_time;
    settings.http_idle_time = data.http_idle_time;
    settings.http_response_time = data.http_response_time;
    settings.agent_stream_idle_time = data.agent_stream_idle_time;
    return {};
}

Result<tls::Version> parse_version(std::string_view option, const std::string& text) {
    if (text == "1.2") return tls::Version::tls12;
    if (text == "1.3") return tls::Version::tls13;
    return invalid(option, "\"" + text + "\" must be \"1.2\" or \"1.3\"");
}

Result<void> parse_tls(const ServerOptions::Data& data, Settings& settings) {
    const auto least = parse_version("min_tls_version", data.min_tls_version);
    if (!least) return least.error();
    const auto most = parse_version("max_tls_version", data.max_tls_version);
    if (!most) return most.error();
    if (*least > *most) return invalid("min_tls_version", "the minimum is above the maximum (max_tls_version)");
    settings.min_tls_version = *least;
    settings.max_tls_version = *most;
    if (data.chain_pem.empty() != data.key_pem.empty())
        return invalid("certificate", "the certificate chain and its key belong together");
    if (data.chain_pem.empty() && !data.more_certificates.empty())
        return invalid("add_certificate", "give the certificate of the base domain first, by certificate()");
    if (data.ca_pem.empty() != data.ca_key_pem.empty())
        return invalid("certificate_authority", "the certificate and its key belong together");
    if (data.agent_server_name.empty()) return {};
    auto name = normalize_host(data.agent_server_name);
    if (!name || IpAddress::parse(data.agent_server_name))
        return invalid("agent_server_name", "\"" + data.agent_server_name + "\" must be a host name");
    if (*name == settings.base_domain)
        return invalid("agent_server_name", "the base domain itself may be an endpoint; choose a name such as connect." + *name);
    settings.agent_server_name = std::move(*name);
    return {};
}

Result<void> parse_rest(const ServerOptions::Data& data, Settings& settings) {
    for (const std::string& text : data.trusted_proxies) {
        const auto range = Cidr::parse(text);
        if (!range) return invalid("trusted_proxy", "\"" + text + "\" must be a network such as 10.0.0.0/8");
        settings.trusted_proxies.push_back(*range);
    }
    constexpr unsigned threads_max = 256;
    if (data.threads > threads_max) return invalid("threads", "at most 256 threads make sense");
    settings.threads = data.threads != 0 ? data.threads : std::clamp(std::thread::hardware_concurrency(), 1u, threads_max);
    settings.region = data.region;
    settings.banner = data.banner;
    settings.window_growth = data.window_growth;
    settings.certificate_fetching = data.certificate_fetching;
    if (data.sessions_per_credential == 0) return invalid("sessions_per_credential", "at least one session is needed");
    settings.sessions_per_credential = data.sessions_per_credential;
    if (data.seal_key_given && data.seal_key.size() != 32) return invalid("seal_key", "the key must have 32 bytes");
    if (data.directory && !data.authtokens.empty())
        return invalid("authtoken", "tokens are the directory's business once directory() is set");
    return {};
}

bool is_below(std::string_view host, std::string_view domain) noexcept {
    return host.size() > domain.size() && host.ends_with(domain) && host[host.size() - domain.size() - 1] == '.';
}

} // namespace

Result<Settings> Settings::parse(const ServerOptions::Data& data) {
    Settings settings;
    for (const auto step : {parse_domains, parse_addresses, parse_balancers, parse_advertised_addresses, parse_routes,
                            parse_times, parse_tls, parse_rest}) {
        if (auto done = step(data, settings); !done) return done.error();
    }
    return settings;
}

bool Settings::allows_host(std::string_view host) const noexcept {
    if (!agent_server_name.empty() && host == agent_server_name) return false;
    if (host == base_domain || is_below(host, base_domain)) return true;
    return std::ranges::any_of(allowed_domains, [&](const std::string& pattern) {
        if (host == pattern) return true;
        return pattern.starts_with("*.") && is_below(host, std::string_view(pattern).substr(2));
    });
}

bool Settings::is_own_port(std::uint16_t port) const noexcept {
    return port == public_https_port || port == public_http_port || std::ranges::find(own_ports, port) != own_ports.end();
}

bool Settings::is_balancer(ListenerKind listener, const IpAddress& address) const noexcept {
    const auto& ranges = balancers[static_cast<std::size_t>(listener)];
    return std::ranges::any_of(ranges, [&](const Cidr& range) { return range.contains(address); });
}

bool Settings::trusts(const IpAddress& address) const noexcept {
    return std::ranges::any_of(trusted_proxies, [&](const Cidr& range) { return range.contains(address); });
}

} // namespace adit
