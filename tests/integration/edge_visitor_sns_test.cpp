// Webhooks of Amazon SNS: the edge fetches the certificate that signed them. A server of the test stands in for Amazon's.
#include "edge_visitor_support.hpp"
#include "forward_support.hpp"

#include "edge/options_data.hpp"
#include "support/tool_visitor.hpp"

#include <adit/limits.hpp>

#include <atomic>
#include <ctime>
#include <future>

using namespace adit_test;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view region = "sns.eu-west-1.amazonaws.com";
constexpr std::string_view accepted = "accepted";

std::string policy(std::string_view config = "provider: sns", std::string_view answer = accepted) {
    return "on_http_request:\n  - actions:\n      - {type: verify-webhook, config: {" + std::string(config) +
           "}}\n      - {type: custom-response, config: {body: \"" + std::string(answer) + "\"}}";
}

std::string utc_now() {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    REQUIRE(::gmtime_r(&now, &utc) != nullptr);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", &utc)};
}

/// What signs messages: a certificate that Amazon's server is asked for.
class Signer {
public:
    explicit Signer(bool expired = false, std::chrono::seconds life = 24h) {
        adit::tls::LeafRequest leaf;
        leaf.names = {"sns.amazonaws.com"};
        leaf.not_before = today() - 48h;
        leaf.not_after = today() + (expired ? -24h : life);
        const auto issued = TestCa().authority().issue(leaf);
        REQUIRE(issued);
        certificate = issued->certificate_pem;
        key_ = tool_.file("key.pem", issued->key_pem);
    }

    /// A request of SNS, with its signature.
    std::string request(std::string_view certificate_url, std::string_view message = "hello") const {
        const std::string time = utc_now(), topic = "arn:aws:sns:eu-west-1:123456789012:Topic";
        const std::string text = "Message\n" + std::string(message) + "\nMessageId\n1\nTimestamp\n" + time + "\nTopicArn\n" + topic +
                                 "\nType\nNotification\n";
        return post(R"({"Type":"Notification","MessageId":"1","TopicArn":")" + topic + R"(","Message":")" +
                    std::string(message) + R"(","Timestamp":")" + time + R"(","SignatureVersion":"2","Signature":")" +
                    tool_.run("sh -c 'openssl dgst -sha256 -sign " + key_ + " | base64 -w0'", text) + R"(","SigningCertURL":")" +
                    std::string(certificate_url) + "\"}");
    }
    static std::string post(const std::string& body) {
        return "POST /hook HTTP/1.1\r\nHost: a.edge.test\r\nContent-Type: text/plain\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body;
    }

    std::string certificate;

private:
    static std::chrono::sys_seconds today() {
        return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    }
    ToolVisitor tool_;
    std::string key_;
};

/// The web server with the certificates, connection by connection.
class Amazon {
public:
    /// Makes the edge trust it, and go to it for whatever host.
    TestEdge::Change change(std::chrono::milliseconds time = adit::limits::webhook_certificate_time) const {
        return [this, time](adit::edge::ServerOptions& options) {
            auto& fetching = const_cast<adit::edge::ServerOptions::Data&>(options.data()).certificate_fetching; // no setters
            fetching.roots_pem = ca.pem();
            fetching.address = upstream.at();
            fetching.time = time;
        };
    }
    /// The connection of the next fetch, and what it asked for.
    NetVisitor accept(std::string& head) {
        NetVisitor edge = upstream.accept();
        REQUIRE(edge.accept_tls(ca.server(region)) == "");
        head = edge.read_until("\r\n\r\n");
        return edge;
    }
    /// Answers the next fetch with these bytes; gives what it asked for.
    std::future<std::string> answer(std::string bytes) {
        return std::async(std::launch::async, [this, bytes = std::move(bytes)] {
            std::string head;
            NetVisitor edge = accept(head);
            edge.send(bytes);
            edge.shutdown_write();
            edge.close();
            return head;
        });
    }

    TestUpstream upstream;
    TestCa ca;
};

std::string url(std::string_view name, std::string_view host = region) {
    return "https://" + std::string(host) + "/" + std::string(name) + ".pem";
}

/// One that is not meant to be verified: only its certificate matters.
std::string unsigned_request(std::string_view certificate_url) {
    return Signer::post(R"({"Type":"Notification","MessageId":"1","TopicArn":"arn:aws:sns:eu-west-1:1:T","Message":"m","Timestamp":")" +
                        utc_now() + R"(","SignatureVersion":"2","Signature":"AAAA","SigningCertURL":")" +
                        std::string(certificate_url) + "\"}");
}

adit::Listener listen(TestEdge& edge, const std::string& document, std::string_view at = "http://a.edge.test") {
    return edge.session.listen(adit::Endpoint(at).traffic_policy(document));
}

HttpAnswer answer_to(TestEdge& edge, const std::string& request) {
    NetVisitor visitor = edge.http();
    visitor.send(request);
    return visitor.answer();
}

void check_refused(const HttpAnswer& answer, std::string_view why) {
    CHECK(answer.status == 403);
    CHECK(answer.field("ngrok-error-code") == "ERR_NGROK_3204");
    CHECK_MESSAGE(said(answer.body, why), answer.body);
}

} // namespace

TEST_CASE("a message of sns is let through if the certificate that it names signed it") {
    Amazon amazon;
    TestEdge edge(amazon.change());
    const Signer signer, other;
    auto listener = listen(edge, "on_http_request:\n  - actions: [{type: verify-webhook, config: {provider: sns}}]");
    auto fetched = amazon.answer(response(signer.certificate));
    auto served = std::async(std::launch::async, [&] {
        AppStream app = edge.accept(listener);
        app.read_head();
        app.answer(app.read_until("}"));
    });
    const std::string request = signer.request(url("Service-1"));
    const HttpAnswer passed = answer_to(edge, request);
    served.get();
    CHECK(passed.body == request.substr(request.find('{'))); // the application got it whole
    CHECK(fetched.get().starts_with("GET /Service-1.pem HTTP/1.1\r\nHost: sns.eu-west-1.amazonaws.com\r\n"));
    // Known from now on.
    check_refused(answer_to(edge, other.request(url("Service-1"))), "the signature does not match");
    std::string changed = signer.request(url("Service-1"));
    changed.replace(changed.find("hello"), 5, "jello");
    check_refused(answer_to(edge, changed), "the signature does not match");
    auto again = std::async(std::launch::async, [&] {
        AppStream app = edge.accept(listener);
        app.read_head();
        app.answer("again");
    });
    CHECK(answer_to(edge, signer.request(url("Service-1"), "second")).body == "again");
    again.get();
    CHECK(amazon.upstream.nothing_comes());
}

TEST_CASE("messages that come at once, on any thread, wait for one fetch of their certificate") {
    Amazon amazon;
    TestEdge edge([&](adit::edge::ServerOptions& options) {
        amazon.change()(options);
        options.threads(2);
    });
    const Signer signer;
    auto listener = listen(edge, policy());
    const std::string request = signer.request(url("shared"));
    std::vector<NetVisitor> visitors;
    for (int i = 0; i < 8; ++i) {
        visitors.push_back(edge.http());
        visitors.back().send(request);
    }
    std::string head;
    NetVisitor fetch = amazon.accept(head);
    CHECK(amazon.upstream.nothing_comes());
    for (NetVisitor& visitor : visitors) CHECK_FALSE(visitor.readable_within(0ms));
    fetch.send(response(signer.certificate));
    for (NetVisitor& visitor : visitors) CHECK(visitor.answer().body == accepted);
    CHECK(amazon.upstream.nothing_comes());
}

TEST_CASE("nothing is fetched but from Amazon, and not for a topic that is not wanted") {
    Amazon amazon;
    TestEdge edge(amazon.change());
    auto listener = listen(edge, policy());
    for (const std::string& elsewhere :
         {url("a", "sns.eu-west-1.amazonaws.com.evil.example"), url("a", "evil.example"), url("a", amazon.upstream.at()),
          url("a", std::string(region) + ":8443"), "http" + url("a").substr(5), std::string()})
        check_refused(answer_to(edge, unsigned_request(elsewhere)), "SigningCertURL is not Amazon's");
    auto fixed = listen(edge, policy("provider: sns, secret: '999999999999'"), "http://b.edge.test");
    std::string request = unsigned_request(url("a"));
    request.replace(request.find("a.edge.test"), 1, "b");
    check_refused(answer_to(edge, request), "another topic");
    CHECK(amazon.upstream.nothing_comes());
}

TEST_CASE("whatever Amazon's server does wrong, the message is not verified and the next one is") {
    Amazon amazon;
    TestEdge edge(amazon.change());
    const Signer signer, expired(true);
    auto listener = listen(edge, policy());
    constexpr std::string_view unfetched = "could not be fetched";
    const std::string too_large(adit::limits::webhook_certificate_max + 1, 'x');
    const struct {
        std::string name, answer;
    } rows[] = {
        {"moved", "HTTP/1.1 302 Found\r\nLocation: " + url("good") + "\r\nContent-Length: 0\r\n\r\n"},
        {"none", response(signer.certificate, {}, "404 Not Found")},
        {"partial", response(signer.certificate, {}, "206 Partial Content")},
        {"large", response(signer.certificate + too_large)},
        {"endless", "HTTP/1.1 200 OK\r\n\r\n" + signer.certificate + too_large},
        {"head", "HTTP/1.1 200 OK\r\nX: " + too_large + "\r\n\r\n"},
        {"cut", response(signer.certificate).substr(0, 300)},
        {"html", response("<html>")},
        {"nothing", ""},
        {"garbage", "\x01\x02\x03\r\n\r\n"},
        {"expired", response(expired.certificate)},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        auto fetched = amazon.answer(row.answer);
        check_refused(answer_to(edge, signer.request(url(row.name))), unfetched);
        CHECK(said(fetched.get(), "/" + row.name + ".pem"));
        // Not asked for again for a while.
        check_refused(answer_to(edge, signer.request(url(row.name))), unfetched);
    }
    CHECK(amazon.upstream.nothing_comes());
    for (const std::string& good : {"HTTP/1.1 100 Continue\r\n\r\n" + response(signer.certificate),
                                    "HTTP/1.1 200 OK\r\n\r\n" + signer.certificate}) {
        auto fetched = amazon.answer(good);
        CHECK(answer_to(edge, signer.request(url("good" + std::to_string(good.size())))).body == accepted);
        fetched.get();
    }
}

TEST_CASE("the server has to prove that it is Amazon's") {
    Amazon amazon;
    TestEdge edge(amazon.change());
    auto listener = listen(edge, policy());
    const TestCa foreign;
    const std::shared_ptr<const adit::tls::ServerContext> contexts[] = {
        foreign.server(region), amazon.ca.server("sns.us-west-2.amazonaws.com"), amazon.ca.server(region, true)};
    int n = 0;
    for (const auto& context : contexts) {
        auto fetched = std::async(std::launch::async, [&] { return amazon.upstream.accept().accept_tls(context); });
        check_refused(answer_to(edge, unsigned_request(url(std::to_string(++n)))), "could not be fetched");
        CHECK(fetched.get() != "");
    }
}

TEST_CASE("a server that is down costs the messages only; an endpoint that does not enforce goes on") {
    std::atomic<int> failures{0};
    TestEdge edge([&](adit::edge::ServerOptions& options) {
        Amazon().change()(options);
        const_cast<adit::edge::ServerOptions::Data&>(options.data()).certificate_fetching.address =
            "127.0.0.1:" + std::to_string(dead_port());
        options.on_log([&](std::string_view, std::string_view line) { failures += said(line, "which signs webhooks"); });
    });
    auto listener = listen(edge, policy("provider: sns, enforce: false", "${actions.ngrok.verify_webhook.error.message}"));
    CHECK(answer_to(edge, unsigned_request(url("a"))).body == "the certificate of the signature could not be fetched");
    CHECK(failures == 1);
    // Visitors choose the names: so many fail, and then no more are tried for a while.
    NetVisitor visitor = edge.http();
    for (std::size_t i = 0; i < adit::limits::webhook_certificate_failures_max + 10; ++i) {
        visitor.send(unsigned_request(url("n" + std::to_string(i))));
        CHECK(visitor.answer().status == 200);
    }
    CHECK(failures == static_cast<int>(adit::limits::webhook_certificate_failures_max));
}

TEST_CASE("visitors who invent regions, or certificates of one, do not keep others from theirs") {
    constexpr std::string_view second = "sns.us-west-2.amazonaws.com";
    Amazon amazon;
    TestEdge edge(amazon.change());
    const Signer signer, brief(false, 8s); // time enough for its first fetch
    auto listener = listen(edge, policy());
    auto first = amazon.answer(response(brief.certificate));
    check_refused(answer_to(edge, unsigned_request(url("brief"))), "the signature does not match");
    first.get();
    auto other = std::async(std::launch::async, [&] {
        NetVisitor fetch = amazon.upstream.accept();
        REQUIRE(fetch.accept_tls(amazon.ca.server(second)) == "");
        (void)fetch.read_until("\r\n\r\n");
        fetch.send(response(signer.certificate));
    });
    CHECK(answer_to(edge, signer.request(url("a", second))).body == accepted);
    other.get();

    const auto fail = [&](std::size_t count, const std::function<std::string(std::size_t)>& name) {
        auto refusing = std::async(std::launch::async, [&] {
            for (std::size_t i = 0; i < count; ++i) amazon.upstream.accept().close();
        });
        for (std::size_t i = 0; i < count; ++i)
            check_refused(answer_to(edge, unsigned_request(name(i))), "could not be fetched");
        refusing.get();
        check_refused(answer_to(edge, unsigned_request(name(count))), "could not be fetched");
        CHECK(amazon.upstream.nothing_comes()); // enough of those
    };
    fail(adit::limits::webhook_certificate_failures_max,
         [](std::size_t i) { return url("a", "sns.nowhere-" + std::to_string(i) + ".amazonaws.com"); });
    fail(adit::limits::webhook_certificate_host_failures_max, [&](std::size_t i) { return url(std::to_string(i), second); });
    auto fresh = amazon.answer(response(signer.certificate));
    CHECK(answer_to(edge, signer.request(url("fresh"))).body == accepted);
    fresh.get();
    fail(adit::limits::webhook_certificate_host_failures_max, [](std::size_t i) { return url(std::to_string(i)); });

    auto again = amazon.answer(response(signer.certificate)); // a certificate that ran out is fetched where it always was
    while (again.wait_for(0s) != std::future_status::ready) (void)answer_to(edge, unsigned_request(url("brief")));
    CHECK(said(again.get(), "/brief.pem"));
    CHECK(answer_to(edge, signer.request(url("brief"))).body == accepted);
}

TEST_CASE("a slow server has its time, and so many fetches run at once") {
    Amazon amazon;
    TestEdge edge(amazon.change(2s));
    const Signer signer;
    auto listener = listen(edge, policy());
    std::vector<NetVisitor> visitors, fetches;
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < adit::limits::webhook_certificate_fetches_max; ++i) {
        visitors.push_back(edge.http());
        visitors.back().send(unsigned_request(url("n" + std::to_string(i))));
        fetches.push_back(amazon.upstream.accept());
        std::string head;
        if (i % 2 == 0) REQUIRE(fetches.back().accept_tls(amazon.ca.server(region)) == "");
        if (i % 4 == 0) fetches.back().send("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n-----BEGIN");
    }
    check_refused(answer_to(edge, unsigned_request(url("another"))), "could not be fetched");
    CHECK(std::chrono::steady_clock::now() - begin < 2s); // it did not wait for its turn
    for (NetVisitor& visitor : visitors) check_refused(visitor.answer(), "could not be fetched");
    CHECK(std::chrono::steady_clock::now() - begin >= 2s);
    for (NetVisitor& fetch : fetches) (void)fetch.read_all(); // the edge ends them
    CHECK(amazon.upstream.nothing_comes());
    auto fetched = amazon.answer(response(signer.certificate));
    CHECK(answer_to(edge, signer.request(url("another"))).body == accepted); // which is no failure to be remembered
    fetched.get();
}

TEST_CASE("a visitor who leaves does not end the fetch, and a server that stops does not wait for it") {
    Amazon amazon;
    TestEdge edge(amazon.change());
    const Signer signer;
    auto listener = listen(edge, policy());
    NetVisitor hasty = edge.http();
    hasty.send(signer.request(url("a")));
    std::string head;
    NetVisitor fetch = amazon.accept(head);
    hasty.reset();
    fetch.send(response(signer.certificate));
    CHECK(answer_to(edge, signer.request(url("a"))).body == accepted);
    CHECK(amazon.upstream.nothing_comes());
    NetVisitor waiting = edge.http();
    waiting.send(signer.request(url("b")));
    NetVisitor held = amazon.accept(head);
    const auto begin = std::chrono::steady_clock::now();
    edge.server.stop();
    CHECK(std::chrono::steady_clock::now() - begin < 1'500ms);
    (void)waiting.read_all();
}

TEST_CASE("an edge that fetches no certificates refuses endpoints that need them") {
    for (const bool wanted : {false, true}) {
        TestEdge edge([&](adit::edge::ServerOptions& options) {
            options.fetch_certificates(wanted);
            // Instead of a machine that has none.
            const_cast<adit::edge::ServerOptions::Data&>(options.data()).certificate_fetching.roots_pem = "nothing";
        });
        adit::ErrorInfo error;
        (void)edge.session.listen(adit::Endpoint("http://a.edge.test").traffic_policy(policy()), error);
        CHECK(error.code() == adit::ngrok_error(9026));
        CHECK(said(error.to_string(), "2203: line 3, column 51"));
        CHECK(said(error.to_string(), "this edge fetches none"));
        (void)edge.session.listen(adit::Endpoint("http://b.edge.test").webhook_verification("sns", "123456789012"), error);
        CHECK(error.code() == adit::ngrok_error(9026));
        auto other = listen(edge, policy("provider: github, secret: x"));
    }
}
