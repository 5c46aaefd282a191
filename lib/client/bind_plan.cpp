#include "client/bind_plan.hpp"

#include "base/url.hpp"
#include "client/self_description.hpp"
#include "proto/codec.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace adit::inline v0 {
namespace {

std::optional<HeadersOpts> headers(const HeaderChanges& changes) {
    if (changes.empty()) return {};
    HeadersOpts opts;
    for (const auto& [name, value] : changes.add) opts.add.push_back(name + ":" + value);
    opts.remove = changes.remove;
    return opts;
}

std::optional<MutualTlsOpts> mutual_tls(const std::vector<std::string>& texts) {
    if (texts.empty()) return {};
    MutualTlsOpts opts;
    for (const std::string& pem : texts) {
        // Without its line end a block would run into the next.
        if (!opts.mutual_tls_ca.empty() && !opts.mutual_tls_ca.ends_with('\n')) opts.mutual_tls_ca += '\n';
        opts.mutual_tls_ca += pem;
    }
    return opts;
}

HttpOpts http_opts(const Endpoint::Data& endpoint) {
    HttpOpts opts;
    opts.compression = endpoint.compression;
    opts.circuit_breaker = endpoint.circuit_breaker;
    opts.basic_auth = endpoint.basic_auth;
    opts.oauth = endpoint.oauth;
    opts.oidc = endpoint.oidc;
    opts.webhook_verification = endpoint.webhook_verification;
    opts.mutual_tls_ca = mutual_tls(endpoint.mutual_tls_ca);
    opts.request_headers = headers(endpoint.request_headers);
    opts.response_headers = headers(endpoint.response_headers);
    opts.websocket_tcp_converter = endpoint.websocket_tcp_converter;
    opts.user_agent_filter = endpoint.user_agent_filter;
    return opts;
}

/// What all three kinds have.
template <class Opts>
Opts with_common(Opts opts, const Endpoint::Data& endpoint) {
    opts.proxy_proto = static_cast<ProxyProtocolVersion>(endpoint.proxy_protocol);
    opts.ip_restriction = endpoint.ip_restriction;
    opts.traffic_policy = endpoint.traffic_policy;
    return opts;
}

BindOpts make_opts(const Endpoint::Data& endpoint, const EndpointUrl& url) {
    switch (url.scheme()) {
    case UrlScheme::tcp: {
        TcpOpts opts;
        if (!url.host().empty() || url.port()) opts.addr = join_host_port(url.host(), url.effective_port());
        return with_common(std::move(opts), endpoint);
    }
    case UrlScheme::tls: {
        TlsOpts opts;
        opts.domain = url.host();
        opts.mutual_tls_at_edge = mutual_tls(endpoint.mutual_tls_ca);
        opts.tls_termination = endpoint.tls_termination;
        return with_common(std::move(opts), endpoint);
    }
    case UrlScheme::http:
    case UrlScheme::https: break;
    }
    HttpOpts opts = http_opts(endpoint);
    opts.domain = url.host();
    return with_common(std::move(opts), endpoint);
}

BindRequest bind_request(const Endpoint::Data& endpoint, const EndpointUrl& url) {
    BindRequest request;
    request.protocol = to_string(url.scheme());
    request.forwards_to = endpoint.forwards_to.value_or(default_forwards_to());
    request.forwards_proto = endpoint.app_protocol;
    request.opts = make_opts(endpoint, url);
    request.extra.metadata = endpoint.metadata;
    request.extra.bindings = endpoint.bindings;
    request.extra.pooling_enabled = endpoint.pooling;
    request.extra.name = endpoint.name;
    request.extra.description = endpoint.description;
    return request;
}

StartTunnelWithLabelRequest label_request(const Endpoint::Data& endpoint) {
    StartTunnelWithLabelRequest request;
    request.labels.insert(endpoint.labels.begin(), endpoint.labels.end());
    request.forwards_to = endpoint.forwards_to.value_or(default_forwards_to());
    request.forwards_proto = endpoint.app_protocol;
    request.metadata = endpoint.metadata;
    return request;
}

/// The option that makes a request too large. Only these can: the others are bounded to far less.
std::string_view largest(const Endpoint::Data& endpoint) {
    const auto bytes = [](const std::vector<std::string>& texts) {
        std::size_t sum = 0;
        for (const std::string& text : texts) sum += text.size();
        return sum;
    };
    const auto headers_bytes = [&bytes](const HeaderChanges& changes) {
        std::size_t sum = bytes(changes.remove);
        for (const auto& [name, value] : changes.add) sum += name.size() + value.size();
        return sum;
    };
    const auto login_bytes = [&bytes](const auto& login) {
        return login ? bytes(login->allow_emails) + bytes(login->allow_domains) + bytes(login->scopes) : 0;
    };
    const auto& agents = endpoint.user_agent_filter;
    std::pair<std::size_t, std::string_view> sizes[] = {
        {endpoint.traffic_policy ? endpoint.traffic_policy->size() : 0, "traffic_policy"},
        {agents ? bytes(agents->allow) + bytes(agents->deny) : 0, "allow_user_agent, deny_user_agent"},
        {headers_bytes(endpoint.request_headers), "request_header"},
        {headers_bytes(endpoint.response_headers), "response_header"},
        {login_bytes(endpoint.oauth), "oauth"},
        {login_bytes(endpoint.oidc), "oidc"},
        {bytes(endpoint.mutual_tls_ca), "mutual_tls_ca"},
    };
    return std::max_element(std::begin(sizes), std::end(sizes))->second;
}

ErrorInfo useless(const BindPlan& plan, std::string_view why, std::string_view detail) {
    return {errc::protocol_error, "the edge's answer for " + plan.what + " " + std::string(why), std::string(detail)};
}

ErrorInfo refused(const BindPlan& plan, const ErrorInfo& error) {
    if (!error.message().empty()) return error;
    return {error.code(), "the edge refused " + plan.what, error.detail()};
}

} // namespace

Result<BindPlan> plan_bind(const Endpoint::Data& endpoint) {
    const Result<void> checked = check(endpoint);
    if (!checked) return checked.error();
    BindPlan plan;
    plan.backlog = endpoint.backlog;
    plan.tls = endpoint.agent_tls;
    if (endpoint.labeled) {
        plan.type = RequestType::start_tunnel_with_label;
        StartTunnelWithLabelRequest message = label_request(endpoint);
        plan.request = encode(message);
        plan.message = std::move(message);
        plan.what = "the labelled endpoint";
    } else {
        const Result<EndpointUrl> url = EndpointUrl::parse(endpoint.url);
        if (!url) return url.error();
        plan.protocol = to_string(url->scheme());
        BindRequest message = bind_request(endpoint, *url);
        plan.request = encode(message);
        plan.message = std::move(message);
        plan.what = url->to_string();
    }
    if (plan.request.size() > limits::bind_request_max) {
        return ErrorInfo(errc::invalid_option, std::string(largest(endpoint)) + ": the endpoint's options take " +
                                                   std::to_string(plan.request.size()) + " bytes, at most " +
                                                   std::to_string(limits::bind_request_max) + " are sent");
    }
    return plan;
}

std::string rebind_request(const BindPlan& plan, const Bound& bound) {
    const auto* bind = std::get_if<BindRequest>(&plan.message);
    if (bind == nullptr) return plan.request;
    BindRequest request = *bind;
    request.id = bound.id;
    request.extra.token = bound.token;
    if (bound.opts) request.opts = *bound.opts;
    return encode(request);
}

Result<Bound> read_bind_answer(const BindPlan& plan, std::string_view json, std::string& id_out) {
    Bound bound;
    if (plan.type == RequestType::start_tunnel_with_label) {
        const auto answer = decode_start_tunnel_with_label_response(json);
        if (!answer) return refused(plan, answer.error());
        id_out = bound.id = answer->id;
        return bound;
    }
    const auto answer = decode_bind_response(json);
    if (!answer) return refused(plan, answer.error());
    id_out = bound.id = answer->id;
    bound.url = answer->url;
    bound.protocol = answer->protocol;
    bound.token = answer->extra.token;
    bound.tunnel_id = answer->extra.tunnel_id;
    if (bound.protocol != plan.protocol) return useless(plan, "has another protocol", bound.protocol);
    const Result<EndpointUrl> url = EndpointUrl::parse(bound.url);
    if (!url || to_string(url->scheme()) != plan.protocol) return useless(plan, "has no such URL", bound.url);
    if (const auto* tls = std::get_if<TlsOpts>(&answer->opts)) bound.passthrough_tls = !tls->tls_termination;
    if (plan.tls && bound.passthrough_tls != true) return useless(plan, "does not pass TLS through", bound.url);
    bound.opts = answer->opts;
    return bound;
}

} // namespace adit
