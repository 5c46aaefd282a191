#include "edge/visitor_progress.hpp"

#include "support/doctest.hpp"

using namespace std::chrono_literals;
using adit::edge::VisitorPace;
using Pace = VisitorPace::Pace;

namespace {

constexpr auto interval = 500ms;
constexpr auto stall_time = 5s;

class Looked {
public:
    Pace look(bool waits, std::uint64_t bytes) {
        now_ += interval;
        return pace.look(waits, bytes, now_, interval, stall_time);
    }
    VisitorPace pace;

private:
    VisitorPace::Clock::time_point now_{};
};

} // namespace

TEST_CASE("who is waited for without progress is slow and then stalled") {
    Looked visitor;
    CHECK(visitor.look(true, 5) == Pace::good);
    CHECK(visitor.look(true, 5) == Pace::slow); // the first wait began an interval before the first look
    CHECK(visitor.pace.still_slow(true, 6));
    CHECK_FALSE(visitor.pace.still_slow(false, 6)); // not waited for any more
    CHECK_FALSE(visitor.pace.still_slow(true, 5 + adit::limits::visitor_progress_min));
    for (int i = 3; i < 10; ++i) CHECK(visitor.look(true, 5) == Pace::slow);
    CHECK(visitor.look(true, 5) == Pace::stalled);
    visitor.pace.reset();
    CHECK_FALSE(visitor.pace.still_slow(true, 5));
    CHECK(visitor.look(true, 0) == Pace::good);
}

TEST_CASE("drops are no progress, and what was moved before does not count for what comes") {
    Looked visitor;
    CHECK(visitor.look(true, 0) == Pace::good);
    CHECK(visitor.look(true, 500) == Pace::slow);
    CHECK(visitor.look(true, 1'023) == Pace::slow);
    CHECK(visitor.look(true, 1'024) == Pace::good);
    CHECK(visitor.look(true, 2'000) == Pace::good);
    CHECK(visitor.look(true, 2'047) == Pace::slow);
    CHECK(visitor.look(true, 9'000) == Pace::good);
}

TEST_CASE("time in which nobody waits for the visitor is not his") {
    Looked visitor;
    for (int i = 0; i < 30; ++i) {
        CHECK(visitor.look(true, 7) == Pace::good);
        CHECK(visitor.look(false, 7) == Pace::good);
    }
}
