// A policy at work on one visitor connection (Visit) and on each request of it (Exchange).
//
//   policy::Visit visit(state, facts);                               // per connection and endpoint; keep it by shared_ptr
//   if (policy.has(Phase::tcp_connect)) outcome = visit.on_tcp_connect(now);
//
//   policy::Exchange exchange(visit, RequestFacts(head), head, now); // head: after apply_request_rules() and routing
//   Outcome outcome = exchange.on_http_request(now);
//   if (outcome.kind == need_body)  outcome = exchange.with_body(body, now);            // or too_large: answer 413
//   if (outcome.kind == need_certificate) outcome = exchange.with_certificate(body, fetched(outcome.url), now);
//   if (outcome.kind == respond)    write outcome.page;                 // went through on_http_response already
//   if (outcome.kind == forward)    to outcome.url; if that fails and outcome.may_continue: exchange.forward_failed(...)
//   ... the agent answers ...
//   outcome = exchange.on_http_response(response, now);              // before apply_response_rules()
//   if (outcome.encoder)            every piece of the body goes through it
//   if (outcome.kind == respond)    drop the agent's answer, write outcome.page
//
// None of these throws; what goes wrong while running becomes an answer with its ERR_NGROK number (2238, 2253, 3900).
// A Visit and its Exchanges belong to one thread at a time.
#pragma once

#include "http/error_page.hpp"
#include "http/header_rules.hpp"
#include "http/message.hpp"
#include "policy/actions/circuit_breaker.hpp"
#include "policy/actions/compression.hpp"
#include "policy/facts.hpp"
#include "policy/policy.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::policy {

/// What is to be done now.
class Outcome {
public:
    enum class Kind : std::uint8_t {
        go_on,     ///< the phase is over, nothing of it holds the traffic up
        respond,   ///< `page` is the answer
        close,     ///< end the connection without an answer
        forward,   ///< to the internal endpoint `url`
        need_body, ///< collect the request's body, at most `body_max` bytes, and call with_body()
        need_certificate, ///< after need_body: fetch the PEM text behind `url` and call with_certificate()
    };
    Kind kind = Kind::go_on;

    /// respond: whole, with its length, without Connection; ends with the head if the request was HEAD. The caller decides
    /// whether the connection is kept, and says so.
    Page page;
    int number = 0; ///< n of ERR_NGROK_n that the page tells; 0: none
    /// Says on the page whether the connection goes on, once that is known.
    void set_keep_alive(HttpVersion visitor, bool keep_alive);

    /// Not empty: an evaluation failed while the policy ran (respond or close). For who owns the endpoint, not for visitors.
    std::string error;

    std::string url;           ///< forward: "https://name.internal", checked. need_certificate: https, a provider's own host
    bool may_continue = false; ///< forward: if it fails, forward_failed() goes on with the policy
    std::size_t body_max = 0;  ///< need_body

    /// go_on after on_http_response(): set if the body has to be compressed. The head says so already, its framing is
    /// chunked and its length unknown.
    std::optional<Encoder> encoder;
    bool flush_each_piece = false; ///< compress: what comes goes out at once
};

/// One entry of traffic_policy.logs.
struct LogEntry {
    Phase phase;
    std::string metadata; ///< a JSON object of strings
};

struct Scope;              // lib/policy only
struct WebhookCertificate; // lib/policy only

/// One visitor connection at one endpoint.
class Visit {
public:
    Visit(std::shared_ptr<State> state, ConnectionFacts facts);
    ~Visit();
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

    /// go_on, close or forward. Once, where TLS ends here: after the handshake.
    Outcome on_tcp_connect(Moment now);
    /// After a forward with may_continue. `number` and `text` become actions.ngrok.forward_internal.error.
    Outcome forward_failed(int number, std::string_view text, Moment now);

    ConnectionFacts& facts() noexcept { return facts_; }
    const std::shared_ptr<State>& state() const noexcept { return state_; }
    const Policy& policy() const noexcept { return state_->policy(); }
    /// Of the connect phase; at most limits::policy_logs_max.
    const std::vector<LogEntry>& logs() const noexcept;

private:
    friend class Exchange;
    std::shared_ptr<State> state_;
    ConnectionFacts facts_;
    std::unique_ptr<Scope> scope_;
};

/// One request and its answer. Keeps references to the visit and to the request's head, which therefore stay where they are
/// until the exchange is gone.
class Exchange {
public:
    /// `request` is as the agent will get it; `facts` as the visitor sent it.
    Exchange(Visit& visit, const RequestFacts& facts, Head& request, Moment received);
    /// An answer that was expected and is not told is one that the circuit breaker does not count.
    ~Exchange();
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    /// go_on, respond, close, forward, need_body or need_certificate. Changes the request's head in place.
    Outcome on_http_request(Moment now);
    /// After need_body: the whole body.
    Outcome with_body(std::string_view body, Moment now);
    /// After need_certificate: the same body, and the PEM text, which came over verified TLS. nullopt: it could not be had.
    Outcome with_certificate(std::string_view body, std::optional<std::string_view> pem, Moment now);
    /// After a forward with may_continue.
    Outcome forward_failed(int number, std::string_view text, Moment now);
    /// For the final answer of the agent, not for interim ones. go_on or respond. Changes the head in place.
    Outcome on_http_response(Head& response, Moment now);
    /// The agent could not be reached or gave no answer: for the circuit breaker.
    void upstream_failed(Moment now) noexcept;

    /// Of the request's and the response's phase; at most limits::policy_logs_max.
    const std::vector<LogEntry>& logs() const noexcept;

private:
    Outcome resume(std::string_view body, const WebhookCertificate* certificate, Moment now);
    Outcome conclude(bool stopped);
    void settle(CircuitBreaker::Outcome how) noexcept;

    std::unique_ptr<Scope> scope_;
};

} // namespace adit
