// Runs a parser over bytes in pieces and writes down what it said, so that a test compares one short string:
//   [POST /a]   a request head, [200] a response head       (abc)  the body, all of it
//   .           the end of a message                        {x: y} trailers
//   !400        an error                                    ^xyz   an upgrade, with the bytes that are left
//   ?           the input ended inside a message
#pragma once

#include "http/parser.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace http_test {

using namespace adit;

// An exact allocation, so that AddressSanitizer sees one byte too many.
class Piece {
public:
    explicit Piece(std::string_view text) : size_(text.size()), data_(new std::uint8_t[text.size()]) {
        std::copy(text.begin(), text.end(), data_.get());
    }
    Bytes bytes() const { return {data_.get(), size_}; }

private:
    std::size_t size_;
    std::unique_ptr<std::uint8_t[]> data_;
};

class Log {
public:
    void body(Bytes bytes) { body_ += as_text(bytes); }
    void end(const Fields& trailers) {
        flush();
        for (const Field& field : trailers)
            text_.append("{").append(field.name).append(": ").append(field.value) += '}';
        text_ += '.';
    }
    void add(std::string_view text) {
        flush();
        text_ += text;
    }
    std::string take() {
        flush();
        return std::move(text_);
    }

private:
    void flush() {
        if (!body_.empty()) text_.append("(").append(body_).append(")");
        body_.clear();
    }
    std::string text_;
    std::string body_;
};

inline std::string describe(const Head& head) {
    if (head.is_request()) return "[" + std::string(head.method()) + " " + std::string(head.target()) + "]";
    return "[" + std::to_string(head.status()) + "]";
}

// Feeds one piece; false when nothing more can be read. `hold` gets what an upgrade leaves.
template <class Parser>
bool feed(Parser& parser, std::string_view text, Log& log, std::string& held) {
    const Piece piece(text);
    Bytes input = piece.bytes();
    for (;;) {
        const ParseResult r = parser.parse(input);
        if (r.consumed > input.size()) return log.add("CONSUMED TOO MUCH"), false;
        if (r.state == ParseState::body &&
            !(r.body.data() >= input.data() && r.body.data() + r.body.size() <= input.data() + r.consumed)) {
            return log.add("BODY IS NOT IN THE INPUT"), false;
        }
        input = input.subspan(r.consumed);
        switch (r.state) {
        case ParseState::need_more:
            if (!input.empty()) log.add("INPUT LEFT");
            return true;
        case ParseState::head_complete: log.add(describe(parser.head())); break;
        case ParseState::body: log.body(r.body); break;
        case ParseState::message_complete: log.end(parser.trailers()); break;
        case ParseState::upgrade: held += as_text(input); return true;
        case ParseState::error: log.add("!" + std::to_string(r.error.status)); return false;
        }
    }
}

inline std::string run_requests(const std::vector<std::string_view>& pieces) {
    RequestParser parser;
    Log log;
    std::string held;
    bool alive = true;
    for (const std::string_view piece : pieces) alive = alive && feed(parser, piece, log, held);
    if (alive && !parser.finish()) log.add("?");
    if (alive && parser.parse({}).state == ParseState::upgrade) log.add("^" + held);
    if (!alive) { // whatever comes after an error, it stays one
        const ParseResult after = parser.parse(as_bytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        if (after.state != ParseState::error) log.add("ERROR FORGOTTEN");
    }
    return log.take();
}

struct Asked {
    std::string_view method = "GET";
    bool upgrade = false;
};

// `asked` are the requests that are announced, each when the answer before it is complete.
inline std::string run_responses(const std::vector<Asked>& asked, const std::vector<std::string_view>& pieces,
                                 bool closed = false) {
    ResponseParser parser;
    Log log;
    std::string held;
    std::size_t next = 0;
    const auto announce = [&] {
        if (parser.idle() && next < asked.size()) {
            parser.expect(asked[next].method, asked[next].upgrade);
            ++next;
        }
    };
    announce();
    for (const std::string_view text : pieces) {
        const Piece piece(text);
        Bytes input = piece.bytes();
        for (bool more = true; more;) {
            const ParseResult r = parser.parse(input);
            input = input.subspan(r.consumed);
            switch (r.state) {
            case ParseState::need_more: more = false; break;
            case ParseState::head_complete: log.add(describe(parser.head())); break;
            case ParseState::body: log.body(r.body); break;
            case ParseState::message_complete:
                log.end(parser.trailers());
                announce();
                break;
            case ParseState::upgrade: held += as_text(input), more = false; break;
            case ParseState::error: log.add("!" + std::to_string(r.error.status)); return log.take();
            }
        }
    }
    const bool tunnel = parser.parse({}).state == ParseState::upgrade;
    if (tunnel) log.add("^" + held);
    if (!closed) {
        if (!parser.idle() && !tunnel) log.add("?");
        return log.take();
    }
    const ParseResult r = parser.finish();
    if (r.state == ParseState::message_complete) log.end(parser.trailers());
    if (r.state == ParseState::error) log.add("!" + std::to_string(r.error.status));
    return log.take();
}

// The same bytes whole, cut in two at every place, and one by one: all of it must give the same log. Returns
// that log, or the first one that differs.
template <class Run>
std::string every_split(std::string_view bytes, Run&& run) {
    const std::string whole = run(std::vector<std::string_view>{bytes});
    const auto differs = [&](const std::string& log, const std::string& how) {
        return how + ": " + log + " != " + whole;
    };
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
        const std::string log = run(std::vector<std::string_view>{bytes.substr(0, cut), bytes.substr(cut)});
        if (log != whole) return differs(log, "cut at " + std::to_string(cut));
    }
    std::vector<std::string_view> single;
    for (std::size_t i = 0; i < bytes.size(); ++i) single.push_back(bytes.substr(i, 1));
    if (const std::string log = run(single); log != whole) return differs(log, "byte by byte");
    return whole;
}

inline std::string requests(std::string_view bytes) { return every_split(bytes, run_requests); }
inline std::string responses(const std::vector<Asked>& asked, std::string_view bytes, bool closed = false) {
    return every_split(bytes, [&](const std::vector<std::string_view>& pieces) {
        return run_responses(asked, pieces, closed);
    });
}

} // namespace http_test
