// Who may do what: the edge asks, the embedder (later: the control plane) answers.
#pragma once

#include <adit/config.hpp>
#include <adit/error.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0::edge {

/// An agent that wants to start a session.
class AuthQuery {
public:
    std::string authtoken;
    std::string remote_address; ///< "ip:port" of the agent
    std::string client_type;    ///< "ngrok-rust", "adit", ...
    std::string user_agent;
    std::string metadata;
};

/// The answer. `error` set refuses: its code should be of category `ngrok` (105, 107, ...), its message is sent.
class AuthAnswer {
public:
    ErrorInfo error;
    std::string credential; ///< stable id of the credential, never the token itself
    std::string account;    ///< shown as account name
};

/// An endpoint that a session wants to put online, after its URL was parsed and completed.
class BindQuery {
public:
    std::string credential;
    /// As it is shown: "https://app.example.com", with the port if visitors have to type one; empty for labels.
    std::string url;
    bool random = false; ///< the edge chose the host or port
    std::vector<std::pair<std::string, std::string>> labels;
};

/// Decides about agents. Both calls come on an edge thread and must not block; the answer may be given later and from
/// any thread, exactly once. The edge bounds the waiting and refuses when it passes: authenticate() by
/// limits::directory_time and three quarters of what is left of ServerOptions::auth_time, with 743; authorize() by
/// limits::rpc_time. A later answer is dropped.
class ADIT_API Directory {
public:
    virtual ~Directory();
    virtual void authenticate(const AuthQuery& query, std::function<void(AuthAnswer)> answer) = 0;
    /// Default: allowed. An ErrorInfo with a code refuses.
    virtual void authorize(const BindQuery& query, std::function<void(ErrorInfo)> answer);
};

} // namespace adit
