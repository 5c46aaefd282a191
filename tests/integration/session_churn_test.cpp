// T33: what comes and goes leaves nothing behind. ADIT_CHURN says how many visitors come (200,000 by default, 2,000 under a sanitizer).
#include "integration/session_support.hpp"

#include "client/background.hpp"

#include <asio/write.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <malloc.h>
#include <sys/resource.h>

using namespace adit;
using namespace adit_test;
using namespace std::chrono_literals;
using asio::ip::tcp;

#if defined(__has_feature)
#define ADIT_TEST_FEATURE(name) __has_feature(name)
#else
#define ADIT_TEST_FEATURE(name) 0
#endif

namespace {

// A sanitizer keeps freed memory, and is slow.
#if defined(__SANITIZE_ADDRESS__) || ADIT_TEST_FEATURE(address_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

std::size_t visitors_wanted() {
    if (const char* text = std::getenv("ADIT_CHURN")) return std::strtoull(text, nullptr, 10);
    return sanitized ? 2'000 : 200'000;
}

std::size_t descriptors() {
    std::size_t n = 0;
    for ([[maybe_unused]] const auto& fd : std::filesystem::directory_iterator("/proc/self/fd")) ++n;
    return n;
}

/// Resident memory in KiB, after what is free was given back.
double resident() {
    ::malloc_trim(0);
    std::ifstream statm("/proc/self/statm");
    double size = 0, pages = 0;
    statm >> size >> pages;
    return pages * 4;
}

/// KiB a round, by least squares.
double slope(const std::vector<double>& samples) {
    const double n = static_cast<double>(samples.size());
    double sx = 0, sy = 0, sxx = 0, sxy = 0;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const double x = static_cast<double>(i);
        sx += x;
        sy += samples[i];
        sxx += x * x;
        sxy += x * samples[i];
    }
    return (n * sxy - sx * sy) / (n * sxx - sx * sx);
}

/// Runs a round so many times; from the second half on, memory must stand still and descriptors be as before.
template <class Round>
void check_level(std::size_t rounds, double allowed_kib, Round round) {
    std::vector<double> memory;
    std::size_t before = 0;
    for (std::size_t i = 0; i < rounds; ++i) {
        round();
        if (i + 1 == rounds / 2) before = descriptors();
        if (i >= rounds / 2) memory.push_back(resident());
    }
    eventually([&] { return descriptors() <= before; });
    const double growth = slope(memory);
    MESSAGE("memory: " << memory.front() << " to " << memory.back() << " KiB, " << growth << " KiB a round");
    if (!sanitized) CHECK(growth <= allowed_kib);
}

} // namespace

TEST_CASE("visitors that come and go leave no descriptor and no memory behind") {
    const edge::Server server = edge::Server::start(edge::ServerOptions().authtoken("token"));
    Session session = Session::connect(SessionOptions().server(server.agent_address()).authtoken("token").roots_pem(server.ca_pem()));
    Listener listener = session.listen(Endpoint("tcp://").backlog(1'024));
    std::thread app([listener]() mutable {
        std::error_code ec;
        while (!ec) (void)listener.accept(ec); // closes each at once
    });
    const std::uint16_t port = port_of(listener.url());
    constexpr std::size_t rounds = 20;
    const std::size_t each = visitors_wanted() / rounds;
    asio::io_context context;
    std::size_t done = 0;
    check_level(rounds, 64, [&] {
        for (std::size_t i = 0; i < each; ++i) {
            tcp::socket visitor(context);
            visitor.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port));
            char byte = 0;
            std::error_code ec;
            (void)visitor.read_some(asio::buffer(&byte, 1), ec); // to its end
            // So that no port waits for its time: 28,000 of them would not do.
            visitor.set_option(asio::socket_base::linger(true, 0));
            ++done;
        }
        eventually([&] { return server.sessions().at(0).streams <= 4; });
    });
    CHECK(done == each * rounds);
    listener.close();
    app.join();
}

TEST_CASE("sessions that come and go leave no descriptor and no memory behind, at either end") {
    const edge::Server server = edge::Server::start(edge::ServerOptions().authtoken("token"));
    const auto options = SessionOptions().server(server.agent_address()).authtoken("token").roots_pem(server.ca_pem());
    constexpr std::size_t rounds = 20;
    const std::size_t each = visitors_wanted() / 100 / rounds; // a handshake costs as much as a hundred visitors
    check_level(rounds, 64, [&] {
        for (std::size_t i = 0; i < each; ++i) {
            Session session = Session::connect(options);
            const Listener listener = session.listen(Endpoint("tcp://"));
            if (i % 2 == 0) session.close();
        }
        REQUIRE(Background::wait_stopped(20s));
        eventually([&] { return server.sessions().empty() && server.endpoints().empty(); });
    });
}
