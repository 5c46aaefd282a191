#include "edge/tls_facts.hpp"

namespace adit::inline v0::edge {

std::shared_ptr<const TlsFacts> TlsFacts::of(const tls::Engine& engine,
                                             std::shared_ptr<const tls::ServerContext> context) {
    const auto facts = std::make_shared<TlsFacts>();
    facts->version = engine.version();
    facts->cipher = engine.cipher();
    facts->alpn = engine.alpn();
    facts->server_name = engine.server_name();
    facts->resumed = engine.resumed();
    facts->server = engine.identity();
    const bool asked = context && context->client_auth() != tls::ClientAuth::none;
    facts->context = std::move(context);
    const auto shown = asked ? engine.peer_certificate() : std::nullopt;
    if (!shown) return facts;
    auto client = tls::certificate_facts(shown->chain_pem);
    if (!client) return facts; // the handshake would have failed on it
    facts->client_verified = shown->verified;
    facts->fields = tls::certificate_fields(*client, shown->verified);
    facts->client = std::make_shared<const tls::CertificateFacts>(std::move(*client));
    return facts;
}

} // namespace adit::inline v0::edge
