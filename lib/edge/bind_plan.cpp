#include "edge/bind_plan.hpp"

#include "base/ip_address.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <set>
#include <type_traits>

namespace adit::inline v0::edge {
namespace {

constexpr std::size_t bind_id_max = 128;
constexpr std::size_t routes_shown = 10;

ErrorInfo refuse(int number, std::string message) { return ErrorInfo(ngrok_error(number), std::move(message)); }

/// What the agent asks for, in the fields of all SDK families (agent-protocol 3.5); "" for nothing.
std::string wanted_url(const HttpOpts& opts, const Settings& settings) {
    if (!opts.url.empty()) return opts.url;
    if (!opts.domain.empty()) return opts.domain;
    if (!opts.hostname.empty()) return opts.hostname;
    return opts.subdomain.empty() ? std::string() : opts.subdomain + "." + settings.base_domain;
}
std::string wanted_url(const TlsOpts& opts, const Settings& settings) {
    if (!opts.url.empty()) return opts.url;
    if (!opts.domain.empty()) return opts.domain;
    if (!opts.hostname.empty()) return opts.hostname;
    return opts.subdomain.empty() ? std::string() : opts.subdomain + "." + settings.base_domain;
}
std::string wanted_url(const TcpOpts& opts, const Settings&) { return opts.url.empty() ? opts.addr : opts.url; }

std::uint16_t public_port(const Settings& settings, UrlScheme scheme) {
    return scheme == UrlScheme::http ? settings.public_http_port : settings.public_https_port;
}

/// An endpoint has exactly one binding (behaviour D.1); without one its name says it. True: internal.
Result<bool> choose_binding(const BindRequest& request, const EndpointUrl& url) {
    std::set<std::string> seen;
    for (const std::string& binding : request.extra.bindings) {
        if (!seen.insert(binding).second) return refuse(15006, "the binding \"" + binding + "\" is repeated");
        if (binding == "kubernetes") {
            return refuse(15005, "the binding \"kubernetes\" is for clusters that run an operator, which this edge does not "
                                 "serve; use public or internal");
        }
        if (binding != "public" && binding != "internal")
            return refuse(15005, "the binding \"" + binding + "\" is unknown; use public or internal");
    }
    if (seen.size() > 1) return refuse(15005, "an endpoint has one binding, public or internal; make two endpoints for both");
    if (seen.contains("public") && url.is_internal())
        return refuse(331, "the name " + url.host() + " is internal; take another one for a public endpoint");
    return seen.contains("internal") || url.is_internal();
}

/// The host of a tcp endpoint; true if it is not the edge's own.
Result<bool> check_tcp(const Settings& settings, const EndpointUrl& url) {
    if (!url.port()) return refuse(9035, "the tcp endpoint needs a port; or write tcp:// for any");
    if (url.host() == settings.tcp_host.to_string() || settings.allows_host(url.host())) return false;
    if (IpAddress::parse(url.host()) || url.is_wildcard())
        return refuse(307, "the tcp host " + url.host() + " is not this edge's; use " + settings.base_domain);
    return true;
}

/// Without a range the system chooses, and an agent gets only that back: a port of its own choice could be that of another
/// service of this machine (threat T30). One whose token is of another key is an agent that binds again; it gets a new port.
Result<void> check_chosen_port(BindPlan& plan, const Settings& settings, const BindRequest& request,
                               const std::optional<BindTicket>& ticket) {
    if (settings.tcp_first_port != 0 || ticket) return {};
    if (request.extra.token.empty()) {
        return refuse(307, "this edge chooses the ports of tcp endpoints itself: write tcp:// without a port, or ask its "
                           "operator for a range of ports (tcp_ports)");
    }
    plan.url = EndpointUrl(UrlScheme::tcp, "");
    plan.random = true;
    return {};
}

/// Names of http, https and tls endpoints; the port is taken off if it is the one visitors use.
Result<EndpointUrl> check_name(const Settings& settings, const EndpointUrl& url, bool rebind) {
    const std::uint16_t port = public_port(settings, url.scheme());
    if (url.port() && *url.port() != port && !rebind) {
        return refuse(9035, "visitors reach " + std::string(to_string(url.scheme())) + " endpoints of this edge on port " +
                                std::to_string(port) + ": leave the port out");
    }
    EndpointUrl plain(url.scheme(), url.host());
    if (plain.host() == settings.base_domain) return plain;
    auto syntax = check_public(plain);
    if (!syntax) return syntax.error();
    return plain;
}

/// The URL with its scheme, for the agents' texts may leave it out.
Result<EndpointUrl> parse_wanted(const std::string& text, const std::string& protocol) {
    auto url = EndpointUrl::parse(text.find("://") == std::string::npos ? protocol + "://" + text : text);
    if (!url) return url;
    if (to_string(url->scheme()) != protocol)
        return refuse(9036, "the URL " + text + " does not fit the protocol " + protocol);
    return url;
}

Result<void> choose_url(BindPlan& plan, const Settings& settings, const BindRequest& request,
                        const std::optional<BindTicket>& ticket) {
    const std::string text = std::visit([&](const auto& opts) { return wanted_url(opts, settings); }, request.opts);
    auto wanted = parse_wanted(ticket ? ticket->url.to_string() : text, request.protocol);
    if (!wanted) return wanted.error();
    plan.url = std::move(*wanted);
    if (ticket) {
        plan.endpoint_id = ticket->endpoint_id;
        plan.random = ticket->random;
    }
    const auto internal = choose_binding(request, plan.url);
    if (!internal) return internal.error();
    if (*internal) return check_internal(plan.url);
    if (plan.url.scheme() == UrlScheme::tcp) {
        if (plan.url.host().empty()) {
            plan.random = true;
            return {};
        }
        const auto custom = check_tcp(settings, plan.url);
        if (!custom) return custom.error();
        plan.custom = *custom;
        return check_chosen_port(plan, settings, request, ticket);
    }
    if (plan.url.host().empty()) {
        plan.url = EndpointUrl(plan.url.scheme(), "");
        plan.random = true;
        return {};
    }
    // An agent that binds again names the port of its former edge, which may have had another one.
    auto name = check_name(settings, plan.url, !request.extra.token.empty());
    if (!name) return name.error();
    plan.url = std::move(*name);
    plan.custom = !settings.allows_host(plan.url.host());
    return {};
}

Result<void> take_policy(BindPlan& plan, const BindOpts& opts, WebhookCertificates* certificates) {
    auto policy = EndpointPolicy::make(opts, plan.url, certificates);
    if (!policy) return policy.error();
    plan.policy = std::move(*policy);
    const policy::TlsTermination* tls = plan.policy ? plan.policy->policy().tls() : nullptr;
    if (tls == nullptr) return {};
    plan.terminate_tls = plan.url.scheme() == UrlScheme::tls || plan.url.scheme() == UrlScheme::tcp;
    plan.tls = tls_settings(*tls);
    return {};
}

Result<void> check_texts(const BindRequest& request) {
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
    if (request.id.size() > bind_id_max || std::ranges::any_of(request.id, control))
        return ErrorInfo(errc::invalid_option, "the Id of the bind is too long or has control characters");
    if (request.extra.metadata.size() > limits::metadata_max)
        return ErrorInfo(errc::limit_exceeded, "the metadata has more than " + std::to_string(limits::metadata_max) +
                                                   " bytes");
    if (request.extra.description.size() > limits::description_max || request.extra.name.size() > limits::description_max)
        return ErrorInfo(errc::limit_exceeded, "the name or the description has more than " +
                                                   std::to_string(limits::description_max) + " bytes");
    return {};
}

Result<void> check_app_protocol(const std::string& text) {
    if (text.empty() || text == "http1" || text == "http2") return {};
    return ErrorInfo(errc::invalid_option, "the application protocol must be http1 or http2");
}

std::string to_text(const std::map<std::string, std::string>& labels) {
    std::string text = "{";
    for (const auto& [key, value] : labels) {
        if (text.size() > 1) text += ", ";
        text += key + "=" + value;
    }
    return text + "}";
}

ErrorInfo no_route(const Settings& settings, const std::map<std::string, std::string>& labels) {
    std::string message = "no route of this edge matches the labels " + to_text(labels) + "; ";
    if (settings.label_routes.empty()) return refuse(302, message + "there are no routes for labels at all");
    message += "there are routes for ";
    for (std::size_t i = 0; i < std::min(settings.label_routes.size(), routes_shown); ++i) {
        if (i != 0) message += ", ";
        message += to_text(settings.label_routes[i].labels);
    }
    if (settings.label_routes.size() > routes_shown) message += ", ...";
    return refuse(302, message);
}

} // namespace

std::string public_url(const Settings& settings, const EndpointUrl& url) {
    if (url.scheme() == UrlScheme::tcp || url.is_internal()) return url.to_string();
    return EndpointUrl(url.scheme(), url.host(), public_port(settings, url.scheme())).to_string();
}

Result<BindPlan> BindPlan::make(const Settings& settings, const BindRequest& request,
                                const std::optional<BindTicket>& ticket, WebhookCertificates* certificates) {
    BindPlan plan;
    if (auto texts = check_texts(request); !texts) return texts.error();
    if (auto app = check_app_protocol(request.forwards_proto); !app) return app.error();
    if (auto chosen = choose_url(plan, settings, request, ticket); !chosen) return chosen.error();
    if (auto policy = take_policy(plan, request.opts, certificates); !policy) return policy.error();
    plan.proxy_protocol = std::visit([](const auto& opts) { return opts.proxy_proto; }, request.opts);
    plan.bind_id = request.id;
    plan.pooled = request.extra.pooling_enabled;
    plan.app_protocol = request.forwards_proto;
    plan.forwards_to = request.forwards_to;
    plan.name = request.extra.name;
    plan.description = request.extra.description;
    plan.metadata = request.extra.metadata;
    return plan;
}

Result<std::vector<BindPlan>> BindPlan::make_labeled(const Settings& settings,
                                                     const StartTunnelWithLabelRequest& request) {
    if (auto app = check_app_protocol(request.forwards_proto); !app) return app.error();
    if (request.metadata.size() > limits::metadata_max)
        return ErrorInfo(errc::limit_exceeded, "the metadata has more than " + std::to_string(limits::metadata_max) +
                                                   " bytes");
    std::vector<BindPlan> plans;
    for (const LabelRoute& route : settings.label_routes) {
        if (!std::ranges::includes(request.labels, route.labels)) continue;
        BindPlan plan;
        plan.url = route.url;
        plan.labeled = true;
        plan.pooled = true;
        plan.app_protocol = request.forwards_proto;
        plan.forwards_to = request.forwards_to;
        plan.metadata = request.metadata;
        plan.labels = request.labels;
        plans.push_back(std::move(plan));
    }
    if (plans.empty()) return no_route(settings, request.labels);
    return plans;
}

} // namespace adit
