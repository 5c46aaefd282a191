// Finds the end of one JSON object in a stream: agents send no FIN behind a request (agent-protocol 3.1).
#pragma once

#include <adit/config.hpp>
#include <adit/limits.hpp>

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace adit::inline v0 {

/// Looks at brackets and quotes only, every byte once whatever the pieces; whether the object is valid JSON
/// is for the decoder to say.
class ADIT_INTERNAL JsonEnd {
public:
    explicit JsonEnd(std::size_t size_max = limits::rpc_message_max,
                     std::size_t depth_max = limits::json_depth_max);

    /// Takes bytes; returns how many of them were used up: all of them until the object is complete, then up
    /// to and including its last brace. White space in front counts as part of it. Once done(), only white
    /// space may follow (Go's newline): it is used up too, anything else is an error. Errors:
    /// errc::protocol_error (not an object, wrong bracket), errc::limit_exceeded (size, depth); call it no
    /// more after one.
    Result<std::size_t> feed(Bytes bytes);
    bool done() const noexcept { return state_ == State::done; }

private:
    enum class State : std::uint8_t { before, outside_string, in_string, after_backslash, done };

    enum class Fault : std::uint8_t { none, not_object, brackets, depth, trailing };

    Fault take(char c) noexcept;
    Fault open(bool object) noexcept;
    Fault close(bool object) noexcept;
    ErrorInfo error(Fault fault) const;

    std::size_t size_max_;
    std::size_t depth_max_;
    std::size_t size_ = 0;
    std::size_t depth_ = 0;
    std::uint64_t objects_ = 0; // one bit a level: it is an object, not an array
    State state_ = State::before;
};

/// JsonEnd that keeps the text.
class ADIT_INTERNAL JsonReader {
public:
    explicit JsonReader(std::size_t size_max = limits::rpc_message_max,
                        std::size_t depth_max = limits::json_depth_max)
        : end_(size_max, depth_max) {}

    /// As JsonEnd::feed().
    Result<std::size_t> feed(Bytes bytes);
    bool done() const noexcept { return end_.done(); }
    /// What came so far; after done() exactly the object and white space around it.
    const std::string& text() const noexcept { return text_; }

private:
    JsonEnd end_;
    std::string text_;
};

} // namespace adit::inline v0
