// An agent's stream whose application speaks HTTP/2 with prior knowledge: one session, one request at a time.
#pragma once

#include "edge/agent_leg.hpp"
#include "edge/http2_tunnel.hpp"
#include "edge/visitor_signal.hpp"
#include "http2/client_session.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace adit::inline v0::edge {

class Http2Leg final : public AgentLeg, public Http2TunnelEnd, private http2::ClientHandler {
public:
    Http2Leg(HttpVisitor& visitor, const EndpointRecord& to);
    ~Http2Leg() override;
    void open(HttpVisitor& visitor, AgentStream opened, std::size_t sent) override;

    HttpError put_head(const Head& head, const RequestFacts& facts) override;
    bool takes_body() const noexcept override { return rest_.empty(); }
    void put_body(Bytes bytes) override;
    void put_end(const Fields& trailers) override;
    Bytes output() override;
    std::size_t backlog() const noexcept override { return 0; } // write() does it
    asio::awaitable<bool> flush() override;
    asio::awaitable<bool> write_body(Bytes bytes) override;
    void restart() override;

    ParseResult parse(Bytes input) override;
    ParseResult finish() override;
    Head& head() noexcept override { return head_; }
    const Fields& trailers() const noexcept override { return trailers_; }
    bool heard() const noexcept override { return heard_; }
    bool refused() const noexcept override { return refused_; }
    std::string_view why() const noexcept override { return why_; }
    bool reusable() const noexcept override;
    std::shared_ptr<net::Stream> tunnel() override;

    // Http2TunnelEnd
    asio::any_io_executor tunnel_executor() override { return stream->executor(); }
    asio::awaitable<bool> wait_incoming(bool& cut) override;
    ByteQueue& incoming() noexcept override { return incoming_; }
    void consumed(std::size_t n) override;
    asio::awaitable<bool> put(Bytes bytes) override { return write_body(bytes); }
    void put_last() override;
    asio::awaitable<void> all_put() override;
    void give_up_tunnel() noexcept override;

private:
    /// What belongs to one stream; a replayed request gets another.
    class Wire {
    public:
        explicit Wire(Http2Leg& leg);
        http2::ClientSession session;
        VisitorSignal wake; // for write()
        bool over = false;  // write() ended, or shall
    };
    using WirePtr = std::shared_ptr<Wire>;

    /// What happened to the request, in order; parse() tells it.
    class Event {
    public:
        enum class Kind : std::uint8_t { head, body, tunnel, end, failed };
        Kind kind = Kind::end;
        Bytes bytes; ///< in what parse() was given
    };

    static asio::awaitable<void> write(std::shared_ptr<Http2Leg> self, WirePtr wire, std::shared_ptr<net::Stream> stream);
    std::shared_ptr<Http2Leg> self() { return std::static_pointer_cast<Http2Leg>(shared_from_this()); }
    HttpError send_head(const Head& head, std::string_view protocol);
    void receive(Bytes input);
    void ask_for_tunnel();
    void send_rest();
    void wake();
    void fail(std::string_view why);
    bool parsed() const noexcept { return next_ == 0; } // parse() is not at it
    bool broken() const noexcept { return broken_ || dropped() || wire_->over; }

    // http2::ClientHandler
    void on_response(http2::StreamId id, Head& head, bool end) override;
    void on_body(http2::StreamId id, Bytes bytes) override;
    void on_end(http2::StreamId id, Fields& trailers) override;
    void on_reset(http2::StreamId id, http2::ErrorCode code) override;
    void on_writable(http2::StreamId) override { send_rest(); }
    void on_sent(http2::StreamId) override;
    void on_ready() override {}
    void on_goaway(http2::StreamId, http2::ErrorCode) override {}

    // AgentLeg
    asio::awaitable<void> run_tunnel(std::shared_ptr<HttpVisitor> visitor, std::shared_ptr<HttpExchange> exchange) override;
    bool take_idle(Bytes input) override;
    void release_memory() noexcept override;
    void on_drop() noexcept override;

    const std::string_view scheme_; // of the upstream, as its agent says
    WirePtr wire_;
    VisitorSignal moved_;    // rest_ became empty, all left, or the stream broke
    VisitorSignal arrived_;  // incoming_, or its end
    std::vector<Event> events_;
    std::vector<Head> heads_; // of the events, interim ones first
    std::size_t next_ = 0;   // of events_
    std::size_t next_head_ = 0;
    Head head_;
    Fields trailers_;
    ByteQueue rest_;         // of the body, until the session has room; at most one piece
    Fields rest_trailers_;
    ByteQueue incoming_;     // of a tunnel
    std::size_t unconsumed_ = 0; // of the piece that parse() gave last
    std::optional<Head> waiting_; // for the application's SETTINGS, which say whether it takes an extended CONNECT
    std::string protocol_;   // of the tunnel that is asked for
    std::string accept_;     // Sec-WebSocket-Accept, if the visitor is owed one
    std::string_view why_;
    http2::StreamId id_ = 0;
    bool has_body_ = false;
    bool end_waits_ = false; // behind rest_
    bool framed_ = false;    // the request, to its end
    bool left_ = false;      // that left
    bool heard_ = false;
    bool refused_ = false;
    bool tunnel_ = false;
    bool ended_ = false;     // the application's side
    bool broken_ = false;
};

} // namespace adit
