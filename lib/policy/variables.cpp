#include "policy/variables.hpp"

#include "policy/functions.hpp"
#include "policy/http_values.hpp"
#include "policy/scope.hpp"

#include <utility>

namespace adit::inline v0::policy {
namespace {

using cel::Type;
using cel::Value;

Value text(std::string_view view) { return Value::borrowed_string(view); }

std::int64_t to_signed(std::uint64_t count) noexcept { return static_cast<std::int64_t>(count); }

Type string_list() { return Type::list(Type::string()); }
Type string_map() { return Type::map(Type::string(), Type::string()); }
Type list_map() { return Type::map(Type::string(), string_list()); }

const Shape& actions_shape() {
    static const Shape shape("actions", {{"ngrok", Type::object(results_shape().type),
                                          [](const Scope& s) { return s.views.results.value(); }}});
    return shape;
}

// --- the connection

template <class Get>
Value of_tls(const Scope& scope, Get&& get) {
    return scope.facts.tls ? get(*scope.facts.tls) : Value();
}

const Shape& tls_shape() {
    static const Shape shape(
        "conn.tls",
        {{"cipher_suite", Type::string(),
          [](const Scope& s) { return of_tls(s, [](const TlsFacts& tls) { return text(tls.cipher_suite); }); }},
         {"negotiated_alpn", Type::string(),
          [](const Scope& s) { return of_tls(s, [](const TlsFacts& tls) { return text(tls.alpn); }); }},
         {"session_resumed", Type::boolean(),
          [](const Scope& s) { return of_tls(s, [](const TlsFacts& tls) { return Value::boolean(tls.resumed); }); }},
         {"sni", Type::string(),
          [](const Scope& s) { return of_tls(s, [](const TlsFacts& tls) { return text(tls.sni); }); }},
         {"version", Type::string(),
          [](const Scope& s) { return of_tls(s, [](const TlsFacts& tls) { return text(tls.version); }); }},
         {"client", Type::object(certificate_type()),
          [](const Scope& s) { return of_tls(s, [](const TlsFacts& tls) { return certificate_value(tls.client); }); }},
         {"server", Type::object(certificate_type()),
          [](const Scope& s) { return of_tls(s, [](const TlsFacts& tls) { return certificate_value(tls.server); }); }}});
    return shape;
}
const Shape& conn_ts_shape() {
    static const Shape shape("conn.ts",
                             {{"start", Type::timestamp(), [](const Scope& s) { return timestamp_value(s.facts.start); }}});
    return shape;
}
const Shape& conn_shape() {
    static const Shape shape(
        "conn",
        {{"bytes_in", Type::integer(), [](const Scope& s) { return Value::integer(to_signed(s.facts.bytes_in)); }},
         {"bytes_out", Type::integer(), [](const Scope& s) { return Value::integer(to_signed(s.facts.bytes_out)); }},
         {"client_ip", Type::string(), [](const Scope& s) { return text(s.client_ip()); }},
         {"client_port", Type::integer(), [](const Scope& s) { return Value::integer(s.facts.client.port); }},
         {"server_ip", Type::string(), [](const Scope& s) { return text(s.server_ip()); }},
         {"server_port", Type::integer(), [](const Scope& s) { return Value::integer(s.facts.server.port); }},
         {"server_region", Type::string(), [](const Scope& s) { return text(s.facts.region); }},
         {"ts", Type::object(conn_ts_shape().type), [](const Scope& s) { return s.views.conn_ts.value(); }},
         {"tls", Type::object(tls_shape().type), [](const Scope& s) { return s.views.conn_tls.value(); }},
         // as documents of the second version call it
         {"ClientIP", Type::string(), [](const Scope& s) { return text(s.client_ip()); }}});
    return shape;
}

const Shape& endpoint_shape() {
    static const Shape shape(
        "endpoint",
        {{"addr", Type::string(),
          [](const Scope& s) {
              return Value::string(join_host_port(s.facts.endpoint_url.host(), s.facts.endpoint_url.effective_port()));
          }},
         {"host", Type::string(), [](const Scope& s) { return text(s.facts.endpoint_url.host()); }},
         {"id", Type::string(), [](const Scope& s) { return text(s.facts.endpoint_id); }},
         {"port", Type::integer(), [](const Scope& s) { return Value::integer(s.facts.endpoint_url.effective_port()); }},
         {"protocol", Type::string(), [](const Scope& s) { return text(to_string(s.facts.endpoint_url.scheme())); }},
         {"url", Type::string(), [](const Scope& s) { return Value::string(s.facts.endpoint_url.to_string()); }}});
    return shape;
}

const Shape& time_shape() {
    static const Shape shape("time", {{"now", Type::string(), [](const Scope& s) { return Value::string(cel::to_text(timestamp_value(s.now.wall))); }}});
    return shape;
}

// --- the request

std::string_view version_text(HttpVersion version) noexcept {
    switch (version) {
    case HttpVersion::http10: return "HTTP/1.0";
    case HttpVersion::http11: return "HTTP/1.1";
    case HttpVersion::http2: return "HTTP/2.0";
    }
    return "";
}

template <class Get>
Value of_head(const Head* head, Get&& get) {
    return head != nullptr ? get(*head) : Value();
}
Value field_text(const Head* head, std::string_view name) {
    return of_head(head, [&](const Head& h) { return text(h.find(name).value_or(std::string_view())); });
}
Value content_length(const Head* head) {
    if (head == nullptr || !head->content_length()) return {};
    return Value::integer(to_signed(*head->content_length()));
}

/// Between "https://" and the path.
std::string_view target_path(const Scope& scope) { return scope.request->target(); }
std::string_view path_part(std::string_view target) { return target.substr(0, target.find('?')); }
std::string_view query_part(std::string_view target) {
    const std::size_t at = target.find('?');
    return at == std::string_view::npos ? std::string_view() : target.substr(at + 1);
}
std::string_view scheme(const Scope& s) { return to_string(s.facts.endpoint_url.scheme()); }
/// Without the port.
std::string_view host_name(std::string_view authority) {
    const std::size_t at = authority.rfind(':');
    if (at == std::string_view::npos || authority.find(']', at) != std::string_view::npos) return authority;
    return authority.substr(0, at);
}
std::int64_t host_port(const Scope& s) {
    const std::string_view authority = s.request->host();
    const std::string_view name = host_name(authority);
    if (name.size() == authority.size()) return default_port(s.facts.endpoint_url.scheme());
    std::int64_t port = 0;
    for (const char c : authority.substr(name.size() + 1)) port = port * 10 + (c - '0');
    return port;
}

const Shape& url_shape() {
    static const Shape shape(
        "req.url",
        {{"authority", Type::string(), [](const Scope& s) { return text(s.request->host()); }},
         {"host", Type::string(), [](const Scope& s) { return text(host_name(s.request->host())); }},
         {"path", Type::string(),
          [](const Scope& s) { return Value::string(percent_decode(path_part(target_path(s)), false)); }},
         {"port", Type::integer(), [](const Scope& s) { return Value::integer(host_port(s)); }},
         {"query", Type::string(), [](const Scope& s) { return text(query_part(target_path(s))); }},
         {"query_params", list_map(), [](const Scope& s) { return s.query_params(); }},
         {"raw", Type::string(), [](const Scope& s) { return text(s.url()); }},
         {"raw_path", Type::string(), [](const Scope& s) { return text(path_part(target_path(s))); }},
         {"scheme", Type::string(), [](const Scope& s) { return text(scheme(s)); }},
         {"uri", Type::string(), [](const Scope& s) { return text(target_path(s)); }},
         {"user_password", Type::string(), [](const Scope&) { return text(""); }}},
        true);
    return shape;
}

const Shape& content_type_shape(bool response) {
    static const auto make = [](const char* name, auto head) {
        return new Shape(name,
                         {{"parameters", string_map(),
                           [](const Scope& s) {
                               const Head* h = decltype(head)()(s);
                               return media_type_parameters(h->find("content-type").value_or(std::string_view()));
                           }},
                          {"raw", Type::string(),
                           [](const Scope& s) { return field_text(decltype(head)()(s), "content-type"); }}},
                         true);
    };
    static const Shape& of_request = *make("req.content_type", [](const Scope& s) { return s.request; });
    static const Shape& of_response = *make("res.content_type", [](const Scope& s) { return s.response; });
    return response ? of_response : of_request;
}

const Shape& user_agent_shape() {
    static const Shape shape(
        "req.user_agent",
        {{"name", Type::string(), [](const Scope& s) { return text(s.user_agent().name); }},
         {"version", Type::string(), [](const Scope& s) { return text(s.user_agent().version); }},
         {"os", Type::string(), [](const Scope& s) { return text(s.user_agent().os); }},
         {"os_version", Type::string(), [](const Scope& s) { return text(s.user_agent().os_version); }},
         {"device", Type::string(), [](const Scope& s) { return text(s.user_agent().device); }},
         {"is_mobile", Type::boolean(), [](const Scope& s) { return Value::boolean(s.user_agent().is_mobile); }},
         {"is_tablet", Type::boolean(), [](const Scope& s) { return Value::boolean(s.user_agent().is_tablet); }},
         {"is_desktop", Type::boolean(), [](const Scope& s) { return Value::boolean(s.user_agent().is_desktop); }},
         {"is_bot", Type::boolean(), [](const Scope& s) { return Value::boolean(s.user_agent().is_bot); }},
         {"url", Type::string(), [](const Scope& s) { return text(s.user_agent().url); }}},
        true);
    return shape;
}

const Shape& req_ts_shape() {
    static const Shape shape(
        "req.ts",
        {{"body_received", Type::timestamp(),
          [](const Scope& s) { return s.body_received ? timestamp_value(*s.body_received) : Value(); }},
         {"header_received", Type::timestamp(), [](const Scope& s) { return timestamp_value(s.head_received); }}});
    return shape;
}

Value empty_map() { return Value::map(std::vector<std::pair<Value, Value>>()); }

const Shape& req_shape() {
    static const Shape shape(
        "req",
        {{"content_encoding", string_list(), [](const Scope& s) { return list_header_value(*s.request, "content-encoding"); }},
         {"content_length", Type::integer(), [](const Scope& s) { return content_length(s.request); }},
         {"content_type", Type::object(content_type_shape(false).type),
          [](const Scope& s) {
              return Value::borrowed_string(media_type(s.request->find("content-type").value_or(std::string_view())),
                                            s.views.req_content_type);
          }},
         {"cookies", Type::map(Type::string(), Type::list(Type::object(request_cookie_type()))),
          [](const Scope& s) { return s.request_cookies(); }},
         {"headers", list_map(), [](const Scope& s) { return headers_value(*s.request); }},
         {"host", Type::string(), [](const Scope& s) { return text(s.request->host()); }},
         {"location", Type::string(), [](const Scope& s) { return field_text(s.request, "location"); }},
         {"method", Type::string(), [](const Scope& s) { return text(s.request->method()); }},
         {"trailers", list_map(), [](const Scope&) { return empty_map(); }},
         {"ts", Type::object(req_ts_shape().type), [](const Scope& s) { return s.views.req_ts.value(); }},
         {"url", Type::object(url_shape().type),
          [](const Scope& s) { return Value::borrowed_string(s.url(), s.views.req_url); }},
         {"user_agent", Type::object(user_agent_shape().type),
          [](const Scope& s) {
              return Value::borrowed_string(s.request->find("user-agent").value_or(std::string_view()), s.views.user_agent);
          }},
         {"version", Type::string(), [](const Scope& s) { return text(version_text(s.request_facts.version)); }},
         // as documents of the second version call them
         {"Method", Type::string(), [](const Scope& s) { return text(s.request->method()); }},
         {"Host", Type::string(), [](const Scope& s) { return text(s.request->host()); }},
         {"Headers", list_map(), [](const Scope& s) { return headers_value(*s.request); }},
         {"URL", Type::string(), [](const Scope& s) { return text(s.url()); }}});
    return shape;
}

// --- the response

const Shape& res_shape() {
    static const Shape shape(
        "res",
        {{"content_encoding", string_list(), [](const Scope& s) { return list_header_value(*s.response, "content-encoding"); }},
         {"content_length", Type::integer(), [](const Scope& s) { return content_length(s.response); }},
         {"content_type", Type::object(content_type_shape(true).type),
          [](const Scope& s) {
              return Value::borrowed_string(media_type(s.response->find("content-type").value_or(std::string_view())),
                                            s.views.res_content_type);
          }},
         {"cookies", Type::map(Type::string(), Type::list(Type::object(response_cookie_type()))),
          [](const Scope& s) { return response_cookies_value(*s.response); }},
         {"headers", list_map(), [](const Scope& s) { return headers_value(*s.response); }},
         {"location", Type::string(), [](const Scope& s) { return field_text(s.response, "location"); }},
         {"status_code", Type::integer(), [](const Scope& s) { return Value::integer(s.response->status()); }},
         {"trailers", list_map(), [](const Scope&) { return empty_map(); }},
         // as documents of the second version call them
         {"StatusCode", Type::string(), [](const Scope& s) { return Value::string(std::to_string(s.response->status())); }},
         {"Headers", list_map(), [](const Scope& s) { return headers_value(*s.response); }}});
    return shape;
}

cel::Environment make_environment(Phase phase) {
    cel::Environment made;
    made.declare("conn", Type::object(conn_shape().type));
    made.declare("endpoint", Type::object(endpoint_shape().type));
    made.declare("time", Type::object(time_shape().type));
    made.declare("vars", Type::map(Type::string(), Type::dyn()));
    made.declare("actions", Type::object(actions_shape().type));
    if (phase != Phase::tcp_connect) {
        made.declare("req", Type::object(req_shape().type));
        add_request_functions(made);
    }
    if (phase == Phase::http_response) {
        made.declare("res", Type::object(res_shape().type));
        add_response_functions(made);
    }
    return made;
}

} // namespace

Shape::Shape(std::string name, std::vector<Field> fields, bool is_text) : type(std::move(name), is_text) {
    for (const Field& field : fields) {
        type.add(field.name, field.type);
        gets.push_back(field.get);
    }
}

const cel::Environment& environment_of(Phase phase) {
    static const std::array<cel::Environment, 3> all = {
        make_environment(Phase::tcp_connect), make_environment(Phase::http_request), make_environment(Phase::http_response)};
    return all[static_cast<std::size_t>(phase)];
}

std::string missing_data_hint(std::string_view expression) {
    struct Gap {
        std::string_view name, what;
    };
    static constexpr Gap gaps[] = {
        {"conn.geo", "conn.geo.*"},
        {".geo.", "the geo data of addresses"},
        {"_ip.categories", "the categories of addresses"},
        {"_ip.as.", "the networks of addresses (as.*)"},
        {"is_on_blocklist", "blocklists"},
        {"is_tor_node", "Tor's nodes"},
        {"ja4_fingerprint", "conn.tls.ja4_fingerprint"},
        {"conn.k8s", "Kubernetes"},
        {"secrets.get", "vaults and secrets"},
    };
    for (const Gap& gap : gaps) {
        if (expression.find(gap.name) != std::string_view::npos)
            return "; this edge has no data for " + std::string(gap.what);
    }
    return {};
}

std::size_t VarsView::size() const { return scope_.vars.size(); }

std::optional<Value> VarsView::find(const Value& key) const {
    if (!key.is(cel::Kind::string)) return {};
    for (const auto& [name, value] : scope_.vars) {
        if (name == key.as_text()) return value;
    }
    return {};
}

std::vector<Value> VarsView::keys() const {
    std::vector<Value> names;
    for (const auto& [name, value] : scope_.vars) names.push_back(text(name));
    return names;
}

Views::Views(const Scope& s) noexcept
    : conn(conn_shape(), s), conn_ts(conn_ts_shape(), s), conn_tls(tls_shape(), s), endpoint(endpoint_shape(), s),
      time(time_shape(), s), actions(actions_shape(), s), results(results_shape(), s), req(req_shape(), s),
      req_ts(req_ts_shape(), s), req_url(url_shape(), s), req_content_type(content_type_shape(false), s),
      user_agent(user_agent_shape(), s), res(res_shape(), s), res_content_type(content_type_shape(true), s), vars(s) {}

Value Views::variable(std::size_t index) const {
    switch (index) {
    case var_conn: return conn.value();
    case var_endpoint: return endpoint.value();
    case var_time: return time.value();
    case var_vars: return Value::borrowed(vars);
    case var_actions: return actions.value();
    case var_req: return req.value();
    case var_res: return res.value();
    default: return {};
    }
}

} // namespace adit
