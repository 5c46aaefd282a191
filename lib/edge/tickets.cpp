#include "edge/tickets.hpp"

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <vector>

namespace adit::inline v0::edge {
namespace {

// Authenticated with each record, so that one kind never passes for the other, nor for one of another layout.
constexpr std::string_view bind_kind = "adit bind token 1";
constexpr std::string_view client_kind = "adit client cookie 1";

/// Strings with a length of two bytes each.
std::string pack(std::initializer_list<std::string_view> fields) {
    std::string packed;
    for (const std::string_view field : fields) {
        const std::string_view kept = field.substr(0, std::numeric_limits<std::uint16_t>::max());
        packed += static_cast<char>(kept.size() >> 8);
        packed += static_cast<char>(kept.size() & 0xff);
        packed += kept;
    }
    return packed;
}

/// Exactly `count` fields, or none.
std::vector<std::string> unpack(Bytes packed, std::size_t count) {
    std::vector<std::string> fields;
    while (packed.size() >= 2 && fields.size() < count) {
        const std::size_t size = (std::size_t{packed[0]} << 8) | packed[1];
        if (packed.size() - 2 < size) return {};
        fields.emplace_back(as_text(packed.subspan(2, size)));
        packed = packed.subspan(2 + size);
    }
    if (!packed.empty() || fields.size() != count) return {};
    return fields;
}

std::vector<std::string> open_fields(const tls::Sealer& sealer, std::string_view sealed, std::string_view kind,
                                     std::size_t count) {
    const auto plain = sealer.open(sealed, as_bytes(kind));
    return plain ? unpack(*plain, count) : std::vector<std::string>();
}

} // namespace

std::string BindTicket::seal(const tls::Sealer& sealer) const {
    const std::string plain = pack({url.to_string(), credential, endpoint_id, random ? "r" : ""});
    return sealer.seal(as_bytes(plain), as_bytes(bind_kind));
}

std::optional<BindTicket> BindTicket::open(const tls::Sealer& sealer, std::string_view token) {
    const auto fields = open_fields(sealer, token, bind_kind, 4);
    if (fields.empty()) return std::nullopt;
    auto url = EndpointUrl::parse(fields[0]);
    if (!url) return std::nullopt;
    return BindTicket(std::move(*url), fields[1], fields[2], fields[3] == "r");
}

std::string ClientTicket::seal(const tls::Sealer& sealer) const {
    const std::string plain = pack({client_id, credential});
    return sealer.seal(as_bytes(plain), as_bytes(client_kind));
}

std::optional<ClientTicket> ClientTicket::open(const tls::Sealer& sealer, std::string_view cookie) {
    const auto fields = open_fields(sealer, cookie, client_kind, 2);
    if (fields.empty()) return std::nullopt;
    return ClientTicket(fields[0], fields[1]);
}

} // namespace adit
