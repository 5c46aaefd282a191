#include "proto/json_end.hpp"

#include <algorithm>
#include <string_view>

namespace adit::inline v0 {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

} // namespace

JsonEnd::JsonEnd(std::size_t size_max, std::size_t depth_max)
    : size_max_(size_max), depth_max_(std::min<std::size_t>(depth_max, 64)) {}

Result<std::size_t> JsonEnd::feed(Bytes bytes) {
    const std::string_view text = as_text(bytes);
    const bool was_done = done();
    std::size_t used = 0;
    while (used < text.size() && done() == was_done) {
        if (size_ == size_max_)
            return ErrorInfo(errc::limit_exceeded,
                             "the message is longer than " + std::to_string(size_max_) + " bytes");
        ++size_;
        const Fault fault = take(text[used]);
        if (fault != Fault::none) return error(fault);
        ++used;
    }
    return used;
}

JsonEnd::Fault JsonEnd::take(char c) noexcept {
    switch (state_) {
    case State::in_string:
        if (c == '"')
            state_ = State::outside_string;
        else if (c == '\\')
            state_ = State::after_backslash;
        return Fault::none;
    case State::after_backslash: state_ = State::in_string; return Fault::none;
    case State::outside_string:
        switch (c) {
        case '"': state_ = State::in_string; return Fault::none;
        case '{': return open(true);
        case '[': return open(false);
        case '}': return close(true);
        case ']': return close(false);
        default: return Fault::none;
        }
    case State::before:
        if (is_space(c)) return Fault::none;
        if (c != '{') return Fault::not_object;
        state_ = State::outside_string;
        return open(true);
    case State::done: return is_space(c) ? Fault::none : Fault::trailing;
    }
    return Fault::none;
}

JsonEnd::Fault JsonEnd::open(bool object) noexcept {
    if (depth_ >= depth_max_) return Fault::depth;
    const std::uint64_t bit = std::uint64_t{1} << depth_++;
    objects_ = object ? objects_ | bit : objects_ & ~bit;
    return Fault::none;
}

JsonEnd::Fault JsonEnd::close(bool object) noexcept {
    const std::uint64_t bit = std::uint64_t{1}
                              << --depth_; // at least 1 before: outside_string is inside the object
    if (((objects_ & bit) != 0) != object) return Fault::brackets;
    if (depth_ == 0) state_ = State::done;
    return Fault::none;
}

ErrorInfo JsonEnd::error(Fault fault) const {
    switch (fault) {
    case Fault::not_object: return {errc::protocol_error, "the message is not a JSON object"};
    case Fault::brackets: return {errc::protocol_error, "the brackets of the message do not match"};
    case Fault::trailing: return {errc::protocol_error, "something follows the JSON object of the message"};
    case Fault::depth:
        return {errc::limit_exceeded,
                "the message nests deeper than " + std::to_string(depth_max_) + " levels"};
    case Fault::none: break;
    }
    return {};
}

Result<std::size_t> JsonReader::feed(Bytes bytes) {
    Result<std::size_t> used = end_.feed(bytes);
    if (used) text_ += as_text(bytes.first(*used));
    return used;
}

} // namespace adit::inline v0
