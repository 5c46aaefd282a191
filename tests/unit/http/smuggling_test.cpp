// Threats T1 to T5, T11 and T14 as a table: what our parser says of each payload, at every cut, and what would be sent to
// the application and to the visitor.
#include "http_log.hpp"
#include "support/doctest.hpp"
#include "support/smuggling.hpp"

#include "http/header_rules.hpp"
#include "http/writer.hpp"

#include <cstdlib>
#include <fstream>
#include <map>

using namespace adit;
using namespace http_test;
using smuggling::Payload;

namespace {

const std::string table = ADIT_SMUGGLING_TABLE;
constexpr std::string_view served = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

// An edge with an application, as far as lib/http goes: everything that the visitor sends is there at once.
class Passage {
public:
    explicit Passage(Payload& result) : result_(result) {
        result_.upstream.clear();
        result_.partial.clear();
        result_.statuses.clear();
        result_.down.clear();
        result_.closed = false;
    }

    void run() {
        const Piece piece(result_.visitor);
        Bytes input = piece.bytes();
        while (!result_.closed) {
            const ParseResult r = parser_.parse(input);
            input = input.subspan(r.consumed);
            switch (r.state) {
            case ParseState::head_complete: begin(); break;
            case ParseState::body: body(r.body); break;
            case ParseState::message_complete: complete(); break;
            case ParseState::upgrade: // the application declined it, or has it
                if (tunnel_) return;
                parser_.decline_upgrade();
                break;
            case ParseState::error:
                status(r.error.status);
                result_.closed = true;
                return;
            case ParseState::need_more:
                if (passed_on_ && !parser_.body_done()) incomplete();
                return;
            }
        }
    }

private:
    void begin() {
        Head& head = parser_.head();
        facts_ = RequestFacts(head);
        up_.clear();
        passed_on_ = false;
        if (facts_.to_connect) return status(405);
        apply_request_rules(head, VisitorInfo{"127.0.0.1", false, false});
        if (head.host().empty()) return status(400);
        passed_on_ = true;
        REQUIRE(write_head(up_, head));
    }
    void body(Bytes bytes) {
        if (parser_.head().chunked()) write_chunk(up_, bytes);
        else up_ += as_text(bytes);
    }
    void complete() {
        if (!passed_on_) {
            result_.closed = !facts_.keep_alive;
            return;
        }
        if (parser_.head().chunked()) write_last_chunk(up_, parser_.trailers());
        result_.upstream.push_back(up_);
        answer(true);
        passed_on_ = false;
    }
    void incomplete() {
        result_.partial = up_;
        if (result_.answer) answer(false);
    }
    void answer(bool request_done) {
        const bool first = result_.answer && !answered_;
        const Piece piece(first ? std::string_view(*result_.answer) : served);
        answered_ = true;
        ResponseParser parser;
        parser.expect(parser_.head());
        ResponsePlan plan;
        std::string down;
        bool begun = false;
        for (Bytes input = piece.bytes();;) {
            ParseResult r = parser.parse(input);
            if (r.state == ParseState::need_more && first && result_.answer_ends) r = parser.finish();
            input = input.subspan(r.consumed);
            if (r.state == ParseState::head_complete) {
                const bool interim = parser.head().is_interim();
                const ResponsePlan next = apply_response_rules(parser.head(), facts_, request_done);
                if (!next.forward) continue;
                REQUIRE(write_head(down, parser.head()));
                if (interim) continue;
                plan = next;
                begun = true;
                if (!first) status(parser.head().status());
            } else if (r.state == ParseState::body) {
                if (plan.framing == Framing::chunked) write_chunk(down, r.body);
                else if (plan.framing != Framing::none) down += as_text(r.body);
            } else if (r.state == ParseState::message_complete) {
                if (plan.framing == Framing::chunked) write_last_chunk(down, parser.trailers());
                result_.closed = !plan.keep_alive || !request_done;
                break;
            } else if (r.state == ParseState::upgrade) {
                tunnel_ = true;
                down += as_text(input);
                break;
            } else {
                REQUIRE(r.state == ParseState::error);
                if (!begun) down = "(502)"; // interim answers may have gone before
                result_.closed = begun || !facts_.keep_alive || !request_done;
                break;
            }
        }
        if (first) result_.down = down;
    }
    void status(int number) {
        if (result_.answer) return;
        if (!result_.statuses.empty()) result_.statuses += ' ';
        result_.statuses += std::to_string(number);
    }

    Payload& result_;
    RequestParser parser_;
    RequestFacts facts_;
    std::string up_;
    bool passed_on_ = false, answered_ = false, tunnel_ = false;
};

// T2: the request that an HTTP/2 layer would make of the fields, if it checked nothing at all.
void pass_fields(Payload& result) {
    result.upstream.clear();
    std::map<std::string, std::string> pseudo;
    std::vector<std::pair<std::string, std::string>> others;
    for (const std::string& field : result.fields) {
        const std::size_t end = field.find(": ", field.starts_with(": ") ? 0 : 1);
        const std::string name = field.substr(0, end);
        if (name.starts_with(':') && name.size() > 1 && !pseudo.contains(name)) pseudo[name] = field.substr(end + 2);
        else others.emplace_back(name, field.substr(end + 2));
    }
    Head head = Head::request(pseudo[":method"], pseudo[":path"], HttpVersion::http2);
    bool fine = head.add("Host", pseudo[":authority"]);
    for (const auto& [name, value] : others) fine = head.add(name, value) && fine;
    std::string bytes;
    if (!fine) return;
    apply_request_rules(head, VisitorInfo{"127.0.0.1", true, false});
    if (write_head(bytes, head)) result.upstream.push_back(bytes);
}

std::size_t heads_in(std::string_view bytes) {
    RequestParser parser;
    std::size_t heads = 0;
    for (Bytes input = as_bytes(bytes);;) {
        const ParseResult r = parser.parse(input);
        input = input.subspan(r.consumed);
        if (r.state == ParseState::head_complete) ++heads;
        if (r.state == ParseState::upgrade) parser.decline_upgrade();
        if (r.state == ParseState::error) return 0;
        if (r.state == ParseState::need_more) return heads;
    }
}

std::string outcome_of(const Payload& payload) { return requests(payload.visitor); }

} // namespace

TEST_CASE("the smuggling table: every payload has one meaning or none, and nothing else goes upstream or down") {
    const std::vector<Payload> expected = smuggling::load(table);
    std::vector<Payload> found = expected;
    std::map<std::string, std::size_t> count;
    for (Payload& payload : found) {
        ++count[payload.threat];
        if (!payload.fields.empty()) {
            pass_fields(payload);
            continue;
        }
        payload.outcome = outcome_of(payload);
        Passage(payload).run();
    }
    if (std::getenv("ADIT_REWRITE") != nullptr) std::ofstream(table, std::ios::binary) << smuggling::rewrite(table, found);
    for (std::size_t i = 0; i < expected.size(); ++i) {
        CAPTURE(expected[i].section);
        CAPTURE(expected[i].name);
        CHECK(found[i].outcome == expected[i].outcome);
        CHECK(found[i].upstream == expected[i].upstream);
        CHECK(found[i].partial == expected[i].partial);
        CHECK(found[i].statuses == expected[i].statuses);
        CHECK(found[i].down == expected[i].down);
        CHECK(found[i].closed == (expected[i].answer ? expected[i].closed : found[i].closed));
    }
    for (const std::string threat : {"T1", "T2", "T3", "T4", "T5", "T11"}) CHECK_MESSAGE(count[threat] >= 20, threat);
    CHECK(expected.size() >= 300);
}

TEST_CASE("what goes upstream of the smuggling table is read as the same requests again, one for each") {
    std::size_t read = 0;
    for (const Payload& payload : smuggling::load(table)) {
        for (const std::string& bytes : payload.upstream) {
            CAPTURE(payload.name);
            CAPTURE(bytes);
            // A canary behind it is the second request, unless the first asks for the end or for another protocol.
            const std::string log = requests(bytes + "GET /canary HTTP/1.1\r\nHost: c\r\n\r\n");
            const bool last = bytes.find("\r\nConnection: close\r\n") != bytes.npos;
            const bool upgrade = bytes.find("\r\nConnection: Upgrade\r\n") != bytes.npos;
            if (upgrade) CHECK(log.find(".^GET /canary ") != log.npos);
            else CHECK(log.ends_with(last ? "." : ".[GET /canary]."));
            CHECK(heads_in(bytes) == 1);
            ++read;
        }
    }
    CHECK(read >= 100);
}
