#include "net/proxy_handshake.hpp"

#include "net/http_connect.hpp"
#include "net/socks5.hpp"

#include <algorithm>

namespace adit::inline v0::net {
namespace {

constexpr std::size_t host_max = 255; // RFC 1928 5: a length in one byte

} // namespace

std::unique_ptr<ProxyHandshake> ProxyHandshake::create(const ProxyUrl& proxy, std::string_view host,
                                                       std::uint16_t port) {
    if (proxy.is_socks()) return std::make_unique<Socks5>(proxy, host, port);
    return std::make_unique<HttpConnect>(proxy, host, port);
}

ProxyHandshake::ProxyHandshake(const ProxyUrl& proxy, std::string_view host)
    : proxy_(proxy.text()), has_credentials_(proxy.has_credentials()) {
    const auto bad = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; };
    if (host.empty() || host.size() > host_max || std::ranges::any_of(host, bad))
        fail(errc::invalid_option, "cannot be asked for a target whose name is empty, longer than 255 bytes, or has a "
                                   "space or a control character");
}

ProxyHandshake::~ProxyHandshake() = default;

void ProxyHandshake::fail(std::error_code code, std::string_view what, std::string_view said) {
    error_ = ErrorInfo(code, "the proxy " + proxy_ + " " + std::string(what), std::string(said));
}

// Permanent: trying again with the same would only lock the account.
void ProxyHandshake::fail_credentials(std::string_view said) {
    fail(errc::invalid_option,
         has_credentials_ ? "does not accept the user and password of its URL"
                          : "wants a user and a password: write them into its URL",
         said);
}

} // namespace adit::inline v0::net
