// Connection::release_socket(): plain read(2), write(2), shutdown(2) and close(2) on a connection.
#include "integration/client_support.hpp"

#include "client/background.hpp"

#include <cerrno>
#include <csignal>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace adit;
using namespace adit_test;
using namespace std::chrono_literals;

namespace {

class World {
public:
    World() : session(Session::connect(edge.options())), listener(session.listen(Endpoint("tcp://"))) {}
    MockEdge edge;
    Session session;
    Listener listener;
};

/// Owns a descriptor.
class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) { REQUIRE(fd >= 0); }
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() { close(); }
    int get() const { return fd_; }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }

private:
    int fd_;
};

std::string read_plain(int fd, std::size_t n) {
    std::string out(n, '\0');
    std::size_t have = 0;
    while (have < n) {
        const ssize_t got = ::read(fd, out.data() + have, n - have);
        if (got <= 0) break;
        have += static_cast<std::size_t>(got);
    }
    out.resize(have);
    return out;
}

bool write_plain(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::write(fd, bytes.data(), bytes.size());
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

std::string pattern(std::size_t n, std::size_t from) {
    std::string out(n, '\0');
    for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<char>((from + i) * 37 >> 2);
    return out;
}

} // namespace

TEST_CASE("a released socket is an ordinary blocking descriptor") {
    World world;
    Pair pair(world.edge, world.listener);
    const Descriptor socket(pair.connection.release_socket());
    CHECK_FALSE(pair.connection.is_open());
    CHECK((::fcntl(socket.get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(socket.get(), F_GETFL) & O_NONBLOCK) == 0);
    pair.visitor.write("ping");
    CHECK(read_plain(socket.get(), 4) == "ping");
    CHECK(write_plain(socket.get(), "pong"));
    CHECK(pair.visitor.read(4) == "pong");
    std::error_code ec;
    CHECK(pair.connection.release_socket(ec) == -1);
    CHECK(ec == errc::connection_closed);
}

TEST_CASE("shutdown works per direction") {
    World world;
    SUBCASE("the program finishes first") {
        Pair pair(world.edge, world.listener);
        const Descriptor socket(pair.connection.release_socket());
        CHECK(write_plain(socket.get(), "request"));
        ::shutdown(socket.get(), SHUT_WR);
        CHECK(pair.visitor.read_all() == "request");
        pair.visitor.write("late answer");
        pair.visitor.finish();
        CHECK(read_plain(socket.get(), 100) == "late answer");
    }
    SUBCASE("the visitor finishes first") {
        Pair pair(world.edge, world.listener);
        Descriptor socket(pair.connection.release_socket());
        pair.visitor.write("request");
        pair.visitor.finish();
        CHECK(read_plain(socket.get(), 100) == "request");
        CHECK(write_plain(socket.get(), "late answer"));
        socket.close();
        CHECK(pair.visitor.read_all() == "late answer");
    }
}

TEST_CASE("close(2) ends the connection, also when the visitor goes on") {
    World world;
    Pair pair(world.edge, world.listener);
    Descriptor socket(pair.connection.release_socket());
    CHECK(write_plain(socket.get(), "bye"));
    socket.close();
    CHECK(pair.visitor.read_all() == "bye");
    // Its bytes find nobody: the connection is reset, not stuck.
    CHECK(pair.visitor.write_end() == errc::connection_reset);
}

TEST_CASE("a program that stops reading does not stop the visitor from reading") {
    World world;
    Pair pair(world.edge, world.listener);
    const Descriptor socket(pair.connection.release_socket());
    ::shutdown(socket.get(), SHUT_RD);
    pair.visitor.write(std::string(8u << 20, 'x')); // dropped, beyond every window and buffer
    CHECK(write_plain(socket.get(), "answer"));
    CHECK(pair.visitor.read(6) == "answer");
}

TEST_CASE("an abort of the visitor and the end of the session end the descriptor") {
    World world;
    Pair aborted(world.edge, world.listener);
    const Descriptor one(aborted.connection.release_socket());
    Pair other(world.edge, world.listener);
    const Descriptor two(other.connection.release_socket());
    aborted.visitor.reset();
    CHECK(read_plain(one.get(), 1).empty());
    world.session.close();
    CHECK(read_plain(two.get(), 1).empty());
    ::signal(SIGPIPE, SIG_IGN);
    char byte = 'x';
    while (::write(two.get(), &byte, 1) == 1) {}
    CHECK(errno == EPIPE);
    ::signal(SIGPIPE, SIG_DFL);
}

TEST_CASE("a read that was outstanding ends when the socket is released") {
    World world;
    Pair pair(world.edge, world.listener);
    std::promise<std::error_code> promise;
    auto ended = promise.get_future();
    std::array<char, 4> data;
    pair.connection.async_read_some(asio::buffer(data), [&](std::error_code ec, std::size_t) { promise.set_value(ec); });
    const Descriptor socket(pair.connection.release_socket());
    CHECK(get(ended) == errc::connection_closed);
    pair.visitor.write("ping");
    CHECK(read_plain(socket.get(), 4) == "ping");
}

TEST_CASE("64 MiB each way at once through one released socket") {
    World world;
    Pair pair(world.edge, world.listener);
    const Descriptor socket(pair.connection.release_socket());
    constexpr std::size_t total = 64u << 20, piece = 1u << 20;
    std::thread app_writes([&] {
        bool sent = true;
        for (std::size_t at = 0; at < total; at += piece) sent = sent && write_plain(socket.get(), pattern(piece, at));
        CHECK(sent);
        ::shutdown(socket.get(), SHUT_WR);
    });
    std::thread visitor_writes([&] {
        for (std::size_t at = 0; at < total; at += piece) pair.visitor.write(pattern(piece, at));
        pair.visitor.finish();
    });
    std::thread visitor_reads([&] {
        bool equal = true;
        for (std::size_t at = 0; at < total; at += piece) equal = equal && pair.visitor.read(piece) == pattern(piece, at);
        CHECK(equal);
        CHECK(pair.visitor.read_all().empty());
    });
    bool equal = true;
    for (std::size_t at = 0; at < total; at += piece)
        equal = equal && read_plain(socket.get(), piece) == pattern(piece, at);
    CHECK(equal);
    CHECK(read_plain(socket.get(), 1).empty());
    app_writes.join();
    visitor_writes.join();
    visitor_reads.join();
}

TEST_CASE("two thousand released sockets at once") {
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    REQUIRE_MESSAGE(limit.rlim_cur >= 5'000, "needs 5,000 descriptors: raise the hard limit (ulimit -Hn)");
    MockEdge edge;
    constexpr std::size_t count = 2'000, each = limits::streams_per_session; // no edge opens more on one session
    std::vector<Session> sessions;
    std::vector<Listener> listeners;
    std::vector<Visitor> visitors;
    std::vector<std::optional<Descriptor>> sockets(count);
    for (std::size_t i = 0; i < count; ++i) {
        if (i % each == 0) {
            sessions.push_back(Session::connect(edge.options()));
            listeners.push_back(sessions.back().listen(Endpoint("tcp://").backlog(each)));
        }
        visitors.push_back(edge.visit(listeners.back().id(), "tcp", false, "192.0.2.1:" + std::to_string(i)));
        visitors.back().write(std::to_string(i) + "\n");
    }
    for (std::size_t i = 0; i < count; ++i) {
        Connection connection = listeners[i / each].accept_for(20s);
        sockets.at(connection.remote_endpoint().port()).emplace(connection.release_socket());
    }
    // Every one is alive in both directions while all the others are open.
    std::size_t answered = 0;
    for (std::size_t i = 0; i < count; ++i) {
        REQUIRE(sockets[i].has_value());
        const std::string expected = std::to_string(i) + "\n";
        if (read_plain(sockets[i]->get(), expected.size()) != expected) continue;
        if (!write_plain(sockets[i]->get(), expected)) continue;
        if (visitors[i].read(expected.size()) == expected) ++answered;
    }
    CHECK(answered == count);
    sockets.clear();
    std::size_t ended = 0;
    for (Visitor& visitor : visitors) ended += visitor.read_all().empty() ? 1u : 0u;
    CHECK(ended == count);
    for (Session& session : sessions) session.close();
    CHECK(Background::wait_stopped(20s)); // every pump has ended
}

TEST_CASE("without descriptors the error is the system's, and the connection lives on") {
    World world;
    Pair pair(world.edge, world.listener);
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    rlimit none = limit;
    none.rlim_cur = 1;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    std::error_code ec;
    CHECK(pair.connection.release_socket(ec) == -1);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(ec == std::errc::too_many_files_open);
    pair.visitor.write("ping");
    CHECK(read_exactly(pair.connection, 4) == "ping");
}
