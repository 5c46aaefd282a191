// The running agent: brings endpoints online, keeps them there, shows and logs what happens, ends in good order.
#pragma once

#include "config.hpp"
#include "log.hpp"
#include "plan.hpp"
#include "screen.hpp"

#include <adit/adit.hpp>

#include <asio/signal_set.hpp>

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace agent {

/// Lives on `ui`, which one thread runs. The session runs on `net`, another: a terminal that stalls stalls no visitor.
class Agent {
public:
    /// `screen` may be null.
    Agent(asio::io_context& ui, asio::io_context& net, adit::SessionOptions options, std::vector<Plan> plans,
          std::optional<adit::InspectorOptions> inspect, bool may_be_stopped, Log& log, Screen* screen);

    /// Starts; `ui` is stopped at the end.
    void start();
    /// The program's exit status, and the last words for standard error (empty: none).
    int status() const noexcept { return status_; }
    const std::string& last_words() const noexcept { return last_words_; }

private:
    using Clock = std::chrono::steady_clock;

    /// An endpoint that is online, or was.
    struct Online {
        std::string name, id, url;
        adit::Forwarder forwarder;
        bool down = false;
        std::uint64_t failures = 0; ///< that the log has
    };
    /// A visitor's connection that has ended.
    struct Visit {
        std::string time, remote, name;
        std::chrono::milliseconds duration{0};
        std::uint64_t in = 0, out = 0;
    };
    /// What the session's thread puts here for ours; bounded, for ours may be stalled by a terminal.
    struct Inbox {
        std::atomic<int> waiting = 0;
        std::atomic<std::uint64_t> dropped = 0;
    };

    asio::awaitable<void> run();
    asio::awaitable<void> tick();
    bool start_inspector();
    void wait_signal();
    void wait_resized();
    void on_signal();
    void post_event(const adit::Event& event);
    void on_event(const adit::Event& event);
    void log_failures(Online& one);
    void on_listener_down(const adit::Event& event);
    bool give_up(const adit::ErrorInfo& error, const std::string& what); ///< else how long to wait is in delay_
    void drain(const std::string& why);
    void finish(int status, std::string last_words);
    void show();
    void draw();
    std::vector<std::string> page() const;
    std::string name_of(const std::string& listener_id) const;

    asio::io_context& ui_;
    asio::io_context& net_;
    adit::SessionOptions options_;
    std::vector<Plan> plans_;
    std::optional<adit::InspectorOptions> inspect_;
    Log& log_;
    Screen* screen_;
    asio::signal_set signals_, resized_;
    asio::steady_timer retry_, draw_, clock_;
    std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();

    adit::Session session_;
    adit::Inspector inspector_;
    std::vector<Online> online_;
    std::deque<Visit> visits_; ///< the last ones
    std::string state_ = "connecting";
    std::chrono::milliseconds delay_{0};
    Clock::time_point drawn_{};
    bool draws_ = false;    ///< a page is due
    bool stopping_ = false; ///< by a signal, or because the edge asks
    int status_ = 0;
    std::string last_words_;
};

} // namespace agent
