#include "http2/convert.hpp"

#include "base/base64.hpp"

#include <utility>

namespace adit::inline v0::http2 {

bool make_upgrade(Head& request, std::string_view protocol, std::span<const std::uint8_t, 16> nonce) {
    if (!is_token(protocol) || iequals(protocol, "h2c") || iequals(protocol, "h2")) return false;
    Head upgraded = Head::request("GET", request.target(), HttpVersion::http2);
    const bool websocket = iequals(protocol, "websocket");
    for (const Field& field : request) {
        if (websocket && iequals(field.name, "sec-websocket-key")) continue;
        upgraded.add(field.name, field.value);
    }
    upgraded.add(FieldId::upgrade, protocol);
    if (websocket) upgraded.add("Sec-WebSocket-Key", base64_encode(as_text(nonce)));
    upgraded.set_upgrade(true);
    request = std::move(upgraded);
    return true;
}

} // namespace adit
