// The traffic policies of the endpoints that a request comes to, and what they decide.
#include "edge/http_exchange.hpp"

#include "edge/context.hpp"
#include "edge/http_visitor.hpp"
#include "edge/policy_facts.hpp"
#include "http/writer.hpp"

#include <ranges>
#include <utility>

namespace adit::inline v0::edge {
namespace {

using Kind = policy::Outcome::Kind;

constexpr HttpError body_too_large{413, "The request's body is larger than this endpoint can check; send less."};

} // namespace

/// The policies of `endpoint_` and of those that it hands the request on to. False: the request is answered.
asio::awaitable<bool> HttpExchange::apply_policies() {
    bool goes_on = true;
    while (goes_on && endpoint_->policy && policies_.size() < limits::policy_hops) {
        const EndpointPtr here = endpoint_;
        PolicyVisit& visit = visitor_.visit(*here);
        policy::Outcome outcome; // may_continue stays unset: a connection's policy went on already, where it may
        outcome.kind = visit.kind;
        outcome.url = visit.url;
        channel_.access.endpoint(*here);
        tell_connect_phase(visit);
        if (outcome.kind == Kind::go_on) {
            policies_.push_back(std::make_unique<PolicyRun>(visit.visit, facts_, channel_.head(), policy_now()));
            outcome = policies_.back()->exchange.on_http_request(policy_now());
        }
        forwarded_ = false;
        goes_on = co_await settle(outcome);
        if (!forwarded_) co_return goes_on;
    }
    channel_.access.endpoint(*endpoint_);
    if (goes_on && endpoint_->policy) {
        ErrorPage page;
        page.number = 3501;
        co_await refuse(page);
        goes_on = false;
    }
    co_return goes_on;
}

/// In the record of the connection's first request.
void HttpExchange::tell_connect_phase(PolicyVisit& visit) {
    if (std::exchange(visit.told, true)) return;
    channel_.access.policy_logs(visit.visit->logs());
    channel_.access.policy_error(visit.error);
}

void HttpExchange::release_body() noexcept {
    if (body_.capacity() != 0) body_ = ByteQueue(); // also one that found no room
    held_.release();
}

/// False: the request is answered. True: to `endpoint_`, which may be another one now.
asio::awaitable<bool> HttpExchange::settle(policy::Outcome& outcome) {
    bool got_body = false;
    WebhookCertificates::Text certificate;
    for (;;) {
        channel_.access.policy_error(outcome.error);
        switch (outcome.kind) {
        case Kind::go_on: co_return true;
        case Kind::respond: co_await answer_with(outcome); co_return false;
        case Kind::close:
            answer_ = Answer::edge;
            visitor_.abort();
            co_return false;
        case Kind::need_body:
            got_body = co_await collect_whole_body(outcome.body_max);
            if (!got_body) co_return false;
            outcome = policies_.back()->exchange.with_body(as_text(body_.view()), policy_now());
            break;
        case Kind::need_certificate: // the body stays where it is
            certificate = co_await visitor_.context().certificates->get(outcome.url);
            if (!running_) co_return false; // the visitor left meanwhile
            outcome = with_certificate(certificate.get());
            break;
        case Kind::forward:
            if (const EndpointPtr next = visitor_.context().find_internal(*endpoint_, outcome.url)) {
                endpoint_ = next;
                forwarded_ = true;
                co_return true;
            }
            if (!outcome.may_continue) {
                ErrorPage page;
                page.number = 3200;
                page.host = outcome.url;
                co_await refuse(page);
                co_return false;
            }
            outcome = policies_.back()->exchange.forward_failed(3200, "no endpoint is online at this URL", policy_now());
            break;
        }
    }
}

policy::Outcome HttpExchange::with_certificate(const std::string* pem) {
    std::optional<std::string_view> text;
    if (pem != nullptr) text = *pem;
    return policies_.back()->exchange.with_certificate(as_text(body_.view()), text, policy_now());
}

/// Into `body_`. False: it is not there, and the visitor was told.
asio::awaitable<bool> HttpExchange::collect_whole_body(std::size_t most) {
    Head& head = channel_.head();
    if (head.expect_continue()) { // the application is not asked before we have it
        channel_.put_head(Head::response(100), ResponsePlan());
        const bool told = co_await channel_.flush();
        if (!told) co_return false;
        head.remove("Expect");
        head.set_expect_continue(false);
    }
    while (!request_done_) {
        const BodyPiece piece = channel_.next_body();
        HttpError wrong = piece.error;
        if (!wrong && body_.size() + piece.bytes.size() > most) wrong = body_too_large;
        if (wrong) {
            co_await refuse_bytes(wrong);
            co_return false;
        }
        body_.append(piece.bytes);
        const EdgeContext& context = visitor_.context();
        const bool fits = held_.grow_to(body_.capacity(), visitor_.context().bodies, endpoint_->policy->bodies(),
                                        context.settings.policy_body_memory);
        if (!fits) {
            release_body();
            ErrorPage page;
            page.number = 720;
            page.status = 503;
            co_await refuse(page);
            co_return false;
        }
        request_done_ = piece.complete;
        if (request_done_ || !piece.bytes.empty()) continue;
        const bool more = co_await await_body();
        if (!more) co_return false;
    }
    co_return true;
}

asio::awaitable<void> HttpExchange::answer_with(policy::Outcome& outcome) {
    bool sent = false;
    const HttpError broken = request_done_ ? HttpError() : skip_body();
    Page& page = outcome.page;
    const ResponsePlan plan = apply_response_rules(page.head, facts_, request_done_ && !broken);
    if (outcome.number != 0) page.head.add("ngrok-error-code", "ERR_NGROK_" + std::to_string(outcome.number));
    sent = co_await write_page(page, plan, outcome.number);
    if (sent) co_await channel_.answered(plan.keep_alive, request_done_);
    if (running_) finish();
}

/// The response phase of all of them, the last one first. A reason: it is to be answered with replacement_ instead.
bool HttpExchange::run_response_policies(Head& head) {
    for (const auto& each : std::ranges::reverse_view(policies_)) {
        policy::Outcome outcome = each->exchange.on_http_response(head, policy_now());
        channel_.access.policy_error(outcome.error);
        if (outcome.kind != Kind::go_on) {
            replacement_ = std::move(outcome);
            return false;
        }
        if (!outcome.encoder) continue;
        encoder_ = std::move(outcome.encoder);
        flush_encoder_ = outcome.flush_each_piece;
    }
    return true;
}

/// A piece of the answer's body on its way through the encoder.
asio::awaitable<bool> HttpExchange::put_encoded(Bytes bytes, policy::Encoder::Mode mode) {
    VisitorBuffer buffer(visitor_.set());
    bool ok = true;
    bool done = false;
    while (ok && !done) {
        if (!encoder_) co_return false; // the exchange ended meanwhile
        const MutableBytes space = buffer.space();
        const auto step = encoder_->encode(bytes, space, mode);
        if (!step) {
            visitor_gone();
            co_return false;
        }
        bytes = bytes.subspan(step->consumed);
        done = step->done;
        if (step->produced != 0) ok = co_await channel_.put_body(space.first(step->produced));
    }
    co_return ok;
}

} // namespace adit
