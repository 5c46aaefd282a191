// What the edge gives agents to carry for it: sealed records that a restarted edge, or another node with the same key,
// reads again. An agent can neither read nor make one.
#pragma once

#include "base/result.hpp"
#include "base/url.hpp"
#include "tls/crypto.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace adit::inline v0::edge {

/// The token of a bind: which URL and endpoint id its credential gets back.
class BindTicket {
public:
    BindTicket() = default;
    BindTicket(EndpointUrl u, std::string who, std::string endpoint, bool chosen_by_edge)
        : url(std::move(u)), credential(std::move(who)), endpoint_id(std::move(endpoint)), random(chosen_by_edge) {}

    std::string seal(const tls::Sealer& sealer) const;
    /// nullopt for anything that this key did not seal as a bind token.
    static std::optional<BindTicket> open(const tls::Sealer& sealer, std::string_view token);

    EndpointUrl url;
    std::string credential;
    std::string endpoint_id;
    bool random = false;
};

/// The cookie of a session: which client id its credential gets back.
class ClientTicket {
public:
    ClientTicket() = default;
    ClientTicket(std::string client, std::string who) : client_id(std::move(client)), credential(std::move(who)) {}

    std::string seal(const tls::Sealer& sealer) const;
    static std::optional<ClientTicket> open(const tls::Sealer& sealer, std::string_view cookie);

    std::string client_id;
    std::string credential;
};

} // namespace adit
