#include <adit/endpoint.hpp>

#include "client/options_data.hpp"

namespace adit::inline v0 {

Endpoint::Endpoint() : data_(std::make_unique<Data>()) {}
Endpoint::Endpoint(std::string_view url) : Endpoint() { data_->url = url; }
Endpoint::Endpoint(const Endpoint& other) : data_(std::make_unique<Data>(*other.data_)) {}
Endpoint::Endpoint(Endpoint&&) noexcept = default;
Endpoint& Endpoint::operator=(const Endpoint& other) {
    if (this != &other) data_ = std::make_unique<Data>(*other.data_);
    return *this;
}
Endpoint& Endpoint::operator=(Endpoint&&) noexcept = default;
Endpoint::~Endpoint() = default;

Endpoint Endpoint::labeled(std::string_view key, std::string_view value) {
    Endpoint endpoint;
    endpoint.label(key, value);
    return endpoint;
}

Endpoint& Endpoint::label(std::string_view key, std::string_view value) {
    data_->labeled = true;
    data_->labels.insert_or_assign(std::string(key), std::string(value));
    return *this;
}

Endpoint& Endpoint::name(std::string_view text) {
    data_->name = text;
    return *this;
}

Endpoint& Endpoint::description(std::string_view text) {
    data_->description = text;
    return *this;
}

Endpoint& Endpoint::metadata(std::string_view text) {
    data_->metadata = text;
    return *this;
}

Endpoint& Endpoint::forwards_to(std::string_view text) {
    data_->forwards_to = text;
    return *this;
}

Endpoint& Endpoint::app_protocol(std::string_view text) {
    data_->app_protocol = text;
    return *this;
}

Endpoint& Endpoint::proxy_protocol(int version) {
    data_->proxy_protocol = version;
    return *this;
}

Endpoint& Endpoint::binding(std::string_view text) {
    data_->binding = text;
    return *this;
}

Endpoint& Endpoint::pooling(bool on) {
    data_->pooling = on;
    return *this;
}

Endpoint& Endpoint::traffic_policy(std::string_view document) {
    data_->traffic_policy = document;
    return *this;
}

Endpoint& Endpoint::backlog(std::size_t connections) {
    data_->backlog = connections;
    return *this;
}

} // namespace adit
