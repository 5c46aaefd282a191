#include "edge/raw_proxy.hpp"

#include "edge/access_line.hpp"
#include "edge/agent_session.hpp"
#include "edge/agent_stream.hpp"
#include "edge/context.hpp"
#include "edge/http_numbers.hpp"
#include "edge/policy_facts.hpp"
#include "policy/run.hpp"

#include <utility>

namespace adit::inline v0::edge {
namespace {

/// Where the connection goes after the policy of `endpoint` and of those that it hands it on to. Null: it is closed.
class Admission {
public:
    Admission() = default;
    EndpointPtr endpoint;
    int number = 0; // n of ERR_NGROK_n, why not
};

Admission refuse(int number) {
    Admission refused;
    refused.number = number;
    return refused;
}

/// One policy's word: go_on (to `next`, if that is set) or close.
policy::Outcome::Kind ask(EdgeContext& context, const VisitorFacts& facts, const EndpointRecord& endpoint, EndpointPtr& next,
                          int& number, AccessLine& access) {
    using Kind = policy::Outcome::Kind;
    policy::Visit visit(endpoint.policy->state(), policy_facts(context, facts, endpoint));
    policy::Outcome outcome = visit.on_tcp_connect(policy_now());
    while (outcome.kind == Kind::forward) {
        next = context.find_internal(endpoint, outcome.url);
        if (next) {
            access.policy_logs(visit.logs());
            return Kind::go_on;
        }
        number = 3200;
        if (!outcome.may_continue) {
            access.policy_logs(visit.logs());
            return Kind::close;
        }
        outcome = visit.forward_failed(number, "no endpoint is online at this URL", policy_now());
    }
    if (outcome.kind != Kind::go_on) number = outcome.number;
    access.policy_error(outcome.error);
    access.policy_logs(visit.logs());
    return outcome.kind;
}

Admission admit(EdgeContext& context, const VisitorFacts& facts, EndpointPtr endpoint, AccessLine& access) {
    Admission admitted;
    for (std::size_t hops = 0; endpoint->policy && endpoint->policy->has(policy::Phase::tcp_connect); ++hops) {
        if (hops == limits::policy_hops) return refuse(3501);
        EndpointPtr next;
        int number = 0;
        if (ask(context, facts, *endpoint, next, number, access) != policy::Outcome::Kind::go_on) return refuse(number);
        if (!next) break;
        endpoint = std::move(next);
    }
    admitted.endpoint = std::move(endpoint);
    return admitted;
}

} // namespace

asio::awaitable<void> raw_proxy(EdgeContext& context, std::shared_ptr<net::Stream> visitor, const VisitorFacts& facts,
                                EndpointPtr endpoint, ByteQueue first) {
    AccessLine access(context);
    access.begin(facts.remote_text);
    access.request(std::string_view(), facts.server_name, std::string_view());
    access.endpoint(*endpoint);
    const Admission admitted = admit(context, facts, endpoint, access);
    int number = admitted.number;
    std::shared_ptr<net::Stream> stream;
    if (admitted.endpoint) {
        access.endpoint(*admitted.endpoint);
        auto opened = co_await open_agent_stream(context, admitted.endpoint, facts.remote, facts.local, first.view());
        if (opened) {
            stream = std::move(opened->stream);
        } else {
            number = ngrok_number(opened.error());
        }
    }
    if (stream && first.size() > AgentSession::opening_max) { // a large ClientHello; fits the window of a new stream
        const net::IoResult sent = co_await stream->write(first.view().subspan(AgentSession::opening_max));
        if (!sent.ok()) stream.reset();
    }
    if (stream) {
        access.bytes_in = first.size();
        first = ByteQueue();
        co_await net::pump_both(visitor, stream, access.bytes_in, access.bytes_out);
    } else {
        access.answer(0, number);
        visitor->close();
    }
    access.finish();
}

} // namespace adit
