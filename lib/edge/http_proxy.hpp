// HTTP/1.1 between one visitor connection and the agents: requests in their order, each on an agent's stream, which is
// kept for the next request of the same visitor.
//
// Two coroutines share the work, so that both directions stream at once and neither needs a timer or a task per request:
//   run()      reads requests from the visitor and writes them to the stream
//   respond()  one for each stream: reads responses and writes them to the visitor
// Both run on the visitor's shard, so that they see each other's changes only where they wait.
#pragma once

#include <adit/asio.hpp>

#include "edge/access_line.hpp"
#include "edge/endpoint.hpp"
#include "edge/idle_streams.hpp"
#include "edge/visitor_set.hpp"
#include "edge/visitor_signal.hpp"
#include "http/error_page.hpp"
#include "http/header_rules.hpp"
#include "http/parser.hpp"
#include "net/socket.hpp"
#include "net/stream.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace adit::inline v0::edge {

class AgentSession;

/// What is known of a visitor connection before its first byte of HTTP.
struct VisitorFacts {
    asio::ip::tcp::endpoint remote, local;
    std::string remote_text;     ///< "203.0.113.9:51234"
    std::string client_ip;       ///< "203.0.113.9"
    std::string server_name;     ///< SNI; empty if there was none
    bool https = false;
    bool trusted_proxy = false;
};

class HttpProxy final : public std::enable_shared_from_this<HttpProxy> {
public:
    /// `socket` is the one inside of `visitor`.
    HttpProxy(std::shared_ptr<VisitorSet> set, std::shared_ptr<net::Stream> visitor, net::Tcp::socket& socket,
              VisitorFacts facts);
    ~HttpProxy();

    /// Serves the connection to its end; returns when nothing of it runs any more.
    asio::awaitable<void> run();
    /// The answer to the request in progress is the last; an idle connection is closed.
    void drain();
    void abort() noexcept;

private:
    /// A stream of an agent and what was read from it.
    struct AgentLeg final : IdleStream {
        AgentLeg(std::weak_ptr<HttpProxy> o, asio::any_io_executor x, std::shared_ptr<net::Stream> s,
                 std::shared_ptr<AgentSession> a, EndpointPtr e)
            : owner(std::move(o)), executor(std::move(x)), stream(std::move(s)), session(std::move(a)),
              endpoint(std::move(e)) {}
        ~AgentLeg() override;
        void give_up() noexcept override;

        const std::weak_ptr<HttpProxy> owner;
        const asio::any_io_executor executor; // of the owner
        std::shared_ptr<net::Stream> stream;
        std::shared_ptr<AgentSession> session;
        EndpointPtr endpoint;
        ResponseParser parser;
        std::chrono::steady_clock::time_point idle_since{};
        bool used = false;       // it answered a request before this one
        bool keep_alive = false; // the last answer allows another request
    };
    using LegPtr = std::shared_ptr<AgentLeg>;

    /// Who answers the request in progress, from the first byte that goes to the visitor on.
    enum class Answer : std::uint8_t { none, agent, edge };
    /// What run() waits for at the visitor, which says what is done when the time for it is up.
    enum class Wait : std::uint8_t { none, request, head, body, end };

    /// The request in progress.
    struct Exchange {
        RequestFacts facts;
        ResponsePlan plan;
        Answer answer = Answer::none;
        bool running = false;      // from its head to the end of its answer
        bool request_done = false; // its last byte was passed on
        bool replayable = false;   // `up_` has all of it, and sending it twice does no harm
        bool heard = false;        // the agent sent bytes for it
        bool timed_out = false;    // nothing moved for Settings::http_response_time
        bool sending_rest = false; // of a head that did not leave with the opening of the stream
        bool tunnel = false;       // 101 came: bytes both ways
        bool tunnel_down = false;  // the agent's direction of it still runs
        // Of the body, since limits::visitor_progress_min bytes of it came last.
        std::size_t body_bytes = 0;
        std::chrono::steady_clock::duration body_waited{};
    };

    /// An endpoint, or the page that says why there is none.
    struct Route {
        EndpointPtr endpoint;
        ErrorPage refusal;
    };

    // http_proxy.cpp: the visitor's direction
    asio::awaitable<bool> read_head();
    asio::awaitable<bool> await_request();
    asio::awaitable<bool> serve();
    asio::awaitable<bool> send_request(EndpointPtr endpoint);
    asio::awaitable<bool> open_leg(EndpointPtr endpoint);
    asio::awaitable<void> watch_visitor();
    asio::awaitable<void> tunnel_up(LegPtr leg);
    asio::awaitable<void> send_up(LegPtr leg, std::size_t sent);
    static asio::awaitable<void> send_rest(std::shared_ptr<HttpProxy> self, LegPtr leg, ByteQueue bytes);
    void send_rest_behind(LegPtr leg, std::size_t sent);
    void begin_exchange();
    void finish_exchange();
    void responded(const std::exception_ptr& error) noexcept;
    void begin_idle();
    bool can_replay() const;
    bool can_reuse(const AgentLeg& leg, const EndpointRecord& endpoint) const;
    void keep_leg_idle(AgentLeg& leg);
    void leg_in_use(AgentLeg& leg) noexcept;
    void drop_leg(bool orderly) noexcept;
    void visitor_gone() noexcept;
    void release_buffers() noexcept;

    // http_proxy_body.cpp: the request's body
    HttpError collect_body();
    asio::awaitable<void> send_body(LegPtr leg);
    asio::awaitable<bool> read_body(LegPtr leg);
    bool body_moves(std::size_t bytes, std::chrono::steady_clock::duration waited) noexcept;
    asio::awaitable<bool> pass_on(LegPtr leg, Bytes input, std::size_t& used);
    asio::awaitable<void> discard_request();
    void request_complete();

    // http_proxy_route.cpp
    Route route();
    EndpointPtr look_up(std::string_view host) const;

    // http_proxy_response.cpp: the agent's direction
    static asio::awaitable<void> respond(std::shared_ptr<HttpProxy> self, LegPtr leg);
    asio::awaitable<void> respond_loop(LegPtr leg);
    asio::awaitable<bool> take_response(LegPtr leg, Bytes input);
    bool take_head(AgentLeg& leg);
    asio::awaitable<bool> take_body(Bytes body);
    asio::awaitable<bool> end_response(LegPtr leg, bool leftover);
    asio::awaitable<bool> leg_ended(LegPtr leg, net::IoResult why);
    asio::awaitable<bool> replay(LegPtr leg);
    asio::awaitable<void> tunnel_down(LegPtr leg, Bytes rest);
    asio::awaitable<bool> flush_down();
    asio::awaitable<bool> to_visitor(Bytes first, Bytes second);

    // http_proxy_error.cpp: what the edge answers itself
    asio::awaitable<void> refuse(ErrorPage page);
    asio::awaitable<void> refuse_bytes(HttpError error);
    asio::awaitable<void> fail_answer(int number, std::string_view detail);
    asio::awaitable<bool> write_page(const Page& page, int number);
    asio::awaitable<void> close_visitor();
    HttpError skip_available();

    // http_proxy_time.cpp
    void wait_at_most(TimeoutKind kind, Wait what);
    void wait_over() noexcept;
    void on_visitor_time();
    void on_write_time();
    void on_exchange_time();
    void on_leg_time();
    void interrupt() noexcept;

    const std::shared_ptr<VisitorSet> set_;
    const std::shared_ptr<net::Stream> visitor_;
    net::Tcp::socket& socket_; // to interrupt a wait, and to see progress
    const VisitorFacts facts_;

    RequestParser parser_;
    ByteQueue in_;          // from the visitor, not parsed yet; at most one read
    ByteQueue up_;          // head and framing on their way to the agent
    ByteQueue down_;        // head and framing on their way to the visitor
    VisitorBuffer body_up_; // held while a body streams
    VisitorBuffer body_down_;
    std::string host_; // of the request, normalised
    std::uint64_t head_bytes_ = 0;
    Exchange exchange_;
    AccessLine access_;
    LegPtr leg_;
    VisitorSignal changed_; // wakes run(): an exchange ended, a tunnel began or ended, respond() returned
    std::size_t responding_ = 0;

    Timeout visitor_time_;  // what run() waits for
    Timeout write_time_;    // a write to the visitor
    Timeout exchange_time_; // the answer
    Timeout leg_time_;      // a kept stream without a request
    std::uint64_t acknowledged_ = 0;
    std::uint8_t stalled_ = 0;
    Wait wait_ = Wait::none;
    bool interrupted_ = false; // the time for wait_ is up, or the edge drains
    bool watching_ = false;    // run() waits for the visitor while an answer is under way
    bool readable_ = false;    // the visitor sent something that was not read yet
    bool writing_ = false;     // respond() writes to the visitor
    bool draining_ = false;
    bool closing_ = false;     // nothing more is read as a request
    bool discard_ = false;     // an answer overtook its request: read and forget the rest of it
};

} // namespace adit
