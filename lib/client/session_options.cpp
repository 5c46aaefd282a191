#include <adit/session_options.hpp>

#include "client/options_data.hpp"

#include <cstdlib>
#include <utility>

namespace adit::inline v0 {
namespace {

// Unset and empty are the same: `VARIABLE= program` is how a shell user unsets one.
const char* environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : nullptr;
}

} // namespace

SessionOptions::SessionOptions() : data_(std::make_unique<Data>()) {}
SessionOptions::SessionOptions(const SessionOptions& other) : data_(std::make_unique<Data>(other.data())) {}
SessionOptions::SessionOptions(SessionOptions&&) noexcept = default;
SessionOptions& SessionOptions::operator=(const SessionOptions& other) {
    if (this != &other) data_ = std::make_unique<Data>(other.data());
    return *this;
}
SessionOptions& SessionOptions::operator=(SessionOptions&&) noexcept = default;
SessionOptions::~SessionOptions() = default;

const SessionOptions::Data& SessionOptions::data() const noexcept {
    static const Data defaults;
    return data_ ? *data_ : defaults;
}

SessionOptions::Data& SessionOptions::edit() {
    if (!data_) data_ = std::make_unique<Data>();
    return *data_;
}

SessionOptions SessionOptions::from_env() {
    SessionOptions options;
    if (const char* server = environment("ADIT_SERVER")) options.server(server);
    const char* token = environment("ADIT_AUTHTOKEN");
    if (token == nullptr) token = environment("NGROK_AUTHTOKEN");
    if (token != nullptr) options.authtoken(token);
    if (const char* roots = environment("ADIT_ROOTS")) options.roots_file(roots);
    return std::move(options.proxy_from_env());
}

SessionOptions SessionOptions::ngrok(std::string_view root_pem) {
    SessionOptions options;
    options.server("connect.ngrok-agent.com:443").roots_pem(root_pem).window_growth(false);
    return options;
}

SessionOptions& SessionOptions::server(std::string_view host_and_port) {
    edit().server = host_and_port;
    return *this;
}

SessionOptions& SessionOptions::authtoken(std::string_view token) {
    edit().authtoken = token;
    return *this;
}

SessionOptions& SessionOptions::roots_system() {
    edit().roots = Data::Roots::system;
    edit().roots_value.clear();
    return *this;
}

SessionOptions& SessionOptions::roots_file(std::string_view path) {
    edit().roots = Data::Roots::file;
    edit().roots_value = path;
    return *this;
}

SessionOptions& SessionOptions::roots_pem(std::string_view pem_text) {
    edit().roots = Data::Roots::pem;
    edit().roots_value = pem_text;
    return *this;
}

SessionOptions& SessionOptions::server_name(std::string_view name) {
    edit().server_name = name;
    return *this;
}

SessionOptions& SessionOptions::client_certificate(std::string_view certificate_pem, std::string_view key_pem) {
    edit().client_certificate = true;
    edit().client_certificate_pem = certificate_pem;
    edit().client_key_pem = key_pem;
    return *this;
}

SessionOptions& SessionOptions::proxy(std::string_view url) {
    edit().proxy = url;
    edit().proxy_source = "proxy";
    edit().proxy_from_environment = false;
    edit().no_proxy.clear();
    return *this;
}

SessionOptions& SessionOptions::proxy_from_env() {
    proxy({});
    edit().proxy_from_environment = true;
    for (const char* name : {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) {
        const char* url = environment(name);
        if (url == nullptr) continue;
        edit().proxy = url;
        edit().proxy_source = name;
        break;
    }
    const char* hosts = environment("no_proxy");
    if (hosts == nullptr) hosts = environment("NO_PROXY");
    if (hosts != nullptr) edit().no_proxy = hosts;
    return *this;
}

SessionOptions& SessionOptions::proxy_roots_pem(std::string_view pem_text) {
    edit().proxy_roots = pem_text;
    return *this;
}

SessionOptions& SessionOptions::dialer(Dialer dialer) {
    edit().dialer = std::move(dialer);
    return *this;
}

SessionOptions& SessionOptions::bind_interface(std::string_view name_or_address) {
    edit().interface_or_address = name_or_address;
    return *this;
}

SessionOptions& SessionOptions::metadata(std::string_view text) {
    edit().metadata = text;
    return *this;
}

SessionOptions& SessionOptions::client_info(std::string_view name, std::string_view version, std::string_view comment) {
    edit().client_infos.insert(edit().client_infos.begin(), ClientInfo(name, version, comment));
    return *this;
}

SessionOptions& SessionOptions::heartbeat_interval(std::chrono::milliseconds interval) {
    edit().heartbeat_interval = interval;
    return *this;
}

SessionOptions& SessionOptions::heartbeat_tolerance(std::chrono::milliseconds tolerance) {
    edit().heartbeat_tolerance = tolerance;
    return *this;
}

SessionOptions& SessionOptions::connect_timeout(std::chrono::milliseconds time) {
    edit().connect_timeout = time;
    return *this;
}

SessionOptions& SessionOptions::window_growth(bool on) {
    edit().window_growth = on;
    return *this;
}

SessionOptions& SessionOptions::reconnect(bool on) {
    edit().reconnect = on;
    return *this;
}

SessionOptions& SessionOptions::on_event(EventHandler handler) {
    edit().on_event = std::move(handler);
    return *this;
}

SessionOptions& SessionOptions::on_stop(CommandHandler handler) {
    edit().on_stop = std::move(handler);
    return *this;
}

SessionOptions& SessionOptions::on_restart(CommandHandler handler) {
    edit().on_restart = std::move(handler);
    return *this;
}

SessionOptions& SessionOptions::on_update(CommandHandler handler) {
    edit().on_update = std::move(handler);
    return *this;
}

} // namespace adit
