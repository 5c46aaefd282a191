// A talk with a proxy that a test writes down: what we say, what it answers.
#pragma once

#include "net/proxy_handshake.hpp"

#include "support/doctest.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace adit_test {

/// Gives `bytes` to the handshake in pieces of at most `piece`, never more than it wants; returns how many it took.
inline std::size_t feed(adit::net::ProxyHandshake& handshake, std::string_view bytes, std::size_t piece) {
    std::size_t taken = 0;
    while (taken < bytes.size() && handshake.wanted() != 0) {
        const std::size_t n = std::min({piece, handshake.wanted(), bytes.size() - taken});
        handshake.received(adit::as_bytes(bytes.substr(taken, n)));
        taken += n;
    }
    return taken;
}

inline std::string said(adit::net::ProxyHandshake& handshake) {
    const std::string out(adit::as_text(handshake.output()));
    handshake.clear_output();
    return out;
}

inline adit::net::ProxyUrl proxy(std::string_view url) {
    const auto parsed = adit::net::ProxyUrl::parse(url);
    REQUIRE_MESSAGE(parsed.has_value(), parsed.error().to_string());
    return *parsed;
}

} // namespace adit_test
