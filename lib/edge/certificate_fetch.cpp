#include "edge/certificate_fetch.hpp"

#include "http/parser.hpp"
#include "http/writer.hpp"
#include "net/deadline.hpp"
#include "net/dial.hpp"
#include "net/tls_stream.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace adit::inline v0::edge {
namespace {

using Clock = std::chrono::steady_clock;

constexpr HeadLimits head_limits{16'384, 100}; // of a file server's answer
constexpr std::size_t read_size = 4'096;
constexpr int ok = 200;

ErrorInfo wrong(std::string why) { return {errc::protocol_error, std::move(why)}; }

std::string request_text(const std::string& host, const std::string& path) {
    Head head = Head::request("GET", path);
    head.add(FieldId::host, host);
    head.add("User-Agent", "adit");
    head.add("Accept", "*/*");
    head.add(FieldId::connection, "close");
    std::string text;
    (void)write_head(text, head); // nothing in it can be refused: the URL was checked
    return text;
}

/// What came so far of one answer.
class Answer {
public:
    Answer() : parser_(head_limits) { parser_.expect("GET", false); }

    ByteQueue& input() noexcept { return input_; }
    /// Takes in what is there. True: it is complete, or cannot be.
    bool advance() {
        for (;;) {
            const ParseResult parsed = parser_.parse(input_.view());
            if (!take(parsed)) return true;
            input_.consume(parsed.consumed);
            if (parsed.state == ParseState::need_more) return false;
        }
    }
    /// Nothing more will come.
    void end() {
        if (take(parser_.finish())) fail("the connection ended before the answer");
    }
    Result<std::string> result() && {
        if (error_) return error_;
        return std::move(text_);
    }

private:
    /// False: there is nothing more to be read.
    bool take(const ParseResult& parsed) {
        const int status = parser_.head().status();
        switch (parsed.state) {
        case ParseState::need_more: return true;
        case ParseState::head_complete:
            if (status <= ok) return true; // interim ones come before it
            return fail("the server answered with status " + std::to_string(status));
        case ParseState::body:
            if (text_.size() + parsed.body.size() > limits::webhook_certificate_max) return fail("the answer is too large");
            text_.append(as_text(parsed.body));
            return true;
        case ParseState::message_complete: return false;
        case ParseState::upgrade: return fail("the server answered with another protocol");
        case ParseState::error: break;
        }
        return fail("the answer is no HTTP: " + std::string(parsed.error.text));
    }
    bool fail(std::string why) {
        error_ = wrong(std::move(why));
        return false;
    }

    ResponseParser parser_;
    ByteQueue input_;
    std::string text_;
    ErrorInfo error_;
};

asio::awaitable<Result<std::string>> ask(std::shared_ptr<net::TlsStream> stream, std::string request) {
    Answer answer;
    net::IoResult done = co_await stream->write(as_bytes(request));
    bool complete = false;
    while (done.ok() && !complete) {
        done = co_await stream->read_some(answer.input().prepare(read_size));
        if (done.ok()) {
            answer.input().commit(done.size());
            complete = answer.advance();
        } else if (done.eof()) {
            answer.end();
            complete = true;
        }
    }
    if (!complete) co_return ErrorInfo(done.code(), "the connection to the server broke");
    co_return std::move(answer).result();
}

} // namespace

asio::awaitable<Result<std::string>> fetch_certificate(asio::any_io_executor executor,
                                                       std::shared_ptr<const tls::ClientContext> tls, std::string url,
                                                       std::string address, Clock::duration time) {
    constexpr std::string_view scheme = "https://";
    const Clock::time_point end = Clock::now() + time;
    const std::size_t slash = url.find('/', scheme.size());
    const std::string host = url.substr(scheme.size(), slash - scheme.size());
    const std::string path = url.substr(slash);
    const std::size_t colon = address.rfind(':');
    const std::string dial_host = address.empty() ? host : address.substr(0, colon);
    const std::string port = address.empty() ? "443" : address.substr(colon + 1);
    Result<net::Tcp::socket> socket = co_await net::dial(executor, dial_host, port, time);
    if (!socket) co_return socket.error();
    Result<tls::Engine> engine = tls::Engine::client(tls, host);
    if (!engine) co_return engine.error();
    const auto stream = std::make_shared<net::TlsStream>(std::move(*socket), std::move(*engine));
    const Clock::duration left = std::max(end - Clock::now(), Clock::duration::zero());
    const net::Deadline deadline(executor, left, [stream] { stream->abort(); });
    const Result<void> shaken = co_await stream->handshake();
    Result<std::string> text = wrong("");
    if (shaken) text = co_await ask(stream, request_text(host, path));
    if (!shaken) text = shaken.error();
    if (deadline.expired()) text = ErrorInfo(errc::timed_out, "the server " + host + " took too long");
    stream->close();
    co_return text;
}

} // namespace adit
