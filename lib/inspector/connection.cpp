#include "inspector/connection.hpp"

#include "http/writer.hpp"
#include "inspector/page.hpp"
#include "net/deadline.hpp"

#include <adit/limits.hpp>

#include <charconv>
#include <optional>

namespace adit::inline v0::inspector {
namespace {

constexpr std::size_t read_size = 16 * 1024;

/// Version that a page has seen, of this inspector and no former one; 0: none.
std::uint64_t seen_version(const Head& request, const Store& store) {
    std::string_view id = request.find("Last-Event-ID").value_or(std::string_view());
    if (!id.starts_with(store.prefix())) return 0;
    id.remove_prefix(store.prefix().size());
    std::uint64_t version = 0;
    const auto [end, ec] = std::from_chars(id.data(), id.data() + id.size(), version);
    return ec == std::errc() && end == id.data() + id.size() ? version : 0;
}

/// What every answer says, so that nothing of it stays in a cache, a frame or another site's hands.
void add_common(Head& head, std::string_view policy) {
    head.add("Cache-Control", "no-store");
    head.add("Content-Security-Policy", policy);
    head.add("Cross-Origin-Opener-Policy", "same-origin");
    head.add("Cross-Origin-Resource-Policy", "same-origin");
    head.add("Referrer-Policy", "no-referrer");
    head.add("X-Content-Type-Options", "nosniff");
    head.add("X-Frame-Options", "DENY");
}

constexpr std::string_view no_content_policy = "default-src 'none'; frame-ancestors 'none'";

} // namespace

Connection::Connection(std::shared_ptr<Service> service, net::Tcp::socket socket, std::string remote_address)
    : Task(socket.get_executor()), service_(std::move(service)),
      stream_(std::make_shared<net::TcpStream>(std::move(socket))), remote_address_(std::move(remote_address)),
      timer_(executor()) {}

void Connection::abort() noexcept {
    gone_ = true;
    stream_->abort();
    timer_.cancel();
}

asio::awaitable<void> Connection::run() {
    const auto self = shared_from_this();
    bool more = true;
    while (more) {
        more = co_await read_request();
        if (more) more = co_await serve();
    }
    if (!gone_) stream_->close();
}

// --- a request

/// False: none came, or it was answered with an error.
asio::awaitable<bool> Connection::read_request() {
    net::IoResult got;
    bool begun = false;
    bool goes_on = true;
    net::Deadline bound(executor(), limits::inspector_idle_time, [this] { abort(); });
    body_.clear();
    head_bytes_ = 0;
    complete_ = false;
    while (goes_on && !complete_) {
        if (!in_.empty() || begun) goes_on = co_await step();
        if (complete_ || !goes_on) break;
        in_.release_if_empty();
        const MutableBytes space = in_.prepare(read_size);
        got = co_await stream_->read_some(space.first(read_size));
        if (!got.ok() || gone_) co_return false;
        in_.commit(got.size());
        if (!begun) bound.restart(limits::inspector_request_time);
        begun = true;
    }
    co_return complete_;
}

/// All that is there; false: the connection ends.
asio::awaitable<bool> Connection::step() {
    Answer refused;
    for (;;) {
        const ParseResult parsed = parser_.parse(in_.view());
        in_.consume(parsed.consumed);
        if (parser_.in_head() || parsed.state == ParseState::head_complete) head_bytes_ += parsed.consumed;
        if (head_bytes_ > limits::inspector_head_max) {
            refused = Answer::error(431, "request head too large", "send a shorter one");
            break;
        }
        switch (parsed.state) {
        case ParseState::need_more: co_return true;
        case ParseState::head_complete: continue;
        case ParseState::body:
            if (parsed.body.size() <= limits::inspector_request_max - body_.size()) {
                body_.append(as_text(parsed.body));
                continue;
            }
            refused = Answer::error(413, "request body too large", "send a smaller one");
            break;
        case ParseState::upgrade: // whatever it is, nobody here speaks it
            parser_.decline_upgrade();
            complete_ = true;
            co_return true;
        case ParseState::message_complete: complete_ = true; co_return true;
        case ParseState::error: refused = Answer::error(parsed.error.status, "bad request", parsed.error.text); break;
        }
        break;
    }
    co_await write_answer(std::move(refused), false);
    co_return false;
}

/// True: another may follow.
asio::awaitable<bool> Connection::serve() {
    const Head& head = parser_.head();
    const bool keep = head.keep_alive();
    const bool api = head.target() != "/";
    const Result<void> allowed = service_->guard.check(head, api);
    Answer answer;
    if (!allowed) {
        answer = Answer::error(403, "forbidden", allowed.error().message());
    } else {
        answer = service_->api.handle(head, body_, remote_address_);
    }
    if (answer.live && service_->live_clients >= limits::inspector_live_clients)
        answer = Answer::error(503, "busy", "too many pages are kept up to date; close one");
    if (answer.live) {
        co_await live();
        co_return false;
    }
    co_await write_answer(std::move(answer), keep);
    co_return keep && !gone_;
}

asio::awaitable<void> Connection::write_answer(Answer answer, bool keep_alive) {
    Head head = Head::response(answer.status);
    const std::string_view text = answer.page ? page() : std::string_view(answer.body);
    const bool to_head = parser_.head().method() == "HEAD";
    if (!text.empty()) head.add("Content-Type", answer.type);
    if (answer.status != 204) head.add("Content-Length", std::to_string(text.size()));
    if (!answer.allow.empty()) head.add("Allow", answer.allow);
    if (!answer.location.empty()) head.add("Location", answer.location);
    if (!keep_alive) head.add("Connection", "close");
    add_common(head, answer.page ? page_policy() : no_content_policy);
    ByteQueue out;
    if (!write_head(out, head)) co_return;
    const Bytes body = to_head ? Bytes() : as_bytes(text);
    (void)co_await write(out.view(), body);
}

/// False: it was not taken in time, or there is nobody any more.
asio::awaitable<bool> Connection::write(Bytes first, Bytes second) {
    const net::Deadline bound(executor(), limits::inspector_write_time, [this] { abort(); });
    const net::IoResult sent = co_await stream_->write(first, second);
    if (!sent.ok()) gone_ = true;
    co_return !gone_;
}

// --- updates of a page (server-sent events)

asio::awaitable<void> Connection::live() {
    const auto self = std::static_pointer_cast<Connection>(shared_from_this());
    ++service_->live_clients;
    asio::co_spawn(executor(), watch(self), asio::detached);
    co_await tell_news();
    --service_->live_clients;
    abort(); // ends watch()
}

/// Whoever waits for updates says nothing: a byte, or the end, ends it.
asio::awaitable<void> Connection::watch(std::shared_ptr<Connection> self) {
    std::uint8_t byte = 0;
    const MutableBytes space(&byte, 1); // wait_readable() alone may be told of what was read before
    (void)co_await self->stream_->read_some(space);
    self->abort();
}

asio::awaitable<void> Connection::tell_news() {
    const Store& store = *service_->store;
    std::uint64_t since = seen_version(parser_.head(), store);
    bool told = false;
    bool taken = true;
    Head head = Head::response(200);
    head.add("Content-Type", "text/event-stream");
    head.add("Connection", "close");
    add_common(head, no_content_policy);
    std::string out;
    if (!write_head(out, head)) co_return;
    out += "retry: 1000\n\n";
    while (taken && !gone_) {
        news_ = false;
        Changes changes = store.changes(since, limits::inspector_live_batch);
        if (!told || changes.version != since) {
            const std::string data = changes_json(store, changes);
            out += "id: " + store.prefix() + std::to_string(changes.version) + "\nevent: exchanges\ndata: " + data + "\n\n";
        } else {
            out += ": nothing new\n\n";
        }
        since = changes.version;
        told = true;
        const Bytes bytes = as_bytes(out);
        taken = co_await write(bytes, Bytes());
        out.clear();
        if (changes.more || !taken) continue;
        co_await wait(limits::inspector_live_pause);
        if (news_ || gone_) continue;
        sleeping_ = true;
        co_await wait(limits::inspector_ping_time);
        sleeping_ = false;
    }
}

asio::awaitable<void> Connection::wait(std::chrono::steady_clock::duration time) {
    std::error_code ignored;
    if (gone_) co_return;
    timer_.expires_after(time);
    auto token = asio::redirect_error(asio::use_awaitable, ignored);
    co_await timer_.async_wait(token);
}

void Connection::wake() noexcept {
    news_ = true;
    if (sleeping_) timer_.cancel();
}

} // namespace adit
