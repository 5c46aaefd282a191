// SOCKS5 CONNECT (RFC 1928) with user and password (RFC 1929).
#pragma once

#include "net/proxy_handshake.hpp"

namespace adit::inline v0::net {

class ADIT_INTERNAL Socks5 final : public ProxyHandshake {
public:
    /// A name as `host` is looked up by the proxy.
    Socks5(const ProxyUrl& proxy, std::string_view host, std::uint16_t port);

    std::size_t wanted() const noexcept override { return over() ? 0 : need_ - input_.size(); }
    void received(Bytes bytes) override;

private:
    enum class Step : std::uint8_t { method, password, reply, reply_type, reply_name, reply_rest };

    void next();
    void choose(std::uint8_t method);
    void reply(std::uint8_t code);
    void reply_type(std::uint8_t type);
    void await(Step step, std::size_t bytes);

    std::string password_request_; // empty: no credentials
    std::string connect_request_;
    Step step_ = Step::method;
    std::size_t need_ = 2; // bytes of this step
    std::string input_;
};

} // namespace adit::inline v0::net
