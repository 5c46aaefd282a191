// Who holds the address that an endpoint wants: a former self of its agent, dead or not (behaviour E.2, F-11).
#include "edge/agent_session.hpp"

#include "edge/agent_session_shot.hpp"
#include "edge/context.hpp"
#include "edge/spawn.hpp"

#include "proto/codec.hpp"

#include <adit/limits.hpp>

#include <algorithm>

namespace adit::inline v0::edge {

/// Makes room for an endpoint whose address another one of the same credential has: at once if both have the same name
/// (`by_name`), else if its agent does not answer a heartbeat: a process that was restarted does not wait until the edge
/// finds out that its former self is dead. What is left keeps its address, and the claim that follows is refused with 334.
asio::awaitable<void> AgentSession::displace(RecordPtr record, bool by_name) {
    const auto self = shared_from_this();
    std::vector<EndpointPtr> holders = context_.endpoints.members(*record);
    std::erase_if(holders, [&](const EndpointPtr& each) { return may_share(*each, *record) || each->id == record->id; });
    if (holders.empty()) co_return;
    const auto foreign = [&](const EndpointPtr& each) {
        return each->credential != credential_ || each->client_id == client_id_ || each->labeled;
    };
    if (record->labeled || std::ranges::any_of(holders, foreign)) co_return;
    const auto named = [&](const EndpointPtr& each) { return each->name == record->name && each->url == record->url; };
    const bool at_once = by_name && !record->name.empty() && std::ranges::all_of(holders, named);
    bool alive = false;
    if (!at_once) alive = co_await is_anyone_alive(holders);
    if (alive) co_return;
    for (const EndpointPtr& former : holders) {
        context_.log("info", "endpoint " + former->id + " of " + former->url_text + " gives way to agent " + id_);
        take_from(former);
    }
}

/// Asks all agents of these endpoints at the same time.
asio::awaitable<bool> AgentSession::is_anyone_alive(std::vector<EndpointPtr> holders) {
    const auto self = shared_from_this();
    const auto deadline = std::chrono::steady_clock::now() + limits::takeover_probe_time;
    std::vector<std::shared_ptr<OneShot<bool>>> probes;
    for (const EndpointPtr& each : holders) {
        const auto session = each->session.lock();
        if (!session) continue;
        probes.push_back(make_shot<bool>());
        session->probe(probes.back());
    }
    for (const auto& probe : probes) {
        const auto left = deadline - std::chrono::steady_clock::now();
        const std::optional<bool> answer = co_await probe->wait(std::max(left, std::chrono::steady_clock::duration::zero()));
        if (answer.value_or(false)) co_return true;
    }
    co_return false;
}

/// Takes an endpoint from another session of this credential, and tells its agent so, in case it is there after all: it
/// shall not bind it again. An agent that moved to this session is not told; the id is that of its new bind as well.
void AgentSession::take_from(const EndpointPtr& former) {
    const auto session = former->session.lock();
    if (!session) {
        context_.endpoints.remove(former);
        return;
    }
    if (!session->take_offline(former) || former->client_id == client_id_) return;
    StopTunnelRequest request;
    request.id = former->bind_id;
    request.message = "another agent with the same credential took " + former->url_text + " over";
    request.error_code = "ERR_NGROK_334";
    spawn(context_, session->executor(), session->send_stop_tunnel(encode(request)));
}

/// The same endpoint, on a session that the agent left or on another client with the same token: its last word counts.
/// Other legs of this client keep theirs.
void AgentSession::evict_former(const EndpointRecord& record) {
    for (const EndpointPtr& former : context_.endpoints.members(record)) {
        if (former->id != record.id || former->credential != record.credential) continue;
        const auto session = former->session.lock();
        if (session && former->client_id == record.client_id && session->leg() != leg()) continue;
        take_from(former);
    }
}

} // namespace adit
