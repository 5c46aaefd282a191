#include "net/socks5.hpp"

#include <adit/asio.hpp> // its error codes

#include "base/ip_address.hpp"

#include <algorithm>
#include <array>

namespace adit::inline v0::net {
namespace {

constexpr char version = 5;
constexpr std::uint8_t no_authentication = 0, user_and_password = 2; // methods, RFC 1928 3
constexpr std::uint8_t by_v4 = 1, by_name = 3, by_v6 = 4;            // address types, RFC 1928 5
constexpr std::size_t port_size = 2;

/// RFC 1928 6, from 1 on.
struct Reply {
    const char* text;
    bool other_address; // may work
};
constexpr std::array<Reply, 8> replies{{{"general failure", true},
                                        {"not allowed by its rules", false},
                                        {"network unreachable", true},
                                        {"host unreachable", true},
                                        {"connection refused", true},
                                        {"TTL expired", true},
                                        {"it has no CONNECT", false},
                                        {"address type not supported", true}}};

std::error_code code_of(std::uint8_t reply) {
    switch (reply) {
    case 1: return errc::unavailable;
    case 3: return asio::error::network_unreachable;
    case 4: return asio::error::host_unreachable;
    case 5: return asio::error::connection_refused;
    case 6: return asio::error::timed_out;
    case 8: return asio::error::address_family_not_supported;
    default: return errc::refused;
    }
}

void append(std::string& out, std::uint8_t byte) { out += static_cast<char>(byte); }

template <std::size_t size>
void append_address(std::string& out, std::uint8_t type, const std::array<std::uint8_t, size>& bytes) {
    append(out, type);
    out += as_text(bytes);
}

void append_text(std::string& out, std::string_view text) {
    append(out, static_cast<std::uint8_t>(text.size()));
    out += text;
}

} // namespace

Socks5::Socks5(const ProxyUrl& proxy, std::string_view host, std::uint16_t port) : ProxyHandshake(proxy, host) {
    if (error()) return;
    connect_request_ = {version, 1, 0};
    const auto address = IpAddress::parse(host);
    if (!address) {
        append(connect_request_, by_name);
        append_text(connect_request_, host);
    } else if (address->is_v4()) {
        append_address(connect_request_, by_v4, address->v4());
    } else {
        append_address(connect_request_, by_v6, address->v6());
    }
    append(connect_request_, static_cast<std::uint8_t>(port >> 8));
    append(connect_request_, static_cast<std::uint8_t>(port & 0xff));
    if (proxy.has_credentials()) {
        append(password_request_, 1); // version of RFC 1929
        append_text(password_request_, proxy.user());
        append_text(password_request_, proxy.password());
        output_ = {version, 2, no_authentication, user_and_password};
    } else {
        output_ = {version, 1, no_authentication};
    }
}

void Socks5::received(Bytes bytes) {
    while (!over() && !bytes.empty()) {
        const std::size_t n = std::min(wanted(), bytes.size());
        input_ += as_text(bytes.first(n));
        bytes = bytes.subspan(n);
        const bool has_version = step_ == Step::method || step_ == Step::reply;
        if (has_version && input_.front() != version) {
            fail(errc::unavailable, "did not answer in SOCKS5: is it a SOCKS5 proxy?");
        } else if (wanted() == 0) {
            next();
        }
    }
}

void Socks5::await(Step step, std::size_t bytes) {
    step_ = step;
    need_ = bytes;
    input_.clear();
}

void Socks5::next() {
    const auto last = static_cast<std::uint8_t>(input_.back());
    switch (step_) {
    case Step::method: return choose(last);
    case Step::password:
        if (last != 0) return fail_credentials();
        output_ = connect_request_;
        return await(Step::reply, 2);
    case Step::reply: return reply(last);
    case Step::reply_type: return reply_type(last);
    case Step::reply_name: return await(Step::reply_rest, last + port_size);
    case Step::reply_rest: return succeed();
    }
}

void Socks5::choose(std::uint8_t method) {
    if (method == no_authentication) {
        output_ = connect_request_;
        await(Step::reply, 2);
    } else if (method == user_and_password && !password_request_.empty()) {
        output_ = password_request_;
        await(Step::password, 2);
    } else {
        fail_credentials();
    }
}

void Socks5::reply(std::uint8_t code) {
    if (code == 0) return await(Step::reply_type, 2);
    const bool known = code <= replies.size();
    const std::string text = known ? replies[code - 1U].text : "no reason of RFC 1928";
    other_address_ = known && replies[code - 1U].other_address;
    fail(code_of(code), "could not connect: " + text + " (SOCKS5 reply " + std::to_string(code) + ")");
}

// The address that the proxy connects from follows; nobody needs it.
void Socks5::reply_type(std::uint8_t type) {
    switch (type) {
    case by_v4: return await(Step::reply_rest, 4 + port_size);
    case by_v6: return await(Step::reply_rest, 16 + port_size);
    case by_name: return await(Step::reply_name, 1);
    default: fail(errc::unavailable, "sent an address of an unknown type: is it a SOCKS5 proxy?");
    }
}

} // namespace adit::inline v0::net
