// What is said to a proxy before it is a tunnel: HTTP CONNECT and SOCKS5 as state machines without I/O.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "net/proxy_url.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace adit::inline v0::net {

/// The owner's loop until done() or error(): send output() and clear_output(); receive at most wanted() bytes and give
/// them to received(). What follows done() belongs to the tunnel and was never asked for here.
class ADIT_INTERNAL ProxyHandshake {
public:
    /// For a tunnel to `host`:`port` through `proxy`; `host` is a name or an IP literal without brackets, and has at
    /// most 255 bytes. Errors name the proxy, never its user or password: errc::invalid_option if it wants other
    /// credentials, errc::refused (with what it said in the detail), errc::unavailable if it cannot now or is no such
    /// proxy, errc::limit_exceeded, the system's codes where SOCKS has one.
    static std::unique_ptr<ProxyHandshake> create(const ProxyUrl& proxy, std::string_view host, std::uint16_t port);

    ProxyHandshake(const ProxyHandshake&) = delete;
    ProxyHandshake& operator=(const ProxyHandshake&) = delete;
    virtual ~ProxyHandshake();

    Bytes output() const noexcept { return as_bytes(output_); }
    void clear_output() noexcept { output_.clear(); }
    /// 0 once it is over.
    virtual std::size_t wanted() const noexcept = 0;
    virtual void received(Bytes bytes) = 0;
    bool done() const noexcept { return done_; }
    const ErrorInfo& error() const noexcept { return error_; }
    /// Another address of the same host may do better (SOCKS5 only).
    bool other_address_may_work() const noexcept { return other_address_; }

protected:
    ProxyHandshake(const ProxyUrl& proxy, std::string_view host);

    bool over() const noexcept { return done_ || error_; }
    void succeed() noexcept { done_ = true; }
    /// "the proxy http://host:port " + what
    void fail(std::error_code code, std::string_view what, std::string_view said = {});
    /// It wants credentials, or others than it got.
    void fail_credentials(std::string_view said = {});

    std::string output_;
    bool other_address_ = false;

private:
    const std::string proxy_;
    const bool has_credentials_;
    bool done_ = false;
    ErrorInfo error_;
};

} // namespace adit::inline v0::net
