#include "client/forward_op.hpp"

#include "client/handle.hpp"
#include "client/options_data.hpp"
#include "client/session_impl.hpp"

#include <utility>

namespace adit::inline v0::detail {

Result<ForwardSetup> prepare_forward(const Endpoint& endpoint, const Upstream& upstream) {
    ForwardSetup setup;
    setup.endpoint = endpoint;
    const Endpoint::Data& wanted = endpoint.data();
    std::optional<UrlScheme> scheme;
    const Result<EndpointUrl> url = EndpointUrl::parse(wanted.url); // a wrong one is refused by the listen
    if (url && !wanted.labeled) scheme = url->scheme();
    Result<UpstreamTarget> target = check(upstream.data(), scheme);
    if (!target) return target.error();
    if (wanted.app_protocol.empty()) setup.endpoint.app_protocol(upstream.data().app_protocol);
    if (!wanted.forwards_to) setup.endpoint.forwards_to(target->forwards_to());
    setup.plan.http2 = setup.endpoint.data().app_protocol == "http2";
    setup.plan.proxy_protocol = wanted.proxy_protocol != 0;
    setup.plan.name = wanted.name;
    setup.plan.traffic_policy = wanted.traffic_policy.value_or(std::string());
    setup.plan.pooling = wanted.pooling;
    auto dialer = UpstreamDialer::create(upstream.data(), std::move(*target), setup.plan.http2);
    if (!dialer) return dialer.error();
    setup.plan.dialer = std::move(*dialer);
    return setup;
}

void ForwardListening::operator()(std::error_code ec, Listener listener) {
    std::shared_ptr<ForwarderImpl> forwarder;
    if (!ec) forwarder = ForwarderImpl::start(session_, std::move(listener), std::move(plan_));
    SessionImpl& session = *session_;
    handler_.complete(ec, forwarder ? Forwarder(make_handle(std::move(forwarder))) : Forwarder());
    session.ensure_completion();
}

} // namespace adit
