#include "http/header_rules.hpp"
#include "http/writer.hpp"
#include "http_log.hpp"
#include "strictness_table.hpp"
#include "support/doctest.hpp"

using namespace adit;
using namespace http_test;
using namespace std::string_literals;

namespace {

// Both sinks must agree; the text, or "refused".
std::string written(const Head& head) {
    std::string text = "before";
    ByteQueue queue;
    queue.append(as_bytes("before"));
    const Result<void> to_text = write_head(text, head);
    const Result<void> to_queue = write_head(queue, head);
    CHECK(to_text.has_value() == to_queue.has_value());
    CHECK(as_text(queue.view()) == text);
    CHECK(text.starts_with("before"));
    if (to_text) return text.substr(6);
    CHECK(text == "before"); // nothing is left of a refused head
    CHECK(to_text.error().code() == errc::protocol_error);
    return "refused";
}

} // namespace

TEST_CASE("heads are written as they are") {
    Head request = Head::request("GET", "/a?b");
    CHECK(request.add("Host", "a"));
    CHECK(request.add("X-Empty", ""));
    CHECK(written(request) == "GET /a?b HTTP/1.1\r\nHost: a\r\nX-Empty: \r\n\r\n");
    Head response = Head::response(404);
    CHECK(written(response) == "HTTP/1.1 404 Not Found\r\n\r\n");
    response.set_version(HttpVersion::http10);
    CHECK(written(response) == "HTTP/1.0 404 Not Found\r\n\r\n");
    CHECK(written(Head::response(299)) == "HTTP/1.1 299 \r\n\r\n");
}

TEST_CASE("nothing that would change the message is written") {
    CHECK(written(Head::request("GE T", "/")) == "refused");
    CHECK(written(Head::request("", "/")) == "refused");
    CHECK(written(Head::request("GET\r\n", "/")) == "refused");
    CHECK(written(Head::request("GET", "")) == "refused");
    CHECK(written(Head::request("GET", "/ HTTP/1.1\r\nX: y\r\n\r\n")) == "refused");
    CHECK(written(Head::request("GET", "/\0"s)) == "refused");
    CHECK(written(Head::response(200, "OK\r\nX: y")) == "refused");
    CHECK(written(Head::response(200, "OK\nX: y")) == "refused");
    CHECK(written(Head::response(200, "O\0K"s)) == "refused");
    CHECK(written(Head::response(99)) == "refused");
    CHECK(written(Head::response(1000)) == "refused");
    Head two = Head::request("POST", "/");
    CHECK(two.add("Content-Length", "3"));
    CHECK(two.add("Transfer-Encoding", "chunked"));
    CHECK(written(two) == "refused");
    Head twice = Head::request("POST", "/");
    CHECK(twice.add("Content-Length", "3"));
    CHECK(twice.add("content-length", "3"));
    CHECK(written(twice) == "refused");
}

TEST_CASE("chunks are framed, and empty data does not end the body") {
    std::string text;
    ByteQueue queue;
    const std::string big(0x1234, 'x');
    for (const std::string_view data : {std::string_view("abc"), std::string_view(), std::string_view(big)}) {
        write_chunk(text, as_bytes(data));
        write_chunk(queue, as_bytes(data));
    }
    write_last_chunk(text);
    write_last_chunk(queue);
    CHECK(text == "3\r\nabc\r\n1234\r\n" + big + "\r\n0\r\n\r\n");
    CHECK(as_text(queue.view()) == text);

    char line[chunk_size_max];
    CHECK(std::string_view(line, format_chunk_size(line, 0xffff'ffff'ffff'ffff)) == "ffffffffffffffff\r\n");
}

TEST_CASE("trailers that could do harm are left out") {
    Fields trailers;
    CHECK(trailers.add("X-Sum", "1"));
    CHECK(trailers.add("Content-Length", "5"));
    CHECK(trailers.add("Set-Cookie", "a=b"));
    std::string text;
    write_last_chunk(text, trailers);
    CHECK(text == "0\r\nX-Sum: 1\r\n\r\n");
}

TEST_CASE("what is accepted of a visitor is written in a form that is read the same way") {
    std::size_t seen = 0;
    for (const smuggling::Payload& payload : all_payloads()) {
        RequestParser parser;
        if (parser.parse(as_bytes(payload.visitor)).state != ParseState::head_complete) continue;
        if (parser.head().method() == "CONNECT" || parser.head().host().empty()) continue; // not proxied
        const Framing framing = parser.head().framing();
        const auto length = parser.head().content_length();
        apply_request_rules(parser.head(), VisitorInfo{"192.0.2.1", true, false});
        CAPTURE(payload.name);
        const std::string text = written(parser.head());
        RequestParser again;
        const ParseResult r = again.parse(as_bytes(text));
        REQUIRE(r.state == ParseState::head_complete);
        CHECK(r.consumed == text.size());
        CHECK(again.head().framing() == framing);
        CHECK(again.head().content_length() == length);
        CHECK(again.head().method() == parser.head().method());
        CHECK(again.head().target().find("://") == std::string_view::npos);
        CHECK(again.head().size() == parser.head().size());
        ++seen;
    }
    CHECK(seen >= 60);
}
