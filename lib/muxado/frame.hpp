// The muxado frame: 8 bytes of header (agent-protocol 2.1), the error codes (2.2), and nothing else.
#pragma once

#include "base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace adit::inline v0::muxado {

using StreamId = std::uint32_t;

inline constexpr std::size_t frame_header_size = 8;
inline constexpr std::uint32_t control_body_size = 4; ///< RST and WNDINC
inline constexpr std::uint32_t goaway_body_size = 8;  ///< without debug text
inline constexpr std::uint32_t frame_length_max = 0xFF'FFFF;
inline constexpr std::uint32_t stream_id_max = 0x7FFF'FFFF;
inline constexpr std::uint32_t window_max = 0x7FFF'FFFF;
inline constexpr std::uint32_t reserved_bit = 0x8000'0000;
inline constexpr std::uint32_t heartbeat_stream_type = 0xFFFF'FFFF; ///< agent-protocol 2.9

enum class FrameType : std::uint8_t { rst = 0, data = 1, wndinc = 2, goaway = 3 }; // 4 to 15 are skipped

inline constexpr std::uint8_t flag_fin = 0x1; ///< DATA: the sender's last
inline constexpr std::uint8_t flag_syn = 0x2; ///< DATA: opens the stream

enum class ErrorCode : std::uint32_t {
    none = 0,
    protocol = 1,
    internal = 2,
    flow_control = 3,
    stream_closed = 4,
    stream_refused = 5,
    stream_cancelled = 6,
    stream_reset = 7,
    frame_size = 8,
    accept_queue_full = 9,
    enhance_your_calm = 10,
    remote_gone_away = 11,
    streams_exhausted = 12,
    write_timeout = 13,
    session_closed = 14,
    peer_eof = 15,
    unknown = 0xFF,
};

/// What a number on the wire means to us; anything unlisted is `unknown`.
ADIT_INTERNAL ErrorCode error_code_from_wire(std::uint32_t value) noexcept;
ADIT_INTERNAL std::string_view to_string(ErrorCode code) noexcept;

struct FrameHeader {
    std::uint32_t length = 0; ///< bytes of body
    FrameType type = FrameType::data;
    std::uint8_t flags = 0;
    StreamId id = 0; ///< with the reserved bit, if the peer set it

    bool fin() const noexcept { return (flags & flag_fin) != 0; }
    bool syn() const noexcept { return (flags & flag_syn) != 0; }
};

inline void put_frame_header(std::uint8_t* out, const FrameHeader& header) noexcept {
    const auto kind = (static_cast<std::uint32_t>(header.type) << 4) | (header.flags & 0xFu);
    put_u32_be(out, (header.length << 8) | kind);
    put_u32_be(out + 4, header.id);
}

inline FrameHeader get_frame_header(const std::uint8_t* in) noexcept {
    const std::uint32_t first = get_u32_be(in);
    return {first >> 8, static_cast<FrameType>((first >> 4) & 0xF), static_cast<std::uint8_t>(first & 0xF),
            get_u32_be(in + 4)};
}

} // namespace adit::inline v0::muxado
