// One seed of the session simulation: a program with listeners and forwarders, visitors, an edge and links that are cut
// wherever the seed says.
#pragma once

#include <adit/adit.hpp>

#include "sim/random.hpp"
#include "sim/session_edge.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace adit::sim {

class LawBroken : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Calls that were started: each handler must be called, and once.
class Calls {
public:
    class Call {
    public:
        Call(Calls& calls, std::string what) : calls_(calls), what_(std::move(what)) { ++calls_.running_[what_]; }
        Call(const Call&) = delete;
        Call& operator=(const Call&) = delete;
        ~Call();
        void done();

    private:
        Calls& calls_;
        const std::string what_;
        bool done_ = false;
    };

    std::shared_ptr<Call> begin(std::string what) { return std::make_shared<Call>(*this, std::move(what)); }
    /// "" if none runs.
    std::string running() const;
    std::vector<std::string> broken; ///< what went wrong, from wherever it was noticed

private:
    std::map<std::string, int> running_;
};

class SessionRun {
public:
    SessionRun(asio::io_context& io, SimEdge& edge, std::uint64_t seed, unsigned time_scale, bool trace);
    SessionRun(const SessionRun&) = delete;
    SessionRun& operator=(const SessionRun&) = delete;

    /// Throws LawBroken.
    void run();

    std::size_t cuts() const noexcept { return cuts_made_; }
    std::size_t visitors() const noexcept { return served_; }
    std::size_t reconnects() const noexcept { return connected_ > 0 ? connected_ - 1 : 0; }

private:
    /// A listener or a forwarder.
    struct Slot;
    using SlotPtr = std::shared_ptr<Slot>;

    void plan_links();
    void connect();
    void act();
    void listen();
    void forward();
    void close_listener();
    void update();
    void cut();
    void trouble_at_edge();
    void settle();
    void check_served(const SlotPtr& slot);
    void close_session();
    void check_nothing_left();

    void accept(const SlotPtr& slot);
    void visit(const SlotPtr& slot, std::shared_ptr<int> outcome);
    SlotPtr any_slot();
    void came_online(const SlotPtr& slot);
    bool was_stopped(const std::string& url) const;
    bool may_fail(std::error_code code) const;

    void pump(std::size_t handlers, std::chrono::milliseconds time);
    void run_until(const std::string& what, const std::function<bool()>& condition);
    void check_laws() const;
    void say(const std::string& line) const;

    asio::io_context& io_;
    SimEdge& edge_;
    const std::uint64_t seed_;
    const unsigned scale_;
    const bool trace_;
    Random random_;
    Calls calls_;
    std::chrono::steady_clock::time_point began_;
    std::weak_ptr<int> alive_; // while the SDK holds the session
    Session session_;
    std::vector<SlotPtr> slots_;
    std::set<std::string> stopped_; // URLs
    std::size_t cuts_left_ = 0, cuts_made_ = 0;
    std::size_t served_ = 0, connected_ = 0, names_ = 0, visits_ = 0;
    bool closing_ = false;
};

/// Open descriptors of this process.
std::size_t descriptors();

} // namespace adit::sim
