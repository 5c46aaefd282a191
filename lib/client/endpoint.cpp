#include <adit/endpoint.hpp>

#include "client/options_data.hpp"

namespace adit::inline v0 {

Endpoint::Endpoint() : data_(std::make_unique<Data>()) {}
Endpoint::Endpoint(std::string_view url) : Endpoint() { data_->url = url; }
Endpoint::Endpoint(const Endpoint& other) : data_(std::make_unique<Data>(other.data())) {}
Endpoint::Endpoint(Endpoint&&) noexcept = default;
Endpoint& Endpoint::operator=(const Endpoint& other) {
    if (this != &other) data_ = std::make_unique<Data>(other.data());
    return *this;
}
Endpoint& Endpoint::operator=(Endpoint&&) noexcept = default;
Endpoint::~Endpoint() = default;

const Endpoint::Data& Endpoint::data() const noexcept {
    static const Data defaults;
    return data_ ? *data_ : defaults;
}

Endpoint::Data& Endpoint::edit() {
    if (!data_) data_ = std::make_unique<Data>();
    return *data_;
}

Endpoint Endpoint::labeled(std::string_view key, std::string_view value) {
    Endpoint endpoint;
    endpoint.label(key, value);
    return endpoint;
}

Endpoint& Endpoint::label(std::string_view key, std::string_view value) {
    edit().labeled = true;
    edit().labels.insert_or_assign(std::string(key), std::string(value));
    return *this;
}

Endpoint& Endpoint::name(std::string_view text) {
    edit().name = text;
    return *this;
}

Endpoint& Endpoint::description(std::string_view text) {
    edit().description = text;
    return *this;
}

Endpoint& Endpoint::metadata(std::string_view text) {
    edit().metadata = text;
    return *this;
}

Endpoint& Endpoint::forwards_to(std::string_view text) {
    edit().forwards_to = text;
    return *this;
}

Endpoint& Endpoint::app_protocol(std::string_view text) {
    edit().app_protocol = text;
    return *this;
}

Endpoint& Endpoint::proxy_protocol(int version) {
    edit().proxy_protocol = version;
    return *this;
}

Endpoint& Endpoint::binding(std::string_view text) {
    edit().bindings.emplace_back(text);
    return *this;
}

Endpoint& Endpoint::pooling(bool on) {
    edit().pooling = on;
    return *this;
}

Endpoint& Endpoint::traffic_policy(std::string_view document) {
    edit().traffic_policy = document;
    return *this;
}

Endpoint& Endpoint::backlog(std::size_t connections) {
    edit().backlog = connections;
    return *this;
}

} // namespace adit
