// The C interface when the calling thread's memory runs out, at every allocation of every call.
#include "integration/capi_support.hpp"

#include "support/alloc_fault.hpp"

#include <cerrno>
#include <functional>

using namespace adit_test;

namespace {

/// Calls with one allocation more each time, until none fails; `after_each` runs with memory again. Gives how many
/// allocations the call makes.
std::size_t with_every_fault(const std::function<int(adit_error&)>& call,
                             const std::function<void()>& after_each = {}) {
    for (std::size_t after = 0;; ++after) {
        adit_error error;
        std::memset(&error, 0x5a, sizeof error);
        int code = ADIT_OK;
        {
            const AllocFault fault(after);
            code = call(error);
        }
        if (!AllocFault::hit()) {
            CHECK_MESSAGE(code == ADIT_OK, error.message);
            return after;
        }
        // Either it got by without that memory, or it says what was missing.
        const bool said = code == ADIT_OK || (code == ADIT_E_SYSTEM && error.number == ENOMEM);
        CHECK_MESSAGE(said, "allocation " << after << ": " << code << " " << error.message);
        if (after_each) after_each();
    }
}

} // namespace

TEST_CASE("out of memory is a code in every call, and nothing is lost by it") {
    const CEdge edge;
    const auto options = edge.options();
    const auto tcp = endpoint("tcp://");
    Held<adit_session> session;
    CHECK(with_every_fault(
              [&](adit_error& error) {
                  session.reset(adit_session_connect(options.get(), &error));
                  return error.code;
              },
              [&] { session.reset(); }) > 5);
    REQUIRE(session);

    Held<adit_listener> listener;
    CHECK(with_every_fault(
              [&](adit_error& error) {
                  listener.reset(adit_session_listen(session.get(), tcp.get(), &error));
                  return error.code;
              },
              [&] { listener.reset(); }) > 5);
    const Held<adit_upstream> upstream(adit_upstream_new("localhost:1", nullptr));
    Held<adit_forwarder> forwarder;
    CHECK(with_every_fault(
              [&](adit_error& error) {
                  forwarder.reset(adit_session_forward(session.get(), tcp.get(), upstream.get(), &error));
                  return error.code;
              },
              [&] { forwarder.reset(); }) > 5);
    CHECK(edge.server.endpoints().size() >= 2);

    for (const bool polled : {false, true}) {
        if (polled)
            with_every_fault([&](adit_error& error) {
                return adit_listener_fd(listener.get(), &error) >= 0 ? ADIT_OK : error.code;
            });
        NetVisitor visitor = visit(listener);
        int fd = -1;
        CHECK(with_every_fault(
                  [&](adit_error& error) {
                      fd = adit_listener_accept(listener.get(), 20'000, nullptr, &error);
                      return error.code;
                  },
                  [&] {
                      if (fd < 0) return; // the same visitor waits for the next call
                      ::close(fd);
                      CHECK(visitor.ended());
                      visitor = visit(listener);
                  }) > 0);
        const Descriptor one(fd);
        visitor.send("hello");
        CHECK(one.read_some() == "hello");
    }
    CHECK(with_every_fault([&](adit_error& error) {
              return adit_listener_update(listener.get(), "metadata", "a text that is too long to be kept inside",
                                          &error);
          }) > 0);
    CHECK(with_every_fault([&](adit_error& error) {
              char id[256];
              error.number = ENOMEM;
              return adit_session_get(session.get(), "id", id, sizeof id) == SIZE_MAX ? ADIT_E_SYSTEM : ADIT_OK;
          }) > 0);
}
