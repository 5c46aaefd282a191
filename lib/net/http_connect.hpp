// HTTP CONNECT (RFC 9110 9.3.6) with Basic credentials (RFC 7617).
#pragma once

#include "net/proxy_handshake.hpp"

namespace adit::inline v0::net {

class ADIT_INTERNAL HttpConnect final : public ProxyHandshake {
public:
    HttpConnect(const ProxyUrl& proxy, std::string_view host, std::uint16_t port);

    /// One byte at a time: only the last one tells that the head has ended.
    std::size_t wanted() const noexcept override { return over() ? 0 : 1; }
    void received(Bytes bytes) override;

private:
    void take(char c);
    void end_line();
    void end_head();

    std::string line_;        // the current one, at most as long as the head may be
    std::string status_line_; // empty: not complete yet
    int status_ = 0;
    std::size_t size_ = 0; // of all heads so far
};

} // namespace adit::inline v0::net
