#include "sim/session_run.hpp"

#include "client/options_data.hpp"
#include "sim/session_traffic.hpp"

#include <asio/bind_cancellation_slot.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>

namespace adit::sim {
namespace {

using namespace std::chrono_literals;
using adit_test::Cut;
using adit_test::CutKind;
using Clock = std::chrono::steady_clock;

constexpr auto stuck_after = 10s;

} // namespace

Calls::Call::~Call() {
    if (!done_) calls_.broken.push_back("the handler of " + what_ + " was dropped");
    if (--calls_.running_[what_] == 0) calls_.running_.erase(what_);
}

void Calls::Call::done() {
    if (done_) calls_.broken.push_back("the handler of " + what_ + " was called twice");
    done_ = true;
}

std::string Calls::running() const {
    std::string all;
    for (const auto& [what, count] : running_) all += (all.empty() ? "" : ", ") + std::to_string(count) + " " + what;
    return all;
}

struct SessionRun::Slot {
    std::string what;
    Listener listener;
    Forwarder forwarder;
    bool forwards = false;
    bool http = false;
    std::string host;          // of http endpoints
    std::string url;
    bool closing = false;      // by us
    bool may_end = false;      // the operator stopped it, which the agent may not have heard
    asio::cancellation_signal cancel;

    bool is_open() const { return forwards ? forwarder.is_open() : listener.is_open(); }
    std::string url_now() const { return forwards ? forwarder.url() : listener.url(); }
    ErrorInfo last_error() const { return forwards ? forwarder.last_error() : listener.last_error(); }
};

std::size_t descriptors() {
    std::size_t n = 0;
    for ([[maybe_unused]] const auto& fd : std::filesystem::directory_iterator("/proc/self/fd")) ++n;
    return n;
}

SessionRun::SessionRun(asio::io_context& io, SimEdge& edge, std::uint64_t seed, unsigned time_scale, bool trace)
    : io_(io), edge_(edge), seed_(seed), scale_(time_scale), trace_(trace), random_(seed) {}

void SessionRun::say(const std::string& line) const {
    if (!trace_) return;
    const auto time = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began_);
    std::printf("%8.3f ms  %s\n", static_cast<double>(time.count()) / 1000, line.c_str());
}

void SessionRun::run() {
    began_ = Clock::now();
    const std::size_t files = descriptors();
    plan_links();
    connect();
    for (std::size_t steps = random_.between(3, 20); steps > 0; --steps) {
        act();
        pump(random_.size(400), std::chrono::milliseconds(random_.below(6)) * scale_);
        check_laws();
    }
    if (random_.chance(80)) settle();
    close_session();
    check_nothing_left();
    run_until("descriptors as before", [files] { return descriptors() <= files; });
}

/// Which links are cut, and where.
void SessionRun::plan_links() {
    cuts_left_ = random_.below(7);
    edge_.context().settings.advertised_agent_addresses.clear();
    if (random_.chance(60)) edge_.context().settings.advertised_agent_addresses = {edge_.address(0), edge_.address(1)};
    for (const std::size_t i : {0u, 1u}) {
        edge_.way(i).plan = [this]() -> std::unique_ptr<Cut> {
            if (cuts_left_ == 0 || random_.chance(30)) return nullptr;
            --cuts_left_;
            ++cuts_made_;
            const auto kind = static_cast<CutKind>(random_.below(adit_test::cut_kinds));
            auto cut = std::make_unique<Cut>(kind, random_.chance(50), random_.size(30'000));
            say("link will be cut: kind " + std::to_string(static_cast<int>(cut->kind)) + (cut->up ? " up " : " down ") +
                std::to_string(cut->bytes));
            return cut;
        };
    }
}

void SessionRun::connect() {
    const auto sentinel = std::make_shared<int>(0);
    alive_ = sentinel;
    SessionOptions options;
    options.server(edge_.address(0)).authtoken("token").roots_pem(edge_.ca_pem());
    options.on_event([this, sentinel](const Event& event) {
        if (event.kind() == Event::Kind::connected) ++connected_;
        if (event.kind() != Event::Kind::heartbeat)
            say("leg " + std::to_string(event.leg()) + " " + std::string(to_string(event.kind())) + " " + event.url() + " " +
                event.reason().to_string());
    });
    auto& data = const_cast<SessionOptions::Data&>(options.data()); // shorter times than programs may have
    data.heartbeat_min = 1ms;
    data.heartbeat_interval = SimEdge::beat * scale_;
    data.heartbeat_tolerance = SimEdge::beat_tolerance * scale_;
    data.connect_timeout = 150ms * scale_;
    data.reconnect_delay = 1ms;
    data.rpc_time = 200ms * scale_;
    for (int tries = 0; tries < 20 && !session_.is_open(); ++tries) {
        bool called = false;
        Session::async_connect(io_.get_executor(), options,
                               [this, &called, call = calls_.begin("connect")](std::error_code ec, Session session) {
                                   call->done();
                                   called = true;
                                   session_ = std::move(session);
                                   say("connect: " + ec.message());
                               });
        run_until("connect", [&called] { return called; });
    }
    if (!session_.is_open()) throw LawBroken("the session never came to be, although no link is cut any more");
}

void SessionRun::act() {
    switch (random_.below(16)) {
    case 0:
    case 1:
    case 2:
    case 3: listen(); break;
    case 4: forward(); break;
    case 5: close_listener(); break;
    case 6: update(); break;
    case 7: cut(); break;
    case 8: trouble_at_edge(); break;
    case 9:
        if (const SlotPtr slot = any_slot()) slot->cancel.emit(asio::cancellation_type::terminal);
        break;
    default:
        if (const SlotPtr slot = any_slot()) visit(slot, std::make_shared<int>(0));
    }
}

bool SessionRun::may_fail(std::error_code code) const {
    return code == errc::timed_out || code == ngrok_error(742) || (closing_ && code == errc::session_closed);
}

SessionRun::SlotPtr SessionRun::any_slot() { return slots_.empty() ? nullptr : slots_[random_.below(slots_.size())]; }

void SessionRun::came_online(const SlotPtr& slot) {
    slot->url = slot->url_now();
    slot->may_end = was_stopped(slot->url);
    say("online: " + slot->what + " " + slot->url);
    slots_.push_back(slot);
}

/// By the operator. The agent may hear of it later, or never.
bool SessionRun::was_stopped(const std::string& url) const {
    const bool labelled = url.empty();
    return std::ranges::any_of(stopped_, [&](const std::string& each) {
        return labelled ? each.find("labelled") != std::string::npos : each == url;
    });
}

void SessionRun::listen() {
    const auto slot = std::make_shared<Slot>();
    Endpoint endpoint("tcp://");
    switch (random_.below(4)) {
    case 0: endpoint = Endpoint("http://"); break;
    case 1:
        slot->host = "n" + std::to_string(++names_) + "-" + std::to_string(seed_) + ".localhost";
        endpoint = Endpoint("http://" + slot->host);
        break;
    case 2:
        endpoint = Endpoint::labeled("app", "sim");
        slot->host = "labelled.localhost";
        break;
    default: break;
    }
    slot->what = slot->host == "labelled.localhost" ? "a labelled listener" : "a listener";
    say("listen: " + slot->what);
    session_.async_listen(endpoint, [this, slot, call = calls_.begin("listen")](std::error_code ec, Listener listener) {
        call->done();
        if (ec) {
            if (!may_fail(ec)) calls_.broken.push_back("listen of " + slot->what + " " + slot->host + ": " + ec.message() + "; " + session_.last_error().to_string());
            return;
        }
        slot->listener = std::move(listener);
        came_online(slot);
        slot->http = slot->url.empty() || slot->url.starts_with("http://");
        if (slot->http && slot->host.empty()) slot->host = slot->url.substr(7, slot->url.rfind(':') - 7);
        accept(slot);
    });
}

void SessionRun::forward() {
    const auto slot = std::make_shared<Slot>();
    slot->what = "a forwarder";
    slot->forwards = true;
    session_.async_forward(Endpoint("tcp://"), Upstream("tcp://127.0.0.1:" + std::to_string(edge_.upstream_port())),
                           [this, slot, call = calls_.begin("forward")](std::error_code ec, Forwarder forwarder) {
                               call->done();
                               if (ec) {
                                   if (!may_fail(ec)) calls_.broken.push_back("forward: " + ec.message());
                                   return;
                               }
                               slot->forwarder = std::move(forwarder);
                               came_online(slot);
                               slot->forwarder.async_wait([wait = calls_.begin("forwarder's wait")](const ErrorInfo&) { wait->done(); });
                           });
}

/// One accept is always there, until the listener ends.
void SessionRun::accept(const SlotPtr& slot) {
    const auto handler = [this, slot, call = calls_.begin("accept")](std::error_code ec, Connection connection) {
        call->done();
        if (!ec) {
            if (slot->http) {
                asio::co_spawn(io_, answer_http(std::move(connection), calls_.begin("http server")), asio::detached);
            } else {
                asio::co_spawn(io_, mirror(std::move(connection), calls_.begin("tcp server")), asio::detached);
            }
        } else if (ec != asio::error::operation_aborted) {
            if (!slot->closing && !slot->may_end && !closing_)
                calls_.broken.push_back("the accept of " + slot->url + " ended: " + ec.message() + " (" +
                                        slot->last_error().to_string() + ")");
            return;
        }
        accept(slot);
    };
    slot->listener.async_accept(asio::bind_cancellation_slot(slot->cancel.slot(), handler));
}

void SessionRun::close_listener() {
    const SlotPtr slot = any_slot();
    if (!slot) return;
    say("close: " + slot->what + " " + slot->url);
    slot->closing = true;
    std::erase(slots_, slot);
    if (slot->forwards) {
        slot->forwarder.close();
    } else if (random_.chance(50)) {
        slot->listener.async_close([slot, call = calls_.begin("listener's close")](std::error_code) { call->done(); });
    } else {
        slot->listener = Listener(); // the last handle
    }
}

void SessionRun::update() {
    const SlotPtr slot = any_slot();
    if (!slot || slot->forwards || slot->url.empty()) return;
    slot->listener.async_update(EndpointUpdate().metadata("m" + std::to_string(random_.below(100))),
                                [this, slot, call = calls_.begin("update")](std::error_code ec) {
                                    call->done();
                                    const bool ended = ec == errc::listener_closed || ec == ngrok_error(333);
                                    if (ec && !may_fail(ec) && !(ended && (slot->closing || slot->may_end || closing_)))
                                        calls_.broken.push_back("update of " + slot->url + ": " + ec.message());
                                });
}

void SessionRun::cut() {
    const auto kind = static_cast<CutKind>(random_.below(adit_test::cut_kinds));
    const std::size_t way = random_.below(2);
    say("cut: way " + std::to_string(way) + " kind " + std::to_string(static_cast<int>(kind)));
    edge_.way(way).cut_all(kind);
    ++cuts_made_;
}

void SessionRun::trouble_at_edge() {
    switch (random_.below(5)) {
    case 0: {
        say("the edge is killed");
        edge_.kill();
        pump(random_.size(300), 3ms);
        run_until("the port of the agents", [this] {
            edge_.revive();
            return !edge_.is_down();
        });
        break;
    }
    case 1:
        say("the edge says goodbye");
        edge_.say_goodbye();
        break;
    case 2: {
        const std::string url = edge_.stop_endpoint(random_.below(100));
        say("the operator stops " + url);
        stopped_.insert(url);
        for (const SlotPtr& slot : slots_) slot->may_end = slot->may_end || was_stopped(slot->url);
        break;
    }
    default:
        say("the operator disconnects an agent");
        edge_.disconnect(random_.below(100));
    }
}

void SessionRun::visit(const SlotPtr& slot, std::shared_ptr<int> outcome) {
    if (slot->http) {
        asio::co_spawn(io_, visit_http(edge_.http_port(), slot->host, outcome, calls_.begin("visitor")), asio::detached);
    } else {
        const auto port = static_cast<std::uint16_t>(std::stoul(slot->url.substr(slot->url.rfind(':') + 1)));
        const auto size = random_.size(200'000);
        asio::co_spawn(io_, visit_tcp(port, size, ++visits_, outcome, calls_), asio::detached);
    }
}

// --- the laws

/// No new cuts. Every listener that was not closed is online again, with its URL, and serves.
void SessionRun::settle() {
    cuts_left_ = 0;
    run_until("a link", [this] { return session_.is_online(); });
    const std::vector<SlotPtr> slots = slots_;
    for (const SlotPtr& slot : slots) check_served(slot);
    check_laws();
}

void SessionRun::check_served(const SlotPtr& slot) {
    const auto deadline = Clock::now() + stuck_after;
    for (;;) {
        if (slot->may_end && !slot->is_open()) return;
        const auto outcome = std::make_shared<int>(0);
        visit(slot, outcome);
        run_until("the visitor of " + slot->what + " " + slot->url, [&] { return *outcome != 0; });
        if (*outcome > 0) break;
        if (Clock::now() > deadline)
            throw LawBroken(slot->what + " " + slot->url + " does not come back; " + slot->last_error().to_string());
        pump(100, 1ms);
    }
    ++served_;
}

void SessionRun::check_laws() const {
    if (!calls_.broken.empty()) throw LawBroken(calls_.broken.front());
    for (const SlotPtr& slot : slots_) {
        if (slot->may_end) continue;
        if (!slot->is_open()) throw LawBroken(slot->what + " " + slot->url + " was lost: " + slot->last_error().to_string());
        if (slot->url_now() != slot->url) throw LawBroken(slot->url + " became " + slot->url_now());
    }
    if (!session_.is_open()) throw LawBroken("the session was lost: " + session_.last_error().to_string());
}

void SessionRun::close_session() {
    closing_ = true;
    const std::size_t way = random_.below(4);
    say("close the session, way " + std::to_string(way));
    if (way < 2) {
        const auto drain = std::chrono::milliseconds(way == 0 ? 0 : random_.below(50));
        session_.async_close(drain, [call = calls_.begin("session's close")](std::error_code) { call->done(); });
        if (random_.chance(50)) slots_.clear();
    } else if (way == 2) {
        session_.close();
    }
    if (random_.chance(20)) session_.async_listen(Endpoint("tcp://"), [call = calls_.begin("late listen")](std::error_code, const Listener&) { call->done(); });
    session_ = Session();
    if (random_.chance(30)) pump(random_.size(100), 2ms);
    slots_.clear();
}

void SessionRun::check_nothing_left() {
    run_until("the end of all calls", [this] {
        slots_.clear(); // of listens that were answered after all
        return calls_.running().empty();
    });
    if (!calls_.broken.empty()) throw LawBroken(calls_.broken.front());
    run_until("the end of the session's objects", [this] { return alive_.expired(); });
    if (random_.chance(80)) { // else the edge notices its ghosts itself
        for (const std::size_t i : {0u, 1u}) edge_.way(i).forget_holes();
    }
    run_until("the edge to be empty", [this] {
        for (const std::size_t i : {0u, 1u})
            if (edge_.context().sessions.size() + edge_.context().preauth.size() == 0) edge_.way(i).forget_holes();
        return edge_.rest().empty();
    });
    for (const std::size_t i : {0u, 1u}) edge_.way(i).plan = nullptr;
}

// --- time

void SessionRun::pump(std::size_t handlers, std::chrono::milliseconds time) {
    const auto end = Clock::now() + time;
    io_.restart();
    for (std::size_t i = 0; i < handlers && Clock::now() < end; ++i) io_.run_one_until(end);
}

void SessionRun::run_until(const std::string& what, const std::function<bool()>& condition) {
    const auto end = Clock::now() + stuck_after * scale_;
    io_.restart();
    while (!condition()) {
        if (!calls_.broken.empty()) throw LawBroken(calls_.broken.front());
        if (Clock::now() > end) {
            throw LawBroken("waiting for " + what + " is stuck; calls: " + calls_.running() + "; edge: " + edge_.rest() +
                            "; descriptors: " + std::to_string(descriptors()));
        }
        io_.run_one_for(2ms);
        io_.poll();
    }
}

} // namespace adit::sim
