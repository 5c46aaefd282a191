// Bind, StartTunnelWithLabel and Unbind (agent-protocol 3.5 to 3.7).
#include "edge/agent_session.hpp"

#include "edge/bind_plan.hpp"
#include "edge/context.hpp"
#include "edge/tickets.hpp"

#include "base/ksuid.hpp"
#include "base/random.hpp"
#include "proto/codec.hpp"

#include <adit/limits.hpp>

namespace adit::inline v0::edge {
namespace {

std::string new_bind_id() { return make_id("tn_", std::chrono::system_clock::now(), fill_random); }

/// An agent whose token is worth nothing any more (another key) still gets its URL by what it sends back of our answer.
void name_in_opts(BindOpts& opts, const EndpointRecord& record) {
    if (auto* http = std::get_if<HttpOpts>(&opts)) {
        http->domain = record.url.host();
    } else if (auto* tls = std::get_if<TlsOpts>(&opts)) {
        tls->domain = record.url.host();
    } else if (auto* tcp = std::get_if<TcpOpts>(&opts)) {
        tcp->addr = join_host_port(record.url.host(), record.url.effective_port());
    }
}

} // namespace

Result<AgentSession::PlanPtr> AgentSession::plan_bind(const BindRequest& request) const {
    if (context_.draining.load()) return ErrorInfo(ngrok_error(742));
    std::optional<BindTicket> ticket;
    if (!request.extra.token.empty()) ticket = BindTicket::open(context_.sealer, request.extra.token);
    if (ticket && ticket->credential != credential_) {
        return ErrorInfo(ngrok_error(ticket->url.scheme() == UrlScheme::tcp ? 309 : 320),
                         "the bind token for " + ticket->url.to_string() + " belongs to another credential");
    }
    auto plan = BindPlan::make(context_.settings, request, ticket, context_.certificates.get());
    if (!plan) return plan.error();
    if (plan->bind_id.empty()) plan->bind_id = new_bind_id();
    return std::make_shared<const BindPlan>(std::move(*plan));
}

std::string AgentSession::bind_answer(const BindRequest& request, const EndpointRecord& record) const {
    const BindTicket ticket(record.url, credential_, record.id, record.random);
    BindResponse response(request, record.bind_id, record.url_text, ticket.seal(context_.sealer));
    name_in_opts(response.opts, record);
    response.extra.tunnel_id = record.id;
    return encode(response);
}

asio::awaitable<std::string> AgentSession::bind(std::string request) {
    const auto decoded = decode_bind_request(request);
    if (!decoded) co_return encode_error(decoded.error());
    const auto plan = plan_bind(*decoded);
    if (!plan) co_return encode_error(plan.error());
    const Result<EndpointPtr> online = co_await put_online(*plan);
    if (!online) co_return encode_error(online.error());
    co_return bind_answer(*decoded, **online);
}

asio::awaitable<std::string> AgentSession::bind_labels(std::string request) {
    const auto decoded = decode_start_tunnel_with_label_request(request);
    if (!decoded) co_return encode_error(decoded.error());
    if (context_.draining.load()) co_return encode_error(ErrorInfo(ngrok_error(742)));
    const auto plans = BindPlan::make_labeled(context_.settings, *decoded);
    if (!plans) co_return encode_error(plans.error());
    StartTunnelWithLabelResponse response;
    response.id = new_bind_id();
    std::vector<EndpointPtr> done; // all routes or none
    for (const BindPlan& each : *plans) {
        auto plan = std::make_shared<BindPlan>(each);
        plan->bind_id = response.id;
        const PlanPtr shared = std::move(plan);
        const Result<EndpointPtr> online = co_await put_online(shared);
        if (!online) {
            for (const EndpointPtr& record : done) take_offline(record);
            co_return encode_error(online.error());
        }
        done.push_back(*online);
    }
    co_return encode(response);
}

/// Agents repeat it, and name ids that are gone: that is success as well. One leg speaks for all.
std::string AgentSession::unbind(const std::string& request) {
    const auto decoded = decode_unbind_request(request);
    if (!decoded) return encode_error(decoded.error());
    for (const auto& leg : legs()) leg->take_bind_offline(decoded->id);
    return encode(EmptyResponse());
}

} // namespace adit
