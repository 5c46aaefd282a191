#include "edge_agent_support.hpp"

#include "edge/options_data.hpp"

#include <algorithm>
#include <charconv>
#include <thread>

namespace adit_test {

using namespace adit;

namespace {

constexpr auto patience = std::chrono::seconds(20);

edge::ServerOptions options_for(const AgentEdge::Change& change, const std::shared_ptr<LogBook>& log) {
    edge::ServerOptions options;
    options.on_log([log](std::string_view level, std::string_view line) {
        log->add(std::string(level) + " " + std::string(line));
    });
    options.seal_key("0123456789abcdef0123456789abcdef");
    if (change) change(options);
    if (!options.data().directory) options.authtoken("token-a", "cr_a").authtoken("token-b", "cr_b");
    return options;
}

} // namespace

void LogBook::add(std::string_view line) {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(line);
    changed_.notify_all();
}

std::size_t LogBook::count_locked(std::string_view text) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(lines_, [&](const std::string& line) { return line.find(text) != std::string::npos; }));
}

std::size_t LogBook::count(std::string_view text) {
    const std::lock_guard lock(mutex_);
    return count_locked(text);
}

void LogBook::wait_for(std::string_view text, std::size_t times) {
    std::unique_lock lock(mutex_);
    const bool seen = changed_.wait_for(lock, patience, [&] { return count_locked(text) >= times; });
    std::string all;
    if (!seen) {
        for (const std::string& line : lines_) all += "\n" + line;
    }
    REQUIRE_MESSAGE(seen, "the log never said \"" << std::string(text) << "\":" << all);
}

AgentEdge::AgentEdge(const Change& change) : server(edge::Server::start(options_for(change, log))) {}

std::unique_ptr<RawAgent> AgentEdge::login(std::string_view token) {
    auto agent = connect();
    agent->login(token);
    return agent;
}

std::string AgentEdge::https_url(std::string_view name) const {
    return "https://" + std::string(name) + ".localhost:" + std::to_string(server.https_port());
}

std::vector<std::string> AgentEdge::urls() const {
    std::vector<std::string> all;
    for (const auto& endpoint : server.endpoints()) all.push_back(endpoint.url);
    std::ranges::sort(all);
    return all;
}

void eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        REQUIRE_MESSAGE(std::chrono::steady_clock::now() < deadline, "it did not happen in time");
        std::this_thread::yield();
    }
}

std::uint16_t port_of(std::string_view url) {
    const std::string_view digits = url.substr(url.rfind(':') + 1);
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    REQUIRE(error == std::errc());
    REQUIRE(end == digits.data() + digits.size());
    return port;
}

} // namespace adit_test
