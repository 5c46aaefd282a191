// How an endpoint comes online and goes: directory, registry, table, port.
#include "edge/agent_session.hpp"

#include "edge/agent_claim.hpp"
#include "edge/agent_session_shot.hpp"
#include "edge/bind_plan.hpp"
#include "edge/context.hpp"
#include "edge/spawn.hpp"

#include "base/ksuid.hpp"
#include "base/random.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <array>

namespace adit::inline v0::edge {
namespace {

constexpr int name_attempts = 5;  // 60 random bits do not collide twice
constexpr int port_attempts = 25; // a port that was just released is closed on its shard
constexpr auto port_retry = std::chrono::milliseconds(20);

/// Visitors come to a port that is open for this URL.
bool has_port(const EndpointUrl& url) { return url.scheme() == UrlScheme::tcp && !url.is_internal(); }

std::string random_label() {
    static constexpr char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    std::array<std::uint8_t, 12> bytes;
    fill_random(bytes);
    std::string label;
    for (const std::uint8_t byte : bytes) label += letters[byte % 32];
    return label;
}

/// The legs of one agent count together.
void share_policy(EndpointRecord& record, const EdgeContext& context) {
    if (!record.policy) return;
    for (const EndpointPtr& member : context.endpoints.members(record)) {
        if (member->id == record.id && member->policy && member->policy->same_as(*record.policy)) record.policy = member->policy;
    }
}

} // namespace

Result<AgentSession::RecordPtr> AgentSession::make_record(const BindPlan& plan) {
    auto record = std::make_shared<EndpointRecord>();
    record->terminate_tls = plan.terminate_tls;
    if (plan.terminate_tls) record->tls_context = context_.tls.terminated;
    if (!plan.tls.plain()) {
        auto own = context_.tls.endpoints->get(plan.tls, plan.url.scheme(), credential_);
        if (!own) return own.error();
        record->tls_context = std::move(*own);
    }
    record->id = plan.endpoint_id.empty() ? make_id("ep_", std::chrono::system_clock::now(), fill_random)
                                          : plan.endpoint_id;
    record->bind_id = plan.bind_id;
    record->credential = credential_;
    record->account = account_;
    record->client_id = client_id_;
    record->session_id = id_;
    record->proxy_protocol = plan.proxy_protocol;
    record->app_protocol = plan.app_protocol;
    record->policy = plan.policy;
    record->labeled = plan.labeled;
    record->pooled = plan.pooled;
    record->forwards_to = plan.forwards_to;
    record->name = plan.name;
    record->description = plan.description;
    record->metadata = plan.metadata;
    record->random = plan.random;
    record->session = weak_from_this();
    return record;
}

asio::awaitable<Result<EndpointPtr>> AgentSession::put_online(PlanPtr plan) {
    Result<EndpointPtr> online(errc::unavailable);
    for (int attempt = 0; attempt < name_attempts; ++attempt) {
        EndpointUrl url = plan->url;
        const bool choose = url.host().empty() && url.scheme() != UrlScheme::tcp;
        if (choose) url = EndpointUrl(url.scheme(), random_label() + "." + context_.settings.base_domain);
        online = co_await try_online(plan, std::move(url));
        if (online || !choose || online.error().code() != ngrok_error(334)) break;
    }
    if (online) {
        context_.log("info", "endpoint " + (*online)->id + " online: " + (*online)->url_text + " by agent " + id_);
    } else {
        context_.log("info", "agent " + id_ + " was refused an endpoint: " + online.error().to_string());
    }
    co_return online;
}

asio::awaitable<Result<EndpointPtr>> AgentSession::try_online(PlanPtr plan, EndpointUrl url) {
    const auto self = shared_from_this();
    const auto made = make_record(*plan);
    if (!made) co_return made.error();
    const RecordPtr record = *made;
    const bool tcp = has_port(url);
    const bool port_to_choose = tcp && !url.port();
    ErrorInfo error;
    // A port that was chosen is not opened for who may not have it.
    if (!port_to_choose) error = co_await authorize(plan, url);
    if (error) co_return error;
    if (tcp) {
        const Result<std::uint16_t> port = co_await acquire_port(url.port().value_or(0));
        if (!port) co_return port.error();
        url = EndpointUrl(UrlScheme::tcp, url.host().empty() ? context_.settings.base_domain : url.host(), *port);
    }
    record->url = url;
    record->url_text = public_url(context_.settings, url);
    share_policy(*record, context_);
    if (port_to_choose) error = co_await authorize(plan, url);
    if (!error) co_await displace(record, plan->endpoint_id.empty());
    if (!error) error = co_await claim(record);
    if (!error) {
        evict_former(*record);
        const auto published = publish(record);
        if (published) co_return EndpointPtr(record);
        error = published.error();
        context_.call_out([&] { context_.registry->release(claim_of(*record, context_), record->epoch); });
    }
    if (tcp) context_.tcp_ports.release(url.effective_port());
    co_return error;
}

asio::awaitable<Result<std::uint16_t>> AgentSession::acquire_port(std::uint16_t wanted) {
    Result<std::uint16_t> port(errc::unavailable);
    for (int attempt = 0; attempt < port_attempts; ++attempt) {
        port = context_.tcp_ports.acquire(context_, executor_, wanted);
        if (port || wanted == 0 || port.error().code() != ngrok_error(334)) break;
        const auto pause = make_shot<bool>();
        co_await pause->wait(port_retry);
    }
    co_return port;
}

asio::awaitable<ErrorInfo> AgentSession::authorize(PlanPtr plan, EndpointUrl url) {
    BindQuery query;
    query.credential = credential_;
    if (!plan->labeled) query.url = public_url(context_.settings, url);
    query.random = plan->random;
    query.internal = url.is_internal();
    query.pooled = plan->pooled;
    query.name = plan->name;
    query.labels.assign(plan->labels.begin(), plan->labels.end());
    const auto shot = make_shot<ErrorInfo>();
    context_.call_out([&] {
        const auto answer = [shot](ErrorInfo error) { shot->set(std::move(error)); };
        if (plan->custom) {
            context_.directory->authorize_custom_domain(query, answer);
        } else {
            context_.directory->authorize(query, answer);
        }
    });
    const std::optional<ErrorInfo> answer = co_await shot->wait(limits::rpc_time);
    if (!answer) co_return ErrorInfo(ngrok_error(743), "whether this endpoint is allowed could not be checked in time");
    co_return *answer;
}

asio::awaitable<ErrorInfo> AgentSession::claim(RecordPtr record) {
    using Answer = std::pair<ErrorInfo, Lease>;
    const Claim claim = claim_of(*record, context_);
    const auto shot = make_shot<Answer>();
    context_.call_out([&] {
        // An answer that comes too late is a claim that nobody knows of: it is given back.
        context_.registry->claim(claim, [shot, registry = context_.registry, claim](const ErrorInfo& error, Lease lease) {
            if (!shot->set(Answer(error, lease)) && !error) registry->release(claim, lease.epoch);
        });
    });
    const std::optional<Answer> answer = co_await shot->wait(limits::rpc_time);
    if (!answer) co_return ErrorInfo(ngrok_error(743), "the registry of endpoints did not answer in time");
    if (answer->first) co_return answer->first;
    record->epoch = answer->second.epoch;
    if (answer->second.time.count() > 0) spawn(context_, executor_, keep_lease(record, answer->second.time));
    co_return ErrorInfo();
}

/// Renews at half time; an endpoint whose lease is lost goes offline, for another node may serve it now.
asio::awaitable<void> AgentSession::keep_lease(EndpointPtr record, std::chrono::seconds time) {
    using Answer = std::pair<ErrorInfo, Lease>;
    const auto self = shared_from_this();
    for (;;) {
        const auto pause = make_shot<bool>();
        co_await pause->wait(std::chrono::duration_cast<std::chrono::milliseconds>(time) / 2);
        const EndpointPtr now = current(*record);
        if (!mux() || !now) co_return;
        const Claim claim = claim_of(*now, context_); // pooling may have changed
        const auto shot = make_shot<Answer>();
        context_.call_out([&] {
            context_.registry->renew(claim, record->epoch, [shot](const ErrorInfo& error, Lease lease) {
                shot->set(Answer(error, lease));
            });
        });
        const std::optional<Answer> answer = co_await shot->wait(time / 2);
        if (!answer || answer->first) break;
        time = std::max(answer->second.time, std::chrono::seconds(1));
    }
    context_.log("warn", "the lease of " + record->url_text + " was lost");
    if (const EndpointPtr lost = current(*record)) take_offline(lost);
}

/// The record that has the lease of `record` now: PatchTunnelState puts changed copies in its place. Null once it is offline.
EndpointPtr AgentSession::current(const EndpointRecord& record) const {
    const std::lock_guard lock(mutex_);
    const auto [first, last] = binds_.equal_range(record.bind_id);
    const auto found = std::find_if(first, last, [&](const auto& each) {
        return each.second->id == record.id && each.second->epoch == record.epoch && each.second->url == record.url;
    });
    return found == last ? nullptr : found->second;
}

Result<void> AgentSession::publish(const EndpointPtr& record) {
    const std::lock_guard lock(mutex_);
    if (ended_) return ErrorInfo(ngrok_error(742)); // said goodbye meanwhile
    if (binds_.size() >= limits::endpoints_per_session)
        return ErrorInfo(ngrok_error(324), "a session may have at most " +
                                               std::to_string(limits::endpoints_per_session) + " endpoints");
    if (!record->labeled && binds_.find(record->bind_id) != binds_.end())
        return ErrorInfo(errc::invalid_option, "the Id \"" + record->bind_id + "\" is that of another endpoint");
    auto added = context_.endpoints.add(record);
    if (added) binds_.emplace(record->bind_id, record);
    return added;
}

bool AgentSession::take_offline(const EndpointPtr& record) {
    {
        const std::lock_guard lock(mutex_);
        const auto [first, last] = binds_.equal_range(record->bind_id);
        auto found = first;
        while (found != last && found->second != record) ++found;
        if (found == last) return false;
        binds_.erase(found);
    }
    withdraw(record);
    context_.log("info", "endpoint " + record->id + " offline: " + record->url_text);
    return true;
}

bool AgentSession::take_bind_offline(std::string_view bind_id) {
    std::vector<EndpointPtr> records;
    {
        const std::lock_guard lock(mutex_);
        const auto [first, last] = binds_.equal_range(bind_id);
        for (auto it = first; it != last; ++it) records.push_back(it->second);
    }
    for (const EndpointPtr& record : records) take_offline(record);
    return !records.empty();
}

void AgentSession::withdraw(const EndpointPtr& record) {
    context_.endpoints.remove(record);
    context_.call_out([&] { context_.registry->release(claim_of(*record, context_), record->epoch); });
    if (has_port(record->url)) context_.tcp_ports.release(record->url.effective_port());
}

} // namespace adit
