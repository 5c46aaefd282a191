// What of an endpoint may change while it is online.
#pragma once

#include <adit/config.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace adit::inline v0 {

/// Changes for Listener::update; chained setters. What is not set stays as it is. Copyable, not thread-safe.
class EndpointUpdate {
public:
    EndpointUpdate() = default;

    EndpointUpdate& name(std::string_view text) { return set(name_, text); }               ///< limits::description_max bytes
    EndpointUpdate& description(std::string_view text) { return set(description_, text); } ///< limits::description_max bytes
    EndpointUpdate& metadata(std::string_view text) { return set(metadata_, text); }       ///< limits::metadata_max bytes
    EndpointUpdate& traffic_policy(std::string_view document) { return set(traffic_policy_, document); } ///< "": none
    EndpointUpdate& pooling(bool on) {
        pooling_ = on;
        return *this;
    }

    // For the library itself.
    const std::optional<std::string>& name() const noexcept { return name_; }
    const std::optional<std::string>& description() const noexcept { return description_; }
    const std::optional<std::string>& metadata() const noexcept { return metadata_; }
    const std::optional<std::string>& traffic_policy() const noexcept { return traffic_policy_; }
    const std::optional<bool>& pooling() const noexcept { return pooling_; }

private:
    EndpointUpdate& set(std::optional<std::string>& member, std::string_view text) {
        member.emplace(text);
        return *this;
    }

    std::optional<std::string> name_, description_, metadata_, traffic_policy_;
    std::optional<bool> pooling_;
};

} // namespace adit
