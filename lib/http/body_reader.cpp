#include "http/body_reader.hpp"

#include <adit/limits.hpp>

#include <algorithm>

namespace adit::inline v0 {
namespace {

constexpr HttpError bad_size_line{400, "A chunk-size line is malformed; write hexadecimal digits and CR LF."};
constexpr HttpError line_too_long{400, "A chunk-size line is too long; leave chunk extensions out."};
constexpr HttpError bad_chunk_end{400, "A chunk is longer than its size line says."};

// Where in a chunk-size line the next byte stands. No blanks around the size: RFC 9112 7.1 has none.
enum LineState : std::uint8_t { before_size, in_size, in_extension, after_cr };

constexpr int hex_value(std::uint8_t c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

} // namespace

void BodyReader::start(Framing framing, std::uint64_t length) {
    trailers_.clear();
    left_ = 0;
    line_size_ = 0;
    line_state_ = before_size;
    switch (framing) {
    case Framing::none: phase_ = Phase::none; break;
    case Framing::length: phase_ = Phase::length, left_ = length; break;
    case Framing::chunked: phase_ = Phase::size_line; break;
    case Framing::until_close: phase_ = Phase::until_close; break;
    }
}

BodyReader::Outcome BodyReader::read(Bytes input) {
    switch (phase_) {
    case Phase::none: return {0, State::complete, {}, {}};
    case Phase::length: {
        if (left_ == 0) return {0, State::complete, {}, {}};
        const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
        if (size == 0) return {};
        left_ -= size;
        return {size, State::body, input.first(size), {}};
    }
    case Phase::until_close:
        if (input.empty()) return {};
        return {input.size(), State::body, input, {}};
    default: return read_chunked(input);
    }
}

BodyReader::Outcome BodyReader::read_chunked(Bytes input) {
    std::size_t used = 0;
    while (used < input.size()) {
        const Bytes rest = input.subspan(used);
        switch (phase_) {
        case Phase::size_line:
            if (const HttpError error = read_size_line(rest, used)) return {used, State::error, {}, error};
            break;
        case Phase::chunk: {
            const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size()));
            left_ -= size;
            if (left_ == 0) phase_ = Phase::chunk_end;
            return {used + size, State::body, rest.first(size), {}};
        }
        case Phase::chunk_end: // line_state_ is before_size, or after_cr behind the CR
            if (rest[0] != (line_state_ == after_cr ? '\n' : '\r'))
                return {used, State::error, {}, bad_chunk_end};
            phase_ = line_state_ == after_cr ? Phase::size_line : Phase::chunk_end;
            line_state_ = line_state_ == after_cr ? before_size : after_cr;
            ++used;
            break;
        default: { // trailers
            const HeadReader::Outcome outcome = trailer_reader_.read(rest, trailers_);
            used += outcome.consumed;
            if (outcome.state == HeadReader::State::need_more) return {used, State::need_more, {}, {}};
            if (outcome.state == HeadReader::State::error) return {used, State::error, {}, outcome.error};
            phase_ = Phase::none;
            return {used, State::complete, {}, {}};
        }
        }
    }
    return {used, State::need_more, {}, {}};
}

// Reads to the end of the line or of the input; adds to `used`. At the end of the line the phase is another
// one.
HttpError BodyReader::read_size_line(Bytes input, std::size_t& used) {
    for (const std::uint8_t c : input) {
        ++used;
        if (++line_size_ > limits::http_chunk_line_max) return line_too_long;
        const int digit = hex_value(c);
        if (line_state_ <= in_size && digit >= 0) {
            if (left_ >> 56 != 0) return bad_size_line; // more than anybody sends; far from an overflow
            left_ = left_ * 16 + static_cast<unsigned>(digit);
            line_state_ = in_size;
        } else if ((line_state_ == in_size || line_state_ == in_extension) && c == '\r') {
            line_state_ = after_cr;
        } else if (line_state_ == in_size && c == ';') {
            line_state_ = in_extension;
        } else if (line_state_ == in_extension && ((c >= 0x20 && c != 0x7f) || c == '\t')) {
            continue; // dropped
        } else if (line_state_ == after_cr && c == '\n') {
            line_state_ = before_size;
            line_size_ = 0;
            phase_ = left_ > 0 ? Phase::chunk : Phase::trailers;
            if (left_ == 0) trailer_reader_.reset();
            return {};
        } else {
            return bad_size_line;
        }
    }
    return {};
}

} // namespace adit
