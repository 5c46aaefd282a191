#include "policy/actions/compression.hpp"
#include "support/doctest.hpp"

#include <adit/limits.hpp>

#include <brotli/decode.h>
#include <zlib.h>

#include <random>
#include <string>
#include <vector>

using namespace adit;
using namespace adit::policy;
using Mode = Encoder::Mode;

namespace {

Encoder encoder(Coding coding) {
    auto made = Encoder::create(coding);
    REQUIRE(made.has_value());
    return std::move(*made);
}

// Feeds all of `in`, with room for `room` bytes at once.
std::string feed(Encoder& encoder, std::string_view in, Mode mode, std::size_t room) {
    std::string out;
    std::vector<std::uint8_t> buffer(room);
    for (int calls = 0;; ++calls) {
        REQUIRE_MESSAGE(calls < 1'000'000, "the encoder never ends");
        const auto step = encoder.encode(as_bytes(in), buffer, mode);
        REQUIRE(step.has_value());
        REQUIRE(step->consumed <= in.size());
        REQUIRE(step->produced <= room);
        in.remove_prefix(step->consumed);
        out.append(as_text(Bytes(buffer).first(step->produced)));
        if (step->done) break;
        REQUIRE_MESSAGE((step->consumed > 0 || step->produced > 0), "the encoder gets nowhere");
    }
    REQUIRE(in.empty());
    return out;
}

// What can be decoded of it so far; `ended` tells whether that is all.
std::string decode(Coding coding, std::string_view bytes, bool& ended) {
    std::string out;
    std::vector<std::uint8_t> buffer(65'536);
    ended = false;
    if (coding == Coding::br) {
        BrotliDecoderState* state = BrotliDecoderCreateInstance(nullptr, nullptr, nullptr);
        std::size_t left = bytes.size();
        auto from = reinterpret_cast<const std::uint8_t*>(bytes.data());
        for (BrotliDecoderResult result = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
             result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;) {
            std::size_t room = buffer.size();
            std::uint8_t* to = buffer.data();
            result = BrotliDecoderDecompressStream(state, &left, &from, &room, &to, nullptr);
            CHECK(result != BROTLI_DECODER_RESULT_ERROR);
            out.append(as_text(Bytes(buffer).first(buffer.size() - room)));
            ended = result == BROTLI_DECODER_RESULT_SUCCESS;
        }
        CHECK(left == 0);
        BrotliDecoderDestroyInstance(state);
        return out;
    }
    z_stream stream{};
    // The format must be the one that was asked for: 31 is gzip alone, 15 is zlib alone.
    REQUIRE(inflateInit2(&stream, coding == Coding::gzip ? 31 : 15) == Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    for (int result = Z_OK; result == Z_OK;) {
        stream.next_out = buffer.data();
        stream.avail_out = static_cast<uInt>(buffer.size());
        result = inflate(&stream, Z_NO_FLUSH);
        CHECK((result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR));
        out.append(as_text(Bytes(buffer).first(buffer.size() - stream.avail_out)));
        ended = result == Z_STREAM_END;
    }
    CHECK(stream.avail_in == 0);
    inflateEnd(&stream);
    return out;
}

std::string text_of(std::size_t size, unsigned seed, int letters) {
    std::mt19937 random(seed);
    std::string out;
    while (out.size() < size) {
        if (letters > 200) {
            out += static_cast<char>(random());
        } else {
            out.append("row ").append(std::to_string(random() % static_cast<unsigned>(letters))).append(", ");
        }
    }
    out.resize(size);
    return out;
}

constexpr Coding codings[] = {Coding::gzip, Coding::deflate, Coding::br};

} // namespace

TEST_CASE("every body comes back, whatever its size, its pieces and the room") {
    for (const Coding coding : codings) {
        CAPTURE(to_string(coding));
        for (const std::size_t size : {0u, 1u, 100u, 70'000u, 300'000u}) {
            for (const int letters : {5, 100, 256}) {
                for (const std::size_t room : {16u, 17u, 1'000u, 65'536u}) {
                    if (room < 1'000 && size > 100'000) continue;
                    const std::string body = text_of(size, static_cast<unsigned>(size) + 1, letters);
                    Encoder e = encoder(coding);
                    std::string out;
                    std::size_t at = 0;
                    std::mt19937 random(7);
                    while (at < size) {
                        const std::size_t piece = std::min<std::size_t>(size - at, 1 + random() % 40'000);
                        const Mode mode = random() % 3 == 0 ? Mode::flush : Mode::more;
                        out += feed(e, std::string_view(body).substr(at, piece), mode, room);
                        at += piece;
                    }
                    out += feed(e, {}, Mode::finish, room);
                    bool ended = false;
                    REQUIRE(decode(coding, out, ended) == body);
                    CHECK(ended);
                }
            }
        }
    }
}

TEST_CASE("what was flushed can be read at once") {
    for (const Coding coding : codings) {
        CAPTURE(to_string(coding));
        for (const std::size_t room : {16u, 64u, 65'536u}) {
            Encoder e = encoder(coding);
            std::string sent, out;
            for (int event = 0; event < 50; ++event) {
                const std::string piece =
                    "data: " + text_of(static_cast<std::size_t>(event * 37), 3, 50) + "\n\n";
                sent += piece;
                out += feed(e, piece, Mode::flush, room);
                bool ended = true;
                REQUIRE(decode(coding, out, ended) == sent);
                CHECK_FALSE(ended);
            }
        }
    }
}

TEST_CASE("without a flush bytes are kept back, so that text gets small") {
    for (const Coding coding : codings) {
        CAPTURE(to_string(coding));
        Encoder e = encoder(coding);
        CHECK(feed(e, "a short piece", Mode::more, 1'000).size() < 12);
        const std::string body = text_of(200'000, 5, 100);
        Encoder big = encoder(coding);
        CHECK(feed(big, body, Mode::finish, 65'536).size() < body.size() / 4);
    }
}

TEST_CASE("noise does not grow by more than a little") {
    const std::string noise = text_of(300'000, 11, 256);
    for (const Coding coding : codings) {
        Encoder e = encoder(coding);
        CHECK(feed(e, noise, Mode::finish, 65'536).size() < noise.size() + noise.size() / 100);
    }
}

TEST_CASE("identity has no encoder") { CHECK_FALSE(Encoder::create(Coding::identity).has_value()); }

TEST_CASE("encoders have a bound together, beyond which a response stays plain") {
    std::vector<Encoder> held;
    for (auto made = Encoder::create(Coding::br); made; made = Encoder::create(Coding::br)) held.push_back(std::move(*made));
    CHECK(held.size() == limits::compression_memory / (2u << 20));
    CHECK(Encoder::create(Coding::br).error().code() == errc::limit_exceeded);
    Head request = Head::request("GET", "/");
    request.add("Accept-Encoding", "br");
    const Coding offered[] = {Coding::br};
    Head response = Head::response(200);
    response.set_framing(Framing::chunked);
    const CompressionPlan plain = plan_compression(request, response, offered);
    CHECK(plain.coding == Coding::identity);
    CHECK(plain.veto == CompressionVeto::no_memory);
    CHECK_FALSE(plain.encoder.has_value());
    CHECK_FALSE(response.has("Content-Encoding"));
    CHECK(response.has("Vary"));
    held.pop_back();
    const CompressionPlan plan = plan_compression(request, response, offered);
    CHECK(plan.coding == Coding::br);
    CHECK(plan.encoder.has_value());
    CHECK(response.has("Content-Encoding"));
}
