#include "net/http_connect.hpp"

#include <adit/limits.hpp>

#include "base/base64.hpp"
#include "base/url.hpp"

#include <algorithm>
#include <utility>

namespace adit::inline v0::net {
namespace {

constexpr std::string_view version = "HTTP/1.";
constexpr std::size_t said_max = 512; // bytes of the status line that an error keeps

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// "HTTP/1.1 200 OK" -> 200; 0 if it is no status line (RFC 9112 4; the reason may be missing with its space).
int read_status(std::string_view line) {
    if (!line.starts_with(version) || line.size() < 12 || !is_digit(line[7]) || line[8] != ' ') return 0;
    if (!std::ranges::all_of(line.substr(9, 3), is_digit) || (line.size() > 12 && line[12] != ' ')) return 0;
    return (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
}

} // namespace

HttpConnect::HttpConnect(const ProxyUrl& proxy, std::string_view host, std::uint16_t port)
    : ProxyHandshake(proxy, host) {
    if (error()) return;
    const std::string target = join_host_port(host, port);
    output_ = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
    if (proxy.has_credentials())
        output_ += "Proxy-Authorization: Basic " + base64_encode(proxy.user() + ":" + proxy.password()) + "\r\n";
    output_ += "\r\n";
}

void HttpConnect::received(Bytes bytes) {
    for (const char c : as_text(bytes)) {
        if (over()) return;
        take(c);
    }
}

void HttpConnect::take(char c) {
    if (++size_ > limits::proxy_answer_max) {
        fail(errc::limit_exceeded, "sent a head of more than " + std::to_string(limits::proxy_answer_max) + " bytes",
             status_line_);
    } else if (c == '\n') {
        if (line_.ends_with('\r')) line_.pop_back();
        end_line();
        line_.clear();
    } else {
        line_ += c;
        // Whoever speaks something else, perhaps without ever ending a line, is found out at once.
        const std::size_t n = std::min(line_.size(), version.size());
        if (status_line_.empty() && line_.compare(0, n, version, 0, n) != 0)
            fail(errc::unavailable, "did not answer in HTTP/1.1: is it an HTTP proxy?");
    }
}

void HttpConnect::end_line() {
    if (!status_line_.empty()) {
        if (line_.empty()) end_head();
        return;
    }
    status_ = read_status(line_);
    status_line_ = line_.substr(0, said_max);
    if (status_ == 0) fail(errc::unavailable, "did not answer in HTTP/1.1: is it an HTTP proxy?", status_line_);
}

void HttpConnect::end_head() {
    const std::string said = std::exchange(status_line_, std::string());
    if (status_ >= 200 && status_ < 300) {
        succeed();
    } else if (status_ == 407) {
        fail_credentials(said);
    } else if (status_ < 200 && status_ != 101) {
        return; // interim, the answer follows (RFC 9110 15.2)
    } else if (status_ >= 500) {
        fail(errc::unavailable, "could not connect (HTTP status " + std::to_string(status_) + ")", said);
    } else {
        fail(errc::refused, "refused to connect (HTTP status " + std::to_string(status_) + ")", said);
    }
}

} // namespace adit::inline v0::net
