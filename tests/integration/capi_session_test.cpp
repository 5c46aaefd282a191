// The C interface: sessions, events, forwarders, and how handles end.
#include "integration/capi_support.hpp"
#include "support/tls_visitor.hpp"

#include <filesystem>
#include <thread>

#include <sys/un.h>

using namespace adit_test;

namespace {

constexpr const char* plain_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/// A local service that takes one connection, reads what comes and answers.
class Service {
public:
    Service() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        path_ = std::filesystem::temp_directory_path() / ("c-service-" + std::to_string(::getpid()) + ".sock");
        ::unlink(path_.c_str());
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        path_.copy(name.sun_path, sizeof name.sun_path - 1);
        REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
        REQUIRE(::listen(fd_, 5) == 0);
        thread_ = std::thread([this] {
            const Descriptor one(::accept(fd_, nullptr, nullptr));
            if (one.fd() < 0) return;
            one.read_some();
            one.write(plain_answer);
            one.read_some(); // until the forwarder closes
        });
    }
    ~Service() {
        ::shutdown(fd_, SHUT_RDWR);
        thread_.join();
        ::close(fd_);
        ::unlink(path_.c_str());
    }
    std::string address() const { return "unix:" + path_; }

private:
    std::string path_;
    int fd_;
    std::thread thread_;
};

} // namespace

TEST_CASE("a session says what the edge said, and ends in good order") {
    const CEdge edge;
    EventLog events;
    Held<adit_options> options = edge.options();
    events.install(options);
    CHECK(adit_options_set(options.get(), "client_info", "c_program/1.0 test", nullptr) == ADIT_OK);
    CHECK(adit_options_set(options.get(), "metadata", "mine", nullptr) == ADIT_OK);
    Held<adit_session> session = edge.connect(options);
    options.reset(); // it has been copied
    events.wait(ADIT_EVENT_CONNECTING);
    events.wait(ADIT_EVENT_CONNECTED);
    CHECK(adit_session_is_open(session.get()) == 1);
    CHECK(adit_session_is_online(session.get()) == 1);
    CHECK(adit_session_latency_us(session.get()) >= 0);
    CHECK(get(adit_session_get, session, "region") == "here");
    const auto sessions = edge.server.sessions();
    REQUIRE(sessions.size() == 1);
    CHECK(get(adit_session_get, session, "id") == sessions[0].client_id);
    CHECK(sessions[0].user_agent.starts_with("c_program/1.0 (test) adit/"));
    CHECK(sessions[0].metadata == "mine");
    adit_error error;
    adit_session_last_error(session.get(), &error);
    CHECK(error.code == ADIT_OK);

    Held<adit_listener> listener = listen(session);
    CHECK(events.wait(ADIT_EVENT_LISTENER_UP).starts_with(get(adit_listener_get, listener, "url")));
    NetVisitor visitor = visit(listener);
    visitor.send("hello");
    {
        const Descriptor one = Descriptor::accept(listener);
        CHECK(events.wait(ADIT_EVENT_CONNECTION_OPENED).find("|" + visitor.address() + "|0|0|0|") != std::string::npos);
        CHECK(one.read_some() == "hello");
        one.write("thanks");
        CHECK(visitor.read(6) == "thanks");
        // It waits for the connection, which ends when the visitor and we have closed it.
        std::thread closes([&] { CHECK(adit_session_drain(session.get(), 20'000, nullptr) == ADIT_OK); });
        CHECK(adit_listener_accept(listener.get(), -1, nullptr, &error) == -1);
        CHECK(error.code == ADIT_E_LISTENER_CLOSED);
        one.write("!");
        CHECK(visitor.read(1) == "!");
        CHECK(::shutdown(one.fd(), SHUT_WR) == 0);
        CHECK(visitor.ended());
        visitor.close();
        CHECK(one.read_some() == "");
        closes.join();
    }
    CHECK(events.wait(ADIT_EVENT_CONNECTION_CLOSED).find("|5|7|0|") != std::string::npos);
    CHECK(events.wait(ADIT_EVENT_LISTENER_DOWN).find("|" + std::to_string(ADIT_E_LISTENER_CLOSED) + "|") !=
          std::string::npos);
    CHECK(adit_session_is_open(session.get()) == 0);
    CHECK(adit_session_listen(session.get(), endpoint("tcp://").get(), &error) == nullptr);
    CHECK(error.code == ADIT_E_SESSION_CLOSED);
    CHECK((error.flags & ADIT_CLOSED) != 0);
    session.reset();
    listener.reset();
    CHECK(events.wait_released());
}

TEST_CASE("a refusal has the edge's number, text and meaning") {
    const CEdge edge;
    adit_error error;
    CHECK(adit_session_connect(edge.options("wrong").get(), &error) == nullptr);
    CHECK(error.code == ADIT_E_NGROK);
    CHECK(error.number == 107);
    CHECK(error.flags == (ADIT_PERMANENT | ADIT_AUTHENTICATION));
    CHECK(error.detail[0] != '\0');
    CHECK(std::string(error.message).find("ERR_NGROK_107") != std::string::npos);

    CHECK(adit_session_connect(Held<adit_options>(adit_options_new()).get(), &error) == nullptr);
    CHECK(error.code == ADIT_E_NO_SERVER);
    const auto untrusted = edge.options();
    CHECK(adit_options_set(untrusted.get(), "server_name", "other.example.com", nullptr) == ADIT_OK);
    CHECK(adit_session_connect(untrusted.get(), &error) == nullptr);
    CHECK(error.code == ADIT_E_CERTIFICATE_NAME);

    char lines[4096];
    CHECK(adit_diagnose(untrusted.get(), lines, sizeof lines, &error) == ADIT_E_CERTIFICATE_NAME);
    CHECK(std::string(lines).find("\ntls ") != std::string::npos);
    CHECK(adit_diagnose(edge.options("wrong").get(), lines, 8, nullptr) == ADIT_OK); // it needs no token
    CHECK(std::strlen(lines) == 7);

    const Held<adit_session> session = edge.connect();
    CHECK(adit_session_listen(session.get(), endpoint("https://not.ours.example.com").get(), &error) == nullptr);
    CHECK(error.code == ADIT_E_NGROK);
    CHECK(adit_session_listen(session.get(), endpoint("gopher://x").get(), &error) == nullptr);
    CHECK(error.code == ADIT_E_UNSUPPORTED_URL);
    const auto strange = endpoint("https://");
    CHECK(adit_endpoint_set(strange.get(), "oauth.scope", "profile", nullptr) == ADIT_OK); // and no provider
    CHECK(adit_session_listen(session.get(), strange.get(), &error) == nullptr);
    CHECK(error.code == ADIT_E_INVALID_OPTION);
    CHECK(std::string(error.message).starts_with("oauth"));
}

TEST_CASE("NULL is refused by every function, and freeing it does nothing") {
    adit_error error;
    char buffer[8] = "before";
    CHECK(adit_session_connect(nullptr, &error) == nullptr);
    CHECK(error.code == ADIT_E_INVALID_OPTION);
    CHECK(adit_session_drain(nullptr, 0, &error) == ADIT_E_INVALID_OPTION);
    CHECK(adit_session_listen(nullptr, endpoint("").get(), &error) == nullptr);
    CHECK(error.code == ADIT_E_INVALID_OPTION);
    CHECK(adit_session_forward(nullptr, nullptr, nullptr, &error) == nullptr);
    CHECK(error.code == ADIT_E_INVALID_OPTION);
    CHECK(adit_diagnose(nullptr, buffer, sizeof buffer, &error) == ADIT_E_INVALID_OPTION);
    CHECK(buffer[0] == '\0');
    CHECK(adit_listener_accept(nullptr, -1, nullptr, &error) == -1);
    CHECK(error.code == ADIT_E_INVALID_OPTION);
    CHECK(adit_listener_fd(nullptr, &error) == -1);
    CHECK(adit_listener_update(nullptr, "name", "value", &error) == ADIT_E_INVALID_OPTION);
    CHECK(adit_listener_update(nullptr, nullptr, nullptr, nullptr) == ADIT_E_INVALID_OPTION);
    CHECK(adit_forwarder_wait(nullptr, -1, &error) == ADIT_E_INVALID_OPTION);
    CHECK(adit_forwarder_count(nullptr, nullptr, &error) == ADIT_E_INVALID_OPTION);
    CHECK(adit_session_get(nullptr, "id", buffer, sizeof buffer) == SIZE_MAX);
    CHECK(adit_listener_get(nullptr, "url", nullptr, 0) == SIZE_MAX);
    CHECK(adit_forwarder_get(nullptr, nullptr, nullptr, 5) == SIZE_MAX);
    CHECK(adit_session_is_open(nullptr) + adit_session_is_online(nullptr) + adit_listener_is_open(nullptr) == 0);
    CHECK(adit_forwarder_is_open(nullptr) == 0);
    CHECK(adit_session_latency_us(nullptr) == 0);
    adit_session_last_error(nullptr, &error);
    adit_listener_last_error(nullptr, nullptr);
    adit_forwarder_last_error(nullptr, &error);
    adit_session_close(nullptr);
    adit_listener_close(nullptr);
    adit_forwarder_close(nullptr);
    adit_options_free(nullptr);
    adit_endpoint_free(nullptr);
    adit_upstream_free(nullptr);
    adit_session_free(nullptr);
    adit_listener_free(nullptr);
    adit_forwarder_free(nullptr);
}

TEST_CASE("texts come out whole, cut, or as their length alone") {
    const CEdge edge;
    const Held<adit_session> session = edge.connect();
    const Held<adit_listener> listener = listen(session);
    const std::string url = get(adit_listener_get, listener, "url");
    CHECK(url.starts_with("tcp://"));
    CHECK(url.size() > 10);
    CHECK(get(adit_listener_get, listener, "protocol") == "tcp");
    CHECK(get(adit_listener_get, listener, "id") != "");
    char few[5];
    CHECK(adit_listener_get(listener.get(), "url", few, sizeof few) == url.size());
    CHECK(few == std::string("tcp:"));
    CHECK(adit_listener_get(listener.get(), "url", nullptr, 0) == url.size());
    CHECK(adit_listener_get(listener.get(), "no such key", few, sizeof few) == SIZE_MAX);
    CHECK(few == std::string());
    CHECK(adit_session_get(session.get(), "account", few, 0) != SIZE_MAX);
}

TEST_CASE("handles may be freed in any order, also inside of a callback") {
    const CEdge edge;
    adit_error error;
    Held<adit_session> session = edge.connect();
    const Held<adit_listener> listener = listen(session);
    const Held<adit_listener> polled = listen(session);
    CHECK(adit_listener_fd(polled.get(), nullptr) >= 0);
    NetVisitor visitor = visit(listener);
    const Descriptor one = Descriptor::accept(listener);
    session.reset();
    CHECK(one.read_some() == "");
    for (const auto* left : {&listener, &polled}) {
        CHECK(adit_listener_accept(left->get(), -1, nullptr, &error) == -1);
        CHECK(error.code == ADIT_E_SESSION_CLOSED);
        CHECK(adit_listener_is_open(left->get()) == 0);
        CHECK(get(adit_listener_get, *left, "protocol") == "tcp");
        adit_listener_last_error(left->get(), &error);
        CHECK(error.code == ADIT_E_SESSION_CLOSED);
    }

    struct Shared {
        std::mutex mutex;
        std::condition_variable changed;
        adit_session* session = nullptr;
        int code = ADIT_OK;
    } shared;
    const auto frees = [](const adit_event* event, void* data) {
        auto* const mine = static_cast<Shared*>(data);
        const std::lock_guard lock(mine->mutex);
        if (event->kind != ADIT_EVENT_HEARTBEAT || mine->session == nullptr) return;
        mine->code = adit_session_drain(mine->session, 1000, nullptr);
        adit_session_free(std::exchange(mine->session, nullptr));
        mine->changed.notify_all();
    };
    const auto options = edge.options();
    CHECK(adit_options_set(options.get(), "heartbeat_interval_ms", "100", nullptr) == ADIT_OK);
    CHECK(adit_options_on_event(options.get(), frees, &shared, nullptr, nullptr) == ADIT_OK);
    Held<adit_session> doomed = edge.connect(options);
    const Held<adit_listener> last = listen(doomed);
    {
        std::unique_lock lock(shared.mutex);
        shared.session = doomed.release();
        REQUIRE(shared.changed.wait_for(lock, std::chrono::seconds(20), [&] { return shared.session == nullptr; }));
        CHECK(shared.code == ADIT_E_WOULD_DEADLOCK);
    }
    CHECK(adit_listener_accept(last.get(), -1, nullptr, &error) == -1);
    CHECK(error.code == ADIT_E_SESSION_CLOSED);
}

TEST_CASE("TLS that ends in a C program, with a certificate that changes while it is online") {
    const CEdge edge;
    const Held<adit_session> session = edge.connect();
    const TestAuthority first("the first"), second("the second");
    const auto pem = [](const TestAuthority& authority) {
        const adit::tls::IssuedCertificate leaf = authority.server("c.localhost");
        return leaf.key_pem + leaf.certificate_pem; // in any order
    };
    const Held<adit_endpoint> tls = endpoint("tls://c.localhost");
    adit_error error;
    CHECK(adit_endpoint_set(tls.get(), "agent_tls_termination", "no PEM", &error) == ADIT_E_INVALID_OPTION);
    CHECK_MESSAGE(std::string(error.message).find("agent_tls_termination: ") != std::string::npos, error.message);
    REQUIRE(adit_endpoint_set(tls.get(), "agent_tls_termination", pem(first).c_str(), &error) == ADIT_OK);
    const Held<adit_listener> listener(adit_session_listen(session.get(), tls.get(), &error));
    REQUIRE_MESSAGE(listener, error.message);
    const auto talk = [&](const TestAuthority& trusted) {
        NetVisitor visitor = NetVisitor::tls(edge.server.https_port(), TlsOptions("c.localhost", trusted.pem()));
        adit_peer peer;
        const Descriptor one = Descriptor::accept(listener, &peer);
        CHECK(peer.protocol == std::string("tls"));
        CHECK(peer.passthrough_tls == 0);
        visitor.send("in");
        CHECK(one.read_some() == "in");
        one.write("out");
        CHECK(visitor.read(3) == "out");
    };
    talk(first);
    REQUIRE(adit_endpoint_set(tls.get(), "agent_tls_termination", pem(second).c_str(), &error) == ADIT_OK);
    talk(second);
}

TEST_CASE("a forwarder in C") {
    const CEdge edge;
    const Held<adit_session> session = edge.connect();
    const Service service;
    const Held<adit_upstream> upstream(adit_upstream_new(service.address().c_str(), nullptr));
    adit_error error;
    const Held<adit_forwarder> forwarder(
        adit_session_forward(session.get(), endpoint("http://c.localhost").get(), upstream.get(), &error));
    REQUIRE_MESSAGE(forwarder, error.message);
    CHECK(get(adit_forwarder_get, forwarder, "upstream") == service.address());
    CHECK(get(adit_forwarder_get, forwarder, "url").starts_with("http://c.localhost"));
    CHECK(get(adit_forwarder_get, forwarder, "id") != "");
    NetVisitor visitor = NetVisitor::plain(edge.server.http_port());
    CHECK(visitor.get("/", "c.localhost").body == "hi");
    adit_forwarder_counters counters;
    CHECK(adit_forwarder_count(forwarder.get(), &counters, &error) == ADIT_OK);
    CHECK(counters.requests == 1);
    CHECK(counters.bytes_out == 2);
    CHECK(counters.failures == 0);
    CHECK(adit_forwarder_count(forwarder.get(), nullptr, &error) == ADIT_E_INVALID_OPTION);
    CHECK(adit_forwarder_wait(forwarder.get(), 0, &error) == ADIT_E_TIMED_OUT);
    CHECK(error.code == ADIT_E_TIMED_OUT);
    CHECK(adit_forwarder_is_open(forwarder.get()) == 1);
    visitor.close();
    adit_forwarder_close(forwarder.get());
    CHECK(adit_forwarder_wait(forwarder.get(), -1, &error) == ADIT_OK);
    CHECK(error.code == ADIT_E_LISTENER_CLOSED);
    CHECK(adit_forwarder_is_open(forwarder.get()) == 0);

    const Held<adit_upstream> nowhere(adit_upstream_new("ftp://x", nullptr));
    CHECK(adit_session_forward(session.get(), endpoint("").get(), nowhere.get(), &error) == nullptr);
    CHECK(error.code == ADIT_E_UNSUPPORTED_URL);
}

TEST_CASE("a command of the edge runs the program's callback") {
    CEdge edge;
    const auto options = edge.options();
    const auto stop = [](int, const char*, int, void*) -> const char* { return "not on a Tuesday"; };
    CHECK(adit_options_on_command(options.get(), ADIT_COMMAND_STOP, stop, nullptr, nullptr, nullptr) == ADIT_OK);
    const Held<adit_session> session = edge.connect(options);
    const auto sessions = edge.server.sessions();
    REQUIRE(sessions.size() == 1);
    CHECK(edge.server.stop_agent(sessions[0].id).detail() == "not on a Tuesday");
}
