#include <adit/session_options.hpp>

#include "client/options_data.hpp"

#include <cstdlib>

namespace adit::inline v0 {
namespace {

// Unset and empty are the same: `VARIABLE= program` is how a shell user unsets one.
const char* environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : nullptr;
}

} // namespace

SessionOptions::SessionOptions() : data_(std::make_unique<Data>()) {}
SessionOptions::SessionOptions(const SessionOptions& other) : data_(std::make_unique<Data>(*other.data_)) {}
SessionOptions::SessionOptions(SessionOptions&&) noexcept = default;
SessionOptions& SessionOptions::operator=(const SessionOptions& other) {
    if (this != &other) data_ = std::make_unique<Data>(*other.data_);
    return *this;
}
SessionOptions& SessionOptions::operator=(SessionOptions&&) noexcept = default;
SessionOptions::~SessionOptions() = default;

SessionOptions SessionOptions::from_env() {
    SessionOptions options;
    if (const char* server = environment("ADIT_SERVER")) options.server(server);
    const char* token = environment("ADIT_AUTHTOKEN");
    if (token == nullptr) token = environment("NGROK_AUTHTOKEN");
    if (token != nullptr) options.authtoken(token);
    if (const char* roots = environment("ADIT_ROOTS")) options.roots_file(roots);
    return options;
}

SessionOptions SessionOptions::ngrok(std::string_view root_pem) {
    SessionOptions options;
    options.server("connect.ngrok-agent.com:443").roots_pem(root_pem).window_growth(false);
    return options;
}

SessionOptions& SessionOptions::server(std::string_view host_and_port) {
    data_->server = host_and_port;
    return *this;
}

SessionOptions& SessionOptions::authtoken(std::string_view token) {
    data_->authtoken = token;
    return *this;
}

SessionOptions& SessionOptions::roots_system() {
    data_->roots = Data::Roots::system;
    data_->roots_value.clear();
    return *this;
}

SessionOptions& SessionOptions::roots_file(std::string_view path) {
    data_->roots = Data::Roots::file;
    data_->roots_value = path;
    return *this;
}

SessionOptions& SessionOptions::roots_pem(std::string_view pem_text) {
    data_->roots = Data::Roots::pem;
    data_->roots_value = pem_text;
    return *this;
}

SessionOptions& SessionOptions::server_name(std::string_view name) {
    data_->server_name = name;
    return *this;
}

SessionOptions& SessionOptions::metadata(std::string_view text) {
    data_->metadata = text;
    return *this;
}

SessionOptions& SessionOptions::client_info(std::string_view name, std::string_view version, std::string_view comment) {
    data_->client_infos.insert(data_->client_infos.begin(), ClientInfo(name, version, comment));
    return *this;
}

SessionOptions& SessionOptions::heartbeat_interval(std::chrono::milliseconds interval) {
    data_->heartbeat_interval = interval;
    return *this;
}

SessionOptions& SessionOptions::heartbeat_tolerance(std::chrono::milliseconds tolerance) {
    data_->heartbeat_tolerance = tolerance;
    return *this;
}

SessionOptions& SessionOptions::connect_timeout(std::chrono::milliseconds time) {
    data_->connect_timeout = time;
    return *this;
}

SessionOptions& SessionOptions::window_growth(bool on) {
    data_->window_growth = on;
    return *this;
}

} // namespace adit
