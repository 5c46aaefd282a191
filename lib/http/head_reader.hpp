// Collects a head (or trailers) to its empty line with strict line ends, then has llhttp read it in one piece, so that
// how the bytes were split can make no difference.
#pragma once

#include "base/bytes.hpp"
#include "http/message.hpp"

namespace adit::inline v0 {

/// Why a message was refused: the status to answer with, and a sentence that says what to do. status 0: no error.
struct HttpError {
    int status = 0;
    std::string_view text; ///< static
    explicit operator bool() const noexcept { return status != 0; }
};

class ADIT_INTERNAL HeadReader {
public:
    enum class Kind : std::uint8_t { request, response, trailers };
    enum class State : std::uint8_t { need_more, complete, error };
    struct Outcome {
        std::size_t consumed = 0;
        State state = State::need_more;
        HttpError error;
    };

    explicit HeadReader(Kind kind) noexcept : kind_(kind) {}

    /// Reads into `head`, which must be empty when a message begins. Complete: head's fields and meaning are set.
    Outcome read(Bytes input, Head& head);
    /// Trailers: the fields that may not stand there (framing, routing, hop-by-hop) are dropped.
    Outcome read(Bytes input, Fields& trailers);
    /// Some bytes of a head were read.
    bool begun() const noexcept { return begun_; }
    void reset() noexcept;

private:
    Outcome collect(Bytes input, Fields& fields);
    Outcome scan(Fields& fields);

    std::size_t scanned_ = 0;    // of the arena
    std::size_t line_begin_ = 0; // of the arena
    std::size_t lines_ = 0;
    Kind kind_;
    bool begun_ = false;
    bool blank_seen_ = false; // the one empty line that may precede a request, RFC 9112 2.2
};

} // namespace adit
