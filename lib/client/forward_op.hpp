// Session::forward: what the upstream needs is checked and read, then the endpoint is put online.
#pragma once

#include <adit/session.hpp>

#include "client/forwarder_impl.hpp"

namespace adit::inline v0::detail {

/// What a forward is made of.
class ForwardSetup {
public:
    Endpoint endpoint;
    ForwardPlan plan;
};

/// errc::unsupported_url, errc::invalid_option; waits for the disk where files are named.
Result<ForwardSetup> prepare_forward(const Endpoint& endpoint, const Upstream& upstream);

/// The handler of the listen that is under a forward: makes the forwarder and completes the forward's own handler.
class ForwardListening {
public:
    using Handler = AnyHandler<void(std::error_code, Forwarder)>;

    ForwardListening(std::shared_ptr<SessionImpl> session, ForwardPlan plan, Handler handler)
        : session_(std::move(session)), plan_(std::move(plan)), handler_(std::move(handler)) {}
    void operator()(std::error_code ec, Listener listener);

private:
    std::shared_ptr<SessionImpl> session_;
    ForwardPlan plan_;
    Handler handler_;
};

} // namespace adit
