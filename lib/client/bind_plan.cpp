#include "client/bind_plan.hpp"

#include "base/url.hpp"
#include "client/self_description.hpp"
#include "proto/codec.hpp"

namespace adit::inline v0 {
namespace {

BindOpts make_opts(const Endpoint::Data& endpoint, const EndpointUrl& url) {
    const auto proxy_proto = static_cast<ProxyProtocolVersion>(endpoint.proxy_protocol);
    switch (url.scheme()) {
    case UrlScheme::tcp: {
        TcpOpts opts;
        if (!url.host().empty() || url.port()) opts.addr = join_host_port(url.host(), url.effective_port());
        opts.proxy_proto = proxy_proto;
        opts.traffic_policy = endpoint.traffic_policy;
        return opts;
    }
    case UrlScheme::tls: {
        TlsOpts opts;
        opts.domain = url.host();
        opts.proxy_proto = proxy_proto;
        opts.traffic_policy = endpoint.traffic_policy;
        return opts;
    }
    case UrlScheme::http:
    case UrlScheme::https: break;
    }
    HttpOpts opts;
    opts.domain = url.host();
    opts.proxy_proto = proxy_proto;
    opts.traffic_policy = endpoint.traffic_policy;
    return opts;
}

BindRequest bind_request(const Endpoint::Data& endpoint, const EndpointUrl& url) {
    BindRequest request;
    request.protocol = to_string(url.scheme());
    request.forwards_to = endpoint.forwards_to.value_or(default_forwards_to());
    request.forwards_proto = endpoint.app_protocol;
    request.opts = make_opts(endpoint, url);
    request.extra.metadata = endpoint.metadata;
    if (!endpoint.binding.empty()) request.extra.bindings.push_back(endpoint.binding);
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
        return ErrorInfo(errc::invalid_option, "traffic_policy: the endpoint's options take " +
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
    bound.opts = answer->opts;
    return bound;
}

} // namespace adit
