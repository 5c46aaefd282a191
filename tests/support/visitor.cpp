#include "support/visitor.hpp"

#include "support/doctest.hpp"

#include "tls/engine.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace adit_test {
namespace {

constexpr auto patience = std::chrono::seconds(20);

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

std::string trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return std::string(text);
}

bool wait_for(int fd, short events, std::chrono::milliseconds time) {
    pollfd entry{fd, events, 0};
    return ::poll(&entry, 1, static_cast<int>(time.count())) > 0;
}

void wait_or_fail(int fd, short events) {
    REQUIRE_MESSAGE(wait_for(fd, events, patience), "the edge did not " << (events == POLLIN ? "answer" : "read"));
}

int connect_to(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    const int on = 1;
    (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

adit::tls::Engine make_engine(const TlsOptions& options) {
    adit::tls::ClientOptions client;
    auto roots = adit::tls::TrustRoots::from_pem(options.roots_pem);
    REQUIRE(roots);
    client.roots = *roots;
    client.alpn = options.alpn;
    auto context = adit::tls::ClientContext::create(std::move(client));
    REQUIRE(context);
    auto engine = adit::tls::Engine::client(*context, options.sni);
    REQUIRE(engine);
    return std::move(*engine);
}

} // namespace

std::string HttpAnswer::field(std::string_view name) const {
    std::string out;
    for (const auto& [key, value] : fields) {
        if (key == name) out += (out.empty() ? "" : ", ") + value;
    }
    return out;
}

NetVisitor::NetVisitor(int fd) : fd_(fd) {}

NetVisitor::NetVisitor(NetVisitor&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), engine_(std::move(other.engine_)), in_(std::move(other.in_)), end_(other.end_),
      cut_(other.cut_) {}

NetVisitor& NetVisitor::operator=(NetVisitor&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(engine_, other.engine_);
    std::swap(in_, other.in_);
    std::swap(end_, other.end_);
    std::swap(cut_, other.cut_);
    return *this;
}

NetVisitor::~NetVisitor() { close(); }

NetVisitor NetVisitor::plain(std::uint16_t port) { return NetVisitor(connect_to(port)); }

NetVisitor NetVisitor::tls(std::uint16_t port, const TlsOptions& options) {
    NetVisitor visitor(connect_to(port));
    visitor.start_tls(options);
    return visitor;
}

void NetVisitor::start_tls(const TlsOptions& options) {
    engine_ = std::make_unique<adit::tls::Engine>(make_engine(options));
    const std::string failure = handshake();
    REQUIRE_MESSAGE(failure.empty(), failure);
}

std::string NetVisitor::tls_failure(std::uint16_t port, const TlsOptions& options) {
    NetVisitor visitor(connect_to(port));
    visitor.engine_ = std::make_unique<adit::tls::Engine>(make_engine(options));
    return visitor.handshake();
}

std::string NetVisitor::accept_tls(const std::shared_ptr<const adit::tls::ServerContext>& context) {
    engine_ = std::make_unique<adit::tls::Engine>(adit::tls::Engine::server(context));
    std::memcpy(engine_->input_space(in_.size() + 1).data(), in_.data(), in_.size()); // read ahead with what came before
    engine_->commit_input(in_.size());
    in_.clear();
    return handshake();
}

std::string NetVisitor::alpn() const { return std::string(engine_->alpn()); }

std::string NetVisitor::handshake() {
    for (;;) {
        const adit::tls::Status status = engine_->handshake();
        flush();
        if (status == adit::tls::Status::ok) return {};
        if (status == adit::tls::Status::failed) return engine_->error().to_string();
        const adit::MutableBytes space = engine_->input_space(16'384);
        wait_or_fail(fd_, POLLIN);
        const ssize_t n = ::recv(fd_, space.data(), space.size(), 0);
        if (n <= 0) return "the connection ended in the handshake";
        engine_->commit_input(static_cast<std::size_t>(n));
    }
}

void NetVisitor::flush() {
    while (!engine_->output().empty()) {
        const adit::Bytes out = engine_->output();
        wait_or_fail(fd_, POLLOUT);
        const ssize_t n = ::send(fd_, out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) continue;
        if (n < 0) return; // the other side is gone: reading will say so
        engine_->consume_output(static_cast<std::size_t>(n));
    }
}

void NetVisitor::send(std::string_view bytes) {
    if (engine_) {
        while (!bytes.empty()) {
            const std::string_view piece = bytes.substr(0, 65'536);
            if (engine_->write(adit::as_bytes(piece)) != adit::tls::Status::ok) return;
            bytes.remove_prefix(piece.size());
            flush();
        }
        return;
    }
    while (!bytes.empty()) {
        wait_or_fail(fd_, POLLOUT);
        const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) continue;
        if (n < 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

std::size_t NetVisitor::send_some_now(std::string_view bytes) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return n < 0 ? 0 : static_cast<std::size_t>(n);
}

/// More into in_; false at the end.
bool NetVisitor::fill() {
    std::array<char, 65'536> buffer;
    while (!end_) {
        if (engine_) {
            const adit::MutableBytes out(reinterpret_cast<std::uint8_t*>(buffer.data()), buffer.size());
            const adit::tls::ReadResult got = engine_->read(out);
            flush();
            in_.append(buffer.data(), got.size);
            if (got.size != 0) return true;
            end_ = got.status == adit::tls::Status::closed || got.status == adit::tls::Status::failed;
            if (end_) cut_ = got.status == adit::tls::Status::failed;
            if (end_) break;
        }
        wait_or_fail(fd_, POLLIN);
        const ssize_t n = ::recv(fd_, buffer.data(), buffer.size(), 0);
        if (n <= 0) {
            end_ = true;
            cut_ = n < 0 || engine_ != nullptr; // without close_notify
            break;
        }
        const auto size = static_cast<std::size_t>(n);
        if (!engine_) {
            in_.append(buffer.data(), size);
            return true;
        }
        std::memcpy(engine_->input_space(size).data(), buffer.data(), size);
        engine_->commit_input(size);
    }
    return false;
}

std::string NetVisitor::read_some() {
    if (in_.empty()) (void)fill();
    return std::exchange(in_, {});
}

std::string NetVisitor::read(std::size_t n) {
    while (in_.size() < n && fill()) {}
    REQUIRE_MESSAGE(in_.size() >= n, "only " << in_.size() << " of " << n << " bytes came");
    std::string out = in_.substr(0, n);
    in_.erase(0, n);
    return out;
}

std::string NetVisitor::read_until(std::string_view end) {
    std::size_t searched = 0;
    for (;;) {
        const std::size_t at = in_.find(end, searched);
        if (at != std::string::npos) return read(at + end.size());
        searched = in_.size() > end.size() ? in_.size() - end.size() : 0;
        const bool more = fill();
        REQUIRE_MESSAGE(more, "the connection ended after: " << in_);
    }
}

std::string NetVisitor::read_all() {
    while (fill()) {}
    return std::exchange(in_, {});
}

bool NetVisitor::ended() {
    if (!in_.empty()) return false;
    return !fill();
}

bool NetVisitor::readable_within(std::chrono::milliseconds time) {
    return !in_.empty() || (engine_ && engine_->input_pending() != 0) || wait_for(fd_, POLLIN, time);
}

HttpAnswer NetVisitor::answer(bool to_head) {
    HttpAnswer answer;
    while (in_.find("\r\n\r\n") == std::string::npos) {
        if (!fill()) return answer;
    }
    const std::string head = read_until("\r\n\r\n");
    std::size_t line_end = head.find("\r\n");
    REQUIRE(line_end > 12);
    answer.version = head.substr(0, 8);
    answer.status = std::stoi(head.substr(9, 3));
    for (std::size_t at = line_end + 2; at + 2 < head.size(); at = line_end + 2) {
        line_end = head.find("\r\n", at);
        const std::size_t colon = head.find(':', at);
        REQUIRE(colon < line_end);
        answer.fields.emplace_back(lower(head.substr(at, colon - at)), trim(head.substr(colon + 1, line_end - colon - 1)));
    }
    answer.complete = true;
    answer.chunked = answer.field("transfer-encoding") == "chunked";
    if (to_head || answer.status < 200 || answer.status == 204 || answer.status == 304) return answer;
    if (answer.chunked) {
        read_chunked_body(answer);
    } else if (const std::string length = answer.field("content-length"); !length.empty()) {
        const std::size_t size = std::stoul(length);
        while (in_.size() < size && fill()) {}
        answer.complete = in_.size() >= size;
        answer.body = in_.substr(0, size);
        in_.erase(0, answer.body.size());
    } else {
        answer.body = read_all();
        answer.complete = !cut_;
    }
    return answer;
}

void NetVisitor::read_chunked_body(HttpAnswer& answer) {
    answer.complete = false;
    for (;;) {
        while (in_.find("\r\n") == std::string::npos) {
            if (!fill()) return;
        }
        const std::size_t size = std::stoul(read_until("\r\n"), nullptr, 16);
        if (size == 0) break;
        while (in_.size() < size + 2 && fill()) {}
        if (in_.size() < size + 2) return;
        answer.body.append(in_, 0, size);
        REQUIRE(in_.compare(size, 2, "\r\n") == 0);
        in_.erase(0, size + 2);
    }
    for (std::string line = read_until("\r\n"); line != "\r\n"; line = read_until("\r\n")) {
        const std::size_t colon = line.find(':');
        REQUIRE(colon != std::string::npos);
        answer.fields.emplace_back("trailer:" + lower(line.substr(0, colon)),
                                   trim(line.substr(colon + 1, line.size() - colon - 3)));
    }
    answer.complete = true;
}

HttpAnswer NetVisitor::get(std::string_view path, std::string_view host, std::string_view more_fields) {
    send("GET " + std::string(path) + " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n" + std::string(more_fields) +
         "\r\n");
    return answer();
}

void NetVisitor::shutdown_write() {
    if (engine_) {
        engine_->shutdown();
        flush();
    }
    (void)::shutdown(fd_, SHUT_WR);
}

void NetVisitor::reset() {
    const linger now{1, 0};
    (void)::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
}

void NetVisitor::close() {
    if (fd_ >= 0) (void)::close(std::exchange(fd_, -1));
}

std::string NetVisitor::address() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

std::string NetVisitor::peer_fingerprint() const {
    const auto certificate = engine_->peer_certificate();
    return certificate ? certificate->info.fingerprint : std::string();
}

void NetVisitor::set_receive_buffer(int bytes) {
    (void)::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

} // namespace adit_test
