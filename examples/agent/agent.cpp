#include "agent.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <exception>
#include <random>
#include <utility>

namespace agent {
namespace {

using namespace std::chrono_literals;

constexpr int inbox_max = 4096;
constexpr std::size_t visits_shown = 10;
constexpr auto redraw_pause = 100ms;
constexpr auto first_delay = 500ms;
constexpr auto longest_delay = 30'000ms;
constexpr auto drain_time = adit::limits::forward_drain_time;

std::string bytes_text(std::uint64_t bytes) {
    constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 1024 && unit < 4; ++unit) value /= 1024;
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string time_text(std::chrono::milliseconds time) {
    return time < 1s ? fmt::format("{} ms", time.count()) : fmt::format("{:.1f} s", static_cast<double>(time.count()) / 1000);
}

} // namespace

Agent::Agent(asio::io_context& ui, asio::io_context& net, adit::SessionOptions options, std::vector<Plan> plans,
             std::optional<adit::InspectorOptions> inspect, bool may_be_stopped, Log& log, Screen* screen)
    : ui_(ui), net_(net), options_(std::move(options)), plans_(std::move(plans)), inspect_(std::move(inspect)), log_(log), screen_(screen),
      signals_(ui, SIGINT, SIGTERM), resized_(ui, SIGWINCH), retry_(ui), draw_(ui), clock_(ui) {
    options_.on_event([this, inbox = inbox_](const adit::Event& event) { post_event(event); });
    if (!may_be_stopped) return;
    options_.on_stop([this](const adit::Command&) {
        asio::post(ui_, [this] { drain("the edge asks this agent to stop"); });
        return std::string();
    });
}

void Agent::start() {
    wait_signal();
    asio::co_spawn(ui_, run(), [this](const std::exception_ptr& error) {
        try {
            if (error) std::rethrow_exception(error);
        } catch (const std::exception& problem) {
            finish(1, problem.what());
        }
    });
    if (screen_ != nullptr) wait_resized();
    asio::co_spawn(ui_, tick(), asio::detached);
}

// Until everything is online. A failure for good ends it; others are tried again: the edge may be a moment away.
asio::awaitable<void> Agent::run() {
    for (delay_ = first_delay; !session_.is_open();) {
        adit::ErrorInfo error;
        auto connecting = adit::Session::async_connect(net_.get_executor(), options_, error, adit::as_tuple);
        auto [failed, session] = co_await std::move(connecting);
        if (stopping_) co_return;
        if (!failed) session_ = std::move(session);
        else if (give_up(error, "the session")) co_return;
        else {
            retry_.expires_after(delay_);
            auto waiting = retry_.async_wait(adit::as_tuple);
            co_await std::move(waiting);
        }
    }
    if (const auto details = session_.details(); !details.banner().empty()) log_.write(Level::info, details.banner());
    if (!start_inspector()) co_return;
    delay_ = first_delay;
    for (std::size_t next = 0; next < plans_.size();) {
        const Plan& plan = plans_[next];
        adit::ErrorInfo error;
        auto starting = session_.async_forward(plan.endpoint, plan.upstream, error, adit::as_tuple);
        auto [failed, forwarder] = co_await std::move(starting);
        if (stopping_) co_return;
        if (!failed) {
            log_.write(Level::info, "started tunnel",
                       {{"name", plan.name}, {"url", forwarder.url()}, {"addr", forwarder.upstream()}});
            online_.push_back({plan.name, forwarder.id(), forwarder.url(), forwarder});
            ++next;
            show();
        } else if (give_up(error, "tunnel \"" + plan.name + "\"")) {
            co_return;
        } else {
            retry_.expires_after(delay_);
            auto waiting = retry_.async_wait(adit::as_tuple);
            co_await std::move(waiting);
        }
    }
    delay_ = first_delay;
}

bool Agent::start_inspector() {
    if (!inspect_) return true;
    adit::ErrorInfo error;
    inspector_ = adit::Inspector::start(session_, *inspect_, error);
    if (error) finish(1, "the inspector: " + error.to_string());
    else log_.write(Level::info, "starting web service", {{"addr", inspector_.url()}});
    return !error;
}

// Counters and times move without an event.
asio::awaitable<void> Agent::tick() {
    for (;;) {
        for (Online& one : online_) log_failures(one);
        show();
        clock_.expires_after(1s);
        co_await clock_.async_wait(asio::use_awaitable);
    }
}

void Agent::log_failures(Online& one) {
    const std::uint64_t failures = one.forwarder.counters().failures;
    const std::uint64_t before = std::exchange(one.failures, failures);
    if (failures == before || one.down) return;
    log_.write(Level::warn, "the upstream failed",
               {{"name", one.name}, {"times", std::to_string(failures - before)}, {"err", one.forwarder.last_error().to_string()}});
}

bool Agent::give_up(const adit::ErrorInfo& error, const std::string& what) {
    if (error.code() == adit::condition::permanent) {
        finish(1, what + ": " + error.to_string());
        return true;
    }
    static std::minstd_rand random{std::random_device{}()};
    const auto longest = std::exchange(delay_, std::min<std::chrono::milliseconds>(delay_ * 2, longest_delay));
    const auto jitter = std::uniform_int_distribution<long long>(longest.count() / 2, longest.count())(random);
    log_.write(Level::warn, "trying again", {{"what", what}, {"err", error.to_string()}, {"in", time_text(std::chrono::milliseconds(jitter))}});
    state_ = "reconnecting: " + error.to_string();
    show();
    return false;
}

void Agent::wait_signal() {
    signals_.async_wait([this](std::error_code ec, int) {
        if (ec) return;
        on_signal();
        wait_signal();
    });
}

void Agent::wait_resized() {
    resized_.async_wait([this](std::error_code ec, int) {
        if (ec) return;
        show();
        wait_resized();
    });
}

void Agent::on_signal() {
    if (stopping_ || !session_.is_open()) return finish(0, {});
    drain("a signal; another one ends it at once");
}

void Agent::drain(const std::string& why) {
    if (std::exchange(stopping_, true)) return;
    log_.write(Level::info, "stopping", {{"why", why}});
    state_ = "stopping: connections have " + std::to_string(drain_time.count()) + " s, Ctrl-C ends them";
    show();
    for (Online& one : online_) one.forwarder.close();
    session_.async_close(drain_time, asio::bind_executor(ui_, [this](std::error_code) { finish(0, {}); }));
}

void Agent::finish(int status, std::string last_words) {
    status_ = status;
    last_words_ = std::move(last_words);
    stopping_ = true;
    ui_.stop();
}

// On the session's thread.
void Agent::post_event(const adit::Event& event) {
    const bool may_drop = event.kind() == adit::Event::Kind::connection_opened ||
                          event.kind() == adit::Event::Kind::connection_closed || event.kind() == adit::Event::Kind::heartbeat;
    if (may_drop && inbox_->waiting >= inbox_max) {
        ++inbox_->dropped;
        return;
    }
    ++inbox_->waiting;
    asio::post(ui_, [this, event] {
        --inbox_->waiting;
        if (const auto dropped = inbox_->dropped.exchange(0); dropped > 0)
            log_.write(Level::warn, "events were dropped, because nobody reads this fast enough", {{"count", std::to_string(dropped)}});
        on_event(event);
    });
}

void Agent::on_event(const adit::Event& event) {
    using Kind = adit::Event::Kind;
    switch (event.kind()) {
    case Kind::connecting:
        log_.write(Level::debug, "connecting");
        if (event.leg() == 0 && !stopping_) state_ = "connecting";
        break;
    case Kind::connected:
        log_.write(Level::info, "client session established", {{"leg", std::to_string(event.leg())}});
        if (event.leg() == 0 && !stopping_) state_ = "online";
        break;
    case Kind::disconnected:
        if (stopping_ || event.leg() != 0 || !event.reason()) break;
        if (event.next_try().count() >= 0) {
            const std::string reason = event.reason().to_string();
            log_.write(Level::warn, "reconnecting", {{"err", reason}, {"in", time_text(event.next_try())}});
            state_ = "reconnecting: " + reason;
        } else if (!online_.empty()) {
            return finish(1, "the session ended: " + event.reason().to_string());
        }
        break;
    case Kind::heartbeat:
        log_.write(Level::debug, "heartbeat", {{"latency_us", std::to_string(event.latency().count())}});
        break;
    case Kind::listener_up: log_.write(Level::debug, "endpoint online", {{"url", event.url()}}); break;
    case Kind::listener_down: return on_listener_down(event);
    case Kind::connection_opened:
        log_.write(Level::info, "join connections", {{"name", name_of(event.listener_id())}, {"r", event.remote_address()}});
        break;
    case Kind::connection_closed: {
        const std::string name = name_of(event.listener_id());
        log_.write(Level::info, "close connections",
                   {{"name", name}, {"r", event.remote_address()}, {"in", std::to_string(event.bytes_in())},
                    {"out", std::to_string(event.bytes_out())}, {"duration", time_text(event.duration())}});
        visits_.push_front({fmt::format("{:%H:%M:%S}", fmt::localtime(std::time(nullptr))), event.remote_address(), name,
                            event.duration(), event.bytes_in(), event.bytes_out()});
        if (visits_.size() > visits_shown) visits_.pop_back();
        break;
    }
    }
    show();
}

// One endpoint has gone for good: the edge stopped it, or did not take it back. The others live on.
void Agent::on_listener_down(const adit::Event& event) {
    if (stopping_) return;
    const auto found = std::ranges::find(online_, event.listener_id(), &Online::id);
    if (found == online_.end()) return;
    found->down = true;
    log_.write(Level::error, "tunnel ended", {{"name", found->name}, {"url", found->url}, {"err", event.reason().to_string()}});
    const bool complete = online_.size() == plans_.size();
    if (complete && std::ranges::all_of(online_, &Online::down))
        return finish(1, "tunnel \"" + found->name + "\" ended: " + event.reason().to_string());
    show();
}

std::string Agent::name_of(const std::string& listener_id) const {
    const auto found = std::ranges::find(online_, listener_id, &Online::id);
    return found == online_.end() ? std::string() : found->name;
}

// Soon, and not more often than an eye can follow.
void Agent::show() {
    if (screen_ == nullptr || std::exchange(draws_, true)) return;
    draw_.expires_at(drawn_ + redraw_pause);
    draw_.async_wait([this](std::error_code ec) {
        draws_ = false;
        drawn_ = Clock::now();
        if (!ec) draw();
    });
}

void Agent::draw() { screen_->draw(page()); }

std::vector<std::string> Agent::page() const {
    std::vector<std::string> lines = {"adit agent                                              (Ctrl-C to quit)", ""};
    const auto line = [&lines](std::string_view name, const std::string& value) {
        if (!value.empty()) lines.push_back(fmt::format("{:<12}{}", name, printable(value)));
    };
    const adit::SessionDetails details = session_.details();
    line("Session", state_);
    line("Account", details.account().empty() ? "" : details.account() + (details.plan().empty() ? "" : " (" + details.plan() + ")"));
    line("Region", details.region());
    if (session_.latency().count() > 0) line("Latency", fmt::format("{:.1f} ms", static_cast<double>(session_.latency().count()) / 1000));
    line("Inspector", inspector_.url());
    line("Message", details.banner());
    line("Warning", details.warning());
    for (const Online& one : online_) {
        const std::string what = one.down ? one.forwarder.last_error().to_string() : one.url + " -> " + one.forwarder.upstream();
        line(one.name.substr(0, 11), (one.down ? "offline: " : "") + what);
    }
    lines.emplace_back();
    lines.push_back(fmt::format("{:<12}{:>10}{:>8}{:>10}{:>10}{:>12}{:>12}", "Connections", "total", "open", "requests", "failed", "in", "out"));
    for (const Online& one : online_) {
        const adit::ForwarderCounters counters = one.forwarder.counters();
        lines.push_back(fmt::format("{:<12}{:>10}{:>8}{:>10}{:>10}{:>12}{:>12}", printable(one.name.substr(0, 11)), counters.connections,
                                    counters.open_connections, counters.requests, counters.failures,
                                    bytes_text(counters.bytes_in), bytes_text(counters.bytes_out)));
        if (const auto error = one.forwarder.last_error(); error && !one.down) line("", error.to_string());
    }
    if (!visits_.empty()) lines.insert(lines.end(), {"", "Last connections"});
    for (const Visit& visit : visits_) {
        lines.push_back(fmt::format("{}  {:<12}{:<22}{:>8}{:>10} in{:>10} out", visit.time, printable(visit.name.substr(0, 11)),
                                    printable(visit.remote), time_text(visit.duration), bytes_text(visit.in), bytes_text(visit.out)));
    }
    return lines;
}

} // namespace agent
