// Collects a head (or trailers) to its empty line with strict line ends, then reads it in one piece, the
// fields by llhttp, so that how the bytes were split can make no difference.
#pragma once

#include "base/bytes.hpp"
#include "http/http_error.hpp"
#include "http/message.hpp"

#include <adit/limits.hpp>

namespace adit::inline v0 {

/// How large a head may be.
struct HeadLimits {
    std::size_t bytes = limits::http_head_max;     ///< with its first line
    std::size_t fields = limits::http_headers_max; ///< lines behind that
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

    explicit HeadReader(Kind kind, HeadLimits most = {}) noexcept : limits_(most), kind_(kind) {}

    /// Reads into `head`, which must be empty when a message begins. Complete: head's fields and meaning are
    /// set.
    Outcome read(Bytes input, Head& head);
    /// Trailers: the fields that may not stand there (framing, routing, hop-by-hop) are dropped.
    Outcome read(Bytes input, Fields& trailers);
    /// Some bytes of a head were read.
    bool begun() const noexcept { return begun_; }
    HeadLimits limits() const noexcept { return limits_; }
    void reset() noexcept;

private:
    struct Grammar; // llhttp and its callbacks

    Outcome collect(Bytes input, Fields& fields);
    const HttpError* scan(const std::string& arena) noexcept;
    const HttpError* check_first(char first) const noexcept;
    const HttpError* line_done(bool empty, std::size_t next) noexcept;
    const HttpError& too_large() const noexcept;
    HttpError read_request(Head& head) const;
    HttpError read_response(Head& head) const;
    HttpError read_fields(std::string_view block, Fields& fields) const;

    HeadLimits limits_;
    // Offsets into the arena.
    std::size_t scanned_ = 0;
    std::size_t head_begin_ = 0; // behind the blank line, if there was one
    std::size_t line_begin_ = 0;
    std::size_t lines_ = 0; // complete and not empty ones
    Kind kind_;
    bool begun_ = false;
    bool complete_ = false;
};

} // namespace adit
