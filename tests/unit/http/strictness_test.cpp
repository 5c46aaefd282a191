// Threats T1 and T3: every payload has one meaning or none, however it arrives.
#include "http_log.hpp"
#include "strictness_table.hpp"
#include "support/doctest.hpp"

#include <adit/limits.hpp>

#include <llhttp.h>

using namespace adit;
using namespace http_test;

namespace {

// What llhttp alone makes of the bytes, in the notation of the log; nullopt when it refuses them.
struct Plain {
    std::string log;
    std::string body;
    std::string target;
    static Plain& of(llhttp_t* parser) { return *static_cast<Plain*>(parser->data); }
};

std::optional<std::string> read_by_llhttp(std::string_view bytes) {
    llhttp_settings_t settings{};
    settings.on_url = [](llhttp_t* parser, const char* at, std::size_t size) {
        Plain::of(parser).target.append(at, size);
        return 0;
    };
    settings.on_headers_complete = [](llhttp_t* parser) {
        Plain& self = Plain::of(parser);
        self.log += "[" + std::string(llhttp_method_name(static_cast<llhttp_method_t>(parser->method))) +
                    " " + std::exchange(self.target, {}) + "]";
        return 0;
    };
    settings.on_body = [](llhttp_t* parser, const char* at, std::size_t size) {
        Plain::of(parser).body.append(at, size);
        return 0;
    };
    settings.on_message_complete = [](llhttp_t* parser) {
        Plain& self = Plain::of(parser);
        if (!self.body.empty()) self.log += "(" + std::exchange(self.body, {}) + ")";
        self.log += '.';
        return 0;
    };
    Plain plain;
    llhttp_t parser;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = &plain;
    if (llhttp_execute(&parser, bytes.data(), bytes.size()) != HPE_OK) return std::nullopt;
    return plain.log;
}

} // namespace

TEST_CASE("what is accepted means the same to llhttp alone") {
    std::size_t compared = 0;
    for (const smuggling::Payload& payload : all_payloads()) {
        const std::string& ours = payload.outcome;
        if (ours.find_first_of("!?^{") != std::string::npos || ours.empty()) continue;
        const auto theirs = read_by_llhttp(payload.visitor);
        if (!theirs) continue; // a method it does not know
        CAPTURE(payload.name);
        // What follows a last request is nothing here, and is refused or read on there.
        CHECK(theirs->substr(0, ours.size()) == ours);
        ++compared;
    }
    CHECK(compared >= 40);
}

TEST_CASE("every byte value in a name, a value, a target and a method is judged by RFC 9110") {
    const auto outcome = [](const std::string& bytes) { return run_requests({bytes}); };
    const auto is_name = [](int c) {
        const char b = static_cast<char>(c);
        return is_token({&b, 1});
    };
    for (int c = 0; c < 256; ++c) {
        CAPTURE(c);
        const std::string b(1, static_cast<char>(c));
        const bool in_value = c == '\t' || (c >= 0x20 && c != 0x7f);
        for (const std::string name :
             {"X", "Connection", "Upgrade", "Keep-Alive", "Proxy-Connection", "Cookie"}) {
            CAPTURE(name);
            CHECK(outcome(get(name + ": a" + b + "b")) == (in_value ? "[GET /]." : "!400"));
            CHECK(outcome(get(name + ": " + b)) == (in_value ? "[GET /]." : "!400"));
        }
        CHECK(outcome(get("A" + b + "B: x")) == (is_name(c) || c == ':' ? "[GET /]." : "!400"));
        for (const std::string name :
             {"Content-Length", "Transfer-Encoding", "Host"}) { // a known name is no better
            if (name.find(b) != std::string::npos || c == ':') continue;
            CHECK(outcome("POST / HTTP/1.1\r\nHost: a\r\n" + name + b + ": 3\r\n\r\n") ==
                  (is_name(c) ? "[POST /]." : "!400"));
        }
        const bool in_target = c > 0x20 && c < 0x7f && c != '#';
        CHECK(outcome(line("GET /" + b + " HTTP/1.1")) == (in_target ? "[GET /" + b + "]." : "!400"));
        CHECK(outcome(line("A" + b + " / HTTP/1.1")) == (is_name(c) ? "[A" + b + " /]." : "!400"));
    }
}

TEST_CASE("heads are bounded in bytes and in fields") {
    const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    const std::string end = "\r\n\r\n";
    const std::string fits(limits::http_head_max - start.size() - end.size(), 'x');
    CHECK(run_requests({start + fits + end}) == "[GET /].");
    const std::string too_big = start + fits + "x" + end;
    CHECK(run_requests({too_big}) == "!431");
    CHECK(run_requests({std::string_view(too_big).substr(0, 70'000),
                        std::string_view(too_big).substr(70'000)}) == "!431");

    std::string fields = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t i = 1; i < limits::http_headers_max; ++i) fields += "X: y\r\n";
    CHECK(run_requests({fields + "\r\n"}) == "[GET /].");
    CHECK(run_requests({fields + "X: y\r\n\r\n"}) == "!431");

    CHECK(run_requests({"GET /" + std::string(limits::http_head_max, 'x')}) == "!414");
    CHECK(run_requests({"GET / HTTP/1.1\r\n" + std::string(limits::http_head_max, 'x')}) == "!431");
}

TEST_CASE("the bounds of a head can be set, and hold for every head of a connection") {
    const HeadLimits small{1'024, 10};
    const auto status_of = [&](const std::string& second) {
        RequestParser parser(small);
        const std::string all = "GET / HTTP/1.1\r\nHost: a\r\n\r\n" + second;
        std::string log;
        for (Bytes input = as_bytes(all);;) {
            const ParseResult r = parser.parse(input);
            input = input.subspan(r.consumed);
            if (r.state == ParseState::head_complete) log += "head ";
            if (r.state == ParseState::error) return log + std::to_string(r.error.status);
            if (r.state == ParseState::need_more) return log;
        }
    };
    const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    CHECK(status_of(start + std::string(1'024 - start.size() - 4, 'x') + "\r\n\r\n") == "head head ");
    CHECK(status_of(start + std::string(1'025 - start.size() - 4, 'x') + "\r\n\r\n") == "head 431");
    CHECK(status_of("GET /" + std::string(1'024, 'x')) == "head 414");
    std::string fields = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 1; i < 10; ++i) fields += "X: y\r\n";
    CHECK(status_of(fields + "\r\n") == "head head ");
    CHECK(status_of(fields + "X: y\r\n\r\n") == "head 431");

    ResponseParser response(small);
    CHECK(response.head_limits().bytes == small.bytes);
    response.expect("GET", false);
    const std::string answer = "HTTP/1.1 200 OK\r\nX: " + std::string(1'024, 'x');
    CHECK(response.parse(as_bytes(answer)).error.status == 502);
}

TEST_CASE("the options of Connection are bounded, for every field is looked for among them") {
    const auto options = [](std::size_t count) {
        std::string list = "x";
        while (--count != 0) list += ",x";
        return list;
    };
    constexpr std::size_t most = limits::http_connection_options_max;
    CHECK(run_requests({get("Connection: " + options(most))}) == "[GET /].");
    CHECK(run_requests({get("Connection: " + options(most + 1))}) == "!431");
    CHECK(run_requests({get("Connection: " + options(most) + "\r\nConnection: x")}) == "!431");
    CHECK(run_requests({get("Connection: " + std::string(limits::http_head_max - 200, ','))}) == "!431");
    const std::string start = "HTTP/1.1 204 x\r\nConnection: ";
    CHECK(run_responses({{}}, {start + options(most) + "\r\n\r\n"}) == "[204].");
    CHECK(run_responses({{}}, {start + options(most + 1) + "\r\n\r\n"}) == "!502");
}

TEST_CASE("trailers are bounded in bytes and in fields") {
    const std::string start = chunked("0\r\n");
    CHECK(run_requests({start + "X: " + std::string(limits::http_trailers_max, 'x')}) == "[POST /]!431");
    std::string fields = start;
    for (std::size_t i = 0; i <= limits::http_headers_max; ++i) fields += "X: y\r\n";
    CHECK(run_requests({fields}) == "[POST /]!431");
}

TEST_CASE("garbage is refused at its first byte, not when a head would be complete") {
    for (const std::string_view first : {"\x16", "\x80", " ", ":", "{"}) {
        RequestParser parser;
        CHECK(parser.parse(as_bytes(first)).error.status == 400);
    }
    ResponseParser response;
    response.expect("GET", false);
    CHECK(response.parse(as_bytes("S")).error.status == 502);
}
