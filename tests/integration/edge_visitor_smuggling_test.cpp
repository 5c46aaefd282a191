// The table of smuggling payloads (tests/unit/http/smuggling.txt) through a real edge: a recording application shows what
// came out, nothing or exactly the requests that the table says, byte for byte. T2 is tested where HTTP/2 is.
#include "edge_visitor_support.hpp"
#include "support/smuggling.hpp"

#include <algorithm>
#include <optional>
#include <sstream>

using adit_test::AppStream;
using adit_test::HttpAnswer;
using adit_test::NetVisitor;
using adit_test::TestEdge;
using smuggling::Payload;

namespace {

/// What this edge adds to each request of the table.
std::string with_cdn_loop(std::string requests) {
    constexpr std::string_view last = "\r\nX-Forwarded-Host: ";
    for (std::size_t at = requests.find(last); at != requests.npos; at = requests.find(last, at + last.size())) {
        const std::size_t line = requests.find("\r\n", at + last.size()) + 2;
        requests.insert(line, "CDN-Loop: edge.test\r\n");
    }
    return requests;
}

Payload as_sent(Payload payload) {
    for (std::string& request : payload.upstream) request = with_cdn_loop(std::move(request));
    payload.partial = with_cdn_loop(std::move(payload.partial));
    return payload;
}

constexpr std::string_view canary = "GET /canary HTTP/1.1\r\nHost: a.edge.test\r\n\r\n";
constexpr std::string_view canary_end = "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n"
                                        "X-Forwarded-Host: a.edge.test\r\nCDN-Loop: edge.test\r\n\r\n";

bool is_served(const std::string& request) {
    const std::size_t at = request.find("\r\nHost: ") + 8;
    std::string host = request.substr(at, request.find("\r\n", at) - at);
    host.erase(std::min(host.find(':'), host.size()));
    if (host.ends_with('.')) host.pop_back();
    std::ranges::transform(host, host.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return host == "a.edge.test";
}

class Passage {
public:
    Passage(TestEdge& edge, adit::Listener& listener, const Payload& payload)
        : edge_(edge), listener_(listener), payload_(as_sent(payload)), visitor_(edge.http()) {}

    void run() {
        visitor_.send(payload_.visitor);
        if (payload_.answer) scripted();
        else answered();
        if (app_) {
            std::error_code end;
            CHECK(app_->read_some(end) == ""); // and nothing else
        }
    }

private:
    // The application says 200 to every request.
    void answered() {
        std::istringstream statuses(payload_.statuses);
        std::size_t next = 0;
        for (int status = 0; statuses >> status;) {
            bool to_head = false;
            if (status == 200) {
                REQUIRE(next < payload_.upstream.size());
                const std::string request = payload_.upstream[next++];
                to_head = request.starts_with("HEAD ");
                if (is_served(request)) {
                    CHECK(from_app(request.size()) == request);
                    app_->answer("");
                } else {
                    status = 404;
                }
            }
            CHECK(visitor_.answer(to_head).status == status);
        }
        CHECK(next == payload_.upstream.size());
        if (!payload_.partial.empty()) {
            CHECK(from_app(payload_.partial.size()) == payload_.partial);
            visitor_.reset();
            CHECK(app_->read_end() == adit::errc::connection_reset);
            app_.reset();
            return;
        }
        const std::string& outcome = payload_.outcome;
        const bool refused = outcome.size() >= 4 && outcome[outcome.size() - 4] == '!'; // "!400"
        if (!refused) visitor_.shutdown_write();
        CHECK(visitor_.ended());
    }

    // The application says what the table has.
    void scripted() {
        const std::string& request = payload_.upstream.empty() ? payload_.partial : payload_.upstream.front();
        CHECK(from_app(request.size()) == request);
        app_->write(*payload_.answer);
        if (payload_.answer_ends) app_->finish();
        if (payload_.down == "(502)") {
            HttpAnswer page = visitor_.answer();
            while (page.status < 200) page = visitor_.answer();
            CHECK(page.status == 502);
            CHECK(page.field("ngrok-error-code") == "ERR_NGROK_3004");
        } else {
            CHECK(visitor_.read(payload_.down.size()) == payload_.down);
        }
        if (payload_.closed) {
            CHECK(visitor_.ended());
        } else if (payload_.down.starts_with("HTTP/1.1 101 ")) {
            visitor_.close();
        } else { // the next answer is that of the next request
            visitor_.send(canary);
            CHECK(from_app(canary.size() - 2 + canary_end.size()) ==
                  std::string(canary.substr(0, canary.size() - 2)) + std::string(canary_end));
            app_->answer("canary");
            CHECK(visitor_.answer().body == "canary");
            visitor_.close();
        }
    }

    // From the stream that is there, or the next one if it ended.
    std::string from_app(std::size_t size) {
        std::string got;
        std::error_code end;
        if (app_) got = app_->read_some(end);
        if (got.empty()) app_.emplace(edge_.accept(listener_));
        while (got.size() < size) {
            const std::string more = app_->read_some(end);
            if (more.empty()) break;
            got += more;
        }
        return got;
    }

    TestEdge& edge_;
    adit::Listener& listener_;
    const Payload payload_;
    NetVisitor visitor_;
    std::optional<AppStream> app_;
};

} // namespace

TEST_CASE("of every payload nothing reaches the application, or exactly what the smuggling table says") { // T1, T3 to T5, T11
    TestEdge edge;
    auto listener = edge.listen("http://a.edge.test");
    std::size_t sent = 0;
    for (const Payload& payload : smuggling::load(ADIT_SMUGGLING_TABLE)) {
        if (!payload.fields.empty()) continue;
        CAPTURE(payload.section);
        CAPTURE(payload.name);
        Passage(edge, listener, payload).run();
        ++sent;
    }
    CHECK(sent >= 300);
    CHECK(edge.nothing_comes(listener));
}
