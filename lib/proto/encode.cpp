#include "proto/codec.hpp"
#include "base/hex.hpp"
#include "proto/object_writer.hpp"
#include "proto/rpc_error.hpp"

#include <array>
#include <cmath>

namespace adit::inline v0 {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd"; // U+FFFD

// Length of the well-formed UTF-8 sequence at the start of `text` (RFC 3629), 0 if there is none.
std::size_t utf8_length(std::string_view text) {
    const auto at = [text](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
    };
    const auto tail = [&at](std::size_t i) { return (at(i) & 0xc0) == 0x80; };
    const unsigned lead = at(0);
    if (lead < 0x80) return 1;
    if (lead >= 0xc2 && lead <= 0xdf) return tail(1) ? 2 : 0;
    if (lead >= 0xe0 && lead <= 0xef) {
        if ((lead == 0xe0 && at(1) < 0xa0) || (lead == 0xed && at(1) > 0x9f)) return 0;
        return tail(1) && tail(2) ? 3 : 0;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        if ((lead == 0xf0 && at(1) < 0x90) || (lead == 0xf4 && at(1) > 0x8f)) return 0;
        return tail(1) && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

void append_escaped(std::string& out, char c) {
    switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
    }
    append_hex(out.append("\\u00"), static_cast<std::uint8_t>(c));
}

template <class T>
std::string write(const T& message) {
    std::string out;
    ObjectWriter writer(out);
    describe(writer, message);
    writer.finish();
    return out;
}

} // namespace

bool is_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        const char c = text.front();
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
        const std::size_t length = plain ? 1 : utf8_length(text);
        if (plain || length > 1)
            out += text.substr(0, length);
        else if (length == 1)
            append_escaped(out, c);
        else
            out += replacement;
        text.remove_prefix(length == 0 ? 1 : length);
    }
    out += '"';
}

void append_json_number(std::string& out, double value) {
    std::array<char, 32> digits{};
    const auto [end, error] =
        std::to_chars(digits.data(), digits.data() + digits.size(), std::isfinite(value) ? value : 0.0);
    out.append(digits.data(), end);
}

std::string encode(const AuthRequest& message) { return write(message); }
std::string encode(const BindRequest& message) { return write(message); }
std::string encode(const StartTunnelWithLabelRequest& message) { return write(message); }
std::string encode(const UnbindRequest& message) { return write(message); }
std::string encode(const SrvInfoRequest& message) { return write(message); }
std::string encode(const PatchTunnelStateRequest& message) { return write(message); }
std::string encode(const StopRequest& message) { return write(message); }
std::string encode(const RestartRequest& message) { return write(message); }
std::string encode(const UpdateRequest& message) { return write(message); }
std::string encode(const StopTunnelRequest& message) { return write(message); }
std::string encode(const AuthResponse& message) { return write(message); }
std::string encode(const BindResponse& message) { return write(message); }
std::string encode(const StartTunnelWithLabelResponse& message) { return write(message); }
std::string encode(const SrvInfoResponse& message) { return write(message); }
std::string encode(const EmptyResponse& message) { return write(message); }

std::string encode(const ProxyHeader& header) {
    const std::string json = write(header);
    std::string out;
    for (unsigned i = 0; i < 8; ++i)
        out += static_cast<char>(static_cast<std::uint64_t>(json.size()) >> (8 * i));
    return out + json;
}

std::string encode_error(int number, std::string_view message) {
    std::string out = "{\"Error\":";
    append_json_string(out, format_rpc_error(number, message));
    return out + "}";
}

std::string encode_error(const ErrorInfo& error) {
    if (error.code().category() == ngrok_category())
        return encode_error(error.code().value(), error.message());
    return encode_error(0, error.message().empty() ? error.code().message() : error.message());
}

BindResponse::BindResponse(const BindRequest& request, std::string bind_id, std::string bind_url,
                           std::string token)
    : id(std::move(bind_id)), url(std::move(bind_url)), protocol(request.protocol), opts(request.opts) {
    std::visit([this](auto& chosen) { chosen.url = url; }, opts);
    extra.token = std::move(token);
}

} // namespace adit::inline v0
