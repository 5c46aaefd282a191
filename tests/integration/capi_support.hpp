// The C interface at a real edge in this process.
#pragma once

#include <adit/adit.h>
#include <adit/edge.hpp>

#include "support/doctest.hpp"
#include "support/visitor.hpp"

#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace adit_test {

class FreeHandle {
public:
    void operator()(adit_options* handle) const { adit_options_free(handle); }
    void operator()(adit_endpoint* handle) const { adit_endpoint_free(handle); }
    void operator()(adit_upstream* handle) const { adit_upstream_free(handle); }
    void operator()(adit_session* handle) const { adit_session_free(handle); }
    void operator()(adit_listener* handle) const { adit_listener_free(handle); }
    void operator()(adit_forwarder* handle) const { adit_forwarder_free(handle); }
};
template <class Handle>
using Held = std::unique_ptr<Handle, FreeHandle>;

/// What a function that fills a buffer says.
template <class Handle>
std::string get(std::size_t (*function)(const Handle*, const char*, char*, std::size_t), const Held<Handle>& handle,
                const char* key) {
    char buffer[1024];
    const std::size_t size = function(handle.get(), key, buffer, sizeof buffer);
    REQUIRE(size < sizeof buffer);
    CHECK(std::strlen(buffer) == size);
    return buffer;
}

class CEdge {
public:
    CEdge() : server(adit::edge::Server::start(adit::edge::ServerOptions().authtoken("token").region("here"))) {}

    Held<adit_options> options(const char* token = "token") const {
        Held<adit_options> made(adit_options_new());
        CHECK(adit_options_set(made.get(), "server", server.agent_address().c_str(), nullptr) == ADIT_OK);
        CHECK(adit_options_set(made.get(), "authtoken", token, nullptr) == ADIT_OK);
        CHECK(adit_options_set(made.get(), "roots_pem", server.ca_pem().c_str(), nullptr) == ADIT_OK);
        return made;
    }
    Held<adit_session> connect(const Held<adit_options>& options) const {
        adit_error error;
        Held<adit_session> session(adit_session_connect(options.get(), &error));
        REQUIRE_MESSAGE(session, error.message);
        CHECK(error.code == ADIT_OK);
        return session;
    }
    Held<adit_session> connect() const { return connect(options()); }

    adit::edge::Server server;
};

inline Held<adit_endpoint> endpoint(const char* url) { return Held<adit_endpoint>(adit_endpoint_new(url, nullptr)); }

inline Held<adit_listener> listen(const Held<adit_session>& session, const char* url = "tcp://") {
    adit_error error;
    Held<adit_listener> listener(adit_session_listen(session.get(), endpoint(url).get(), &error));
    REQUIRE_MESSAGE(listener, error.message);
    return listener;
}

inline NetVisitor visit(const std::string& url) {
    return NetVisitor::plain(static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1))));
}
inline NetVisitor visit(const Held<adit_listener>& listener) { return visit(get(adit_listener_get, listener, "url")); }

/// An accepted descriptor; every wait fails the test after 20 s.
class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    static Descriptor accept(const Held<adit_listener>& listener, adit_peer* peer = nullptr) {
        adit_error error;
        const int fd = adit_listener_accept(listener.get(), 20'000, peer, &error);
        REQUIRE_MESSAGE(fd >= 0, error.message);
        CHECK(error.code == ADIT_OK);
        return Descriptor(fd);
    }

    int fd() const { return fd_; }
    static bool readable(int fd, int milliseconds) {
        pollfd one{fd, POLLIN, 0};
        return ::poll(&one, 1, milliseconds) == 1;
    }
    /// What is there, at least a byte; "" at the end.
    std::string read_some() const {
        REQUIRE(readable(fd_, 20'000));
        char buffer[4096];
        const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
        REQUIRE(n >= 0);
        return {buffer, static_cast<std::size_t>(n)};
    }
    void write(std::string_view text) const {
        CHECK(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
    }

private:
    int fd_;
};

/// Events as they come, each as one line.
class EventLog {
public:
    void install(const Held<adit_options>& options) {
        auto* shared = new std::shared_ptr<Log>(log_);
        CHECK(adit_options_on_event(
                  options.get(),
                  [](const adit_event* event, void* data) { (*static_cast<std::shared_ptr<Log>*>(data))->add(*event); },
                  shared,
                  [](void* data) {
                      const std::unique_ptr<std::shared_ptr<Log>> mine(static_cast<std::shared_ptr<Log>*>(data));
                      const std::lock_guard lock((*mine)->mutex);
                      ++(*mine)->released;
                      (*mine)->changed.notify_all();
                  },
                  nullptr) == ADIT_OK);
    }
    /// Waits for the first event of that kind; its line.
    std::string wait(int kind) {
        std::unique_lock lock(log_->mutex);
        std::string found;
        const bool came = log_->changed.wait_for(lock, std::chrono::seconds(20), [&] {
            for (const auto& [one, line] : log_->lines) {
                if (one != kind) continue;
                found = line;
                return true;
            }
            return false;
        });
        REQUIRE_MESSAGE(came, "no event " << kind);
        return found;
    }
    /// The library gave the callback's data back, once.
    bool wait_released() {
        std::unique_lock lock(log_->mutex);
        return log_->changed.wait_for(lock, std::chrono::seconds(20), [&] { return log_->released == 1; });
    }

private:
    class Log {
    public:
        void add(const adit_event& event) {
            const std::lock_guard lock(mutex);
            std::string line = std::string(event.url) + "|" + event.remote_address + "|" +
                               std::to_string(event.bytes_in) + "|" + std::to_string(event.bytes_out) + "|" +
                               std::to_string(event.reason->code) + "|" + event.text;
            lines.emplace_back(event.kind, std::move(line));
            changed.notify_all();
        }
        std::mutex mutex;
        std::condition_variable changed;
        std::vector<std::pair<int, std::string>> lines;
        int released = 0;
    };
    std::shared_ptr<Log> log_ = std::make_shared<Log>();
};

} // namespace adit_test
