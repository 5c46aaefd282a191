// From what the user said to what the SDK takes.
#pragma once

#include "config.hpp"

#include <adit/adit.hpp>

namespace agent {

/// One endpoint to bring online.
struct Plan {
    std::string name;
    adit::Endpoint endpoint;
    adit::Upstream upstream;
};

/// A tunnel of version 2 with two schemes makes two. Reads files; Problem if they or a value cannot be used.
std::vector<Plan> make_plans(const Tunnel& tunnel);

/// How the inspector shall be, if there shall be one. A tunnel that must not be recorded beside it is a Problem.
std::optional<adit::InspectorOptions> make_inspector_options(const std::vector<Tunnel>& tunnels, const Settings& flags,
                                                             const Settings& file);

/// `flags` before the environment (ADIT_..., NGROK_AUTHTOKEN, proxies) before `file`.
adit::SessionOptions make_session_options(const Settings& flags, const Settings& file);

} // namespace agent
