// What the operator of an edge may ask of an agent.
#pragma once

#include <adit/config.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace adit::inline v0 {

/// Stop, restart or update this program (agent-protocol 3.10). The library itself does none of it: a handler decides.
class Command {
public:
    enum class Kind : std::uint8_t { stop, restart, update };

    explicit Command(Kind kind, std::string version = {}, bool permit_major_version = false)
        : kind_(kind), version_(std::move(version)), permit_major_version_(permit_major_version) {}

    Kind kind() const noexcept { return kind_; }
    /// To update to; empty: the newest. From the peer: do not trust it.
    const std::string& version() const noexcept { return version_; }
    bool permit_major_version() const noexcept { return permit_major_version_; }

private:
    Kind kind_;
    std::string version_;
    bool permit_major_version_;
};

/// Gives "" when it will be done, else why not, which the edge's operator sees. Runs on the session's executor, one at a
/// time, and must not block; what it throws is told to the edge as a failure. It must own no handle of the session.
using CommandHandler = std::function<std::string(const Command&)>;

} // namespace adit
