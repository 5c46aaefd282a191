#include "http/parser.hpp"

#include <adit/limits.hpp>

namespace adit::inline v0 {
namespace {

constexpr std::size_t kept_memory = 4'096; // between two answers: an agent's stream ends when it waits for long
constexpr std::string_view cut_request = "the visitor ended the connection in the middle of a request";
constexpr HttpError unsolicited{502, "The application sent bytes that answer no request."};
constexpr HttpError unasked_switch{502, "The application switched protocols without having been asked to."};
constexpr HttpError nameless_switch{
    502, "The application switched protocols without naming the new one in Upgrade."};
constexpr HttpError too_many_interim{502, "The application sent too many interim (1xx) responses."};
constexpr HttpError closed_before{502, "The application closed the connection without an answer."};
constexpr HttpError closed_inside{502, "The application closed the connection in the middle of its answer."};
constexpr HttpError not_reusable{502, "The connection to the application ended with its last answer."};

} // namespace

// ---- requests

ParseResult RequestParser::parse(Bytes input) {
    switch (phase_) {
    case Phase::complete:
        if (input.empty()) return {};
        if (!head_.keep_alive())
            return {input.size(), ParseState::need_more, {}, {}}; // RFC 9112 9.6: not a request
        head_.clear();
        reader_.reset();
        phase_ = Phase::head;
        [[fallthrough]];
    case Phase::head: {
        const HeadReader::Outcome outcome = reader_.read(input, head_);
        if (outcome.state == HeadReader::State::need_more)
            return {outcome.consumed, ParseState::need_more, {}, {}};
        if (outcome.state == HeadReader::State::error) return fail(outcome.consumed, outcome.error);
        body_.start(head_.framing(), head_.content_length().value_or(0));
        phase_ = Phase::body;
        return {outcome.consumed, ParseState::head_complete, {}, {}};
    }
    case Phase::body: {
        const BodyReader::Outcome outcome = body_.read(input);
        switch (outcome.state) {
        case BodyReader::State::need_more: return {outcome.consumed, ParseState::need_more, {}, {}};
        case BodyReader::State::body: return {outcome.consumed, ParseState::body, outcome.body, {}};
        case BodyReader::State::error: return fail(outcome.consumed, outcome.error);
        case BodyReader::State::complete: break;
        }
        phase_ = head_.upgrade() ? Phase::undecided : Phase::complete;
        return {outcome.consumed, ParseState::message_complete, {}, {}};
    }
    case Phase::undecided: return {0, ParseState::upgrade, {}, {}};
    case Phase::failed: break;
    }
    return {0, ParseState::error, {}, error_};
}

Result<void> RequestParser::finish() const {
    if (body_done()) return {};
    return ErrorInfo(errc::connection_reset, std::string(cut_request));
}

bool RequestParser::idle() const noexcept {
    return phase_ == Phase::complete || (phase_ == Phase::head && !reader_.begun());
}

bool RequestParser::in_head() const noexcept { return phase_ == Phase::head && reader_.begun(); }

bool RequestParser::body_done() const noexcept {
    switch (phase_) {
    case Phase::head: return !reader_.begun();
    case Phase::body: return body_.done();
    case Phase::complete:
    case Phase::undecided: return true;
    case Phase::failed: break;
    }
    return false;
}

void RequestParser::decline_upgrade() noexcept {
    if (phase_ == Phase::undecided) phase_ = Phase::complete;
}

void RequestParser::release_memory() noexcept {
    if (!idle()) return;
    const bool keep_alive = head_.keep_alive();
    head_.release();
    head_.set_keep_alive(keep_alive); // what follows a last request must stay ignored
    body_.release_memory();
}

ParseResult RequestParser::fail(std::size_t consumed, HttpError error) noexcept {
    error_ = error;
    phase_ = Phase::failed;
    return {consumed, ParseState::error, {}, error};
}

// ---- responses

void ResponseParser::expect(std::string_view method, bool upgrade) {
    if (phase_ == Phase::failed) return;
    if (phase_ != Phase::idle ||
        !reusable_) { // the answer before this one was not read to its end, or was the last
        fail(0, not_reusable);
        return;
    }
    to_head_ = method == "HEAD";
    to_connect_ = method == "CONNECT";
    upgrade_asked_ = upgrade && !to_connect_;
    head_.clear();
    reader_.reset();
    interim_ = 0;
    phase_ = Phase::head;
}

ParseResult ResponseParser::parse(Bytes input) {
    switch (phase_) {
    case Phase::idle: return input.empty() ? ParseResult() : fail(0, unsolicited);
    case Phase::interim:
        if (input.empty()) return {};
        head_.clear();
        reader_.reset();
        phase_ = Phase::head;
        [[fallthrough]];
    case Phase::head: {
        const HeadReader::Outcome outcome = reader_.read(input, head_);
        if (outcome.state == HeadReader::State::need_more)
            return {outcome.consumed, ParseState::need_more, {}, {}};
        if (outcome.state == HeadReader::State::error) return fail(outcome.consumed, outcome.error);
        return head_done(outcome.consumed);
    }
    case Phase::body: {
        const BodyReader::Outcome outcome = body_.read(input);
        switch (outcome.state) {
        case BodyReader::State::need_more: return {outcome.consumed, ParseState::need_more, {}, {}};
        case BodyReader::State::body: return {outcome.consumed, ParseState::body, outcome.body, {}};
        case BodyReader::State::error: return fail(outcome.consumed, outcome.error);
        case BodyReader::State::complete: break;
        }
        phase_ = Phase::idle;
        return {outcome.consumed, ParseState::message_complete, {}, {}};
    }
    case Phase::tunnel: return {0, ParseState::upgrade, {}, {}};
    case Phase::failed: break;
    }
    return {0, ParseState::error, {}, error_};
}

// A final head decides the body (RFC 9112 6.3); an interim one is followed by another.
ParseResult ResponseParser::head_done(std::size_t consumed) {
    const int status = head_.status();
    const ParseResult done{consumed, ParseState::head_complete, {}, {}};
    if (head_.is_interim()) {
        if (++interim_ > limits::http_interim_max) return fail(consumed, too_many_interim);
        head_.set_framing(Framing::none);
        phase_ = Phase::interim;
        return done;
    }
    if (status == 101 && !upgrade_asked_) return fail(consumed, unasked_switch);
    if (status == 101 && !is_switching(head_)) return fail(consumed, nameless_switch);
    if (status == 101 || (to_connect_ && status < 300)) {
        head_.set_framing(Framing::none);
        head_.set_upgrade(true);
        phase_ = Phase::tunnel;
        return done;
    }
    const bool announced = head_.chunked() || head_.content_length().value_or(0) > 0;
    if (status == 204 && announced) head_.set_keep_alive(false); // what it announces may yet come
    if (to_head_ || status == 204 || status == 304) head_.set_framing(Framing::none);
    if (head_.framing() == Framing::until_close) head_.set_keep_alive(false);
    reusable_ = head_.keep_alive();
    body_.start(head_.framing(), head_.content_length().value_or(0));
    phase_ = Phase::body;
    return done;
}

ParseResult ResponseParser::finish() {
    switch (phase_) {
    case Phase::idle: return {};
    case Phase::tunnel: return {0, ParseState::upgrade, {}, {}};
    case Phase::failed: return {0, ParseState::error, {}, error_};
    case Phase::head: return fail(0, reader_.begun() ? closed_inside : closed_before);
    case Phase::interim: return fail(0, closed_before);
    case Phase::body: break;
    }
    if (!body_.ends_at_close()) {
        return body_.done() ? parse({}) : fail(0, closed_inside);
    }
    phase_ = Phase::idle;
    return {0, ParseState::message_complete, {}, {}};
}

bool ResponseParser::waiting() const noexcept {
    return phase_ == Phase::interim || (phase_ == Phase::head && !reader_.begun());
}

void ResponseParser::release_memory() noexcept {
    if (!idle()) return;
    if (head_.memory() > kept_memory) head_.release();
    body_.release_memory();
}

ParseResult ResponseParser::fail(std::size_t consumed, HttpError error) noexcept {
    error_ = {502, error.text};
    phase_ = Phase::failed;
    return {consumed, ParseState::error, {}, error_};
}

} // namespace adit
