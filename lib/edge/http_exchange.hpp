// One request of a visitor and its answer, whatever versions of HTTP the two sides speak.
//
// Two coroutines share the work, so that both directions stream at once and neither needs a timer or a task per request:
//   serve()           passes the request on to an agent's stream
//   AgentLeg::read()  one for each stream: brings the answers, by agent_says() and agent_ended()
// Both run on the visitor's shard, so that they see each other's changes only where they wait.
#pragma once

#include <adit/asio.hpp>

#include "edge/agent_leg.hpp"
#include "edge/body_budget.hpp"
#include "edge/endpoint.hpp"
#include "edge/request_channel.hpp"
#include "edge/visitor_progress.hpp"
#include "edge/visitor_signal.hpp"
#include "edge/visitor_timeouts.hpp"
#include "http/error_page.hpp"
#include "http/header_rules.hpp"
#include "policy/run.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::edge {

class HttpVisitor;
class PolicyVisit;

/// What AgentLeg::read() does next.
enum class LegNext : std::uint8_t {
    read,   ///< more of this answer, or the next one
    end,    ///< this stream is done
    tunnel, ///< HttpExchange::tunnel_down()
};

/// A part of what owns the channel; used for one request after the other, or for one alone.
class HttpExchange final {
public:
    HttpExchange(HttpVisitor& visitor, RequestChannel& channel);
    HttpExchange(const HttpExchange&) = delete;
    HttpExchange& operator=(const HttpExchange&) = delete;
    ~HttpExchange();

    /// From a request whose head is complete to the end of its answer.
    asio::awaitable<void> serve();
    /// The visitor's bytes are no acceptable request, or do not come. Ends the connection.
    asio::awaitable<void> refuse_bytes(HttpError error);
    /// The connection ends.
    void end() noexcept;
    /// The visitor left, or cannot be told any more.
    void visitor_gone() noexcept;
    /// The visitor keeps it waiting, or does no more: by the pace of his body and of what he takes.
    void visitor_pace(VisitorPace::Pace up, VisitorPace::Pace down);
    /// How long the rest of the request may take without progress. A call that streams both ways (gRPC), or was answered, may
    /// be silent for as long as the exchange may.
    VisitorPace::Clock::duration body_stall_time() const noexcept;
    /// Its place is needed, because its visitor is slow.
    void make_room() noexcept;
    /// An answer that has not begun says that it is the last.
    void drain() noexcept { facts_.keep_alive = false; }

    bool running() const noexcept { return running_; }
    bool tunnel() const noexcept { return tunnel_; }
    bool answered() const noexcept { return answer_ != Answer::none; }
    /// The agent sent bytes for it.
    bool heard() const noexcept { return heard_; }
    HttpVersion version() const noexcept { return facts_.version; }
    /// Something changed that watch() waits for.
    VisitorSignal& changed() noexcept { return changed_; }

    // For AgentLeg.
    asio::awaitable<LegNext> agent_says(LegPtr leg, Bytes input);
    asio::awaitable<LegNext> agent_ended(LegPtr leg, net::IoResult why);
    static asio::awaitable<void> tunnel_down(std::shared_ptr<HttpExchange> self, LegPtr leg);

private:
    /// Who answers, from the first byte that goes to the visitor on.
    enum class Answer : std::uint8_t { none, agent, edge };

    /// An endpoint, or the page that says why there is none.
    class Route {
    public:
        Route() = default;
        EndpointPtr endpoint;
        ErrorPage refusal;
    };

    /// A policy at work on this request.
    class PolicyRun {
    public:
        PolicyRun(std::shared_ptr<policy::Visit> of, const RequestFacts& facts, Head& head, policy::Moment now)
            : visit(std::move(of)), exchange(*visit, facts, head, now) {}
        const std::shared_ptr<policy::Visit> visit;
        policy::Exchange exchange;
    };

    std::shared_ptr<HttpExchange> self();
    void begin();
    void finish();

    // http_exchange.cpp: the visitor's direction
    asio::awaitable<bool> send_request();
    asio::awaitable<bool> open_leg(LegPtr leg);
    void use(const LegPtr& leg);
    bool sends_behind(const LegPtr& leg);
    static asio::awaitable<void> send_rest(std::shared_ptr<HttpExchange> self, LegPtr leg);
    void send_rest_behind(const LegPtr& leg);
    HttpError collect_body(AgentLeg& leg);
    asio::awaitable<void> send_body(LegPtr leg);
    asio::awaitable<bool> await_body();
    asio::awaitable<void> tunnel_up(LegPtr leg);
    bool can_replay() const;
    void failed_upstream() noexcept;
    void drop_leg(bool orderly) noexcept;
    void on_time();
    void watch_half_tunnel();
    void look_at_half_tunnel();

    // http_exchange_route.cpp
    Route route();
    static Route circle();
    EndpointPtr look_up(std::string_view host) const;

    // http_exchange_policy.cpp
    asio::awaitable<bool> apply_policies();
    asio::awaitable<bool> settle(policy::Outcome& outcome);
    asio::awaitable<bool> collect_whole_body(std::size_t most);
    policy::Outcome with_certificate(const std::string* pem);
    asio::awaitable<void> answer_with(policy::Outcome& outcome);
    asio::awaitable<bool> put_encoded(Bytes bytes, policy::Encoder::Mode mode);
    bool run_response_policies(Head& head);
    void tell_connect_phase(PolicyVisit& visit);
    void release_body() noexcept;

    // http_exchange_answer.cpp: the agent's direction
    enum class Taken : std::uint8_t { yes, unwritable, replaced };
    Taken take_head(AgentLeg& leg);
    asio::awaitable<bool> take_body(Bytes bytes);
    asio::awaitable<LegNext> end_answer(LegPtr leg, bool leftover);
    asio::awaitable<LegNext> replay(LegPtr leg);

    // http_exchange_error.cpp: what the edge answers itself
    asio::awaitable<void> refuse(ErrorPage page);
    asio::awaitable<void> fail_answer(int number, std::string_view detail);
    asio::awaitable<bool> write_page(const Page& page, const ResponsePlan& plan, int number);
    asio::awaitable<bool> write_page(const Page& page, int number);
    HttpError skip_body();

    HttpVisitor& visitor_;
    RequestChannel& channel_;
    std::string host_; // of the request, normalised
    EndpointPtr endpoint_;
    LegPtr leg_;
    Timeout time_; // for the answer
    VisitorSignal changed_;

    // Of the request in progress.
    RequestFacts facts_;
    ResponsePlan plan_;
    std::vector<std::unique_ptr<PolicyRun>> policies_; // of `endpoint_` and of those that handed the request on to it
    ByteQueue body_;            // collected for a policy
    BodyHold held_;             // for it
    policy::Outcome replacement_;
    std::optional<policy::Encoder> encoder_;
    ByteQueue tunnel_rest_; // what came together with the agent's 101
    Answer answer_ = Answer::none;
    bool running_ = false;      // from its head to the end of its answer
    bool request_done_ = false; // its last byte was passed on
    bool replayable_ = false;   // it is a head alone, and sending it twice does no harm
    bool heard_ = false;        // the agent sent bytes for it
    bool timed_out_ = false;    // nothing moved for Settings::http_response_time
    bool sending_rest_ = false; // of a head that did not leave with the opening of the stream
    bool flush_encoder_ = false;
    bool forwarded_ = false; // the last policy handed the request on
    bool tunnel_ = false;       // bytes both ways
    bool tunnel_down_ = false;  // the agent's direction of it still runs
    int half_looks_ = 0;        // at a visitor who is silent since that ended
    std::uint64_t tunnel_seen_ = 0; // of his bytes, at the last look
};

} // namespace adit
