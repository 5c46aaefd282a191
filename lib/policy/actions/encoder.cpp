#include "policy/actions/compression.hpp"

#include <brotli/encode.h>
#include <zlib.h>

#include <adit/limits.hpp>

#include <algorithm>
#include <atomic>
#include <limits>

namespace adit::inline v0::policy {
namespace {

// Of JSON, on one core: zlib's level 5 makes 100 MB/s and a fifth of the size in 0.3 MB of memory; Brotli's
// quality 4 makes 140 MB/s and the same size in 1 to 2 MB. A larger window of Brotli takes more memory and
// makes it no smaller.
constexpr int zlib_level = 5;
constexpr int zlib_window_bits = 15;
constexpr int zlib_gzip_header = 16; // added to the window bits: gzip instead of zlib's own format
constexpr int zlib_memory_level = 8;
constexpr std::uint32_t br_quality = 4;
constexpr std::uint32_t br_window_bits = 16;
constexpr std::uint32_t br_block_bits = 16;

// At most; measured.
constexpr std::size_t zlib_memory = 320u << 10;
constexpr std::size_t br_memory = 2u << 20;

std::atomic<std::size_t> memory_taken{0}; // of limits::compression_memory

ErrorInfo no_memory() { return {make_error_code(errc::limit_exceeded), "no memory to compress a response"}; }

} // namespace

struct Encoder::Stream {
    explicit Stream(Coding what) : coding(what) {}
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream() {
        if (zlib_open) deflateEnd(&zlib);
        if (br != nullptr) BrotliEncoderDestroyInstance(br);
        memory_taken.fetch_sub(reserved, std::memory_order_relaxed);
    }

    bool reserve() noexcept;
    bool open();
    Result<Step> encode_zlib(Bytes in, MutableBytes out, Mode mode);
    Result<Step> encode_br(Bytes in, MutableBytes out, Mode mode);

    Coding coding;
    std::size_t reserved = 0;
    bool zlib_open = false;
    z_stream zlib{};
    BrotliEncoderState* br = nullptr;
};

bool Encoder::Stream::reserve() noexcept {
    const std::size_t needed = coding == Coding::br ? br_memory : zlib_memory;
    if (memory_taken.fetch_add(needed, std::memory_order_relaxed) + needed <= limits::compression_memory) {
        reserved = needed;
        return true;
    }
    memory_taken.fetch_sub(needed, std::memory_order_relaxed);
    return false;
}

bool Encoder::Stream::open() {
    if (coding == Coding::br) {
        br = BrotliEncoderCreateInstance(nullptr, nullptr, nullptr);
        return br != nullptr &&
               BrotliEncoderSetParameter(br, BROTLI_PARAM_QUALITY, br_quality) == BROTLI_TRUE &&
               BrotliEncoderSetParameter(br, BROTLI_PARAM_LGWIN, br_window_bits) == BROTLI_TRUE &&
               BrotliEncoderSetParameter(br, BROTLI_PARAM_LGBLOCK, br_block_bits) == BROTLI_TRUE;
    }
    const int bits = zlib_window_bits + (coding == Coding::gzip ? zlib_gzip_header : 0);
    zlib_open =
        deflateInit2(&zlib, zlib_level, Z_DEFLATED, bits, zlib_memory_level, Z_DEFAULT_STRATEGY) == Z_OK;
    return zlib_open;
}

Result<Encoder::Step> Encoder::Stream::encode_zlib(Bytes in, MutableBytes out, Mode mode) {
    constexpr std::size_t most = std::numeric_limits<uInt>::max();
    const std::size_t given = std::min(in.size(), most);
    const std::size_t room = std::min(out.size(), most);
    if (given < in.size()) mode = Mode::more; // the rest comes with the next call
    zlib.next_in = const_cast<Bytef*>(in.data());
    zlib.avail_in = static_cast<uInt>(given);
    zlib.next_out = out.data();
    zlib.avail_out = static_cast<uInt>(room);
    const int flush = mode == Mode::finish ? Z_FINISH : mode == Mode::flush ? Z_SYNC_FLUSH : Z_NO_FLUSH;
    const int result = deflate(&zlib, flush);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) return no_memory();
    Step step;
    step.consumed = given - zlib.avail_in;
    step.produced = room - zlib.avail_out;
    // A flush is over only when it left room (zlib.h, deflate); with less than 16 bytes of it there could be
    // no end.
    step.done = step.consumed == in.size() &&
                (mode == Mode::more || (mode == Mode::flush ? zlib.avail_out > 0 : result == Z_STREAM_END));
    return step;
}

Result<Encoder::Step> Encoder::Stream::encode_br(Bytes in, MutableBytes out, Mode mode) {
    const BrotliEncoderOperation operation = mode == Mode::finish  ? BROTLI_OPERATION_FINISH
                                             : mode == Mode::flush ? BROTLI_OPERATION_FLUSH
                                                                   : BROTLI_OPERATION_PROCESS;
    std::size_t left = in.size();
    std::size_t room = out.size();
    const std::uint8_t* from = in.data();
    std::uint8_t* to = out.data();
    // It returns early where it must not mix operations; so as long as it gets somewhere.
    std::size_t before;
    do {
        before = left + room;
        if (BrotliEncoderCompressStream(br, operation, &left, &from, &room, &to, nullptr) != BROTLI_TRUE)
            return no_memory();
    } while (left + room != before && room > 0 &&
             (left > 0 || BrotliEncoderHasMoreOutput(br) == BROTLI_TRUE));
    Step step;
    step.consumed = in.size() - left;
    step.produced = out.size() - room;
    step.done = left == 0 && (mode == Mode::more || BrotliEncoderHasMoreOutput(br) == BROTLI_FALSE) &&
                (mode != Mode::finish || BrotliEncoderIsFinished(br) == BROTLI_TRUE);
    return step;
}

Encoder::Encoder(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}
Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;
Encoder::~Encoder() = default;

Result<Encoder> Encoder::create(Coding coding) {
    if (coding == Coding::identity)
        return ErrorInfo(make_error_code(errc::invalid_option), "identity needs no encoder");
    auto stream = std::make_unique<Stream>(coding);
    if (!stream->reserve() || !stream->open()) return no_memory();
    return Encoder(std::move(stream));
}

Result<Encoder::Step> Encoder::encode(Bytes in, MutableBytes out, Mode mode) {
    return stream_->coding == Coding::br ? stream_->encode_br(in, out, mode)
                                         : stream_->encode_zlib(in, out, mode);
}

} // namespace adit::inline v0::policy
