// HTTP/1.1 between one connection of the edge and the upstream: requests in their order, each on a kept or a new
// connection to the upstream.
//
// run() reads a request, sends it and carries the answer. A body that has not come completely is sent by a second coroutine
// meanwhile (send_rest), so that both directions stream at once and an early answer passes. Both are on the strand.
//
// An inspector is told of an exchange where it happens: serve(), collect_body() and pass_on(), take_head() and take_body(),
// end_response(), tunnel(), fail(), and finish().
#pragma once

#include "client/forwarder_impl.hpp"
#include "http/error_page.hpp"
#include "http/header_rules.hpp"
#include "http/parser.hpp"
#include "net/deadline.hpp"

#include <memory>
#include <optional>
#include <string>

namespace adit::inline v0 {

class ForwardHttp final : public ForwardedConnection {
public:
    ForwardHttp(std::shared_ptr<detail::ForwarderImpl> owner, asio::any_io_executor executor,
                std::shared_ptr<detail::ConnectionImpl> connection);
    ~ForwardHttp() override;

    asio::awaitable<void> run() override;
    void drain() noexcept override;
    void abort() noexcept override;

private:
    /// The request in progress.
    struct Exchange {
        RequestFacts facts;
        ResponsePlan plan;
        bool expects_continue = false;
        bool request_done = false; // its last byte was taken from the visitor
        bool sending = false;      // send_rest() runs
        bool replayable = false;   // `up_` has all of it, and sending it twice does no harm
        bool heard = false;        // the upstream sent bytes for it
        bool answered = false;     // the head of the answer, or of a page, goes to the visitor
        bool over = false;         // nothing more is sent upstream
        bool tunnel = false;       // 101 came
        bool timed_out = false;    // no head within response_timeout
        HttpError broken;          // what the visitor sends as a body is none
        std::unique_ptr<ExchangeRecord> record; // null: nobody looks
    };
    using Buffer = std::unique_ptr<std::uint8_t[]>;

    // forward_http.cpp: the visitor's direction
    asio::awaitable<bool> read_head();
    asio::awaitable<bool> serve();
    bool rewrite_request(Head& head);
    void begin_record(const Head& head);
    HttpError collect_body();
    void request_complete();
    bool can_replay() const;
    asio::awaitable<Result<UpstreamConnectionPtr>> connect(bool fresh);
    asio::awaitable<void> send(std::shared_ptr<net::Stream> upstream);
    static asio::awaitable<void> send_rest(std::shared_ptr<ForwardHttp> self, std::shared_ptr<net::Stream> upstream);
    asio::awaitable<void> send_body(std::shared_ptr<net::Stream> upstream);
    asio::awaitable<bool> pass_on(std::shared_ptr<net::Stream> upstream, Bytes input, std::size_t& used);
    void sent_rest();
    void sent_request();
    void watch();
    void unwatch() noexcept;
    void visitor_gone() noexcept;
    asio::awaitable<bool> finish();

    // forward_http_response.cpp: the upstream's direction
    asio::awaitable<void> respond();
    asio::awaitable<bool> take_response(Bytes input);
    bool take_head();
    asio::awaitable<bool> take_body(Bytes body);
    asio::awaitable<void> end_response(bool leftover);
    asio::awaitable<bool> upstream_ended(net::IoResult why);
    asio::awaitable<bool> replay();
    asio::awaitable<void> tunnel(Bytes rest);
    asio::awaitable<bool> to_visitor(Bytes first, Bytes second);
    asio::awaitable<bool> flush_down();
    asio::awaitable<void> fail(int number, ErrorInfo why);
    asio::awaitable<void> write_page(const Page& page);
    void drop_upstream() noexcept;

    RequestParser parser_;
    ResponseParser answer_;
    ByteQueue in_;   // from the visitor, not parsed yet; at most one read
    ByteQueue up_;   // head and framing on their way to the upstream
    ByteQueue down_; // head and framing on their way to the visitor
    Buffer body_up_, body_down_;
    Exchange exchange_;
    UpstreamConnectionPtr upstream_;
    std::string proxy_header_; // goes first on each of our connections; they are then nobody else's
    asio::steady_timer rest_sent_; // cancelled when send_rest() returned
    std::optional<net::Deadline> answer_time_;
    std::uint64_t watch_round_ = 0;
    bool watching_ = false;  // a wait for the visitor is outstanding that nobody awaits
    bool idle_ = false;      // between requests
    bool draining_ = false;
    bool closing_ = false;   // no further request
    bool gone_ = false;      // the visitor
};

} // namespace adit
