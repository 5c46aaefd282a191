// Rows S1.1a to S1.2b of the behaviour map, with curl as the visitor.
#include "edge_visitor_support.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>

using adit_test::AppStream;
using adit_test::TestEdge;

namespace {

/// The base domain is "edge.test", whose names curl is told.
class Rows : public TestEdge {
public:
    Rows() {
        std::string path = std::filesystem::temp_directory_path() / "adit-rows-XXXXXX";
        const int file = ::mkstemp(path.data());
        REQUIRE(file >= 0);
        const std::string pem = server.ca_pem();
        REQUIRE(::write(file, pem.data(), pem.size()) == static_cast<ssize_t>(pem.size()));
        ::close(file);
        ca_ = path;
    }
    ~Rows() { ::unlink(ca_.c_str()); }

    /// "STATUS REDIRECT-URL\nBODY" of one request; what curl says if there is no answer.
    std::string curl(const std::string& url, const std::string& more = "") const {
        const std::string host = url.substr(url.find("://") + 3, url.rfind(':') - url.find("://") - 3);
        const std::string port = url.substr(url.rfind(':') + 1);
        const std::string command = "curl -sS -m 20 -i --cacert " + ca_ + " --resolve " + host + ":" + port + ":127.0.0.1 " + more +
                                    " '" + url + "/' 2>&1";
        FILE* pipe = ::popen(command.c_str(), "r");
        REQUIRE(pipe != nullptr);
        std::string out;
        char bytes[1024];
        for (std::size_t n = 0; (n = std::fread(bytes, 1, sizeof bytes, pipe)) != 0;) out.append(bytes, n);
        ::pclose(pipe);
        return out;
    }
    /// The same while the application answers one request.
    std::string curl_served(adit::Listener& listener, const std::string& url, std::string_view body) {
        auto output = std::async(std::launch::async, [&] { return curl(url); });
        AppStream app = accept(listener);
        app.read_head();
        app.answer(body, "Connection: close\r\n");
        return output.get();
    }
    std::string at(const std::string& scheme, const std::string& host) const {
        return scheme + "://" + host + ":" + std::to_string(scheme == "http" ? server.http_port() : server.https_port());
    }

private:
    std::string ca_;
};

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("S1.1a: an endpoint that is told to be https only is not served in plain http") {
    Rows edge;
    auto listener = edge.listen("https://h.edge.test");
    CHECK(has(edge.curl_served(listener, edge.at("https", "h.edge.test"), "secret"), "\r\n\r\nsecret"));
    const std::string plain = edge.curl(edge.at("http", "h.edge.test"));
    CAPTURE(plain);
    CHECK(plain.starts_with("HTTP/1.1 404 "));
    CHECK(has(plain, "ngrok-error-code: ERR_NGROK_3200"));
    CHECK(edge.nothing_comes(listener));
}

TEST_CASE("S1.1b: http only is possible, and both are two endpoints of which one can go") {
    Rows edge;
    auto plain = edge.listen("http://h.edge.test");
    CHECK(edge.server.endpoints().size() == 1);
    CHECK(has(edge.curl_served(plain, edge.at("http", "h.edge.test"), "plain"), "\r\n\r\nplain"));
    CHECK(has(edge.curl(edge.at("https", "h.edge.test")), "HTTP/2 404 "));
    auto secure = edge.listen("https://h.edge.test");
    CHECK(edge.server.endpoints().size() == 2);
    CHECK(has(edge.curl_served(secure, edge.at("https", "h.edge.test"), "secure"), "\r\n\r\nsecure"));
    CHECK(has(edge.curl_served(plain, edge.at("http", "h.edge.test"), "still plain"), "\r\n\r\nstill plain"));
    plain.close();
    CHECK(has(edge.curl(edge.at("http", "h.edge.test")), "HTTP/1.1 404 "));
    CHECK(has(edge.curl_served(secure, edge.at("https", "h.edge.test"), "alone"), "\r\n\r\nalone"));
}

TEST_CASE("S1.2a: without a scheme an endpoint is https, without a name it gets a random one") {
    Rows edge;
    auto nameless = edge.session.listen(adit::Endpoint());
    REQUIRE(edge.server.endpoints().size() == 1);
    const std::string url = nameless.url();
    CHECK(url.starts_with("https://"));
    CHECK(url.ends_with(".edge.test:" + std::to_string(edge.server.https_port())));
    CHECK(edge.server.endpoints()[0].url == url);
    CHECK(has(edge.curl_served(nameless, url, "random"), "\r\n\r\nrandom"));
    const std::string host = url.substr(8, url.rfind(':') - 8);
    CHECK(has(edge.curl(edge.at("http", host)), "HTTP/1.1 404 "));
    auto second = edge.session.listen(adit::Endpoint());
    CHECK(second.url() != url);
    auto named = edge.listen("named.edge.test");
    CHECK(named.url() == edge.at("https", "named.edge.test"));
    auto internal = edge.listen("foo.internal");
    CHECK(internal.url() == "https://foo.internal");
    CHECK(edge.server.endpoints().size() == 4);
}

TEST_CASE("S1.2b: nothing redirects plain http by itself") {
    Rows edge;
    auto plain = edge.listen("http://h.edge.test");
    auto secure = edge.listen("https://h.edge.test");
    const std::string answer = edge.curl_served(plain, edge.at("http", "h.edge.test"), "plain");
    CAPTURE(answer);
    CHECK(answer.starts_with("HTTP/1.1 200 "));
    CHECK_FALSE(has(answer, "ocation:"));
    CHECK_FALSE(has(answer, "trict-Transport-Security"));
    CHECK(edge.nothing_comes(secure));
}
