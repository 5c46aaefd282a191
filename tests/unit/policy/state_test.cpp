// What lasts from request to request: rate limits and circuit breakers.
#include "policy_support.hpp"

#include <atomic>
#include <thread>

using namespace policy_test;

namespace {

std::string rate_limit(const std::string& more, const std::string& behind = {}) {
    return "on_http_request:\n  - actions:\n      - type: rate-limit\n        config: {name: x, capacity: 2, rate: 60s" + more + "}\n" + behind;
}

} // namespace

TEST_CASE("rate-limit: 429 with the time to wait, by the values of its keys together") {
    Endpoint endpoint(rate_limit(", bucket_key: [conn.client_ip, \"req.headers['x-key'][0]\"]"));
    const Headers a = {{"X-Key", "a"}}, b = {{"X-Key", "b"}};
    CHECK(fate(endpoint, "/", a) == "go on");
    CHECK(fate(endpoint, "/", a) == "go on");
    CHECK(fate(endpoint, "/", a) == "429");
    CHECK(fate(endpoint, "/", b) == "go on");
    endpoint.facts.client.address = *IpAddress::parse("203.0.113.10");
    CHECK(fate(endpoint, "/", a) == "go on");
    endpoint.facts.client.address = *IpAddress::parse("203.0.113.9");
    Request request(endpoint, "GET", "/", a, 30s);
    const Outcome outcome = request.request();
    CHECK(describe(outcome) == "429");
    const std::string wait(outcome.page.head.find("Retry-After").value_or("none"));
    CAPTURE(wait);
    CHECK(std::stoi(wait) >= 30);
    CHECK(std::stoi(wait) <= 36);
    CHECK(fate(endpoint, "/", a, "GET", 70s) == "go on");
    // without its header a request has the limit of all that have none
    CHECK(fate(endpoint, "/") == "go on");
    CHECK(fate(endpoint, "/") == "go on");
    CHECK(fate(endpoint, "/") == "429");
}

TEST_CASE("rate-limit that is not enforced tells and lets pass") {
    Endpoint endpoint(rate_limit(", enforce: false, bucket_key: [req.method]",
                                 "  - expressions: [actions.ngrok.rate_limit.limited]\n    actions: [{type: custom-response, config: {body: "
                                 "'${actions.ngrok.rate_limit.bucket_key}'}}]\n"));
    CHECK(fate(endpoint, "/") == "go on");
    CHECK(fate(endpoint, "/") == "go on");
    Request request(endpoint, "GET", "/");
    CHECK(request.request().page.body == "GET");
}

TEST_CASE("two endpoints of one policy have buckets of their own") {
    const auto policy = compiled(rate_limit(""));
    Endpoint one(policy, {}), other(policy, {});
    CHECK(fate(one, "/") == "go on");
    CHECK(fate(one, "/") == "go on");
    CHECK(fate(one, "/") == "429");
    CHECK(fate(other, "/") == "go on");
}

TEST_CASE("circuit-breaker: opens by failures of the application, lets one through and closes again") {
    Endpoint endpoint("on_http_request:\n  - actions:\n      - {type: circuit-breaker, config: {error_threshold: 0.5, volume_threshold: 4, "
                      "tripped_duration: 5s}}\n");
    const auto exchange = [&](int status, std::chrono::milliseconds time) {
        Request request(endpoint, "GET", "/", {}, time);
        const Outcome outcome = request.request();
        if (outcome.kind != Kind::go_on) return describe(outcome);
        if (status == 0) {
            request.exchange.upstream_failed(request.now);
        } else {
            Head response = response_head(status);
            request.respond(response);
        }
        return std::to_string(status);
    };
    CHECK(exchange(200, 0ms) == "200");
    CHECK(exchange(404, 0ms) == "404");
    CHECK(exchange(500, 0ms) == "500");
    CHECK(exchange(0, 0ms) == "0"); // no answer at all
    CHECK(exchange(200, 100ms) == "503 ERR_NGROK_3202");
    Request refused(endpoint, "GET", "/", {}, 1s);
    CHECK(refused.request().page.head.find("Retry-After") == "4");
    // half open: the first is a probe
    Request probe(endpoint, "GET", "/", {}, 5100ms);
    CHECK(describe(probe.request()) == "go on");
    CHECK(exchange(200, 5100ms) == "503 ERR_NGROK_3202");
    Head response = response_head(200);
    probe.respond(response);
    CHECK(exchange(200, 5200ms) == "200");
}

TEST_CASE("a visitor who leaves is no failure and holds no probe") {
    Endpoint endpoint("on_http_request:\n  - actions:\n      - {type: circuit-breaker, config: {volume_threshold: 1, tripped_duration: 1s}}\n");
    {
        Request gone(endpoint, "GET", "/");
        CHECK(describe(gone.request()) == "go on");
    }
    CHECK(fate(endpoint, "/") == "go on");
    Request failing(endpoint, "GET", "/");
    CHECK(describe(failing.request()) == "go on");
    failing.exchange.upstream_failed(failing.now);
    CHECK(fate(endpoint, "/") == "503 ERR_NGROK_3202");
    CHECK(fate(endpoint, "/", {}, "GET", 1100ms) == "go on"); // the probe, abandoned at once
    CHECK(fate(endpoint, "/", {}, "GET", 1200ms) == "go on");
}

TEST_CASE("one policy and its state serve many threads") {
    Endpoint endpoint("on_http_request:\n  - expressions: [\"req.url.path.matches('^/a')\"]\n    actions:\n"
                      "      - {type: restrict-ips, config: {allow: [203.0.113.0/24]}}\n"
                      "      - {type: rate-limit, config: {capacity: 100, rate: 60s, bucket_key: [conn.client_ip]}}\n"
                      "      - {type: circuit-breaker}\n"
                      "      - {type: set-vars, config: {vars: [{a: ['${req.url.path}']}]}}\n"
                      "      - {type: add-headers, config: {headers: {x-a: '${vars.a[0]}'}}}\n");
    std::atomic<int> passed{0}, limited{0}, other{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 100; ++i) {
                Request request(endpoint, "GET", "/a");
                const std::string got = describe(request.request());
                ++(got == "go on" ? passed : got == "429" ? limited : other);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(passed == 100);
    CHECK(limited == 300);
    CHECK(other == 0);
}
