// A real edge and an application behind it, for h2_frames_test.py --edge and h2spec. The edge is a process of
// its own, so that what it takes of memory can be told.
//
//   h2_edge_host      prints "ready HTTPS_PORT CONTROL_PORT", the CA and "end"; ends when its standard input
//   does
//
// The application at https://localhost answers as h2_test_server does: what has a body gets it back, "/big?N"
// has N bytes,
// "/hold" is answered only when its request has ended, and never if it is a GET. The control port speaks
// HTTP/1: one JSON object with what the application saw, and the memory of the edge.
#include <adit/adit.hpp>
#include <adit/edge.hpp>

#include "http/parser.hpp"

#include <asio/ip/tcp.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace {

using namespace adit;
using asio::ip::tcp;

struct Seen {
    std::size_t requests = 0, open = 0, most_open = 0, connections = 0;
    std::string last; // the head told last, as lines
} seen;

// --- the application: one agent's stream with requests of one visitor, one after the other

/// Counts a request as at work until its answer was written, or its stream has ended.
class AtWork {
public:
    ~AtWork() { end(); }
    void begin() {
        end();
        active_ = true;
        seen.most_open = std::max(seen.most_open, ++seen.open);
    }
    void end() {
        if (std::exchange(active_, false)) --seen.open;
    }

private:
    bool active_ = false;
};

class Stream {
public:
    explicit Stream(Connection connection) : connection_(std::move(connection)) { ++seen.connections; }
    ~Stream() { --seen.connections; }
    Stream(const Stream&) = delete;

    static asio::awaitable<void> serve(std::shared_ptr<Stream> self) {
        std::string buffer(65'536, '\0');
        bool good = true;
        while (good) {
            const auto space = asio::buffer(buffer);
            auto reading = self->connection_.async_read_some(space, as_tuple);
            const auto [failed, n] = co_await std::move(reading);
            if (failed) co_return;
            const Bytes input = as_bytes(std::string_view(buffer).substr(0, n));
            good = co_await self->take(input);
        }
    }

private:
    asio::awaitable<bool> take(Bytes input) {
        bool good = true;
        while (good) {
            const ParseResult parsed = parser_.parse(input);
            input = input.subspan(parsed.consumed);
            switch (parsed.state) {
            case ParseState::need_more: co_return true;
            case ParseState::head_complete: good = co_await head(); break;
            case ParseState::body: good = co_await body(parsed.body); break;
            case ParseState::message_complete: good = co_await complete(); break;
            case ParseState::upgrade: co_return false;
            case ParseState::error:
                seen.last = "an error of the edge: " + std::string(parsed.error.text);
                co_return false;
            }
        }
        co_return false;
    }

    asio::awaitable<bool> head() {
        bool good = true;
        const Head& request = parser_.head();
        ++seen.requests;
        work_.begin();
        seen.last.assign(request.method()).append(" ").append(request.target()).append("\n");
        for (const Field& field : request)
            seen.last.append(field.name).append(": ").append(field.value) += '\n';
        const std::string_view target = request.target();
        hold_ = target.starts_with("/hold");
        echo_ = !hold_ && (request.has_body() || request.method() == "POST");
        to_get_ = request.method() == "GET";
        big_ = 0;
        if (target.starts_with("/big?"))
            std::from_chars(target.data() + 5, target.data() + target.size(), big_);
        big_ = std::min(big_, std::size_t{64} << 20);
        if (echo_)
            good = co_await put(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n");
        co_return good;
    }

    asio::awaitable<bool> body(Bytes bytes) {
        bool good = true;
        char size[24];
        if (!echo_) co_return true;
        std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
        good = co_await put(size + std::string(as_text(bytes)) + "\r\n");
        co_return good;
    }

    asio::awaitable<bool> complete() {
        bool good = true;
        if (hold_ && to_get_) co_return true; // never answered
        if (echo_) {
            good = co_await put("0\r\n\r\n");
        } else if (hold_) {
            good = co_await put("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        } else {
            const std::string text = big_ == 0 ? "hello from h2_edge_host\n" : "";
            const std::size_t size = std::max(big_, text.size());
            good = co_await put("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " +
                                std::to_string(size) + "\r\n\r\n" + text);
            for (std::size_t left = big_; good && left > 0;) {
                const std::size_t piece = std::min<std::size_t>(left, 65'536);
                good = co_await put(std::string(piece, 'b'));
                left -= piece;
            }
        }
        if (good) work_.end();
        co_return good;
    }

    asio::awaitable<bool> put(std::string text) {
        const auto bytes = asio::buffer(text);
        auto writing = asio::async_write(connection_, bytes, as_tuple);
        const auto [failed, n] = co_await std::move(writing);
        co_return !failed;
    }

    Connection connection_;
    RequestParser parser_;
    AtWork work_;
    std::size_t big_ = 0;
    bool hold_ = false, echo_ = false, to_get_ = false;
};

// --- the control port

std::string json_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        if (c == '\n')
            out += "\\n";
        else if (static_cast<unsigned char>(c) >= 0x20)
            out += c;
    }
    return out + "\"";
}

std::size_t resident(pid_t process) {
    std::size_t pages = 0;
    std::ifstream("/proc/" + std::to_string(process) + "/statm") >> pages >> pages;
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

asio::awaitable<void> tell(tcp::socket socket, pid_t edge) {
    std::string request(4'096, '\0');
    const auto space = asio::buffer(request);
    auto reading = socket.async_read_some(space, as_tuple);
    co_await std::move(reading);
    const std::string body =
        "{\"requests\": " + std::to_string(seen.requests) + ", \"open\": " + std::to_string(seen.open) +
        ", \"most_open\": " + std::to_string(seen.most_open) +
        ", \"connections\": " + std::to_string(seen.connections) +
        ", \"rss\": " + std::to_string(resident(edge)) + ", \"last\": " + json_text(seen.last) + "}\n";
    const std::string answer =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body;
    const auto bytes = asio::buffer(answer);
    auto writing = asio::async_write(socket, bytes, as_tuple);
    co_await std::move(writing);
}

asio::awaitable<void> control(tcp::acceptor& acceptor, pid_t edge) {
    const auto executor = co_await asio::this_coro::executor;
    for (;;) {
        auto accepting = acceptor.async_accept(as_tuple);
        auto [failed, socket] = co_await std::move(accepting);
        if (failed) co_return;
        asio::co_spawn(executor, tell(std::move(socket), edge), asio::detached);
    }
}

// --- the two processes

/// Tells its ports and CA, and runs until `until` is closed.
int run_edge(int told, int until) {
    auto server = edge::Server::start(edge::ServerOptions().authtoken("h2-token"));
    const std::string text =
        server.agent_address() + " " + std::to_string(server.https_port()) + "\n" + server.ca_pem();
    const bool written = ::write(told, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    ::close(told);
    for (char byte; written && ::read(until, &byte, 1) > 0;) {
    }
    server.stop();
    return 0;
}

struct EdgeFacts {
    std::string agent_address, https_port, ca;
};

EdgeFacts hear(int from) {
    std::string text;
    char piece[4'096];
    for (ssize_t n; (n = ::read(from, piece, sizeof piece)) > 0;)
        text.append(piece, static_cast<std::size_t>(n));
    EdgeFacts facts;
    const std::size_t blank = text.find(' '), line = text.find('\n');
    if (line == std::string::npos) return facts;
    facts.agent_address = text.substr(0, blank);
    facts.https_port = text.substr(blank + 1, line - blank - 1);
    facts.ca = text.substr(line + 1);
    return facts;
}

asio::awaitable<void> run_application(EdgeFacts facts, int control_port) {
    const auto executor = co_await asio::this_coro::executor;
    const auto options =
        SessionOptions().server(facts.agent_address).roots_pem(facts.ca).authtoken("h2-token");
    auto session = co_await Session::async_connect(executor, options);
    const Endpoint endpoint("https://localhost");
    auto listener = co_await session.async_listen(endpoint);
    std::printf("ready %s %d\n%send\n", facts.https_port.c_str(), control_port, facts.ca.c_str());
    std::fflush(stdout);
    for (;;) {
        auto accepting = listener.async_accept(as_tuple);
        auto [ended, connection] = co_await std::move(accepting);
        if (ended) co_return;
        auto stream = std::make_shared<Stream>(std::move(connection));
        asio::co_spawn(executor, Stream::serve(std::move(stream)), asio::detached);
    }
}

} // namespace

int main() {
    int told[2], until[2];
    if (::pipe(told) != 0 || ::pipe(until) != 0) return 1;
    const pid_t edge = ::fork(); // before there is a thread
    if (edge < 0) return 1;
    if (edge == 0) {
        ::close(told[0]);
        ::close(until[1]);
        ::close(STDOUT_FILENO); // who reads it waits for the application only
        return run_edge(told[1], until[0]);
    }
    ::close(told[1]);
    ::close(until[0]);
    const EdgeFacts facts = hear(told[0]);
    asio::io_context context;
    tcp::acceptor acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    asio::posix::stream_descriptor input(context, STDIN_FILENO);
    char byte;
    const auto space = asio::buffer(&byte, 1);
    input.async_read_some(space, [&context](std::error_code, std::size_t) { context.stop(); });
    asio::co_spawn(context, control(acceptor, edge), asio::detached);
    bool failed = false;
    asio::co_spawn(context, run_application(facts, acceptor.local_endpoint().port()),
                   [&](const std::exception_ptr& error) {
                       try {
                           if (error) std::rethrow_exception(error);
                       } catch (const std::exception& problem) {
                           std::fprintf(stderr, "h2_edge_host: %s\n", problem.what());
                       }
                       failed = true; // the listener ended before our input
                       context.stop();
                   });
    context.run();
    ::close(until[1]);
    int status = 0;
    ::waitpid(edge, &status, 0);
    return failed || status != 0 ? 1 : 0;
}
