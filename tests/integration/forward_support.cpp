#include "forward_support.hpp"

#include <arpa/inet.h>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

namespace adit_test {
namespace {

std::chrono::sys_seconds now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

bool readable(int fd, int milliseconds) {
    pollfd entry{fd, POLLIN, 0};
    return ::poll(&entry, 1, milliseconds) > 0;
}

int bound_socket(std::uint16_t& port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
    return fd;
}

} // namespace

TestUpstream::TestUpstream() : fd_(bound_socket(port_)) { REQUIRE(::listen(fd_, 64) == 0); }

TestUpstream::TestUpstream(std::string unix_path)
    : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), path_(std::move(unix_path)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path_.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, path_.data(), path_.size());
    REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(fd_, 64) == 0);
}

TestUpstream::~TestUpstream() {
    stop();
    if (!path_.empty()) (void)::unlink(path_.c_str());
}

void TestUpstream::stop() {
    if (fd_ >= 0) (void)::close(std::exchange(fd_, -1));
}

NetVisitor TestUpstream::accept() {
    REQUIRE_MESSAGE(readable(fd_, 20'000), "no connection came to the upstream");
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    REQUIRE(fd >= 0);
    return NetVisitor::accepted(fd);
}

bool TestUpstream::nothing_comes() { return !readable(fd_, 100); }

std::uint16_t dead_port() {
    // Bound and never listening: nobody else gets it while this program runs.
    static std::uint16_t port = 0;
    static const int fd = bound_socket(port);
    REQUIRE(fd >= 0);
    return port;
}

namespace {

adit::tls::CertificateAuthority make_authority() {
    auto made = adit::tls::CertificateAuthority::create("upstream", now());
    REQUIRE(made);
    return std::move(*made);
}

} // namespace

TestCa::TestCa() : authority_(make_authority()) {}

std::shared_ptr<const adit::tls::ServerContext> TestCa::server(std::string_view name, bool expired,
                                                               std::vector<std::string> alpn) const {
    adit::tls::LeafRequest request;
    request.names.emplace_back(name);
    if (name == "127.0.0.1") request.names.emplace_back("localhost");
    request.not_before = now() - std::chrono::hours(48);
    request.not_after = expired ? now() - std::chrono::hours(24) : now() + std::chrono::hours(24);
    const auto issued = authority_.issue(request);
    REQUIRE(issued);
    const auto identity = adit::tls::Identity::from_pem(issued->certificate_pem, issued->key_pem);
    REQUIRE(identity);
    adit::tls::ServerOptions options;
    options.select = [identity = *identity](std::string_view) { return identity; };
    options.alpn = std::move(alpn);
    auto context = adit::tls::ServerContext::create(std::move(options));
    REQUIRE(context);
    return *context;
}

adit::tls::IssuedCertificate TestCa::client() const {
    adit::tls::LeafRequest request;
    request.client = true;
    request.common_name = "forwarder";
    request.not_before = now() - std::chrono::hours(1);
    request.not_after = now() + std::chrono::hours(24);
    const auto issued = authority_.issue(request);
    REQUIRE(issued);
    return *issued;
}

std::string response(std::string_view body, std::string_view more_fields, std::string_view status) {
    return "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           std::string(more_fields) + "\r\n" + std::string(body);
}

void wait_until(const adit::Forwarder& forwarder, const std::function<bool(const adit::ForwarderCounters&)>& reached) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!reached(forwarder.counters())) {
        REQUIRE_MESSAGE(std::chrono::steady_clock::now() < end, "the counters did not get there");
        std::this_thread::yield();
    }
}

std::uint16_t port_of(const adit::Forwarder& forwarder) {
    const std::string url = forwarder.url();
    return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

} // namespace adit_test
