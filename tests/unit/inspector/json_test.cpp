#include "exchanges.hpp"

#include "base/base64.hpp"
#include "inspector/json.hpp"
#include "support/doctest.hpp"

#include <nlohmann/json.hpp>

#include <string>

using adit::inspector::Detail;
using adit::inspector::EntryPtr;
using adit::inspector::Exchange;
using adit::inspector::ReplayOrder;
using adit::inspector::Store;
using adit::inspector::to_json;
using nlohmann::json;

namespace {

std::string decoded(const json& text) { return adit::base64_decode(text.get<std::string>()).value_or("no base64"); }

Exchange full() {
    Exchange exchange = adit_test::exchange("POST", "/x", 201, std::chrono::microseconds(1500));
    exchange.start = std::chrono::sys_days(std::chrono::year(2026) / 11 / 24) + std::chrono::microseconds(70'000'001);
    exchange.remote_address = "203.0.113.7:5000";
    exchange.request.head.add("Accept", "a");
    exchange.request.head.add("accept", "b");
    exchange.request.head.add("Content-Length", "4");
    exchange.request.body = "body";
    exchange.request.body_size = 4;
    exchange.response.head.add("Transfer-Encoding", "chunked");
    exchange.response.head.set_framing(adit::Framing::chunked);
    exchange.response.body = "0123456789abcdef";
    exchange.response.body_size = 16;
    exchange.response.trailers.add("X-Sum", "1");
    return exchange;
}

} // namespace

TEST_CASE("an exchange has the members of ngrok's agent") { // behaviour E.6
    Store store("p", 9, 1u << 30, [] {});
    const EntryPtr entry = store.add(full());
    const json out = json::parse(to_json(store, *entry, Detail::raw));
    CHECK(out["uri"] == "/api/requests/http/p00000001");
    CHECK(out["id"] == "p00000001");
    CHECK(out["tunnel_name"] == "web");
    CHECK(out["remote_addr"] == "203.0.113.7:5000");
    CHECK(out["start"] == "2026-11-24T00:01:10.000001Z");
    CHECK(out["duration"] == 1'500'000);
    CHECK(out["request"]["method"] == "POST");
    CHECK(out["request"]["proto"] == "HTTP/1.1");
    CHECK(out["request"]["uri"] == "/x");
    CHECK(out["request"]["headers"] == json::parse(R"({"Host":["app.example.com"],"Accept":["a","b"],"Content-Length":["4"]})"));
    CHECK(decoded(out["request"]["raw"]) ==
          "POST /x HTTP/1.1\r\nHost: app.example.com\r\nAccept: a\r\naccept: b\r\nContent-Length: 4\r\n\r\nbody");
    CHECK(out["response"]["status"] == "201 Created");
    CHECK(out["response"]["status_code"] == 201);
    CHECK(out["response"]["headers"] == json::parse(R"({"Transfer-Encoding":["chunked"]})"));
    CHECK(decoded(out["response"]["raw"]) == "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
                                             "10\r\n0123456789abcdef\r\n0\r\nX-Sum: 1\r\n\r\n");
    CHECK_FALSE(out["response"].contains("body"));
    CHECK_FALSE(out.contains("curl"));
}

TEST_CASE("its page needs more, its row less") {
    Store store("p", 9, 1u << 30, [] {});
    const EntryPtr entry = store.add(full());
    const json all = json::parse(to_json(store, *entry, Detail::all));
    CHECK(decoded(all["response"]["body"]) == "0123456789abcdef");
    CHECK(all["response"]["trailer_list"] == json::parse(R"([["X-Sum","1"]])"));
    CHECK(all["request"]["header_list"][2] == json::parse(R"(["accept","b"])"));
    CHECK(all["curl"].get<std::string>().starts_with("curl "));
    const json row = json::parse(to_json(store, *entry, Detail::summary));
    CHECK(row["request"]["uri"] == "/x");
    CHECK(row["response"]["body_size"] == 16);
    CHECK_FALSE(row["request"].contains("headers"));
    CHECK_FALSE(row["request"].contains("raw"));
}

TEST_CASE("without an answer the response is null, and the error says why") {
    Store store("p", 9, 1u << 30, [] {});
    Exchange failed = adit_test::exchange("GET", "/", 0);
    failed.state = adit::inspector::State::failed;
    failed.error_number = 8012;
    failed.error = "Connection refused";
    failed.replay_of = 7;
    const json out = json::parse(to_json(store, *store.add(failed), Detail::raw));
    CHECK(out["response"].is_null());
    CHECK(out["state"] == "failed");
    CHECK(out["error"]["error_code"] == "ERR_NGROK_8012");
    CHECK(out["error"]["msg"] == "Connection refused");
    CHECK(out["replay_of"] == "p00000007");
    const json pending = json::parse(to_json(store, *store.add(adit_test::exchange("GET", "/", 0)), Detail::raw));
    CHECK(pending["state"] == "pending");
    CHECK_FALSE(pending.contains("error"));
}

TEST_CASE("bytes that are no text, and a body that was cut") {
    Store store("p", 9, 1u << 30, [] {});
    Exchange exchange = full();
    exchange.request.head.add("X-Bytes", "\xFF\xFE");
    exchange.response.body_size = 100;
    const json out = json::parse(to_json(store, *store.add(exchange), Detail::all));
    CHECK(out["request"]["headers"]["X-Bytes"][0] == "\xEF\xBF\xBD\xEF\xBF\xBD");
    CHECK(decoded(out["request"]["raw"]).find("X-Bytes: \xFF\xFE\r\n") != std::string::npos);
    CHECK(out["response"]["body_truncated"] == true);
    CHECK(decoded(out["response"]["raw"]).ends_with("\r\n10\r\n0123456789abcdef\r\n")); // no end that was not there
}

TEST_CASE("an update of long paths ends soon, and the next goes on") {
    Store store("p", 9, 1u << 30, [] {});
    const std::string path = "/" + std::string(700'000, 'p');
    for (int i = 0; i < 5; ++i) store.add(adit_test::exchange("GET", path));
    std::uint64_t since = 0;
    std::string seen;
    for (bool more = true; more;) {
        auto changes = store.changes(since, 100);
        const std::string text = adit::inspector::changes_json(store, changes);
        CHECK(text.size() < 2 * adit::limits::inspector_update_max);
        const json update = json::parse(text);
        CHECK(update["requests"].size() == changes.entries.size());
        CHECK(update["oldest"] == "p00000001");
        for (const json& each : update["requests"]) seen += each["id"].get<std::string>().back();
        CHECK(changes.version > since);
        since = changes.version;
        more = changes.more;
    }
    CHECK(seen == "12345");
    auto none = store.changes(since, 100);
    CHECK(json::parse(adit::inspector::changes_json(store, none)) ==
          json::parse(R"({"forgotten":false,"oldest":"p00000001","requests":[]})"));
}

TEST_CASE("what a replay may say, and what not") {
    const auto order = ReplayOrder::parse(R"({"id":"x","tunnel_name":"t","method":"PUT","path":"/p","body":"b",
        "headers":{"A":"1","B":["2","3"]},"trailers":[["C","4"]]})");
    REQUIRE(order);
    CHECK(order->id == "x");
    CHECK(order->tunnel_name == "t");
    CHECK(order->method == "PUT");
    CHECK(order->path == "/p");
    CHECK(order->body == "b");
    CHECK(*order->headers == ReplayOrder::Pairs{{"A", "1"}, {"B", "2"}, {"B", "3"}});
    CHECK(*order->trailers == ReplayOrder::Pairs{{"C", "4"}});
    CHECK(ReplayOrder::parse(R"({"id":"x","body_base64":"AAE="})")->body == std::string("\0\1", 2));
    CHECK_FALSE(ReplayOrder::parse(R"({"id":"x"})")->headers.has_value());
    std::string deep = R"({"id":"x","headers":)";
    deep += std::string(100'000, '[') + std::string(100'000, ']') + "}";
    std::string many = R"({"id":"x","headers":[)";
    for (std::size_t i = 0; i < adit::limits::inspector_fields_max; ++i) many += R"(["a","b"],)";
    for (const std::string& each :
         {std::string(), std::string("[]"), std::string("{}"), std::string("{\"id\":1}"), std::string(R"({"id":"x","path":null})"),
          std::string(R"({"id":"x","body_base64":"?"})"), std::string(R"({"id":"x","headers":"A: 1"})"),
          std::string(R"({"id":"x","headers":[["A"]]})"), std::string(R"({"id":"x","headers":{"A":[1]}})"),
          std::string(R"({"id":"x","mehtod":"GET"})"), std::string(R"({"id":"x"} x)"), std::string("{\"id\":\"x\""),
          deep, many + R"(["a","b"]]})"}) {
        CAPTURE(each.substr(0, 60));
        const auto refused = ReplayOrder::parse(each);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == adit::errc::invalid_option);
        CHECK_FALSE(refused.error().message().empty());
    }
}

TEST_CASE("errors have the shape of ngrok's agent") {
    const json out = json::parse(adit::inspector::error_json(404, "not found", "there is no exchange 'x'"));
    CHECK(out == json::parse(R"({"error_code":100,"status_code":404,"msg":"not found","details":{"err":"there is no exchange 'x'"}})"));
}
