#include "muxado/frame.hpp"

#include "base/hex.hpp"
#include "support/doctest.hpp"
#include "unit/muxado/wire.hpp"

using namespace adit;
using namespace adit::muxado;

TEST_CASE("a frame header is eight bytes, big endian, type above flags") {
    struct Row {
        FrameHeader header;
        const char* hex;
    };
    // The four examples of agent-protocol 2.1 (with their bodies cut off), and the largest values.
    const Row rows[] = {
        {{4, FrameType::data, flag_syn, 3}, "0000041200000003"},
        {{4, FrameType::data, flag_syn, 2}, "0000041200000002"},
        {{0, FrameType::data, flag_fin, 3}, "0000001100000003"},
        {{4, FrameType::wndinc, 0, 2}, "0000042000000002"},
        {{frame_length_max, FrameType::goaway, 0xF, stream_id_max}, "ffffff3f7fffffff"},
        {{0x123456, static_cast<FrameType>(15), 0, 0xFFFF'FFFF}, "123456f0ffffffff"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.hex);
        std::uint8_t out[frame_header_size];
        put_frame_header(out, row.header);
        CHECK(hex_encode(out) == row.hex);
        const FrameHeader back = get_frame_header(out);
        CHECK(back.length == row.header.length);
        CHECK(back.type == row.header.type);
        CHECK(back.flags == row.header.flags);
        CHECK(back.id == row.header.id);
    }
}

TEST_CASE("an error code that is not on the list is unknown") {
    CHECK(error_code_from_wire(0) == ErrorCode::none);
    CHECK(error_code_from_wire(15) == ErrorCode::peer_eof);
    CHECK(error_code_from_wire(16) == ErrorCode::unknown);
    CHECK(error_code_from_wire(0xFF) == ErrorCode::unknown);
    CHECK(error_code_from_wire(0xFFFF'FFFF) == ErrorCode::unknown);
    CHECK(to_string(ErrorCode::enhance_your_calm) == "enhance your calm");
    CHECK(to_string(ErrorCode::unknown) == "unknown error");
}
