// Which endpoint a request is for.
#include "edge/http_exchange.hpp"

#include "base/url.hpp"
#include "edge/context.hpp"
#include "edge/http_visitor.hpp"

#include <algorithm>

namespace adit::inline v0::edge {
namespace {

bool is_normal(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; }

/// ":" and a port from 1 to 65535 without leading zeros, or nothing.
bool is_plain_port(std::string_view text) noexcept {
    if (text.empty()) return true;
    const std::string_view digits = text.substr(1);
    return !digits.empty() && digits.size() <= 5 && digits.front() != '0' && (digits.size() < 5 || digits < "65536") &&
           std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
}

/// The host name of a Host field; empty if no endpoint can have it.
void take_host(std::string_view authority, std::string& host) {
    const std::string_view name = authority.substr(0, authority.find(':'));
    if (std::ranges::all_of(name, is_normal) && !name.ends_with('.') && is_plain_port(authority.substr(name.size()))) {
        host = name; // nearly always
        return;
    }
    host.clear();
    const auto parts = split_host_port(authority);
    if (!parts) return;
    auto normal = normalize_host(parts->host);
    if (normal) host = std::move(*normal);
}

bool same_endpoint(const EndpointPtr& a, const EndpointPtr& b) noexcept {
    return a == b || (a && b && same_address(*a, *b));
}

} // namespace

EndpointPtr HttpExchange::look_up(std::string_view host) const {
    const EndpointTable& table = visitor_.context().endpoints;
    return visitor_.facts().https ? table.find(UrlScheme::https, host) : table.find_http(host);
}

/// The application sends what it gets to the edge again (threat T30).
HttpExchange::Route HttpExchange::circle() {
    Route found;
    found.refusal.status = 508;
    return found;
}

HttpExchange::Route HttpExchange::route() {
    const Head& head = channel_.head();
    Route found;
    if (head.method() == "CONNECT") {
        found.refusal.status = 405;
        found.refusal.detail = "CONNECT is not served here; connect to a tcp or tls endpoint.";
        return found;
    }
    const std::string_view authority = head.host().empty() ? std::string_view(visitor_.facts().server_name) : head.host();
    if (authority.empty()) {
        found.refusal.status = 400;
        found.refusal.detail = "The request names no host; send a Host field.";
        return found;
    }
    take_host(authority, host_);
    found.endpoint = host_.empty() ? nullptr : look_up(host_);
    found.refusal.number = 3200;
    found.refusal.host = authority;
    // A connection that was opened for one endpoint serves no other one (threat T9).
    const VisitorFacts& facts = visitor_.facts();
    const std::string& sni = facts.server_name;
    const bool other_name = facts.https && !sni.empty() && sni != host_ && !same_endpoint(look_up(sni), found.endpoint);
    // Nor one that asks more of its visitors, or something else, than this one was asked: he sent no name, or the endpoint
    // came online, or was bound anew with other settings, since then (threat T10).
    const bool other_terms = facts.tls && found.endpoint && found.endpoint->tls_context != facts.tls->context;
    if (other_name || other_terms) {
        found.endpoint.reset();
        found.refusal = ErrorPage();
        found.refusal.status = 421;
        found.refusal.host = authority;
        found.refusal.detail = other_name ? "The Host of the request belongs to another endpoint than the name in the TLS "
                                            "handshake; open a new connection."
                                          : "The endpoint asks for a TLS handshake of its own; open a new connection that "
                                            "names it there (SNI).";
    }
    return found;
}

} // namespace adit
