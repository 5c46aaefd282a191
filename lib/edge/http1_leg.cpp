#include "edge/http1_leg.hpp"

#include "edge/agent_stream.hpp"
#include "edge/context.hpp"
#include "edge/http_exchange.hpp"
#include "edge/http_visitor.hpp"
#include "http/writer.hpp"

#include <algorithm>
#include <utility>

namespace adit::inline v0::edge {
namespace {

constexpr HttpError unwritable{400, "The request cannot be forwarded as it is."};
constexpr std::size_t kept_memory = 4'096; // of a request's head, for the next one: an idle stream ends soon

} // namespace

Http1Leg::Http1Leg(HttpVisitor& visitor) : AgentLeg(visitor), parser_(visitor.set().context.settings.http_head) {}

void Http1Leg::open(HttpVisitor& visitor, AgentStream opened, std::size_t sent) {
    AgentLeg::open(visitor, std::move(opened), sent);
    out_.consume(std::min(sent, out_.size()));
}

HttpError Http1Leg::put_head(const Head& head, const RequestFacts&) {
    out_.clear();
    if (!write_head(out_, head)) return unwritable;
    chunked_ = head.chunked();
    out_max_ = out_.size() + limits::visitor_buffer; // behind the head, however large that is
    parser_.expect(head);
    return {};
}

void Http1Leg::put_body(Bytes bytes) {
    if (chunked_) {
        write_chunk(out_, bytes);
    } else {
        out_.append(bytes);
    }
}

void Http1Leg::put_end(const Fields& trailers) {
    if (chunked_) write_last_chunk(out_, trailers);
}

/// What is under way is nobody else's: the exchange may be over, or put its request again, before the agent took it.
asio::awaitable<bool> Http1Leg::flush() {
    const std::shared_ptr<net::Stream> to = stream;
    ByteQueue bytes = std::move(out_);
    net::IoResult sent;
    if (!bytes.empty()) sent = co_await to->write(bytes.view());
    bytes.clear();
    if (out_.empty()) out_ = std::move(bytes); // its memory
    co_return sent.ok();
}

/// Pieces of a chunked body are gathered; a body of known length goes on as it is.
asio::awaitable<bool> Http1Leg::write_body(Bytes bytes) {
    bool ok = true;
    if (chunked_ || !out_.empty()) {
        put_body(bytes);
        if (out_.size() >= limits::visitor_buffer) ok = co_await flush();
        co_return ok;
    }
    const std::shared_ptr<net::Stream> to = stream;
    const net::IoResult sent = co_await to->write(bytes);
    co_return sent.ok();
}

void Http1Leg::restart() { parser_ = ResponseParser(parser_.head_limits()); }

asio::awaitable<void> Http1Leg::run_tunnel(std::shared_ptr<HttpVisitor>, std::shared_ptr<HttpExchange> exchange) {
    co_await HttpExchange::tunnel_down(std::move(exchange), std::static_pointer_cast<AgentLeg>(shared_from_this()));
}

void Http1Leg::release_memory() noexcept {
    parser_.release_memory();
    out_.clear();
    if (out_.capacity() > kept_memory) out_.release_if_empty();
}

} // namespace adit
