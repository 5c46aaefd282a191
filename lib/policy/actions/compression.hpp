// Compressing responses (behaviour C.2 compress-response): what may be compressed, by what, and the bytes.
//
// It happens only where a policy or a bind asks for it. Compressing an answer that holds both a secret and
// something that an attacker chose tells the secret by the answer's length (BREACH, threat T28), and an edge
// cannot know which answers do. Who asks for it decides it for their application, as with every reverse
// proxy; the application keeps an answer out of it by `Cache-Control: no-transform`, the policy by an
// expression of the rule.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "http/message.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace adit::inline v0::policy {

enum class Coding : std::uint8_t { identity, gzip, deflate, br };

/// "gzip", "deflate", "br", "identity".
std::string_view to_string(Coding coding) noexcept;
/// The coding of that name without case; nullopt for others ("compress", which nobody accepts, too).
std::optional<Coding> coding_of(std::string_view name) noexcept;

/// The coding of `offered` that the request's Accept-Encoding likes most (RFC 9110 12.5.3), among equal ones
/// the first of `offered`; identity if it likes none of them, or has none. An element that cannot be read
/// counts as not there.
Coding negotiate_coding(const Fields& request, std::span<const Coding> offered) noexcept;

/// Why a response stays as it is; `none` if it may be compressed.
enum class CompressionVeto : std::uint8_t {
    none,
    no_body,         ///< HEAD, 1xx, 204, 304, CONNECT, an upgrade, Content-Length: 0
    already_encoded, ///< Content-Encoding
    no_transform,    ///< Cache-Control: no-transform
    range,           ///< 206 or Content-Range: its bytes are counted
    content_type,    ///< images, video, archives: compressed already
    too_small,       ///< less than limits::compression_min bytes
    no_memory,       ///< too many are compressed at the moment
};
CompressionVeto compression_veto(std::string_view request_method, const Head& response) noexcept;

/// Compresses one body in bounded memory: 0.3 MB for gzip and deflate, 2 MB at most for br. Those of the whole program have
/// limits::compression_memory. Not thread-safe.
class Encoder {
public:
    enum class Mode : std::uint8_t {
        more,   ///< may keep bytes back
        flush,  ///< everything that was fed comes out
        finish, ///< and the end
    };
    struct Step {
        std::size_t consumed = 0;
        std::size_t produced = 0;
        /// `mode` is reached: all is consumed, and for flush and finish all is out. Else call again with the
        /// rest of the input, more room and the same mode.
        bool done = false;
    };

    /// Not for identity. errc::limit_exceeded if there are too many, or there is no memory. From any thread.
    static Result<Encoder> create(Coding coding);
    Encoder(Encoder&&) noexcept;
    Encoder& operator=(Encoder&&) noexcept;
    ~Encoder();

    /// Takes from `in`, fills `out`, which must have room for 16 bytes; keeps no reference to either.
    /// errc::limit_exceeded if memory ends: only the destructor may be called then.
    Result<Step> encode(Bytes in, MutableBytes out, Mode mode);

private:
    struct Stream;
    explicit Encoder(std::unique_ptr<Stream> stream);
    std::unique_ptr<Stream> stream_;
};

/// How a response goes on after its head was changed for it.
struct CompressionPlan {
    Coding coding = Coding::identity; ///< identity: leave the body alone
    std::optional<Encoder> encoder;   ///< set for all others
    CompressionVeto veto = CompressionVeto::none;
    /// Encode each piece with Mode::flush, because nobody knows when the next one comes: without
    /// Content-Length, and text/event-stream and its like. It costs some 5 bytes a piece.
    bool flush_each_piece = false;
};
/// Decides, and changes the response for the coding: Content-Encoding, Vary, no Content-Length (its framing
/// is chunked then), a weak ETag, no Accept-Ranges and no digests of the old bytes. Vary is added too where
/// only the visitor's wish, or our memory, kept the response as it is. To be called before apply_response_rules().
CompressionPlan plan_compression(const Head& request, Head& response, std::span<const Coding> offered);

} // namespace adit::inline v0::policy
