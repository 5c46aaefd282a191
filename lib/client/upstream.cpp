#include <adit/upstream.hpp>

#include "client/upstream_data.hpp"

namespace adit::inline v0 {

Upstream::Upstream() : data_(std::make_unique<Data>()) {}
Upstream::Upstream(std::string_view address) : Upstream() { data_->address = address; }
Upstream::Upstream(const Upstream& other) : data_(std::make_unique<Data>(other.data())) {}
Upstream::Upstream(Upstream&&) noexcept = default;
Upstream& Upstream::operator=(const Upstream& other) {
    if (this != &other) data_ = std::make_unique<Data>(other.data());
    return *this;
}
Upstream& Upstream::operator=(Upstream&&) noexcept = default;
Upstream::~Upstream() = default;

const Upstream::Data& Upstream::data() const noexcept {
    static const Data defaults;
    return data_ ? *data_ : defaults;
}

Upstream::Data& Upstream::edit() {
    if (!data_) data_ = std::make_unique<Data>();
    return *data_;
}

Upstream& Upstream::roots_pem(std::string_view pem_text) {
    edit().roots = Data::Roots::pem;
    edit().roots_value = pem_text;
    return *this;
}

Upstream& Upstream::roots_file(std::string_view path) {
    edit().roots = Data::Roots::file;
    edit().roots_value = path;
    return *this;
}

Upstream& Upstream::client_certificate(std::string_view certificate_pem, std::string_view key_pem) {
    edit().certificate_pem = certificate_pem;
    edit().key_pem = key_pem;
    return *this;
}

Upstream& Upstream::server_name(std::string_view name) {
    edit().server_name = name;
    return *this;
}

Upstream& Upstream::verify(bool on) {
    edit().verify = on;
    return *this;
}

Upstream& Upstream::rewrite_host(bool on) {
    edit().rewrite_host = on;
    return *this;
}

Upstream& Upstream::host_header(std::string_view host) {
    edit().host_header = host;
    return *this;
}

Upstream& Upstream::app_protocol(std::string_view text) {
    edit().app_protocol = text;
    return *this;
}

Upstream& Upstream::max_idle_connections(std::size_t count) {
    edit().max_idle_connections = count;
    return *this;
}

Upstream& Upstream::idle_time(std::chrono::milliseconds time) {
    edit().idle_time = time;
    return *this;
}

Upstream& Upstream::response_timeout(std::chrono::milliseconds time) {
    edit().response_timeout = time;
    return *this;
}

Upstream& Upstream::dial_timeout(std::chrono::milliseconds time) {
    edit().dial_timeout = time;
    return *this;
}

} // namespace adit
