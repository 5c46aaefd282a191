#include "edge_visitor_support.hpp"

#include <array>
#include <random>

namespace adit_test {
namespace {

constexpr auto patience = std::chrono::seconds(20);

} // namespace

AppStream::AppStream(adit::Connection connection) : connection_(std::move(connection)) {
    connection_.read_timeout(patience);
    connection_.write_timeout(patience);
}

bool AppStream::fill(std::error_code& ec) {
    std::array<char, 65'536> buffer;
    const std::size_t n = connection_.read_some(asio::buffer(buffer), ec);
    in_.append(buffer.data(), n);
    REQUIRE_MESSAGE(ec != adit::errc::timed_out, "nothing came from the edge after: " << in_);
    return !ec;
}

std::string AppStream::read_some(std::error_code& end) {
    if (in_.empty()) (void)fill(end);
    return std::exchange(in_, {});
}

std::string AppStream::read(std::size_t n) {
    std::error_code ec;
    while (in_.size() < n && fill(ec)) {}
    REQUIRE_MESSAGE(in_.size() >= n, "only " << in_.size() << " of " << n << " bytes: " << ec.message());
    std::string out = in_.substr(0, n);
    in_.erase(0, n);
    return out;
}

std::string AppStream::read_until(std::string_view end) {
    for (;;) {
        const std::size_t at = in_.find(end);
        if (at != std::string::npos) return read(at + end.size());
        std::error_code ec;
        const bool more = fill(ec);
        REQUIRE_MESSAGE(more, ec.message() << " after: " << in_);
    }
}

std::string AppStream::read_all() {
    std::error_code ec;
    while (fill(ec)) {}
    REQUIRE_MESSAGE(ec == asio::error::eof, ec.message());
    return std::exchange(in_, {});
}

std::error_code AppStream::read_end() {
    std::error_code ec;
    while (fill(ec)) {}
    return ec;
}

void AppStream::write(std::string_view bytes) {
    while (!bytes.empty()) {
        std::error_code ec;
        bytes.remove_prefix(connection_.write_some(asio::buffer(bytes.data(), bytes.size()), ec));
        REQUIRE_MESSAGE(!ec, ec.message());
    }
}

std::size_t AppStream::write_until_full(std::size_t bytes, std::chrono::milliseconds time) {
    const std::string piece(16'384, 'x');
    std::size_t taken = 0;
    connection_.write_timeout(time);
    while (taken < bytes) {
        std::error_code ec;
        taken += connection_.write_some(asio::buffer(piece.data(), std::min(piece.size(), bytes - taken)), ec);
        if (ec == adit::errc::timed_out) break;
        REQUIRE_MESSAGE(!ec, ec.message());
    }
    connection_.write_timeout(patience);
    return taken;
}

void AppStream::answer(std::string_view body, std::string_view more_fields, std::string_view status) {
    write("HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
          std::string(more_fields) + "\r\n" + std::string(body));
}

TestEdge::TestEdge(const Change& change, std::string_view roots_pem) {
    adit::edge::ServerOptions options;
    options.base_domain("edge.test").authtoken("visitor-token");
    options.on_access([this](const adit::edge::AccessRecord& record) {
        const std::lock_guard lock(mutex_);
        records_.push_back(record);
        recorded_.notify_all();
    });
    if (change) change(options);
    server = adit::edge::Server::start(options);
    adit::SessionOptions agent;
    agent.server(server.agent_address()).roots_pem(roots_pem.empty() ? server.ca_pem() : std::string(roots_pem));
    agent.authtoken("visitor-token");
    session = adit::Session::connect(agent);
}

adit::Listener TestEdge::listen(std::string_view url) { return session.listen(adit::Endpoint(url)); }

AppStream TestEdge::accept(adit::Listener& listener) {
    std::error_code ec;
    adit::Connection connection = listener.accept_for(patience, ec);
    REQUIRE_MESSAGE(!ec, "no stream came: " << ec.message());
    return AppStream(std::move(connection));
}

bool TestEdge::nothing_comes(adit::Listener& listener) {
    std::error_code ec;
    const adit::Connection connection = listener.accept_for(std::chrono::milliseconds(100), ec);
    return ec == adit::errc::timed_out;
}

std::vector<adit::edge::AccessRecord> TestEdge::records(std::size_t count) {
    std::unique_lock lock(mutex_);
    const bool there = recorded_.wait_for(lock, patience, [&] { return records_.size() >= count; });
    REQUIRE_MESSAGE(there, "only " << records_.size() << " of " << count << " access records");
    return records_;
}

std::string noise(std::size_t size, std::uint32_t seed) {
    std::mt19937 random(seed);
    std::string out(size, '\0');
    for (char& c : out) c = static_cast<char>(random());
    return out;
}

} // namespace adit_test
