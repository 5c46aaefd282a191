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
    /// Stable id of the account, without line breaks: its credentials share its pools and its ".internal" names. Empty: each
    /// credential is an account of its own.
    std::string account_id;
};

/// An endpoint that a session wants to put online, after its URL was parsed and completed.
class BindQuery {
public:
    std::string credential;
    /// As it is shown: "https://app.example.com", with the port if visitors have to type one; empty for labels.
    std::string url;
    bool random = false; ///< the edge chose the host or port
    bool internal = false; ///< below ".internal": only other endpoints of the account reach it
    bool pooled = false;   ///< shares the URL with others of the account
    std::string name;      ///< as the agent calls the endpoint; may be empty
    std::vector<std::pair<std::string, std::string>> labels;
};

/// Decides about agents. All calls come on an edge thread and must not block; the answer may be given later and from
/// any thread, exactly once. The edge bounds the waiting and refuses when it passes: authenticate() by
/// limits::directory_time and three quarters of what is left of ServerOptions::auth_time, with 743; the others by
/// limits::rpc_time. A later answer is dropped.
class ADIT_API Directory {
public:
    virtual ~Directory();
    virtual void authenticate(const AuthQuery& query, std::function<void(AuthAnswer)> answer) = 0;
    /// Default: allowed. An ErrorInfo with a code refuses.
    virtual void authorize(const BindQuery& query, std::function<void(ErrorInfo)> answer);
    /// Asked instead of authorize() for a host that is neither the base domain, nor below it, nor one of
    /// ServerOptions::allow_domain: a domain of the agent's owner, of which this edge knows nothing. Default: refused, with
    /// 319 (tcp: 307). Who overrides it answers for names all over the world: allow those that the credential has reserved,
    /// in the form it has reserved (a wildcard as a wildcard), and have certificates for them.
    virtual void authorize_custom_domain(const BindQuery& query, std::function<void(ErrorInfo)> answer);
};

} // namespace adit
