// Transcript parity: for the same options the SDK sends what a recorded official client (ngrok-rust 0.18 in
// @ngrok/ngrok 1.7.0) sent, message by message and field by field, over real TLS against the recorded answers.
#include "integration/client_support.hpp"

#include "support/json_compare.hpp"
#include "support/transcript.hpp"

#include <functional>
#include <regex>

using namespace adit;
using namespace adit_test;
using namespace std::chrono_literals;

namespace {

/// The fields that name the client itself. Everything else must be equal.
const std::vector<std::string> own_name = {
    "Extra.UserAgent",  // "adit/0.1.0"
    "Extra.ClientType", // "adit"
    "Extra.Version",    // "0.1.0"
};
/// With the default ForwardsTo: it holds the host, the program and its pid. Its form is compared.
const std::vector<std::string> own_program = {"ForwardsTo"};
const std::regex forwards_to_form(R"re("ForwardsTo":"app://[^/]*//[^"?]+\?pid=\d+")re");

/// A recorded scenario as an edge that gives the recorded answers.
class Replay {
public:
    explicit Replay(const char* scenario) : messages_(recorded_messages(scenario)) {
        for (const RecordedMessage& message : messages_) {
            const bool rpc = message.type != static_cast<std::uint32_t>(RequestType::proxy);
            if (message.from_client && rpc) expected_.push_back(message);
        }
        // The official client unbinds twice for one listener: in close(), and when the handle goes (agent-protocol 3.7).
        while (expected_.size() > 1 && expected_.back().type == expected_[expected_.size() - 2].type) expected_.pop_back();
        edge.answer_with([this](const SeenRequest& request) { return answer(request); });
    }

    /// What was recorded on `stream` from the edge: a proxy header, behind its length.
    Visitor visit(std::uint32_t stream) {
        for (const RecordedMessage& message : messages_) {
            if (message.from_client || message.stream != stream) continue;
            std::string head(8, '\0');
            for (std::size_t i = 0; i < 8; ++i) head[i] = static_cast<char>(message.json.size() >> (8 * i) & 0xff);
            return edge.open(message.type, head + message.json);
        }
        FAIL("nothing recorded on stream " << stream);
        return Visitor(nullptr);
    }

    void check_messages() {
        if (expected_.back().type == static_cast<std::uint32_t>(RequestType::unbind))
            edge.wait_request(RequestType::unbind);
        const std::vector<SeenRequest> sent = edge.requests();
        REQUIRE(sent.size() == expected_.size());
        for (std::size_t i = 0; i < sent.size(); ++i) {
            CHECK(sent[i].type == expected_[i].type);
            CHECK(sent[i].stream == expected_[i].stream);
            check_message(expected_[i].json, sent[i]);
        }
    }

    std::string recorded_token() const {
        const std::smatch match = find(expected_.at(0).json, R"re("AuthToken":"([^"]*)")re");
        return match[1];
    }

private:
    static std::smatch find(const std::string& text, const char* form) {
        std::smatch match;
        REQUIRE(std::regex_search(text, match, std::regex(form)));
        return match;
    }

    static void check_message(const std::string& expected, const SeenRequest& sent) {
        std::vector<std::string> except;
        if (sent.type == static_cast<std::uint32_t>(RequestType::auth)) except = own_name;
        if (std::regex_search(expected, forwards_to_form)) {
            except = own_program;
            CHECK(std::regex_search(sent.json, forwards_to_form));
        }
        CHECK(json_difference(expected, sent.json, except) == "");
    }

    std::optional<std::string> answer(const SeenRequest& request) const {
        for (const RecordedMessage& message : messages_)
            if (!message.from_client && message.stream == request.stream) return message.json;
        // Of answers that say nothing ({"Extra":null}) any will do.
        return R"({"Extra":null})";
    }

    std::vector<RecordedMessage> messages_;
    std::vector<RecordedMessage> expected_;

public:
    MockEdge edge; // ends before what it answers with
};

Session connect(Replay& replay) {
    // As with ngrok's own service: without our extension, which is the subject of its own test below.
    return Session::connect(replay.edge.options().authtoken(replay.recorded_token()).window_growth(false));
}

void echo(Replay& replay, Listener& listener, const std::string& bytes) {
    Visitor visitor = replay.visit(2);
    visitor.write(bytes);
    Connection connection = listener.accept_for(20s);
    CHECK(connection.remote_address() == "203.0.113.7:54321");
    write_all(connection, read_exactly(connection, bytes.size()));
    CHECK(visitor.read(bytes.size()) == bytes);
    visitor.finish();
    char byte = 0;
    std::error_code ec;
    CHECK(connection.read_some(asio::buffer(&byte, 1), ec) == 0);
    CHECK(ec == asio::error::eof);
    connection.close();
    CHECK(visitor.read_all().empty());
}

} // namespace

TEST_CASE("00: a session without anything") {
    Replay replay("00_session_minimal");
    CHECK(replay.recorded_token() == "tok123");
    const Session session = connect(replay);
    CHECK(session.id() == "sess_1");
    CHECK(session.region() == "lo");
    replay.check_messages();
}

TEST_CASE("00: the only thing we add by ourselves is our extension, which others ignore") {
    Replay replay("00_session_minimal");
    const Session session = Session::connect(replay.edge.options().authtoken("tok123"));
    std::vector<std::string> except = own_name;
    CHECK(json_difference(recorded_messages("00_session_minimal").front().json, replay.edge.requests()[0].json, except) ==
          "Extra.Adit: not expected, got {\"Features\":[],\"Window\":1048576}\n");
}

TEST_CASE("02: a tcp endpoint, one connection, and its end") {
    Replay replay("02_tcp_minimal");
    Session session = connect(replay);
    Listener listener = session.listen(Endpoint("tcp://"));
    CHECK(listener.url() == "tcp://0.tcp.tunnel.test:13");
    echo(replay, listener, "ping over tcp");
    listener.close();
    replay.check_messages();
}

TEST_CASE("04: an http endpoint of a forwarder") {
    Replay replay("04_http_minimal");
    Session session = connect(replay);
    Listener listener = session.listen(Endpoint("https://").forwards_to("http://127.0.0.1:43149/"));
    CHECK(listener.url() == "https://t9.tunnel.test");
    echo(replay, listener, "GET /x HTTP/1.1\r\nHost: a.tunnel.test\r\n\r\n");
    replay.check_messages();
}

TEST_CASE("05: an http endpoint with a domain and HTTP/2 on its connections") {
    Replay replay("05_http_scheme_http");
    Session session = connect(replay);
    const Listener listener = session.listen(Endpoint("http://fixed.tunnel.test").app_protocol("http2"));
    CHECK(listener.url() == "http://fixed.tunnel.test");
    replay.check_messages();
}

TEST_CASE("11: a tls endpoint") {
    Replay replay("11_tls_minimal");
    Session session = connect(replay);
    Listener listener = session.listen(Endpoint("tls://"));
    CHECK(listener.url() == "tls://t28.tunnel.test");
    echo(replay, listener, "\x16\x03\x01raw tls bytes");
    replay.check_messages();
}

TEST_CASE("13: a labelled endpoint") {
    Replay replay("13_labeled");
    Session session = connect(replay);
    Listener listener =
        session.listen(Endpoint::labeled("edge", "edghts_123").label("k", "v").metadata("lm").app_protocol("http1"));
    CHECK(listener.id() == "lbl_33");
    echo(replay, listener, "hi labeled");
    listener.close();
    replay.check_messages();
}

TEST_CASE("14: closing a listener") {
    Replay replay("14_listener_close");
    Session session = connect(replay);
    session.listen(Endpoint("tcp://")).close();
    replay.check_messages();
}

TEST_CASE("16: PROXY protocol: the edge writes the header, the client adds nothing") {
    Replay replay("16_proxy_proto_v1");
    Session session = connect(replay);
    Listener listener = session.listen(Endpoint("tcp://").proxy_protocol(1));
    echo(replay, listener, "payload");
    replay.check_messages();
}

TEST_CASE("20: heartbeats of the edge are echoed") {
    Replay replay("20_server_heartbeat");
    replay.edge.heartbeat_every(100ms);
    const Session session = connect(replay);
    replay.edge.wait_heartbeats(3); // an echo of other bytes would have ended the session
    CHECK(session.is_open());
    replay.check_messages();
}

TEST_CASE("21: a refused authentication") {
    Replay replay("21_auth_error");
    ErrorInfo error;
    (void)Session::connect(replay.edge.options().authtoken(replay.recorded_token()).window_growth(false), error);
    CHECK(error.code() == ngrok_error(105));
    CHECK(error.detail() == "authentication failed: The authtoken you specified is bad");
    replay.check_messages();
}

TEST_CASE("22: a refused bind") {
    Replay replay("22_bind_error");
    Session session = connect(replay);
    ErrorInfo error;
    (void)session.listen(Endpoint("https://"), error);
    CHECK(error.code() == ngrok_error(334));
    replay.check_messages();
}

TEST_CASE("23: nobody takes the connection: the visitor sees its end") {
    Replay replay("23_upstream_refused");
    Session session = connect(replay);
    Listener listener = session.listen(Endpoint("tcp://"));
    Visitor visitor = replay.visit(2);
    visitor.write("x");
    listener.accept_for(20s).close();
    CHECK(visitor.read_all().empty());
    replay.check_messages();
}

TEST_CASE("24: an answer without an upstream") {
    Replay replay("24_http_upstream_refused");
    Session session = connect(replay);
    Listener listener = session.listen(Endpoint("https://").forwards_to("http://127.0.0.1:1/"));
    Visitor visitor = replay.visit(2);
    visitor.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    Connection connection = listener.accept_for(20s);
    write_all(connection, "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
    connection.close();
    CHECK(visitor.read_all() == "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
    replay.check_messages();
}

TEST_CASE("25: an unknown type of stream ends, the session goes on") {
    Replay replay("25_unknown_stream_type");
    Session session = connect(replay);
    Listener listener = session.listen(Endpoint("tcp://"));
    CHECK(replay.edge.open(77, "??").read_all().empty());
    Visitor visitor = replay.visit(4);
    visitor.write("still alive?");
    Connection connection = listener.accept_for(20s);
    write_all(connection, read_exactly(connection, 12));
    CHECK(visitor.read(12) == "still alive?");
    replay.check_messages();
}

TEST_CASE("26: a connection for an unknown listener ends, the session goes on") {
    Replay replay("26_proxy_unknown_id");
    Session session = connect(replay);
    Listener listener = session.listen(Endpoint("tcp://"));
    Visitor nowhere = replay.visit(2);
    nowhere.write("x");
    CHECK(nowhere.read_end() == asio::error::eof);
    Visitor visitor = replay.visit(4);
    visitor.write("alive");
    Connection connection = listener.accept_for(20s);
    write_all(connection, read_exactly(connection, 5));
    CHECK(visitor.read(5) == "alive");
    replay.check_messages();
}
