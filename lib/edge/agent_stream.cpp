#include "edge/agent_stream.hpp"

#include "edge/agent_session.hpp"
#include "edge/context.hpp"

#include <algorithm>
#include <vector>

namespace adit::inline v0::edge {
namespace {

constexpr std::size_t sessions_tried = 3; // that many do not end in the same moment

/// What the policy of one let through counts for the other. Null: it has none.
bool same_policy(const EndpointRecord& a, const EndpointRecord& b) {
    if (!a.policy || !b.policy) return a.policy == b.policy;
    return a.policy->same_as(*b.policy);
}

EndpointPtr another(const EdgeContext& context, const EndpointRecord& endpoint, const std::vector<EndpointPtr>& tried,
                    Substitute substitute) {
    for (const EndpointPtr& member : context.endpoints.members(endpoint)) {
        const bool fits = member->protocol() == endpoint.protocol() && member->terminate_tls == endpoint.terminate_tls &&
                          (member->app_protocol == "http2") == (endpoint.app_protocol == "http2") &&
                          (member->id == endpoint.id || (substitute == Substitute::any && same_policy(*member, endpoint)));
        if (fits && std::ranges::find(tried, member) == tried.end()) return member;
    }
    return nullptr;
}

} // namespace

asio::awaitable<Result<AgentStream>> open_agent_stream(EdgeContext& context, EndpointPtr endpoint,
                                                       asio::ip::tcp::endpoint visitor, asio::ip::tcp::endpoint local,
                                                       Bytes first, Substitute substitute) {
    std::vector<EndpointPtr> tried;
    while (endpoint && tried.size() < sessions_tried) {
        const std::shared_ptr<AgentSession> session = endpoint->session.lock();
        if (session) {
            auto opened = co_await session->open_connection(endpoint, visitor, local, first);
            if (opened) co_return AgentStream(std::move(*opened), session, endpoint);
            if (opened.error().code() != ngrok_error(3209)) co_return opened.error();
        }
        tried.push_back(endpoint);
        endpoint = another(context, *endpoint, tried, substitute);
    }
    co_return ErrorInfo(ngrok_error(3209), "the agent's session ended");
}

} // namespace adit
