#include "client/options_data.hpp"

#include "base/ip_address.hpp"
#include "base/url.hpp"

#include <algorithm>

namespace adit::inline v0 {
namespace {

constexpr std::uint16_t default_server_port = 443;

ErrorInfo invalid(std::string_view option, std::string_view why) {
    return {errc::invalid_option, std::string(option) + ": " + std::string(why)};
}

bool has_control_or_space(std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
}

ErrorInfo too_long(std::string_view option, std::size_t max) {
    return invalid(option, "longer than " + std::to_string(max) + " bytes");
}

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
    if (options.heartbeat_interval < limits::heartbeat_min || options.heartbeat_interval > most)
        return invalid("heartbeat_interval", "must be 100 ms to 24 h");
    if (options.heartbeat_tolerance < limits::heartbeat_min || options.heartbeat_tolerance > most)
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

ErrorInfo check_labeled(const Endpoint::Data& endpoint) {
    if (!endpoint.url.empty()) return invalid("label", "an endpoint has a URL or labels, not both");
    if (endpoint.labels.size() > limits::labels_max)
        return invalid("label", "more than " + std::to_string(limits::labels_max) + " labels");
    for (const auto& [key, value] : endpoint.labels) {
        if (key.empty()) return invalid("label", "a label needs a key");
        if (key.size() > limits::label_text_max || value.size() > limits::label_text_max)
            return too_long("label", limits::label_text_max);
    }
    // The protocol has no place for these next to labels; the edge's operator sets them with the route.
    const std::pair<bool, const char*> set[] = {{!endpoint.name.empty(), "name"},
                                                {!endpoint.description.empty(), "description"},
                                                {endpoint.proxy_protocol != 0, "proxy_protocol"},
                                                {!endpoint.binding.empty(), "binding"},
                                                {endpoint.pooling, "pooling"},
                                                {endpoint.traffic_policy.has_value(), "traffic_policy"}};
    for (const auto& [is_set, option] : set)
        if (is_set) return invalid(option, "a labelled endpoint has none");
    return {};
}

ErrorInfo check_url(const Endpoint::Data& endpoint) {
    const Result<EndpointUrl> url = EndpointUrl::parse(endpoint.url);
    // The edge has numbers for these, but it was not asked: the code is ours.
    if (!url) return {errc::unsupported_url, url.error().message()};
    const bool tcp = url->scheme() == UrlScheme::tcp;
    if (!tcp && url->port())
        return {errc::unsupported_url, "\"" + endpoint.url + "\": only tcp:// endpoints have a port"};
    if (tcp && !url->host().empty() && !url->port())
        return {errc::unsupported_url, "\"" + endpoint.url + "\": a tcp:// endpoint with a host needs a port"};
    const bool http = url->scheme() == UrlScheme::http || url->scheme() == UrlScheme::https;
    if (!http && !endpoint.app_protocol.empty())
        return invalid("app_protocol", "only http and https endpoints have one");
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
    return check_server(options);
}

Result<void> check(const Endpoint::Data& endpoint) {
    if (ErrorInfo error = endpoint.labeled ? check_labeled(endpoint) : check_url(endpoint)) return error;
    if (endpoint.name.size() > limits::description_max) return too_long("name", limits::description_max);
    if (endpoint.description.size() > limits::description_max) return too_long("description", limits::description_max);
    if (endpoint.metadata.size() > limits::metadata_max) return too_long("metadata", limits::metadata_max);
    if (endpoint.forwards_to && endpoint.forwards_to->size() > limits::forwards_to_max)
        return too_long("forwards_to", limits::forwards_to_max);
    if (!endpoint.app_protocol.empty() && endpoint.app_protocol != "http1" && endpoint.app_protocol != "http2")
        return invalid("app_protocol", "must be \"http1\" or \"http2\"");
    if (endpoint.proxy_protocol < 0 || endpoint.proxy_protocol > 2) return invalid("proxy_protocol", "must be 0, 1 or 2");
    const std::string& binding = endpoint.binding;
    if (!binding.empty() && binding != "public" && binding != "internal" && binding != "kubernetes")
        return invalid("binding", "must be \"public\", \"internal\" or \"kubernetes\"");
    if (endpoint.backlog == 0 || endpoint.backlog > limits::accept_backlog_max)
        return invalid("backlog", "must be 1 to " + std::to_string(limits::accept_backlog_max));
    return {};
}

} // namespace adit
