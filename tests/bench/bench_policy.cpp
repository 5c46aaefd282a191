// W16: what a policy of ten CEL rules and a restrict-ips of 10,000 ranges costs a request.
//   bench-policy [REQUESTS]        prints microseconds of CPU time a request, of policies of growing size
#include "policy/run.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include <time.h>

using namespace adit;
using namespace adit::policy;

namespace {

std::string ranges(std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
        text += "              - 10." + std::to_string(i / 250 % 250) + "." + std::to_string(i % 250) + ".0/" +
                std::to_string(24 + i % 5) + "\n";
    }
    return text;
}

/// None of them applies, so that all are judged.
std::string rules() {
    static constexpr const char* expressions[] = {
        "req.method == 'TRACE'",
        "req.url.path.startsWith('/admin')",
        "hasReqHeader('x-debug')",
        "getReqHeader('x-key') == ['secret']",
        "req.url.path.matches('^/v[0-9]+/private/')",
        "'role' in req.url.query_params && req.url.query_params['role'] == ['root']",
        "req.headers.exists(name, name == 'x-forbidden')",
        "conn.client_ip.startsWith('192.168.') || conn.server_port == 8080",
        "req.host.endsWith('.internal') && !(req.method in ['GET', 'HEAD'])",
        "hasReqCookie('banned') || req.content_length > 1000000",
    };
    std::string text;
    for (const char* expression : expressions)
        text += std::string("  - expressions: [\"") + expression + "\"]\n    actions: [{type: deny}]\n";
    return text;
}

Head request_head() {
    Head head = Head::request("GET", "/v1/items/42?sort=name&page=3&role=user");
    head.add(FieldId::host, "app.example.com");
    head.add("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36");
    for (const char* name : {"Accept", "Accept-Language", "Cache-Control", "Referer", "Sec-Fetch-Mode", "X-Request-Id"})
        head.add(name, "some value");
    head.add("Cookie", "session=0123456789abcdef; theme=dark");
    head.add("X-Forwarded-For", "10.9.8.7");
    head.add("Content-Length", "0");
    head.set_content_length(0);
    return head;
}

/// Of this thread alone: what else the machine does must not count.
double cpu_microseconds() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

void measure(const char* name, const std::string& text, int requests) {
    const auto begin = std::chrono::steady_clock::now();
    const auto policy = Policy::compile(text, CompileOptions());
    if (!policy) {
        std::fprintf(stderr, "%s: %s\n", name, policy.error().message().c_str());
        std::exit(1);
    }
    const std::chrono::duration<double, std::milli> compiled = std::chrono::steady_clock::now() - begin;
    const auto state = std::make_shared<State>(*policy);
    ConnectionFacts facts;
    facts.client = IpEndpoint(*IpAddress::parse("10.9.8.7"), 51'234);
    facts.endpoint_url = EndpointUrl(UrlScheme::https, "app.example.com");
    Visit visit(state, facts);
    Head head = request_head();
    const Moment now{std::chrono::system_clock::now(), std::chrono::steady_clock::now()};
    const double start = cpu_microseconds();
    for (int i = 0; i < requests; ++i) {
        Exchange exchange(visit, RequestFacts(head), head, now);
        if (exchange.on_http_request(now).kind != Outcome::Kind::go_on) {
            std::fprintf(stderr, "%s: the request did not pass\n", name);
            std::exit(1);
        }
    }
    std::printf("%-34s %8.3f us a request, compiled in %.1f ms\n", name, (cpu_microseconds() - start) / requests,
                compiled.count());
}

} // namespace

int main(int argc, char** argv) {
    const int requests = argc > 1 ? std::atoi(argv[1]) : 100'000;
    const std::string restrict_ips = "  - actions:\n      - type: restrict-ips\n        config:\n            allow:\n" + ranges(10'000);
    measure("one literal header", "on_http_request:\n  - actions: [{type: add-headers, config: {headers: {host: app.example.com}}}]\n",
            requests);
    measure("restrict-ips, 10,000 ranges", "on_http_request:\n" + restrict_ips, requests);
    measure("10 rules", "on_http_request:\n" + rules(), requests);
    measure("10 rules and restrict-ips (W16)", "on_http_request:\n" + restrict_ips + rules(), requests);
}
