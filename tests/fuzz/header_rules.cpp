// What the edge sends on of a parsed message: one message for who reads it, never two, with only our word on who the
// visitor is. First line: the words request or response; of a request: trusted, https; of a response: GET, HEAD or
// CONNECT, upgrade, old (the visitor speaks HTTP/1.0), h2, keep, late (the request's body is not read to its end).
#include "fuzz/fuzz.hpp"

#include "http/header_rules.hpp"
#include "http/parser.hpp"
#include "http/writer.hpp"

using namespace adit;

namespace {

constexpr std::string_view client = "192.0.2.7";
constexpr std::string_view canary = "GET /canary HTTP/1.1\r\nHost: canary.example\r\n\r\n";

// The body of the message that a parser is in, to its end or the end of the input.
template <class Parser>
bool read_body(Parser& parser, Bytes& input, std::string& body) {
    for (;;) {
        const ParseResult r = parser.parse(input);
        input = input.subspan(r.consumed);
        if (r.state == ParseState::body) body += as_text(r.body);
        if (r.state == ParseState::message_complete) return true;
        if (r.state != ParseState::body) return false;
    }
}

// A name as an application sees it that makes variables of its headers: HTTP_X_REAL_IP.
std::string variable(std::string_view name) {
    std::string text(name);
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        if (c == '_') c = '-';
    }
    return text;
}

void check_names(const Head& request, const VisitorInfo& visitor) {
    std::size_t hosts = 0, framings = 0, connections = 0;
    for (const Field& field : request) {
        const std::string name = variable(field.name);
        if (name == "host") ++hosts;
        if (name == "content-length" || name == "transfer-encoding") ++framings;
        if (name == "connection") ++connections;
        for (const std::string_view never : {"proxy", "proxy-connection", "keep-alive", "te", "proxy-authorization",
                                             "proxy-authenticate", "http2-settings"}) {
            FUZZ_CHECK(name != never);
        }
        if (visitor.trusted_proxy) continue;
        FUZZ_CHECK(name != "forwarded" && name != "x-real-ip");
        FUZZ_CHECK(!name.starts_with("ngrok-") || name == "ngrok-" || field.id == FieldId::ngrok_skip);
        if (!name.starts_with("x-forwarded-") || name == "x-forwarded-") continue; // the prefix alone says nothing
        FUZZ_CHECK(field.name.find('_') == std::string_view::npos);
        if (field.id == FieldId::x_forwarded_for) FUZZ_CHECK(field.value == client);
        else if (field.id == FieldId::x_forwarded_proto) FUZZ_CHECK(field.value == (visitor.https ? "https" : "http"));
        else FUZZ_CHECK(field.id == FieldId::x_forwarded_host && field.value == request.host());
    }
    FUZZ_CHECK(hosts == 1 && framings <= 1 && connections <= 1);
    FUZZ_CHECK(request.count("X-Forwarded-For") == 1);
    FUZZ_CHECK(visitor.trusted_proxy || request.count("X-Forwarded-Proto") == 1);
    if (connections == 1) {
        const std::string_view said = *request.find(FieldId::connection);
        FUZZ_CHECK(said == "Upgrade" || said == "close");
        FUZZ_CHECK((said == "Upgrade") == request.has(FieldId::upgrade));
    } else {
        FUZZ_CHECK(!request.has(FieldId::upgrade));
    }
}

// Head, body and a canary behind them are read as two messages, the first of which is `head` with `body`.
std::string check_request_bytes(const Head& head, std::string_view body, const Fields& trailers) {
    std::string written;
    FUZZ_CHECK(write_head(written, head));
    if (head.chunked()) {
        write_chunk(written, as_bytes(body));
        write_last_chunk(written, trailers);
    } else {
        written += body;
    }
    const fuzz::Exact exact(written + std::string(canary));
    Bytes input = exact.bytes();
    RequestParser parser;
    const ParseResult first = parser.parse(input);
    FUZZ_CHECK(first.state == ParseState::head_complete);
    const Head& read = parser.head();
    FUZZ_CHECK(read.method() == head.method() && read.target() == head.target() && read.host() == head.host());
    FUZZ_CHECK(read.has_body() == head.has_body() && read.size() == head.size());
    FUZZ_CHECK(read.target().starts_with('/') || read.target() == "*");
    const bool keep_alive = read.keep_alive();
    input = input.subspan(first.consumed);
    std::string got;
    FUZZ_CHECK(read_body(parser, input, got));
    fuzz::check_same(got, body, "the body");
    fuzz::check_same(as_text(input), canary, "what follows the message");
    if (head.upgrade()) {
        FUZZ_CHECK(parser.parse(input).state == ParseState::upgrade);
        parser.decline_upgrade();
    }
    if (!keep_alive) return written;
    const ParseResult second = parser.parse(input);
    FUZZ_CHECK(second.state == ParseState::head_complete && second.consumed == canary.size());
    FUZZ_CHECK(parser.head().target() == "/canary");
    return written;
}

void request(std::string_view bytes, const fuzz::Words& words) {
    const fuzz::Exact exact(bytes);
    Bytes input = exact.bytes();
    RequestParser parser;
    const ParseResult r = parser.parse(input);
    if (r.state != ParseState::head_complete || parser.head().method() == "CONNECT") return;
    input = input.subspan(r.consumed);
    Head head = parser.head(); // a copy: the rules must not depend on the parser
    std::string body;
    if (!read_body(parser, input, body)) return;

    VisitorInfo visitor{client, words.has("https"), words.has("trusted")};
    visitor.server_name = "visitor.example";
    const bool has_body = head.has_body();
    const std::string method(head.method());
    const bool upgrade = is_upgrade(head);
    apply_request_rules(head, visitor);
    FUZZ_CHECK(head.has_body() == has_body && head.method() == method && head.upgrade() == upgrade);
    check_names(head, visitor);
    const std::string to_agent = check_request_bytes(head, body, parser.trailers());

    // The agent reads that and sends it on to its upstream.
    RequestParser agent;
    const fuzz::Exact copy(to_agent);
    FUZZ_CHECK(agent.parse(copy.bytes()).state == ParseState::head_complete);
    Head onward = agent.head();
    apply_forward_rules(onward);
    FUZZ_CHECK(onward.method() == head.method() && onward.target() == head.target() && onward.host() == head.host());
    FUZZ_CHECK(onward.find("X-Forwarded-For") == head.find("X-Forwarded-For"));
    FUZZ_CHECK(onward.upgrade() == upgrade);
    check_request_bytes(onward, body, parser.trailers());
}

void response(std::string_view bytes, const fuzz::Words& words) {
    const std::string_view method = words.one_of({"HEAD", "CONNECT", "GET"});
    const bool upgrade = words.has("upgrade") && method != "CONNECT";
    ResponseParser parser;
    parser.expect(method, upgrade);
    const fuzz::Exact exact(bytes);
    Bytes input = exact.bytes();
    const ParseResult r = parser.parse(input);
    if (r.state != ParseState::head_complete) return;
    input = input.subspan(r.consumed);
    Head head = parser.head();
    RequestFacts facts;
    facts.version = words.has("old") ? HttpVersion::http10 : words.has("h2") ? HttpVersion::http2 : HttpVersion::http11;
    facts.keep_alive = words.has("keep");
    facts.to_head = method == "HEAD";
    facts.to_connect = method == "CONNECT";
    facts.upgrade = upgrade;
    const ResponsePlan plan = apply_response_rules(head, facts, !words.has("late"));
    FUZZ_CHECK(!head.has("ngrok-error-code") && !head.has("ngrok_error_code") && !head.has("Proxy-Connection"));
    FUZZ_CHECK(!plan.keep_alive || facts.keep_alive);
    FUZZ_CHECK(!plan.keep_alive || plan.framing != Framing::until_close);
    FUZZ_CHECK(!(plan.keep_alive && words.has("late")) || head.is_interim());
    if (!plan.forward || facts.version == HttpVersion::http2) return;

    std::string body;
    if (!head.is_interim() && !plan.tunnel && !read_body(parser, input, body)) {
        if (parser.finish().state != ParseState::message_complete) return;
    }
    std::string written;
    FUZZ_CHECK(write_head(written, head));
    if (plan.framing == Framing::chunked) {
        write_chunk(written, as_bytes(body));
        write_last_chunk(written, parser.trailers());
    } else if (plan.framing != Framing::none) {
        written += body;
    }
    ResponseParser visitor;
    visitor.expect(method, upgrade);
    const fuzz::Exact copy(written);
    Bytes rest = copy.bytes();
    const ParseResult first = visitor.parse(rest);
    FUZZ_CHECK(first.state == ParseState::head_complete && visitor.head().status() == head.status());
    rest = rest.subspan(first.consumed);
    if (head.is_interim()) {
        FUZZ_CHECK(rest.empty());
        return;
    }
    if (plan.tunnel) {
        FUZZ_CHECK(visitor.parse(rest).state == ParseState::upgrade && rest.empty());
        return;
    }
    FUZZ_CHECK(visitor.head().framing() == plan.framing || plan.framing == Framing::none);
    FUZZ_CHECK(visitor.head().keep_alive() == plan.keep_alive);
    std::string got;
    if (!read_body(visitor, rest, got)) FUZZ_CHECK(visitor.finish().state == ParseState::message_complete);
    FUZZ_CHECK(rest.empty());
    fuzz::check_same(got, plan.framing == Framing::none ? std::string() : body, "the body");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view bytes = as_text({data, size});
    const fuzz::Words words(bytes);
    if (words.has("response")) response(bytes, words);
    else request(bytes, words);
    return 0;
}
