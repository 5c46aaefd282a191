#include "h2_visitor.hpp"

#include "support/doctest.hpp"

#include <utility>

namespace adit_test {
namespace {

using adit::http2::StreamId;

TlsOptions h2_options(std::string_view name, std::string_view roots_pem) {
    TlsOptions options(name, roots_pem);
    options.alpn = {"h2"};
    return options;
}

adit::http2::Time now() { return std::chrono::steady_clock::now(); }

} // namespace

H2Visitor::H2Visitor(std::uint16_t port, std::string_view name, std::string_view roots_pem,
                     const adit::http2::Config& config)
    : name_(name), net_(NetVisitor::tls(port, h2_options(name, roots_pem))), session_(*this, now(), config) {
    REQUIRE(net_.alpn() == "h2");
    flush();
}

adit::Head H2Visitor::head(std::string_view method, std::string_view path) const {
    adit::Head head = adit::Head::request(method, path, adit::HttpVersion::http2);
    head.add("Host", name_);
    return head;
}

StreamId H2Visitor::request(const adit::Head& head, bool end, std::string_view protocol) {
    while (!session_.ready() && read()) {
    }
    const StreamId id = session_.request(head, "https", end, protocol);
    REQUIRE(id != 0);
    answers_[id];
    flush();
    return id;
}

StreamId H2Visitor::get(std::string_view path) { return request(head("GET", path)); }

void H2Visitor::send(StreamId id, std::string_view bytes) {
    adit::Bytes rest = adit::as_bytes(bytes);
    while (!rest.empty() && session_.alive(id)) {
        const std::size_t taken = session_.write(id, rest);
        rest = rest.subspan(taken);
        flush();
        if (taken == 0) REQUIRE(read());
    }
}

void H2Visitor::reset(StreamId id) {
    session_.reset(id, adit::http2::ErrorCode::cancel);
    flush();
}

H2Answer& H2Visitor::until(StreamId id, const std::function<bool(const H2Answer&)>& done) {
    H2Answer& answer = answers_[id];
    while (!done(answer)) REQUIRE(read());
    return answer;
}

H2Answer& H2Visitor::whole(StreamId id) {
    return until(id, [](const H2Answer& answer) { return answer.ended || answer.reset; });
}

void H2Visitor::until_closed() {
    while (read()) {
    }
}

void H2Visitor::flush() {
    for (adit::Bytes out = session_.output(); !out.empty(); out = session_.output()) {
        net_.send(adit::as_text(out));
        session_.consume_output(out.size());
    }
}

bool H2Visitor::read() {
    const std::string bytes = net_.read_some();
    if (bytes.empty()) return false;
    session_.receive(adit::as_bytes(bytes), now());
    flush();
    return true;
}

void H2Visitor::on_response(StreamId id, adit::Head& head, bool end) {
    H2Answer& answer = answers_[id];
    if (head.is_interim()) ++answer.interim;
    answer.status = head.status();
    for (const adit::Field& field : head) answer.fields[std::string(field.name)] = field.value;
    answer.ended = answer.head_alone = end;
}

void H2Visitor::on_body(StreamId id, adit::Bytes bytes) {
    answers_[id].body += adit::as_text(bytes);
    if (take_) session_.consume(id, bytes.size());
}

void H2Visitor::on_end(StreamId id, adit::Fields& trailers) {
    H2Answer& answer = answers_[id];
    for (const adit::Field& field : trailers) answer.trailers[std::string(field.name)] = field.value;
    answer.ended = true;
}

void H2Visitor::on_reset(StreamId id, adit::http2::ErrorCode code) {
    H2Answer& answer = answers_[id];
    answer.reset = true;
    answer.code = code;
}

} // namespace adit_test
