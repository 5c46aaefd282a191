#include "h2_app.hpp"

#include "support/doctest.hpp"

#include <utility>

namespace adit_test {
namespace {

using adit::http2::StreamId;

adit::http2::Time now() { return std::chrono::steady_clock::now(); }

} // namespace

H2App::H2App(AppStream stream, const adit::http2::Config& config)
    : stream_(std::move(stream)), session_(*this, now(), config) {
    flush();
}

H2AppRequest& H2App::next() {
    until([this] { return !fresh_.empty(); });
    const StreamId id = fresh_.front();
    fresh_.pop_front();
    return requests_[id];
}

void H2App::until(const std::function<bool()>& done) {
    while (!done()) {
        INFO("received " << received_ << ", streams " << requests_.size());
        REQUIRE(read());
    }
}

void H2App::until_closed() {
    while (read()) {
    }
}

void H2App::respond(StreamId id, int status, const adit::Fields& fields, bool end) {
    adit::Head head = adit::Head::response(status, {}, adit::HttpVersion::http2);
    for (const adit::Field& field : fields) head.add(field.name, field.value);
    REQUIRE(session_.respond(id, head, end));
    flush();
}

void H2App::send(StreamId id, std::string_view bytes) {
    adit::Bytes rest = adit::as_bytes(bytes);
    while (!rest.empty()) {
        const std::size_t taken = session_.write(id, rest);
        rest = rest.subspan(taken);
        flush();
        if (taken == 0) REQUIRE(read());
    }
}

void H2App::finish(StreamId id, const adit::Fields& trailers) {
    session_.finish(id, trailers);
    flush();
}

void H2App::reset(StreamId id, adit::http2::ErrorCode code) {
    session_.reset(id, code);
    flush();
}

void H2App::answer(StreamId id, std::string_view body) {
    respond(id, 200);
    send(id, body);
    finish(id);
}

void H2App::accept(StreamId id) {
    adit::Head head = adit::Head::response(200, {}, adit::HttpVersion::http2);
    head.set_upgrade(true);
    REQUIRE(session_.respond(id, head, false));
    flush();
}

void H2App::drain() {
    session_.drain(); // the notice
    session_.drain();
    flush();
}

void H2App::flush() {
    for (adit::Bytes out = session_.output(); !out.empty(); out = session_.output()) {
        stream_.write(adit::as_text(out));
        session_.consume_output(out.size());
    }
}

bool H2App::read() {
    std::error_code end;
    const std::string bytes = stream_.read_some(end);
    if (bytes.empty()) return false;
    session_.receive(adit::as_bytes(bytes), now());
    flush();
    return true;
}

void H2App::on_request(StreamId id, adit::Head& head, const adit::http2::RequestInfo& info) {
    H2AppRequest& request = requests_[id];
    request.id = id;
    request.method = head.method();
    request.target = head.target();
    request.scheme = info.scheme;
    request.protocol = info.protocol;
    request.ended = info.end;
    for (const adit::Field& field : head) request.fields.emplace(field.name, field.value);
    fresh_.push_back(id);
}

void H2App::on_body(StreamId id, adit::Bytes bytes) {
    requests_[id].body += adit::as_text(bytes);
    received_ += bytes.size();
    if (!hold_) session_.consume(id, bytes.size());
}

void H2App::on_end(StreamId id, adit::Fields& trailers) {
    for (const adit::Field& field : trailers) requests_[id].trailers[std::string(field.name)] = field.value;
    requests_[id].ended = true;
}

void H2App::on_reset(StreamId id, adit::http2::ErrorCode) { requests_[id].reset = true; }

} // namespace adit_test
