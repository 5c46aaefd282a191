// Pieces of JSON that pass through us without being understood, as text.
#pragma once

#include <string>
#include <utility>

namespace adit::inline v0 {

/// The members of a JSON object that this version does not know: kept when a message is decoded and written
/// back out when it is encoded again, so that an echo loses nothing. Only the decoder makes one that is not
/// empty.
class UnknownMembers {
public:
    UnknownMembers() = default;

    bool empty() const noexcept { return text_.empty(); }
    /// The text of one JSON object without spaces, `{"a":1}`; "" if there are none.
    const std::string& json() const noexcept { return text_; }
    bool operator==(const UnknownMembers&) const = default;

private:
    friend class ObjectReader; // lib/proto/object_reader.hpp
    explicit UnknownMembers(std::string text) : text_(std::move(text)) {}

    std::string text_;
};

/// One JSON value as text (for what another layer parses). Only the decoder makes one that is not `null`.
class JsonValue {
public:
    JsonValue() = default;

    const std::string& json() const noexcept { return text_; }
    bool operator==(const JsonValue&) const = default;

private:
    friend class ObjectReader;
    explicit JsonValue(std::string text) : text_(std::move(text)) {}

    std::string text_ = "null";
};

} // namespace adit::inline v0
