// What is behind the opaque handles of <adit/adit.h>.
#pragma once

#include <adit/adit.h>
#include <adit/endpoint.hpp>
#include <adit/session.hpp>
#include <adit/session_options.hpp>
#include <adit/tls_server.hpp>
#include <adit/upstream.hpp>

#include "capi/accept_queue.hpp"

#include <memory>
#include <string>
#include <vector>

namespace adit::inline v0::capi {

/// An OAuth or OpenID Connect module, whose parts come one by one.
class Login {
public:
    Login() = default;
    bool wanted = false;
    std::string provider, client_id, client_secret;
    std::vector<std::string> emails, domains, scopes;
};

} // namespace adit

struct adit_options {
    adit::SessionOptions value;
    std::string client_certificate, client_key;
};

struct adit_endpoint {
    explicit adit_endpoint(std::string_view url) : value(url) {}
    /// With what only the whole can say.
    adit::Endpoint built() const;

    adit::Endpoint value;
    adit::capi::Login oauth, oidc;
    bool compression = false;
    bool websocket_tcp_conversion = false;
    bool tls_termination = false;
    bool tls_own_certificate = false;
    std::string tls_certificate, tls_key;
    adit::TlsServer agent_tls;
    bool agent_tls_termination = false;
};

struct adit_upstream {
    explicit adit_upstream(std::string_view address) : value(address) {}

    adit::Upstream value;
    std::string client_certificate, client_key;
};

// Made before what they hold, so that no memory is needed once that exists.

struct adit_session {
    adit_session() = default;
    ~adit_session() { value.close(); }
    adit_session(const adit_session&) = delete;
    adit_session& operator=(const adit_session&) = delete;
    void take(adit::Session session) noexcept { value = std::move(session); }

    adit::Session value;
};

struct adit_listener {
    adit_listener() = default;
    ~adit_listener() { queue->close(); }
    adit_listener(const adit_listener&) = delete;
    adit_listener& operator=(const adit_listener&) = delete;
    void take(const adit::Listener& listener) noexcept {
        value = listener;
        queue->serve(listener);
    }

    adit::Listener value;
    const std::shared_ptr<adit::capi::AcceptQueue> queue = std::make_shared<adit::capi::AcceptQueue>();
};

struct adit_forwarder {
    adit_forwarder() = default;
    ~adit_forwarder() { value.close(); }
    adit_forwarder(const adit_forwarder&) = delete;
    adit_forwarder& operator=(const adit_forwarder&) = delete;
    void take(adit::Forwarder forwarder) noexcept { value = std::move(forwarder); }

    adit::Forwarder value;
};
