// The HAProxy PROXY protocol, versions 1 and 2: who the visitor is, in front of the bytes of a connection.
#pragma once

#include <adit/config.hpp>

#include "base/bytes.hpp"
#include "base/ip_address.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace adit::inline v0 {

/// The values are those of ProxyProto on the wire (agent-protocol 3.5).
enum class ProxyProtocolVersion : int { none = 0, v1 = 1, v2 = 2 };

/// The two ends of the visitor's connection.
class ProxiedEnds {
public:
    ProxiedEnds() = default;
    ProxiedEnds(IpEndpoint from, IpEndpoint to) : source(from), destination(to) {}
    bool operator==(const ProxiedEnds&) const = default;

    IpEndpoint source;
    IpEndpoint destination;
};

/// The header to send first. Without `ends`: v1 `UNKNOWN`, v2 `LOCAL`. Ends of two families are both written
/// as IPv6. `none` gives "".
ADIT_INTERNAL std::string encode_proxy_protocol(ProxyProtocolVersion version,
                                                const std::optional<ProxiedEnds>& ends);

/// Reads one header, v1 or v2, from the start of a stream that comes in pieces. Strict: whatever is not
/// exactly a header is refused, because everything behind it would be taken for the visitor's bytes. A CRC32c
/// that a v2 header carries must be right.
class ADIT_INTERNAL ProxyProtocolReader {
public:
    static constexpr std::size_t v1_max = 107; ///< the specification's bound of the line, CR LF included
    static constexpr std::size_t v2_max = 536; ///< the specification's minimum that every receiver takes

    /// `v2_limit`: most bytes of a v2 header with its TLVs (at least 16).
    explicit ProxyProtocolReader(std::size_t v2_limit = v2_max) : v2_limit_(v2_limit) {}

    /// Takes bytes; returns how many of them belong to the header (all, until it is complete). After an error
    /// or done() call it no more.
    Result<std::size_t> feed(Bytes bytes);
    bool done() const noexcept { return done_; }
    /// After done(): which version it was, and the ends; nullopt for UNKNOWN, LOCAL and UNIX sockets.
    ProxyProtocolVersion version() const noexcept { return version_; }
    const std::optional<ProxiedEnds>& ends() const noexcept { return ends_; }

private:
    Result<void> take(std::uint8_t byte);
    Result<void> take_v1(std::uint8_t byte);
    Result<void> take_v2();
    Result<void> parse_v1_line(std::string_view line);
    Result<void> parse_v2_addresses();

    std::size_t v2_limit_;
    std::string head_; // what came so far, bounded by the limits above
    std::size_t v2_size_ = 0;
    ProxyProtocolVersion version_ = ProxyProtocolVersion::none;
    std::optional<ProxiedEnds> ends_;
    bool done_ = false;
};

} // namespace adit::inline v0
