// The actions that a policy may name, and how each is made of its configuration.
#pragma once

#include "policy/compile.hpp"

#include <memory>
#include <span>
#include <string_view>

namespace adit::inline v0::policy {

/// Never null without an error; but terminate-tls makes none, for there is nothing to do for it later.
using MakeAction = std::unique_ptr<const Action> (*)(Config& config, bool& ends);

struct ActionKind {
    std::string_view name;
    unsigned phases;    ///< in_connect, ...
    unsigned protocols; ///< on_http, ...
    MakeAction make;
    bool internal = false; ///< for modules of a bind only
};

inline constexpr unsigned in_connect = 1, in_request = 2, in_response = 4;
inline constexpr unsigned on_http = 1, on_https = 2, on_tls = 4, on_tcp = 8, on_any = 15;

/// nullptr if there is none of that name.
const ActionKind* find_action(std::string_view name) noexcept;
/// An action of ngrok's that is not built here.
bool is_unbuilt_action(std::string_view name) noexcept;

// Each `ends` becomes true if no traffic gets past the action.
std::unique_ptr<const Action> make_deny(Config& config, bool& ends);
std::unique_ptr<const Action> make_close_connection(Config& config, bool& ends);
std::unique_ptr<const Action> make_custom_response(Config& config, bool& ends);
std::unique_ptr<const Action> make_redirect(Config& config, bool& ends);
std::unique_ptr<const Action> make_url_rewrite(Config& config, bool& ends);
std::unique_ptr<const Action> make_add_headers(Config& config, bool& ends);
std::unique_ptr<const Action> make_remove_headers(Config& config, bool& ends);
std::unique_ptr<const Action> make_compress_response(Config& config, bool& ends);
std::unique_ptr<const Action> make_restrict_ips(Config& config, bool& ends);
std::unique_ptr<const Action> make_basic_auth(Config& config, bool& ends);
std::unique_ptr<const Action> make_user_agent_filter(Config& config, bool& ends);
std::unique_ptr<const Action> make_verify_webhook(Config& config, bool& ends);
std::unique_ptr<const Action> make_rate_limit(Config& config, bool& ends);
std::unique_ptr<const Action> make_circuit_breaker(Config& config, bool& ends);
std::unique_ptr<const Action> make_forward_internal(Config& config, bool& ends);
std::unique_ptr<const Action> make_set_vars(Config& config, bool& ends);
std::unique_ptr<const Action> make_log(Config& config, bool& ends);
std::unique_ptr<const Action> make_terminate_tls(Config& config, bool& ends);

} // namespace adit
