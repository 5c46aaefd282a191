#include "muxado/frame.hpp"

#include <array>

namespace adit::inline v0::muxado {

namespace {
constexpr std::array<std::string_view, 16> names = {
    "no error",          "protocol error",    "internal error",    "flow control error",
    "stream closed",     "stream refused",    "stream cancelled",  "stream reset",
    "frame size error",  "accept queue full", "enhance your calm", "remote gone away",
    "streams exhausted", "write timeout",     "session closed",    "peer EOF"};
} // namespace

ErrorCode error_code_from_wire(std::uint32_t value) noexcept {
    return value < names.size() ? static_cast<ErrorCode>(value) : ErrorCode::unknown;
}

std::string_view to_string(ErrorCode code) noexcept {
    const auto value = static_cast<std::size_t>(code);
    return value < names.size() ? names[value] : std::string_view("unknown error");
}

} // namespace adit::inline v0::muxado
