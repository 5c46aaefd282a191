// Every transition of a leg, and how long it waits.
#include "client/leg_machine.hpp"

#include "support/doctest.hpp"

#include <algorithm>

using namespace adit;
using namespace std::chrono_literals;
using State = LegMachine::State;
using Time = LegMachine::Time;

namespace {

const ErrorInfo lost(errc::session_lost, "the link broke");
const Time start = Time(1000h);

LegMachine online(LegMachine::Config config = {}) {
    LegMachine machine(config);
    machine.dial();
    machine.linked();
    machine.bound(start);
    REQUIRE(machine.state() == State::online);
    return machine;
}

/// In each state a leg can be in.
LegMachine in(State state) {
    LegMachine::Config config;
    config.persistent = true;
    LegMachine machine(config);
    if (state == State::idle) return machine;
    machine.dial();
    if (state == State::waiting) machine.failed(lost, start);
    if (state == State::ended) machine.stop(lost);
    if (state == State::binding || state == State::online) machine.linked();
    if (state == State::online) machine.bound(start);
    REQUIRE(machine.state() == state);
    return machine;
}

constexpr State all_states[] = {State::idle, State::dialing, State::binding, State::online, State::waiting, State::ended};

} // namespace

TEST_CASE("each event moves a leg from the states it belongs to, and is ignored in the others") {
    for (const State state : all_states) {
        CAPTURE(static_cast<int>(state));
        LegMachine machine = in(state);
        machine.dial();
        CHECK(machine.state() == (state == State::idle || state == State::waiting ? State::dialing : state));
        machine = in(state);
        machine.linked();
        CHECK(machine.state() == (state == State::dialing ? State::binding : state));
        machine = in(state);
        machine.bound(start);
        CHECK(machine.state() == (state == State::binding ? State::online : state));
        machine = in(state);
        machine.failed(lost, start);
        const bool tries = state == State::dialing || state == State::binding || state == State::online;
        CHECK(machine.state() == (tries ? State::waiting : state));
        machine = in(state);
        machine.stop(lost);
        CHECK(machine.state() == State::ended);
        CHECK(machine.is_over());
    }
}

TEST_CASE("a leg may carry binds once it is authenticated") {
    for (const State state : all_states)
        CHECK(in(state).is_linked() == (state == State::binding || state == State::online));
}

TEST_CASE("the first try of a session is the only one, unless the leg is a further one") {
    LegMachine::Config config;
    LegMachine first(config);
    first.dial();
    first.failed(lost, start);
    CHECK(first.state() == State::ended);
    CHECK(first.reason().code() == errc::session_lost);
    config.persistent = true;
    LegMachine further(config);
    further.dial();
    further.failed(lost, start);
    CHECK(further.state() == State::waiting);
}

TEST_CASE("a loss while the first endpoints are bound is the end as well: nobody was told that it is online") {
    LegMachine machine{LegMachine::Config()};
    machine.dial();
    machine.linked();
    machine.failed(lost, start);
    CHECK(machine.state() == State::ended);
}

TEST_CASE("without reconnect the first loss is the end") {
    LegMachine::Config config;
    config.again = false;
    LegMachine machine = online(config);
    machine.failed(lost, start);
    CHECK(machine.state() == State::ended);
}

TEST_CASE("waits are jittered over the whole time, which doubles from 0.5 s to 30 s") {
    const LegMachine::Duration most[] = {500ms, 1s, 2s, 4s, 8s, 16s, 30s, 30s, 30s};
    LegMachine::Duration longest[std::size(most)]{};
    LegMachine::Duration shortest[std::size(most)];
    std::ranges::fill(shortest, 1h);
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        LegMachine::Config config;
        config.seed = seed * 0x9e3779b97f4a7c15u;
        LegMachine machine = online(config);
        for (std::size_t i = 0; i < std::size(most); ++i) {
            machine.failed(lost, start);
            const LegMachine::Duration wait = machine.retry_at() - start;
            CAPTURE(seed);
            REQUIRE(wait >= 0ms);
            REQUIRE(wait <= most[i]);
            longest[i] = std::max(longest[i], wait);
            shortest[i] = std::min(shortest[i], wait);
            machine.dial();
        }
    }
    for (std::size_t i = 0; i < std::size(most); ++i) {
        CAPTURE(i);
        CHECK(longest[i] > most[i] * 9 / 10);
        CHECK(shortest[i] < most[i] / 10);
    }
}

TEST_CASE("after a minute online the waits start anew, after less they go on") {
    for (const bool steady : {false, true}) {
        LegMachine machine = online();
        for (int i = 0; i < 6; ++i) {
            machine.failed(lost, start);
            machine.dial();
        }
        machine.linked();
        machine.bound(start);
        machine.failed(lost, start + (steady ? 60s : 59s));
        CHECK(machine.failures() == (steady ? 1 : 7));
    }
}

TEST_CASE("a refusal for good ends the leg at once, a slow one waits long, others are tried as usual") {
    for (const int number : {102, 103, 105, 106, 107, 109, 110, 111, 118, 120, 123, 300, 15014}) {
        LegMachine machine = online();
        machine.failed(lost, start);
        machine.dial();
        machine.failed(ErrorInfo(ngrok_error(number)), start);
        CAPTURE(number);
        CHECK(machine.state() == State::ended);
        CHECK(machine.reason().code() == ngrok_error(number));
    }
    for (const int number : {108, 115, 116}) {
        LegMachine machine = online();
        machine.failed(ErrorInfo(ngrok_error(number)), start);
        CAPTURE(number);
        REQUIRE(machine.state() == State::waiting);
        CHECK(machine.retry_at() - start >= 15s);
        CHECK(machine.retry_at() - start <= 30s);
    }
    const ErrorInfo others[] = {ErrorInfo(ngrok_error(743)), ErrorInfo(ngrok_error(742)), ErrorInfo(ngrok_error(987654)),
                                ErrorInfo(errc::certificate_expired), ErrorInfo(errc::tls_handshake_failed),
                                ErrorInfo(errc::timed_out), ErrorInfo(std::make_error_code(std::errc::connection_refused))};
    for (const ErrorInfo& error : others) {
        LegMachine machine = online();
        machine.failed(error, start);
        CAPTURE(error.to_string());
        REQUIRE(machine.state() == State::waiting);
        CHECK(machine.retry_at() - start <= 500ms);
    }
}

TEST_CASE("a leg that was stopped stays so, with its first reason") {
    LegMachine machine = online();
    machine.stop(ErrorInfo(errc::session_closed));
    machine.stop(lost);
    machine.dial();
    machine.failed(lost, start);
    CHECK(machine.is_over());
    CHECK(machine.reason().code() == errc::session_closed);
}
