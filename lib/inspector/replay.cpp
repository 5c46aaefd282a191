#include "inspector/replay.hpp"

#include "http/target.hpp"
#include "http/upgrade.hpp"
#include "http/writer.hpp"
#include "net/deadline.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <array>

namespace adit::inline v0::inspector {
namespace {

ErrorInfo wrong(std::string message) { return {errc::invalid_option, std::move(message)}; }

/// Ours to say.
bool is_framing(FieldId id) noexcept {
    switch (id) {
    case FieldId::connection:
    case FieldId::content_length:
    case FieldId::expect:
    case FieldId::http2_settings:
    case FieldId::keep_alive:
    case FieldId::proxy_connection:
    case FieldId::te:
    case FieldId::trailer:
    case FieldId::transfer_encoding:
    case FieldId::upgrade: return true;
    default: return false;
    }
}

/// Our Content-Length stands where the other stood.
Result<void> add_field(Fields& to, std::string_view name, std::string_view value, const std::string& length) {
    const FieldId id = field_id(name);
    const bool place = id == FieldId::content_length && !length.empty() && !to.has(FieldId::content_length);
    if (is_framing(id) && !place) return {};
    if (to.add(name, place ? std::string_view(length) : value)) return {};
    return wrong("the field '" + std::string(name) + "' cannot be sent: a name is a token, a value one line");
}

Result<void> add_fields(Fields& to, const ReplayOrder::Pairs& pairs, const std::string& length) {
    Result<void> added;
    for (auto each = pairs.begin(); added && each != pairs.end(); ++each) added = add_field(to, each->first, each->second, length);
    return added;
}

void copy_fields(Fields& to, const Fields& from, const std::string& length) {
    for (const Field& field : from) (void)add_field(to, field.name, field.value, length);
}

} // namespace

Result<Message> plan_replay(const Exchange& original, const ReplayOrder& order) {
    const Message& recorded = original.request;
    const bool own_body = order.body.has_value();
    if (is_upgrade(recorded.head)) return wrong("a request that asks for another protocol cannot be sent again");
    if (!own_body && !recorded.complete) return wrong("its body has not come completely; give it a body");
    if (!own_body && recorded.truncated()) {
        return wrong("its body was recorded up to " + std::to_string(recorded.body.size()) +
                     " bytes only; give it a body, or raise InspectorOptions::max_body");
    }
    const std::string method = order.method.value_or(std::string(recorded.head.method()));
    const std::string target = order.path.value_or(std::string(recorded.head.target()));
    const auto form = parse_target(method, target);
    const bool good = form && (form->form == TargetForm::origin || form->form == TargetForm::asterisk);
    if (!is_token(method) || method == "CONNECT") return wrong("the method '" + method + "' cannot be sent");
    if (!good) return wrong("the path '" + target + "' cannot be sent: it starts with '/' and has no blanks");
    Message out;
    out.head = Head::request(method, target);
    out.body = own_body ? *order.body : recorded.body;
    out.body_size = out.body.size();
    out.complete = true;
    if (order.trailers) {
        const Result<void> added = add_fields(out.trailers, *order.trailers, std::string());
        if (!added) return added.error();
    } else {
        out.trailers = recorded.trailers;
    }
    static constexpr std::array<std::string_view, 3> with_body = {"POST", "PUT", "PATCH"};
    std::string length; // "": none is sent
    if (!out.trailers.empty()) {
        out.head.set_framing(Framing::chunked);
    } else if (!out.body.empty() || std::ranges::find(with_body, method) != with_body.end()) {
        out.head.set_framing(Framing::length);
        out.head.set_content_length(out.body.size());
        length = std::to_string(out.body.size());
    }
    if (order.headers) {
        const Result<void> added = add_fields(out.head, *order.headers, length);
        if (!added) return added.error();
        if (!out.head.has(FieldId::host)) out.head.add("Host", recorded.head.host());
    } else {
        copy_fields(out.head, recorded.head, length);
    }
    if (out.head.chunked()) out.head.add("Transfer-Encoding", "chunked");
    if (!length.empty() && !out.head.has(FieldId::content_length)) out.head.add("Content-Length", length);
    return out;
}

asio::awaitable<void> Replay::run() {
    const auto self = shared_from_this();
    {
        const net::Deadline bound(executor(), limits::inspector_replay_time, [this] {
            late_ = true;
            if (stream_) stream_->abort();
        });
        co_await exchange();
    }
    if (stream_) stream_->abort(); // also ends send()
    record_.reset();
}

void Replay::abort() noexcept {
    aborted_ = true;
    if (stream_) stream_->abort();
}

asio::awaitable<void> Replay::exchange() {
    Result<UpstreamConnectionPtr> dialed = co_await forwarder_->plan().dialer->dial(executor(), proxy_header_, true);
    if (!dialed) {
        fail(dialed.error());
        co_return;
    }
    stream_ = (*dialed)->stream;
    if (aborted_) co_return;
    if (record_) {
        record_->request_body(as_bytes(request_.body));
        record_->request_end(request_.trailers);
    }
    answer_.expect(request_.head);
    // At the same time: who answers before he reads must not wait for us, nor we for him.
    auto sending = send(std::static_pointer_cast<Replay>(shared_from_this()), stream_);
    asio::co_spawn(executor(), std::move(sending), asio::detached);
    co_await receive();
}

asio::awaitable<void> Replay::send(std::shared_ptr<Replay> self, std::shared_ptr<net::Stream> stream) {
    const std::string bytes = self->request_.raw();
    const Bytes view = as_bytes(bytes);
    (void)co_await stream->write(view); // if it fails, what the upstream said, or its end, is read all the same
}

asio::awaitable<void> Replay::receive() {
    net::IoResult got;
    std::array<std::uint8_t, 16'384> buffer;
    const MutableBytes space(buffer);
    bool goes_on = true;
    while (goes_on) {
        got = co_await stream_->read_some(space);
        if (got.ok()) {
            goes_on = take(space.first(got.size()));
        } else if (late_) {
            fail(ErrorInfo(errc::timed_out, "the upstream did not answer in time"));
            goes_on = false;
        } else if (got.eof() && answer_.finish().state == ParseState::message_complete) {
            if (record_) record_->response_end(answer_.trailers());
            goes_on = false;
        } else {
            fail(ErrorInfo(got.code(), "the upstream's connection ended before its answer was complete"));
            goes_on = false;
        }
    }
}

bool Replay::take(Bytes input) {
    for (;;) {
        const ParseResult parsed = answer_.parse(input);
        input = input.subspan(parsed.consumed);
        switch (parsed.state) {
        case ParseState::need_more: return true;
        case ParseState::head_complete:
            if (record_ && !answer_.head().is_interim()) record_->response_head(answer_.head());
            break;
        case ParseState::body:
            if (record_) record_->response_body(parsed.body);
            break;
        case ParseState::message_complete:
            if (record_) record_->response_end(answer_.trailers());
            return false;
        case ParseState::upgrade: fail(ErrorInfo(errc::unavailable, "the upstream changed the protocol")); return false;
        case ParseState::error: fail(ErrorInfo(errc::unavailable, std::string(parsed.error.text))); return false;
        }
    }
}

void Replay::fail(const ErrorInfo& why) {
    if (record_) record_->failed(0, why);
}

} // namespace adit
