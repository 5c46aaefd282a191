// The C interface: accepting, by waiting and by a descriptor.
#include "integration/capi_support.hpp"

#include "client/background.hpp"

#include <atomic>
#include <cerrno>
#include <thread>

#include <fcntl.h>
#include <sys/epoll.h>

using namespace adit_test;

namespace {

/// Takes every descriptor that the process can have.
class NoDescriptors {
public:
    NoDescriptors() {
        for (int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC); fd >= 0; fd = ::dup(fds_.back())) fds_.push_back(fd);
    }
    ~NoDescriptors() {
        for (const int fd : fds_) ::close(fd);
    }

private:
    std::vector<int> fds_;
};

int code_of_accept(const Held<adit_listener>& listener, std::int64_t timeout) {
    adit_error error;
    const int fd = adit_listener_accept(listener.get(), timeout, nullptr, &error);
    if (fd >= 0) ::close(fd);
    CHECK((fd >= 0) == (error.code == ADIT_OK));
    return error.code;
}

} // namespace

TEST_CASE("an accepted connection is a descriptor with its visitor's address") {
    const CEdge edge;
    const Held<adit_session> session = edge.connect();
    const Held<adit_listener> listener = listen(session);
    CHECK(code_of_accept(listener, 0) == ADIT_E_TIMED_OUT);
    CHECK(code_of_accept(listener, 20) == ADIT_E_TIMED_OUT);
    NetVisitor visitor = visit(listener);
    visitor.send("over");
    adit_peer peer;
    std::memset(&peer, 0x5a, sizeof peer);
    const Descriptor one = Descriptor::accept(listener, &peer);
    CHECK(peer.remote_address == visitor.address());
    CHECK(peer.protocol == std::string("tcp"));
    CHECK(peer.passthrough_tls == 0);
    CHECK(peer.reserved[10] == 0);
    CHECK((::fcntl(one.fd(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(one.fd(), F_GETFL) & O_NONBLOCK) == 0);
    CHECK(one.read_some() == "over");
    one.write("out");
    CHECK(visitor.read(3) == "out");
    visitor.shutdown_write();
    CHECK(one.read_some() == "");
}

TEST_CASE("closing a listener wakes the threads that accept") {
    const CEdge edge;
    const Held<adit_session> session = edge.connect();
    for (const bool polled : {false, true}) {
        const Held<adit_listener> listener = listen(session);
        if (polled) CHECK(adit_listener_fd(listener.get(), nullptr) >= 0);
        std::vector<int> codes(3, ADIT_OK);
        std::vector<std::thread> threads;
        for (int& code : codes) threads.emplace_back([&code, &listener] { code = code_of_accept(listener, -1); });
        adit_listener_close(listener.get());
        for (std::thread& thread : threads) thread.join();
        CHECK(codes == std::vector<int>(3, ADIT_E_LISTENER_CLOSED));
        CHECK(code_of_accept(listener, 0) == ADIT_E_LISTENER_CLOSED);
        CHECK(adit_listener_is_open(listener.get()) == 0);
        adit_listener_close(listener.get());
    }
}

TEST_CASE("the edge's reason for the end of a listener reaches accept") {
    CEdge edge;
    const Held<adit_session> session = edge.connect();
    const Held<adit_listener> listener = listen(session);
    int descriptor = adit_listener_fd(listener.get(), nullptr);
    const auto endpoints = edge.server.endpoints();
    REQUIRE(endpoints.size() == 1);
    CHECK_FALSE(edge.server.stop_endpoint(endpoints[0].id, "moved away", 3200));
    CHECK(Descriptor::readable(descriptor, 20'000));
    adit_error error;
    CHECK(adit_listener_accept(listener.get(), -1, nullptr, &error) == -1);
    CHECK(error.code == ADIT_E_LISTENER_CLOSED);
    CHECK(std::string(error.message).find("moved away") != std::string::npos);
    adit_listener_last_error(listener.get(), &error);
    CHECK(std::string(error.message).find("moved away") != std::string::npos);
}

TEST_CASE("a listener's descriptor is readable while there is something to accept") {
    const CEdge edge;
    const Held<adit_session> session = edge.connect();
    const Held<adit_listener> listener = listen(session);
    adit_error error;
    const int descriptor = adit_listener_fd(listener.get(), &error);
    REQUIRE_MESSAGE(descriptor >= 0, error.message);
    CHECK(adit_listener_fd(listener.get(), &error) == descriptor);
    CHECK_FALSE(Descriptor::readable(descriptor, 0));
    CHECK(code_of_accept(listener, 0) == ADIT_E_TIMED_OUT);
    for (int round = 0; round < 3; ++round) {
        NetVisitor first = visit(listener);
        NetVisitor second = visit(listener);
        std::vector<std::string> seen;
        for (int i = 0; i < 2; ++i) {
            REQUIRE(Descriptor::readable(descriptor, 20'000));
            adit_peer peer;
            const Descriptor one(adit_listener_accept(listener.get(), 0, &peer, nullptr));
            CHECK(one.fd() >= 0);
            seen.emplace_back(peer.remote_address);
        }
        CHECK(seen == std::vector<std::string>{first.address(), second.address()});
        CHECK_FALSE(Descriptor::readable(descriptor, 0));
        CHECK(code_of_accept(listener, 0) == ADIT_E_TIMED_OUT);
    }
    adit_listener_close(listener.get());
    CHECK(Descriptor::readable(descriptor, 20'000));
    CHECK(code_of_accept(listener, 0) == ADIT_E_LISTENER_CLOSED);
    CHECK(Descriptor::readable(descriptor, 0));
}

TEST_CASE("an edge-triggered epoll misses no connection") {
    const CEdge edge;
    const Held<adit_session> session = edge.connect();
    const Held<adit_listener> listener = listen(session);
    const Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    REQUIRE(::epoll_ctl(epoll.fd(), EPOLL_CTL_ADD, adit_listener_fd(listener.get(), nullptr), &event) == 0);
    constexpr int count = 50;
    std::vector<NetVisitor> visitors;
    for (int i = 0; i < count; ++i) visitors.push_back(visit(listener));
    for (int accepted = 0; accepted < count;) {
        REQUIRE_MESSAGE(::epoll_wait(epoll.fd(), &event, 1, 20'000) == 1, "after " << accepted);
        int code = ADIT_OK;
        while ((code = code_of_accept(listener, 0)) == ADIT_OK) ++accepted;
        CHECK(code == ADIT_E_TIMED_OUT);
    }
}

TEST_CASE("several threads share a listener with a descriptor") {
    const CEdge edge;
    const Held<adit_session> session = edge.connect();
    const Held<adit_listener> listener = listen(session);
    REQUIRE(adit_listener_fd(listener.get(), nullptr) >= 0);
    std::atomic<int> accepted = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int fd = 0; (fd = adit_listener_accept(listener.get(), -1, nullptr, nullptr)) >= 0; ++accepted) {
                CHECK(::send(fd, "x", 1, MSG_NOSIGNAL) == 1);
                ::close(fd);
            }
        });
    }
    constexpr int count = 100;
    for (int i = 0; i < count; ++i) {
        NetVisitor visitor = visit(listener);
        CHECK(visitor.read_all() == "x");
    }
    adit_listener_close(listener.get());
    for (std::thread& thread : threads) thread.join();
    CHECK(accepted == count);
}

TEST_CASE("without a descriptor left no connection is lost") {
    const CEdge edge;
    for (const bool polled : {false, true}) {
        const auto options = edge.options();
        EventLog events;
        events.install(options);
        const Held<adit_session> session = edge.connect(options);
        const Held<adit_listener> listener = listen(session);
        const int descriptor = polled ? adit_listener_fd(listener.get(), nullptr) : -1;
        NetVisitor visitor = visit(listener);
        visitor.send("still here");
        events.wait(ADIT_EVENT_CONNECTION_OPENED); // the edge, which is in this process, needs no further descriptor
        adit_error error;
        {
            const NoDescriptors none;
            CHECK(adit_listener_accept(listener.get(), 20'000, nullptr, &error) == -1);
            CHECK(error.code == ADIT_E_SYSTEM);
            CHECK(error.number == EMFILE);
            if (polled) CHECK(Descriptor::readable(descriptor, 0));
        }
        const Descriptor one(adit_listener_accept(listener.get(), 0, nullptr, &error));
        CHECK_MESSAGE(one.fd() >= 0, error.message);
        CHECK(one.read_some() == "still here");
        if (polled) CHECK_FALSE(Descriptor::readable(descriptor, 0));
    }
    const Held<adit_session> session = edge.connect();
    const Held<adit_listener> listener = listen(session);
    const NoDescriptors none;
    adit_error error;
    CHECK(adit_listener_fd(listener.get(), &error) == -1);
    CHECK(error.number == EMFILE);
}

TEST_CASE("the last events come also when the library's thread has ended before") {
    const CEdge edge;
    const auto options = edge.options();
    EventLog events;
    events.install(options);
    const Held<adit_session> session = edge.connect(options);
    Held<adit_listener> listener = listen(session);
    const NetVisitor visitor = visit(listener);
    events.wait(ADIT_EVENT_CONNECTION_OPENED);
    {
        const NoDescriptors none;
        CHECK(code_of_accept(listener, 20'000) == ADIT_E_SYSTEM); // the connection waits for the next accept
    }
    CHECK(adit_session_drain(session.get(), 0, nullptr) == ADIT_OK);
    REQUIRE(adit::Background::wait_stopped(std::chrono::seconds(20)));
    listener.reset();
    events.wait(ADIT_EVENT_CONNECTION_CLOSED);
}

TEST_CASE("connections that nobody took are given up with their listener") {
    const CEdge edge;
    const Held<adit_session> session = edge.connect();
    Held<adit_listener> listener = listen(session);
    NetVisitor visitor = visit(listener);
    REQUIRE(Descriptor::readable(adit_listener_fd(listener.get(), nullptr), 20'000));
    listener.reset();
    CHECK(visitor.ended());
}

TEST_CASE("a lost session without reconnect ends its accepts with that") {
    CEdge edge;
    const auto options = edge.options();
    CHECK(adit_options_set(options.get(), "reconnect", "false", nullptr) == ADIT_OK);
    const Held<adit_session> session = edge.connect(options);
    for (const bool polled : {false, true}) {
        const Held<adit_listener> listener = listen(session);
        if (polled) CHECK(adit_listener_fd(listener.get(), nullptr) >= 0);
        if (polled) edge.server = adit::edge::Server();
        if (polled) CHECK(code_of_accept(listener, -1) == ADIT_E_SESSION_LOST);
    }
    CHECK(adit_session_is_open(session.get()) == 0);
}

TEST_CASE("an endpoint changes while it is online") {
    const CEdge edge;
    const Held<adit_session> session = edge.connect();
    const Held<adit_listener> listener = listen(session, "https://c.localhost");
    adit_error error;
    CHECK_MESSAGE(adit_listener_update(listener.get(), "metadata", "newer", &error) == ADIT_OK, error.message);
    const auto endpoints = edge.server.endpoints();
    REQUIRE(endpoints.size() == 1);
    CHECK(endpoints[0].metadata == "newer");
    CHECK(adit_listener_update(listener.get(), "url", "tcp://", &error) == ADIT_E_INVALID_OPTION);
    CHECK(adit_listener_update(listener.get(), "pooling", "maybe", &error) == ADIT_E_INVALID_OPTION);
    CHECK(adit_listener_update(listener.get(), "metadata", std::string(5000, 'x').c_str(), &error) ==
          ADIT_E_INVALID_OPTION);
    adit_listener_close(listener.get());
    CHECK(adit_listener_update(listener.get(), "metadata", "newest", &error) == ADIT_E_LISTENER_CLOSED);
}
