// Bind, StartTunnelWithLabel, Unbind and PatchTunnelState (agent-protocol 3.5 to 3.9).
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
    auto plan = BindPlan::make(context_.settings, request, ticket);
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

/// The sessions of the same agent, this one included.
std::vector<std::shared_ptr<AgentSession>> AgentSession::legs() {
    std::vector<std::shared_ptr<AgentSession>> legs = context_.sessions.of_client(client_id_);
    std::erase_if(legs, [this](const auto& leg) { return leg->credential() != credential_; });
    return legs;
}

std::string AgentSession::patch(const std::string& request) {
    const auto decoded = decode_patch_tunnel_state_request(request);
    if (!decoded) return encode_error(decoded.error());
    if (decoded->traffic_policy && !decoded->traffic_policy->empty())
        return encode_error(9026, "the module \"TrafficPolicy\" is not available in this version of the edge");
    if (decoded->metadata && decoded->metadata->size() > limits::metadata_max)
        return encode_error(0, "the metadata has more than " + std::to_string(limits::metadata_max) + " bytes");
    for (const auto& text : {decoded->name, decoded->description}) {
        if (text && text->size() > limits::description_max)
            return encode_error(0, "the name or the description has more than " +
                                       std::to_string(limits::description_max) + " bytes");
    }
    // One leg speaks for all, also for those that have not bound it yet, or are lost and do not know it.
    ErrorInfo error = patch_endpoint(decoded->tunnel_id, *decoded);
    for (const auto& leg : legs()) {
        if (leg.get() == this) continue;
        ErrorInfo other = leg->patch_endpoint(decoded->tunnel_id, *decoded);
        if (error && !other) error = {};
    }
    return error ? encode_error(error) : encode(EmptyResponse());
}

ErrorInfo AgentSession::patch_endpoint(std::string_view endpoint_id, const PatchTunnelStateRequest& change) {
    const std::lock_guard lock(mutex_);
    if (ended_) return ErrorInfo(ngrok_error(742)); // said goodbye meanwhile
    const auto found = std::ranges::find_if(binds_, [&](const auto& each) { return each.second->id == endpoint_id; });
    if (endpoint_id.empty() || found == binds_.end())
        return ErrorInfo(ngrok_error(333), "this session has no endpoint with the id \"" + std::string(endpoint_id) + "\"");
    const EndpointPtr old = found->second;
    if (change.pooling_enabled && *change.pooling_enabled != old->pooled)
        return ErrorInfo(errc::refused, "pooling cannot be changed while the endpoint is online; bind it again");
    const auto fresh = std::make_shared<const EndpointRecord>(*old, change);
    if (context_.endpoints.replace(old, fresh)) found->second = fresh;
    return {};
}

} // namespace adit
