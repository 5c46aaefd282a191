#include <adit/edge/options.hpp>

#include "edge/options_data.hpp"

namespace adit::inline v0::edge {

ServerOptions::ServerOptions() : data_(std::make_unique<Data>()) {}
ServerOptions::ServerOptions(const ServerOptions& other) : data_(std::make_unique<Data>(*other.data_)) {}
ServerOptions::ServerOptions(ServerOptions&& other) noexcept = default;
ServerOptions& ServerOptions::operator=(const ServerOptions& other) {
    if (this != &other) data_ = std::make_unique<Data>(*other.data_);
    return *this;
}
ServerOptions& ServerOptions::operator=(ServerOptions&& other) noexcept = default;
ServerOptions::~ServerOptions() = default;

ServerOptions& ServerOptions::base_domain(std::string_view name) {
    data_->base_domain = name;
    return *this;
}
ServerOptions& ServerOptions::allow_domain(std::string_view name) {
    data_->allowed_domains.emplace_back(name);
    return *this;
}
ServerOptions& ServerOptions::agent_address(std::string_view address) {
    data_->agent_address = address;
    return *this;
}
ServerOptions& ServerOptions::advertise_agent_address(std::string_view address) {
    data_->advertised_agent_addresses.emplace_back(address);
    return *this;
}
ServerOptions& ServerOptions::https_address(std::string_view address) {
    data_->https_address = address;
    return *this;
}
ServerOptions& ServerOptions::http_address(std::string_view address) {
    data_->http_address = address;
    return *this;
}
ServerOptions& ServerOptions::tcp_host(std::string_view ip) {
    data_->tcp_host = ip;
    return *this;
}
ServerOptions& ServerOptions::tcp_ports(std::uint16_t first, std::uint16_t last) {
    data_->tcp_first_port = first;
    data_->tcp_last_port = last;
    return *this;
}
ServerOptions& ServerOptions::proxy_protocol(std::string_view listener, std::string_view cidr) {
    data_->balancers.emplace_back(listener, cidr);
    return *this;
}
ServerOptions& ServerOptions::listen_fd(std::string_view name, int fd) {
    data_->listen_fds.emplace_back(name, fd);
    return *this;
}
ServerOptions& ServerOptions::public_ports(std::uint16_t https, std::uint16_t http) {
    data_->public_https_port = https;
    data_->public_http_port = http;
    return *this;
}
ServerOptions& ServerOptions::certificate(std::string_view chain_pem, std::string_view key_pem) {
    data_->chain_pem = chain_pem;
    data_->key_pem = key_pem;
    return *this;
}
ServerOptions& ServerOptions::add_certificate(std::string_view chain_pem, std::string_view key_pem) {
    data_->more_certificates.emplace_back(chain_pem, key_pem);
    return *this;
}
ServerOptions& ServerOptions::certificate_authority(std::string_view certificate_pem, std::string_view key_pem) {
    data_->ca_pem = certificate_pem;
    data_->ca_key_pem = key_pem;
    return *this;
}
ServerOptions& ServerOptions::min_tls_version(std::string_view version) {
    data_->min_tls_version = version;
    return *this;
}
ServerOptions& ServerOptions::max_tls_version(std::string_view version) {
    data_->max_tls_version = version;
    return *this;
}
ServerOptions& ServerOptions::agent_server_name(std::string_view name) {
    data_->agent_server_name = name;
    return *this;
}
ServerOptions& ServerOptions::authtoken(std::string_view token, std::string_view credential) {
    data_->authtokens.emplace_back(token, credential);
    return *this;
}
ServerOptions& ServerOptions::directory(std::shared_ptr<Directory> directory) {
    data_->directory = std::move(directory);
    return *this;
}
ServerOptions& ServerOptions::registry(std::shared_ptr<Registry> registry) {
    data_->registry = std::move(registry);
    return *this;
}
ServerOptions& ServerOptions::route_labels(std::string_view url, Labels labels) {
    data_->label_routes.emplace_back(std::string(url), std::move(labels));
    return *this;
}
ServerOptions& ServerOptions::seal_key(std::string_view bytes) {
    data_->seal_key = bytes;
    data_->seal_key_given = true;
    return *this;
}
ServerOptions& ServerOptions::trusted_proxy(std::string_view cidr) {
    data_->trusted_proxies.emplace_back(cidr);
    return *this;
}
ServerOptions& ServerOptions::fetch_certificates(bool on) {
    data_->certificate_fetching.on = on;
    return *this;
}
ServerOptions& ServerOptions::region(std::string_view name) {
    data_->region = name;
    return *this;
}
ServerOptions& ServerOptions::banner(std::string_view text) {
    data_->banner = text;
    return *this;
}
ServerOptions& ServerOptions::sessions_per_credential(std::size_t count) {
    data_->sessions_per_credential = count;
    return *this;
}
ServerOptions& ServerOptions::threads(unsigned count) {
    data_->threads = count;
    return *this;
}
ServerOptions& ServerOptions::window_growth(bool on) {
    data_->window_growth = on;
    return *this;
}
ServerOptions& ServerOptions::auth_time(std::chrono::milliseconds time) {
    data_->auth_time = time;
    return *this;
}
ServerOptions& ServerOptions::heartbeat(std::chrono::milliseconds interval, std::chrono::milliseconds tolerance) {
    data_->heartbeat_interval = interval;
    data_->heartbeat_tolerance = tolerance;
    return *this;
}
ServerOptions& ServerOptions::client_hello_time(std::chrono::milliseconds time) {
    data_->client_hello_time = time;
    return *this;
}
ServerOptions& ServerOptions::tls_handshake_time(std::chrono::milliseconds time) {
    data_->tls_handshake_time = time;
    return *this;
}
ServerOptions& ServerOptions::http_head_time(std::chrono::milliseconds time) {
    data_->http_head_time = time;
    return *this;
}
ServerOptions& ServerOptions::http_idle_time(std::chrono::milliseconds time) {
    data_->http_idle_time = time;
    return *this;
}
ServerOptions& ServerOptions::http_response_time(std::chrono::milliseconds time) {
    data_->http_response_time = time;
    return *this;
}
ServerOptions& ServerOptions::agent_stream_idle_time(std::chrono::milliseconds time) {
    data_->agent_stream_idle_time = time;
    return *this;
}
ServerOptions& ServerOptions::http_stall_time(std::chrono::milliseconds time) {
    data_->http_stall_time = time;
    return *this;
}
ServerOptions& ServerOptions::http_head_max(std::size_t bytes) {
    data_->http_head_max = bytes;
    return *this;
}
ServerOptions& ServerOptions::http_fields_max(std::size_t count) {
    data_->http_fields_max = count;
    return *this;
}
ServerOptions& ServerOptions::policy_body_memory(std::size_t bytes) {
    data_->policy_body_memory = bytes;
    return *this;
}
ServerOptions& ServerOptions::on_access(std::function<void(const AccessRecord&)> sink) {
    data_->access_sink = std::move(sink);
    return *this;
}
ServerOptions& ServerOptions::on_log(std::function<void(std::string_view, std::string_view)> sink) {
    data_->log_sink = std::move(sink);
    return *this;
}

} // namespace adit
