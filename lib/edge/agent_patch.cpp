// PatchTunnelState (agent-protocol 3.9): what is changed of an endpoint while it is online.
#include "edge/agent_session.hpp"

#include "edge/agent_claim.hpp"
#include "edge/agent_session_shot.hpp"
#include "edge/context.hpp"

#include "proto/codec.hpp"

#include <adit/limits.hpp>

#include <algorithm>

namespace adit::inline v0::edge {
namespace {

ErrorInfo unknown_endpoint(std::string_view id) {
    return ErrorInfo(ngrok_error(333), "this session has no endpoint with the id \"" + std::string(id) + "\"");
}

} // namespace

/// The sessions of the same agent, this one included.
std::vector<std::shared_ptr<AgentSession>> AgentSession::legs() {
    std::vector<std::shared_ptr<AgentSession>> legs = context_.sessions.of_client(client_id_);
    std::erase_if(legs, [this](const auto& leg) { return leg->credential() != credential_; });
    return legs;
}

asio::awaitable<std::string> AgentSession::patch(std::string request) {
    const auto self = shared_from_this();
    const auto decoded = decode_patch_tunnel_state_request(request);
    if (!decoded) co_return encode_error(decoded.error());
    if (decoded->metadata && decoded->metadata->size() > limits::metadata_max)
        co_return encode_error(0, "the metadata has more than " + std::to_string(limits::metadata_max) + " bytes");
    for (const auto& text : {decoded->name, decoded->description}) {
        if (text && text->size() > limits::description_max)
            co_return encode_error(0, "the name or the description has more than " +
                                          std::to_string(limits::description_max) + " bytes");
    }
    PolicyPtr policy;
    if (decoded->traffic_policy) {
        const EndpointPtr old = endpoint_of(decoded->tunnel_id);
        if (!old) co_return encode_error(unknown_endpoint(decoded->tunnel_id));
        const auto changed = EndpointPolicy::change(old->policy.get(), old->url, *decoded->traffic_policy,
                                                     context_.certificates.get());
        if (!changed) co_return encode_error(changed.error());
        policy = *changed;
    }
    ErrorInfo error;
    if (decoded->pooling_enabled) error = co_await set_pooling(decoded->tunnel_id, *decoded->pooling_enabled);
    if (!error) error = patch_legs(*decoded, policy);
    std::string response = error ? encode_error(error) : encode(EmptyResponse());
    co_return response;
}

/// One leg speaks for all, also for those that have not bound it yet, or are lost and do not know it.
ErrorInfo AgentSession::patch_legs(const PatchTunnelStateRequest& change, const PolicyPtr& policy) {
    ErrorInfo error = patch_endpoint(change.tunnel_id, change, policy);
    for (const auto& leg : legs()) {
        if (leg.get() == this) continue;
        ErrorInfo other = leg->patch_endpoint(change.tunnel_id, change, policy);
        if (error && !other) error = {};
    }
    return error;
}

EndpointPtr AgentSession::endpoint_of(std::string_view endpoint_id) const {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find_if(binds_, [&](const auto& each) { return each.second->id == endpoint_id; });
    return endpoint_id.empty() || found == binds_.end() ? nullptr : found->second;
}

ErrorInfo AgentSession::patch_endpoint(std::string_view endpoint_id, const PatchTunnelStateRequest& change,
                                       const PolicyPtr& policy) {
    const std::lock_guard lock(mutex_);
    if (ended_) return ErrorInfo(ngrok_error(742)); // said goodbye meanwhile
    const auto found = std::ranges::find_if(binds_, [&](const auto& each) { return each.second->id == endpoint_id; });
    if (endpoint_id.empty() || found == binds_.end()) return unknown_endpoint(endpoint_id);
    const EndpointPtr old = found->second;
    const auto fresh = std::make_shared<const EndpointRecord>(*old, change, change.traffic_policy ? policy : old->policy);
    if (context_.endpoints.replace(old, fresh)) found->second = fresh;
    return {};
}

/// Pooling may be switched on at any time, and off while nobody shares the address (behaviour X17). The registry decides;
/// the table follows: before it when switched on, so that nobody is let in who then finds no room.
asio::awaitable<ErrorInfo> AgentSession::set_pooling(std::string endpoint_id, bool on) {
    const auto self = shared_from_this();
    std::vector<EndpointPtr> records; // of all legs
    for (const auto& leg : legs()) {
        if (const EndpointPtr record = leg->endpoint_of(endpoint_id)) records.push_back(record);
    }
    std::erase_if(records, [on](const EndpointPtr& each) { return each->pooled == on; });
    PatchTunnelStateRequest change;
    change.tunnel_id = endpoint_id;
    change.pooling_enabled = on;
    if (on && !records.empty()) patch_legs(change, nullptr);
    ErrorInfo error;
    for (const EndpointPtr& record : records) {
        if (!error) error = co_await renew_pooling(record, on);
    }
    if (error) { // as it was, on those legs that have it
        change.pooling_enabled = !on;
        if (on) patch_legs(change, nullptr);
        for (const EndpointPtr& record : records) co_await renew_pooling(record, !on);
    }
    co_return error;
}

asio::awaitable<ErrorInfo> AgentSession::renew_pooling(EndpointPtr record, bool on) {
    using Answer = std::pair<ErrorInfo, Lease>;
    const auto self = shared_from_this();
    Claim claim = claim_of(*record, context_);
    claim.pooled = on;
    const auto shot = make_shot<Answer>();
    context_.call_out([&] {
        context_.registry->renew(claim, record->epoch, [shot](const ErrorInfo& error, Lease lease) {
            shot->set(Answer(error, lease));
        });
    });
    const std::optional<Answer> answer = co_await shot->wait(limits::rpc_time);
    if (!answer) co_return ErrorInfo(ngrok_error(743), "the registry of endpoints did not answer in time");
    if (answer->first.code() == ngrok_error(334) && !on) {
        co_return ErrorInfo(ngrok_error(334), "other endpoints are in the pool of " + record->url_text +
                                                  "; pooling cannot be switched off before they are gone");
    }
    co_return answer->first;
}

} // namespace adit
