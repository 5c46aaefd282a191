// Policy documents: any text compiles or is refused by a number of behaviour C.1 with its place; what compiles runs on a
// connection, a request and an answer without an exception, and leaves heads that can be written. The first byte chooses
// the endpoint.
#include "fuzz/fuzz.hpp"

#include "http/writer.hpp"
#include "policy/document.hpp"
#include "policy/run.hpp"

using namespace adit;
using namespace adit::policy;

namespace {

constexpr UrlScheme protocols[] = {UrlScheme::https, UrlScheme::http, UrlScheme::tls, UrlScheme::tcp};

Moment now() {
    return {std::chrono::system_clock::time_point(std::chrono::seconds(1'700'000'000)),
            std::chrono::steady_clock::time_point(std::chrono::seconds(1'000))};
}

void check_writable(const Head& head) {
    ByteQueue out;
    FUZZ_CHECK(write_head(out, head));
}

/// What is to be done is said completely.
void check(const Outcome& outcome) {
    if (outcome.kind == Outcome::Kind::respond) {
        FUZZ_CHECK(outcome.page.head.status() >= 200 && outcome.page.head.status() <= 599);
        FUZZ_CHECK(!outcome.page.head.has("Connection") && !outcome.page.head.has("Transfer-Encoding"));
        FUZZ_CHECK(outcome.page.head.count("Content-Length") <= 1);
        check_writable(outcome.page.head);
    }
    if (outcome.kind == Outcome::Kind::forward) FUZZ_CHECK(!outcome.url.empty());
    if (outcome.kind == Outcome::Kind::need_body) FUZZ_CHECK(outcome.body_max > 0);
}

void run_exchange(Visit& visit) {
    Head request = Head::request("POST", "/a/b?x=1&y=%20&x=2");
    request.add(FieldId::host, "app.example.com");
    request.add("User-Agent", "curl/8.5.0");
    request.add("Cookie", "a=1; b=2");
    request.add("Accept-Encoding", "gzip, br");
    request.add("Content-Length", "5");
    request.set_framing(Framing::length);
    request.set_content_length(5);
    Exchange exchange(visit, RequestFacts(request), request, now());
    Outcome outcome = exchange.on_http_request(now());
    if (outcome.kind == Outcome::Kind::need_body) outcome = exchange.with_body("hello", now());
    if (outcome.kind == Outcome::Kind::need_certificate) outcome = exchange.with_certificate("hello", {}, now());
    for (int hops = 0; hops < 100 && outcome.kind == Outcome::Kind::forward && outcome.may_continue; ++hops)
        outcome = exchange.forward_failed(3200, "nobody", now());
    check(outcome);
    if (outcome.kind != Outcome::Kind::go_on) return;
    check_writable(request);
    FUZZ_CHECK(request.count("Host") == 1 && request.count("Content-Length") == 1);
    Head response = Head::response(200);
    response.add("Content-Type", "text/plain");
    response.add("Content-Length", "5000");
    response.add("Set-Cookie", "s=1; Path=/");
    response.set_framing(Framing::length);
    response.set_content_length(5'000);
    check(exchange.on_http_response(response, now()));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string text(as_text(Bytes(data + 1, size - 1)));
    CompileOptions options;
    options.fetches_certificates = [] { return true; };
    options.protocol = protocols[data[0] % 4];
    options.internal = (data[0] & 4) != 0;
    options.must_end = (data[0] & 8) != 0;
    const auto policy = Policy::compile(text, options);
    if (!policy) {
        FUZZ_CHECK(policy.error().code().category() == ngrok_category());
        const int number = policy.error().code().value();
        FUZZ_CHECK(number >= 2200 && number < 2300);
        FUZZ_CHECK(number == 2235 || text.size() > 1'000'000 || policy.error().message().starts_with("line "));
        return 0;
    }
    FUZZ_CHECK(read_document(text));
    ConnectionFacts facts;
    facts.client = IpEndpoint(*IpAddress::parse("203.0.113.9"), 51'234);
    facts.endpoint_url = EndpointUrl(options.protocol, "app.example.com");
    const auto state = std::make_shared<State>(*policy);
    Visit visit(state, facts);
    const Outcome outcome = visit.on_tcp_connect(now());
    FUZZ_CHECK(outcome.kind == Outcome::Kind::go_on || outcome.kind == Outcome::Kind::close ||
               outcome.kind == Outcome::Kind::forward);
    if (options.protocol == UrlScheme::https || options.protocol == UrlScheme::http) run_exchange(visit);
    return 0;
}
