#include "policy/run.hpp"

#include "policy/actions/webhook.hpp"
#include "policy/scope.hpp"
#include "policy/template.hpp"

#include <array>
#include <string>
#include <utility>

namespace adit::inline v0::policy {

void Outcome::set_keep_alive(HttpVersion visitor, bool keep_alive) {
    page.head.remove("Connection");
    page.head.set_keep_alive(keep_alive);
    if (!keep_alive && visitor != HttpVersion::http2) page.head.add(FieldId::connection, "close");
}

namespace {

/// nullopt: it failed, and the scope has the answer.
std::optional<bool> applies(const Rule& rule, Scope& scope) {
    for (const Rule::Condition& condition : rule.conditions) {
        auto value = evaluate(condition.program, scope, condition.source, 2253);
        if (value && !value->is(cel::Kind::boolean)) {
            value = ErrorInfo(ngrok_error(2253), "\"" + condition.source + "\" is neither true nor false",
                              "an expression of a rule is neither true nor false");
        }
        if (!value) {
            scope.fail(value.error());
            return {};
        }
        if (!value->as_boolean()) return false;
    }
    return true;
}

/// From where the scope stands to the end of its phase, or to what ends it. True: Scope::outcome says what is to be done.
bool run_rules(Scope& scope) {
    const std::vector<Rule>& rules = scope.state.policy().program().rules(scope.phase);
    for (; scope.rule < rules.size(); ++scope.rule, scope.action = 0) {
        const Rule& rule = rules[scope.rule];
        if (scope.action == 0) {
            const std::optional<bool> wanted = applies(rule, scope);
            if (!wanted) return true;
            if (!*wanted) continue;
        }
        while (scope.action < rule.actions.size()) {
            const Flow flow = rule.actions[scope.action]->run(scope);
            if (flow == Flow::wait) return true;
            ++scope.action;
            if (flow == Flow::stop) return true;
        }
    }
    return false;
}

Outcome go_on() { return Outcome(); }

/// What follows Flow::wait: what the action asked for, then the rest of the phase.
bool run_on(Scope& scope, std::string_view body, const WebhookCertificate* certificate) {
    const std::vector<Rule>& rules = scope.state.policy().program().rules(scope.phase);
    const Flow flow = rules[scope.rule].actions[scope.action]->with_body(scope, body, certificate);
    if (flow == Flow::wait) return true;
    ++scope.action;
    return flow == Flow::stop || run_rules(scope);
}

/// All of `body` through an encoder. False, and nothing changed, if that fails.
bool encode_all(Encoder& encoder, std::string& body) {
    std::string out;
    Bytes in = as_bytes(body);
    for (;;) {
        std::array<std::uint8_t, 16'384> piece;
        const auto step = encoder.encode(in, piece, Encoder::Mode::finish);
        if (!step) return false;
        out.append(as_text(Bytes(piece).first(step->produced)));
        in = in.subspan(step->consumed);
        if (step->done) break;
    }
    body = std::move(out);
    return true;
}

void begin_phase(Scope& scope, Phase phase, Moment now) {
    scope.phase = phase;
    scope.now = now;
    scope.rule = 0;
    scope.action = 0;
    scope.vars.clear();
    scope.vars_bytes = 0;
}

/// The response phase on an answer that the policy made, and then its last form. An answer with a number is the edge's own
/// and no rule changes it.
Outcome finish_answer(Scope& scope, bool through_rules) {
    Outcome outcome = std::move(scope.outcome);
    if (outcome.kind == Outcome::Kind::respond && outcome.number == 0 && through_rules) {
        begin_phase(scope, Phase::http_response, scope.now);
        scope.outcome = Outcome();
        Page page = std::move(outcome.page);
        scope.response = &page.head;
        const bool replaced = run_rules(scope);
        scope.response = nullptr;
        if (replaced) {
            scope.encoder.reset(); // of the answer that there was
            outcome = std::move(scope.outcome);
        } else {
            outcome.page = std::move(page);
        }
    }
    scope.outcome = Outcome();
    if (outcome.kind != Outcome::Kind::respond) return outcome;
    Page& page = outcome.page;
    if (scope.encoder && !encode_all(*scope.encoder, page.body))
        page.head.remove("Content-Encoding"); // its memory ended: as it was
    scope.encoder.reset();
    const int status = page.head.status();
    page.head.remove("Content-Length");
    page.head.remove("Transfer-Encoding");
    if (status != 204 && status != 304) page.head.add(FieldId::content_length, std::to_string(page.body.size()));
    page.head.set_content_length(page.body.size());
    page.head.set_framing(page.body.empty() ? Framing::none : Framing::length);
    if (scope.request_facts.to_head) {
        page.body.clear();
        page.head.set_framing(Framing::none);
    }
    page.head.set_version(scope.request_facts.version);
    return outcome;
}

void forward_told(Scope& scope, int number, std::string_view text) {
    if (!scope.wants_results()) return;
    scope.set_result(ResultId::forward_internal,
                     {cel::Value(), make_error_value("ERR_NGROK_" + std::to_string(number), text)});
}

} // namespace

Flow Action::with_body(Scope&, std::string_view, const WebhookCertificate*) const { return Flow::next; }

// --- one connection

Visit::Visit(std::shared_ptr<State> state, ConnectionFacts facts)
    : state_(std::move(state)), facts_(std::move(facts)), scope_(std::make_unique<Scope>(*state_, facts_, nullptr)) {}

Visit::~Visit() = default;

Outcome Visit::on_tcp_connect(Moment now) {
    begin_phase(*scope_, Phase::tcp_connect, now);
    return run_rules(*scope_) ? std::move(scope_->outcome) : go_on();
}

Outcome Visit::forward_failed(int number, std::string_view text, Moment now) {
    scope_->now = now;
    forward_told(*scope_, number, text);
    return run_rules(*scope_) ? std::move(scope_->outcome) : go_on();
}

const std::vector<LogEntry>& Visit::logs() const noexcept { return scope_->logs; }

// --- one request

Exchange::Exchange(Visit& visit, const RequestFacts& facts, Head& request, Moment received)
    : scope_(std::make_unique<Scope>(*visit.state_, visit.facts_, visit.scope_.get())) {
    scope_->request = &request;
    scope_->request_facts = facts;
    scope_->head_received = received.wall;
    scope_->now = received;
}

Exchange::~Exchange() { settle(CircuitBreaker::Outcome::abandoned); }

void Exchange::settle(CircuitBreaker::Outcome how) noexcept {
    for (const auto& [slot, pass] : scope_->passes)
        scope_->state.native().breakers[slot]->report(pass, how, scope_->now.steady);
    scope_->passes.clear();
}

Outcome Exchange::on_http_request(Moment now) {
    begin_phase(*scope_, Phase::http_request, now);
    return conclude(run_rules(*scope_));
}

Outcome Exchange::with_body(std::string_view body, Moment now) {
    scope_->body_received = now.wall;
    return resume(body, nullptr, now);
}

Outcome Exchange::with_certificate(std::string_view body, std::optional<std::string_view> pem, Moment now) {
    const std::string url = std::move(scope_->certificate_url);
    const WebhookCertificate certificate{url, pem};
    return resume(body, &certificate, now);
}

Outcome Exchange::resume(std::string_view body, const WebhookCertificate* certificate, Moment now) {
    scope_->now = now;
    return conclude(run_on(*scope_, body, certificate));
}

Outcome Exchange::forward_failed(int number, std::string_view text, Moment now) {
    scope_->now = now;
    forward_told(*scope_, number, text);
    return conclude(run_rules(*scope_));
}

/// Of the request's phase.
Outcome Exchange::conclude(bool stopped) {
    if (!stopped) return go_on();
    if (scope_->outcome.kind != Outcome::Kind::respond) return std::move(scope_->outcome);
    return finish_answer(*scope_, true);
}

Outcome Exchange::on_http_response(Head& response, Moment now) {
    begin_phase(*scope_, Phase::http_response, now);
    settle(response.status() >= 500 ? CircuitBreaker::Outcome::failure : CircuitBreaker::Outcome::success);
    scope_->outcome = Outcome();
    scope_->encoder.reset();
    scope_->response = &response;
    const bool stopped = run_rules(*scope_);
    scope_->response = nullptr;
    if (stopped) {
        scope_->encoder.reset();
        return finish_answer(*scope_, false);
    }
    Outcome outcome = std::move(scope_->outcome);
    outcome.encoder = std::exchange(scope_->encoder, std::nullopt);
    return outcome;
}

void Exchange::upstream_failed(Moment now) noexcept {
    scope_->now = now;
    settle(CircuitBreaker::Outcome::failure);
}

const std::vector<LogEntry>& Exchange::logs() const noexcept { return scope_->logs; }

} // namespace adit
