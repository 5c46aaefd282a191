#include "policy/scope.hpp"

#include "policy/actions/url_rewrite.hpp"
#include "policy/http_values.hpp"
#include "policy/template.hpp"

#include <adit/limits.hpp>

#include <algorithm>

namespace adit::inline v0::policy {
namespace {

std::size_t weight(const cel::Value& value) {
    std::size_t budget = limits::policy_vars_bytes_max;
    return fits(value, budget) ? limits::policy_vars_bytes_max - budget : limits::policy_vars_bytes_max + 1;
}

} // namespace

Scope::Scope(State& its_state, const ConnectionFacts& connection, const Scope* connect_phase)
    : state(its_state), facts(connection), parent(connect_phase), views(*this) {}

Scope::~Scope() = default;

cel::Value Scope::variable(std::size_t index) const { return views.variable(index); }

void Scope::set_result(ResultId which, std::vector<cel::Value> fields) {
    results[static_cast<std::size_t>(which)] = make_result(which, std::move(fields));
}

bool Scope::set_var(const std::string& name, cel::Value value) {
    const std::size_t size = weight(value);
    const auto known = std::ranges::find(vars, name, [](const auto& var) -> const std::string& { return var.first; });
    if (known != vars.end()) {
        vars_bytes = vars_bytes - weight(known->second) + size;
        known->second = std::move(value);
    } else {
        if (vars.size() >= limits::policy_vars_max) return false;
        vars_bytes += size;
        vars.emplace_back(name, std::move(value));
    }
    return vars_bytes <= limits::policy_vars_bytes_max;
}

void Scope::log(std::string metadata) {
    if (logs.size() >= limits::policy_logs_max || metadata.size() > limits::policy_logs_bytes_max - logs_bytes) return;
    logs_bytes += metadata.size();
    logs.push_back(LogEntry{phase, std::move(metadata)});
}

void Scope::page(int number, int status, std::string_view detail) {
    ErrorPage error;
    error.number = number;
    error.status = status;
    error.detail = detail;
    error.format = page_format(request->find("Accept").value_or(std::string_view()));
    error.version = request_facts.version;
    error.keep_alive = true;
    outcome = Outcome();
    outcome.kind = Outcome::Kind::respond;
    outcome.number = number;
    outcome.page = make_error_page(error);
    outcome.page.head.remove("Connection");
}

Flow Scope::close() {
    outcome = Outcome();
    outcome.kind = Outcome::Kind::close;
    return Flow::stop;
}

Flow Scope::fail(const ErrorInfo& error) {
    const Flow flow = is_http() ? refuse(error.code().value(), 500, error.detail()) : close();
    outcome.error = error.message();
    return flow;
}

Flow Scope::answer(Head head, std::string body) {
    const int status = head.status();
    if (status == 204 || status == 304) body.clear();
    head.set_framing(Framing::length);
    head.set_content_length(body.size());
    outcome = Outcome();
    outcome.kind = Outcome::Kind::respond;
    outcome.page.head = std::move(head);
    outcome.page.body = std::move(body);
    return Flow::stop;
}

const std::string& Scope::url() const {
    if (url_.empty()) url_ = whole_url(to_string(facts.endpoint_url.scheme()), request->host(), request->target());
    return url_;
}

void Scope::keep_original_url() {
    if (sent_url_.empty()) sent_url_ = url();
}

void Scope::request_changed() {
    url_.clear();
    query_params_.reset();
    request_cookies_.reset();
}

const UserAgent& Scope::user_agent() const {
    if (!user_agent_) user_agent_ = parse_user_agent(request->find("user-agent").value_or(std::string_view()));
    return *user_agent_;
}

const cel::Value& Scope::query_params() const {
    if (!query_params_) {
        const std::string_view target = request->target();
        const std::size_t at = target.find('?');
        query_params_ = query_value(at == std::string_view::npos ? std::string_view() : target.substr(at + 1));
    }
    return *query_params_;
}

const cel::Value& Scope::request_cookies() const {
    if (!request_cookies_) request_cookies_ = request_cookies_value(*request);
    return *request_cookies_;
}

std::string_view Scope::client_ip() const {
    if (client_ip_.empty()) client_ip_ = facts.client.address.to_string();
    return client_ip_;
}

std::string_view Scope::server_ip() const {
    if (server_ip_.empty()) server_ip_ = facts.server.address.to_string();
    return server_ip_;
}

} // namespace adit
