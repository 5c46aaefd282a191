// Takes a body out of its framing: the only place that knows where a message ends.
#pragma once

#include "http/head_reader.hpp"

namespace adit::inline v0 {

class ADIT_INTERNAL BodyReader {
public:
    enum class State : std::uint8_t { need_more, body, complete, error };
    struct Outcome {
        std::size_t consumed = 0;
        State state = State::need_more;
        Bytes body;
        HttpError error;
    };

    void start(Framing framing, std::uint64_t length);
    /// Chunk extensions are dropped; chunk-size lines are at most limits::http_chunk_line_max long (T3).
    Outcome read(Bytes input);
    /// Nothing is missing: the next read() says complete, whatever its input.
    bool done() const noexcept { return phase_ == Phase::none || (phase_ == Phase::length && left_ == 0); }
    /// The bytes ended: was that the end of the body?
    bool ends_at_close() const noexcept { return phase_ == Phase::until_close; }
    const Fields& trailers() const noexcept { return trailers_; }
    void release_memory() noexcept { trailers_.release(); }

private:
    enum class Phase : std::uint8_t { none, length, until_close, size_line, chunk, chunk_end, trailers };
    Outcome read_chunked(Bytes input);
    HttpError read_size_line(Bytes input, std::size_t& used);

    std::uint64_t left_ = 0; // of the body or of the chunk
    Fields trailers_;
    HeadReader trailer_reader_{HeadReader::Kind::trailers, HeadLimits{limits::http_trailers_max}};
    std::uint16_t line_size_ = 0;
    Phase phase_ = Phase::none;
    std::uint8_t line_state_ = 0;
};

} // namespace adit
