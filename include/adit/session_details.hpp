// What the edge said about a session.
#pragma once

#include <adit/config.hpp>

#include <string>
#include <string_view>

namespace adit::inline v0 {

/// From the edge's last answer; every text may be empty and is the edge's: do not trust it. A copy, not thread-safe.
class SessionDetails {
public:
    SessionDetails() = default;

    /// The id the edge gave this client; the edge finds its endpoints by it after a reconnect.
    const std::string& id() const noexcept { return id_; }
    /// The id of this agent session in the edge's API.
    const std::string& agent_session_id() const noexcept { return agent_session_id_; }
    const std::string& region() const noexcept { return region_; }
    const std::string& account() const noexcept { return account_; }
    const std::string& plan() const noexcept { return plan_; }
    const std::string& banner() const noexcept { return banner_; }   ///< a line from the edge's operator
    const std::string& warning() const noexcept { return warning_; } ///< that this version is deprecated, and until when
    const std::string& edge_version() const noexcept { return edge_version_; }

    // For the library itself.
    SessionDetails& id(std::string_view text) { return set(id_, text); }
    SessionDetails& agent_session_id(std::string_view text) { return set(agent_session_id_, text); }
    SessionDetails& region(std::string_view text) { return set(region_, text); }
    SessionDetails& account(std::string_view text) { return set(account_, text); }
    SessionDetails& plan(std::string_view text) { return set(plan_, text); }
    SessionDetails& banner(std::string_view text) { return set(banner_, text); }
    SessionDetails& warning(std::string_view text) { return set(warning_, text); }
    SessionDetails& edge_version(std::string_view text) { return set(edge_version_, text); }

private:
    SessionDetails& set(std::string& member, std::string_view text) {
        member = text;
        return *this;
    }

    std::string id_, agent_session_id_, region_, account_, plan_, banner_, warning_, edge_version_;
};

} // namespace adit
