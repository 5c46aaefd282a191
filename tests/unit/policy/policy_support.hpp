// A visitor, his request and the application's answer, for the tests of the engine.
#pragma once

#include "policy/modules.hpp"
#include "policy/run.hpp"
#include "support/doctest.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace policy_test {

using namespace adit;
using namespace std::chrono_literals;
using policy::CompileOptions;
using policy::Outcome;
using policy::Phase;
using policy::Policy;
using Kind = policy::Outcome::Kind;

/// "2203 line 7, column 9: ..." of a refused document; "" if it compiles.
inline std::string error_text(const ErrorInfo& error) {
    return std::to_string(error.code().value()) + " " + error.message();
}
inline std::string refusal(std::string_view text, const CompileOptions& options = {}) {
    const auto made = Policy::compile(text, options);
    return made ? std::string() : error_text(made.error());
}

inline std::shared_ptr<const Policy> compiled(std::string_view text, const CompileOptions& options = {}) {
    auto made = Policy::compile(text, options);
    if (!made) FAIL(error_text(made.error()));
    return *made;
}

/// "name: value" of every field, one a line.
inline std::string lines_of(const Fields& fields) {
    std::string out;
    for (const Field& field : fields) out.append(field.name).append(": ").append(field.value) += '\n';
    return out;
}

inline policy::Moment at(std::chrono::milliseconds time) {
    return {std::chrono::system_clock::time_point(1'700'000'000s) + time, std::chrono::steady_clock::time_point(1000s) + time};
}

using Headers = std::vector<std::pair<std::string, std::string>>;

inline Head request_head(std::string_view method, std::string_view target, const Headers& headers = {}) {
    Head head = Head::request(method, target);
    bool has_host = false;
    for (const auto& [name, value] : headers) has_host = has_host || iequals(name, "host");
    if (!has_host) head.add(FieldId::host, "app.example.com");
    for (const auto& [name, value] : headers) head.add(name, value);
    return head;
}

inline Head response_head(int status, const Headers& headers = {}, std::optional<std::uint64_t> length = {}) {
    Head head = Head::response(status);
    for (const auto& [name, value] : headers) head.add(name, value);
    if (length) head.add(FieldId::content_length, std::to_string(*length));
    head.set_content_length(length);
    head.set_framing(length ? Framing::length : Framing::chunked);
    return head;
}

/// One endpoint with a policy.
class Endpoint {
public:
    explicit Endpoint(std::string_view text, CompileOptions options = {}) : Endpoint(compiled(text, options), options) {}
    Endpoint(std::shared_ptr<const Policy> policy, CompileOptions options)
        : state(std::make_shared<policy::State>(policy)) {
        facts.client = IpEndpoint(*IpAddress::parse("203.0.113.9"), 51234);
        facts.server = IpEndpoint(*IpAddress::parse("198.51.100.1"), 443);
        facts.start = at(0ms).wall;
        facts.region = "eu";
        facts.endpoint_id = "ep_1";
        facts.endpoint_url = EndpointUrl(options.protocol, "app.example.com");
    }
    std::shared_ptr<policy::State> state;
    policy::ConnectionFacts facts;
};

/// One request at an endpoint, from its head to what the agent or the visitor gets.
class Request {
public:
    Request(Endpoint& endpoint, std::string_view method, std::string_view target, const Headers& headers = {},
            std::chrono::milliseconds time = 0ms)
        : visit(endpoint.state, endpoint.facts), head(request_head(method, target, headers)),
          exchange(visit, RequestFacts(head), head, at(time)), now(at(time)) {}

    Outcome request() { return exchange.on_http_request(now); }
    Outcome respond(Head& response) { return exchange.on_http_response(response, now); }

    policy::Visit visit;
    Head head;
    policy::Exchange exchange;
    policy::Moment now;
};

/// What happens to a GET of `target`: "go on", "403", "403 ERR_NGROK_3203", "close", "forward https://x.internal".
inline std::string describe(const Outcome& outcome) {
    switch (outcome.kind) {
    case Kind::go_on: return "go on";
    case Kind::close: return "close";
    case Kind::forward: return "forward " + outcome.url;
    case Kind::need_body: return "need body";
    case Kind::need_certificate: return "need " + outcome.url;
    case Kind::respond: break;
    }
    std::string out = std::to_string(outcome.page.head.status());
    if (outcome.number != 0) out += " ERR_NGROK_" + std::to_string(outcome.number);
    return out;
}
inline std::string fate(Endpoint& endpoint, std::string_view target, const Headers& headers = {},
                        std::string_view method = "GET", std::chrono::milliseconds time = 0ms) {
    Request request(endpoint, method, target, headers, time);
    return describe(request.request());
}
inline std::string fate(std::string_view text, std::string_view target, const Headers& headers = {},
                        std::string_view method = "GET") {
    Endpoint endpoint(text);
    return fate(endpoint, target, headers, method);
}

} // namespace policy_test
