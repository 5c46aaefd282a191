// Somebody who uses an inspector, in front of the edge and the upstream of forward_support.hpp.
#pragma once

#include "forward_support.hpp"

#include "base/base64.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace adit_test {

using Json = nlohmann::json;

inline std::uint16_t port_of(const adit::Inspector& inspector) {
    const std::string url = inspector.url();
    return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

inline adit::Inspector inspect(const adit::Session& session, adit::InspectorOptions options = {}) {
    return adit::Inspector::start(session, options.address("127.0.0.1:0"));
}

/// A script on this machine, one connection.
class InspectorClient {
public:
    explicit InspectorClient(const adit::Inspector& inspector)
        : port_(port_of(inspector)), socket_(NetVisitor::plain(port_)) {}

    HttpAnswer send(std::string_view method, std::string_view path, std::string_view body = {}, std::string_view more = {}) {
        socket_.send(std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: localhost:" + std::to_string(port_) +
                     "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(more) + "\r\n" +
                     std::string(body));
        return socket_.answer(method == "HEAD");
    }
    Json get(std::string_view path) {
        const HttpAnswer answer = send("GET", path);
        CHECK(answer.status == 200);
        CHECK(answer.field("content-type") == "application/json");
        return Json::parse(answer.body);
    }
    /// The exchanges, the newest first.
    Json list(std::string_view query = {}) {
        return get("/api/requests/http" + (query.empty() ? std::string() : "?" + std::string(query)))["requests"];
    }
    Json one(const Json& exchange) { return get(exchange["uri"].get<std::string>()); }
    HttpAnswer replay(const Json& order) { return send("POST", "/api/requests/http", order.dump()); }
    /// The newest exchange once it is so.
    Json newest(const std::function<bool(const Json&)>& is_so) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        for (;;) {
            const Json found = list("limit=1");
            if (!found.empty() && is_so(found[0])) return one(found[0]);
            REQUIRE_MESSAGE(std::chrono::steady_clock::now() < end, "it did not come to that: " << found.dump());
            std::this_thread::yield();
        }
    }
    Json newest_over() {
        return newest([](const Json& each) { return each["state"] != "pending"; });
    }
    NetVisitor& socket() { return socket_; }
    std::string host() const { return "localhost:" + std::to_string(port_); }

private:
    std::uint16_t port_;
    NetVisitor socket_;
};

inline std::string decoded(const Json& text) { return adit::base64_decode(text.get<std::string>()).value_or("no base64"); }

} // namespace adit_test
