// HTTP/2 without TLS on ServerSession and plain sockets: what h2_frames_test.py and h2spec are driven against without
// an edge.
//
//   h2_test_server        prints "ready H2_PORT CONTROL_PORT"; ends when its standard input does
//
// It answers with what it was told: POST and the like get their body back, "/big?N" has N bytes, "/hold" is answered
// only when its request has ended, and never if it is a GET. The control port speaks HTTP/1: one JSON object with
// what was seen.
#include "http2/server_session.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

using namespace adit;
using http2::StreamId;

struct Seen {
    std::size_t requests = 0, open = 0, most_open = 0, connections = 0;
    std::string last; // the head told last, as lines
} seen;

class Connection final : public http2::ServerHandler {
public:
    explicit Connection(int socket) : socket_(socket), session_(*this, std::chrono::steady_clock::now()) {
        ++seen.connections;
    }
    ~Connection() {
        session_.transport_closed();
        ::close(socket_);
        --seen.connections;
    }
    int socket() const { return socket_; }
    bool wants_write() const { return session_.has_output(); }

    /// False: it is over.
    bool readable() {
        std::array<std::uint8_t, 65'536> buffer;
        const ssize_t n = ::recv(socket_, buffer.data(), buffer.size(), 0);
        if (n <= 0) return n < 0 && (errno == EAGAIN || errno == EINTR);
        session_.receive({buffer.data(), static_cast<std::size_t>(n)}, std::chrono::steady_clock::now());
        return writable();
    }
    bool writable() {
        for (;;) {
            const Bytes out = session_.output();
            if (out.empty()) break;
            const ssize_t n = ::send(socket_, out.data(), out.size(), MSG_NOSIGNAL);
            if (n < 0) return errno == EAGAIN || errno == EINTR;
            session_.consume_output(static_cast<std::size_t>(n));
        }
        if (!session_.finished()) return true;
        ::shutdown(socket_, SHUT_WR); // what it still sends is read, so that the GOAWAY is not lost by a RST
        std::array<char, 4'096> rest;
        timeval patience{0, 100'000};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        for (int i = 0; i < 100 && ::recv(socket_, rest.data(), rest.size(), 0) > 0; ++i) {}
        return false;
    }

    void on_request(StreamId id, Head& head, const http2::RequestInfo& info) override {
        ++seen.requests;
        seen.most_open = std::max(seen.most_open, ++seen.open);
        seen.last.assign(head.method()).append(" ").append(head.target()).append("\n");
        for (const Field& field : head) seen.last.append(field.name).append(": ").append(field.value) += '\n';
        Work& work = work_[id];
        if (head.target().starts_with("/hold")) {
            work.answered = false;
            return;
        }
        answer(id, work, head, info);
    }
    void on_body(StreamId id, Bytes bytes) override {
        Work& work = work_[id];
        if (work.echo) {
            work.rest += as_text(bytes);
            work.taken += bytes.size();
            pump(id, work);
        } else {
            session_.consume(id, bytes.size());
        }
    }
    void on_end(StreamId id, Fields& trailers) override {
        Work& work = work_[id];
        work.trailers = trailers;
        work.ended = true;
        if (!work.answered) session_.respond(id, Head::response(200), true);
        pump(id, work);
    }
    void on_reset(StreamId id, http2::ErrorCode) override { done(id); }
    void on_writable(StreamId id) override { pump(id, work_[id]); }
    void on_sent(StreamId id) override { done(id); }

private:
    struct Work {
        std::string rest; // of the answer
        std::size_t at = 0, taken = 0;
        Fields trailers;
        bool echo = false, ended = false, answered = true;
    };

    void answer(StreamId id, Work& work, const Head& head, const http2::RequestInfo& info) {
        Head answer = Head::response(200);
        answer.add("content-type", "text/plain");
        work.echo = !info.end;
        work.ended = info.end;
        if (!work.echo) {
            std::size_t size = 0;
            const std::string_view target = head.target();
            if (target.starts_with("/big?")) std::from_chars(target.data() + 5, target.data() + target.size(), size);
            work.rest =
                size > 0 ? std::string(std::min(size, std::size_t{64} << 20), 'b') : "hello from h2_test_server\n";
            answer.add("content-length", std::to_string(work.rest.size()));
        }
        session_.respond(id, answer, false);
        pump(id, work);
    }
    void pump(StreamId id, Work& work) {
        if (!work.answered) return;
        work.at += session_.write(id, as_bytes(std::string_view(work.rest).substr(work.at)));
        if (work.at < work.rest.size()) return;
        session_.consume(id, std::exchange(work.taken, std::size_t{0})); // what was echoed left our memory
        work.rest.clear();
        work.at = 0;
        if (work.ended) session_.finish(id, work.trailers);
    }
    void done(StreamId id) {
        work_.erase(id);
        --seen.open;
        session_.release(id);
    }

    const int socket_;
    std::map<StreamId, Work> work_;
    http2::ServerSession session_;
};

int listen_on(sockaddr_in& address) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(socket, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(socket, 64) != 0 ||
        ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        std::perror("h2_test_server");
        std::exit(1);
    }
    return socket;
}

std::string json_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        if (c == '\n') out += "\\n";
        else if (static_cast<unsigned char>(c) >= 0x20) out += c;
    }
    return out + "\"";
}

std::size_t resident() {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages >> pages;
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

void control(int listener) {
    const int socket = ::accept(listener, nullptr, nullptr);
    if (socket < 0) return;
    char request[4'096];
    if (::recv(socket, request, sizeof request, 0) > 0) {
        const std::string body =
            "{\"requests\": " + std::to_string(seen.requests) + ", \"open\": " + std::to_string(seen.open) +
            ", \"most_open\": " + std::to_string(seen.most_open) +
            ", \"connections\": " + std::to_string(seen.connections) + ", \"rss\": " + std::to_string(resident()) +
            ", \"last\": " + json_text(seen.last) + "}\n";
        const std::string answer =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
            std::to_string(body.size()) + "\r\n\r\n" + body;
        if (::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) std::perror("control");
    }
    ::close(socket);
}

} // namespace

int main() {
    sockaddr_in visitors, controls;
    const int listener = listen_on(visitors);
    const int controller = listen_on(controls);
    std::printf("ready %d %d\n", ntohs(visitors.sin_port), ntohs(controls.sin_port));
    std::fflush(stdout);
    std::vector<std::unique_ptr<Connection>> connections;
    for (;;) {
        std::vector<pollfd> polled = {{STDIN_FILENO, POLLIN, 0}, {listener, POLLIN, 0}, {controller, POLLIN, 0}};
        for (const auto& c : connections) {
            polled.push_back({c->socket(), static_cast<short>(POLLIN | (c->wants_write() ? POLLOUT : 0)), 0});
        }
        if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return 1;
        char end;
        if (polled[0].revents != 0 && ::read(STDIN_FILENO, &end, 1) <= 0) return 0;
        for (std::size_t i = connections.size(); i-- > 0;) {
            const short what = polled[i + 3].revents;
            bool good = true;
            if ((what & POLLOUT) != 0) good = connections[i]->writable();
            if (good && (what & (POLLIN | POLLHUP | POLLERR)) != 0) good = connections[i]->readable();
            if (!good) connections.erase(connections.begin() + static_cast<std::ptrdiff_t>(i));
        }
        if (polled[2].revents != 0) control(controller);
        if (polled[1].revents != 0) {
            const int socket = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (socket < 0) continue;
            const int one = 1;
            ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            connections.push_back(std::make_unique<Connection>(socket));
            if (!connections.back()->writable()) connections.pop_back();
        }
    }
}
