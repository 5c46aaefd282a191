// What the edge writes in front of a visitor's bytes on a stream of type 3 (agent-protocol 4): a length of 8
// bytes, little-endian and signed, then that many bytes of JSON. The stream's own 4 type bytes are muxado's.
#pragma once

#include <adit/limits.hpp>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "proto/json_text.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace adit::inline v0 {

/// On the wire a string with the number.
enum class EdgeType : std::uint8_t { undefined = 0, tcp = 1, tls = 2, https = 3 };

class ProxyHeader {
public:
    ProxyHeader() = default;
    std::string id;          ///< of the bind
    std::string client_addr; ///< "ip:port" or "[v6]:port"; may be anything if the peer is no adit
    std::string protocol;    ///< "http", "https", "tcp", "tls"
    EdgeType edge_type = EdgeType::undefined;
    bool passthrough_tls = false;
    UnknownMembers unknown;
};

/// Length and JSON.
ADIT_INTERNAL std::string encode(const ProxyHeader& header);

/// Reads a header that comes in pieces.
class ADIT_INTERNAL ProxyHeaderReader {
public:
    /// Takes bytes; returns how many of them belong to the header: all, until it is complete; the rest is the
    /// visitor's. Errors: errc::protocol_error (length negative or 0, not JSON, a field of the wrong type, no
    /// Id) and errc::limit_exceeded (length above limits::proxy_header_max). Call it no more after an error
    /// or done().
    Result<std::size_t> feed(Bytes bytes);
    bool done() const noexcept { return header_.has_value(); }
    /// How many of the bytes to come surely belong to the header: a reader that takes no more leaves the
    /// visitor's alone.
    std::size_t wanted() const noexcept {
        return length_seen_ < length_bytes_.size() ? length_bytes_.size() - length_seen_
                                                   : length_ - json_.size();
    }
    /// After done().
    const ProxyHeader& header() const { return *header_; }

private:
    Result<void> take_length();

    std::array<std::uint8_t, 8> length_bytes_{};
    std::size_t length_seen_ = 0;
    std::size_t length_ = 0;
    std::string json_;
    std::optional<ProxyHeader> header_;
};

} // namespace adit::inline v0
