// Who an agent is, and everything that may come instead of saying so (threats T15 and T16).
#include "edge_agent_support.hpp"

#include "proto/codec.hpp"

#include <adit/limits.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <future>
#include <mutex>

using namespace adit;
using namespace adit_test;

namespace {

int auth_refusal(AgentEdge& edge, std::string_view token) {
    const auto agent = edge.connect();
    const auto answer = agent->auth(auth_request(token));
    return answer ? 0 : answer.error().code().value();
}

} // namespace

TEST_CASE("the token decides: its credential, 105 for no token at all, 107 for an unknown one") {
    AgentEdge edge;
    CHECK(auth_refusal(edge, "token-a") == 0);
    CHECK(auth_refusal(edge, "") == 105);
    CHECK(auth_refusal(edge, "not a token") == 105);
    CHECK(auth_refusal(edge, "token-c") == 107);
    CHECK(auth_refusal(edge, "token-A") == 107);
    edge.log->wait_for("credential cr_a");
    CHECK(edge.log->count("token-") == 0); // a log never has a token
}

TEST_CASE("the answer has what every official SDK reads") {
    AgentEdge edge([](edge::ServerOptions& options) { options.region("moon").banner("hello"); });
    const auto agent = edge.connect();
    const std::string text = agent->call(RequestType::auth, encode(auth_request("token-a")));
    const auto answer = decode_auth_response(text);
    REQUIRE(answer);
    CHECK(answer->version == "3");
    CHECK(answer->client_id.starts_with("cl_"));
    CHECK(answer->extra.region == "moon");
    CHECK(answer->extra.banner == "hello");
    CHECK(answer->extra.version == ADIT_VERSION);
    CHECK_FALSE(answer->extra.cookie.empty());
    CHECK(answer->extra.agent_session_id.starts_with("ts_"));
    CHECK_FALSE(answer->extra.adit); // only to those who ask for it
    CHECK(text.find("\"SessionDuration\":0") != std::string::npos);
    REQUIRE(edge.server.sessions().size() == 1);
    const edge::SessionView view = edge.server.sessions()[0];
    CHECK(view.id == answer->extra.agent_session_id);
    CHECK(view.client_id == answer->client_id);
    CHECK(view.credential == "cr_a");
    CHECK(view.user_agent == "raw/1.0");
}

TEST_CASE("larger windows are agreed on with those who offer them") {
    AgentEdge edge;
    AuthRequest request = auth_request("token-a");
    request.extra.adit.emplace();
    request.extra.adit->window = limits::peer_window;
    const auto agent = edge.connect();
    const auto answer = agent->auth(request);
    REQUIRE(answer);
    REQUIRE(answer->extra.adit);
    CHECK(answer->extra.adit->window == limits::peer_window);

    AgentEdge fixed([](edge::ServerOptions& options) { options.window_growth(false); });
    const auto other = fixed.connect();
    const auto plain = other->auth(request);
    REQUIRE(plain);
    CHECK_FALSE(plain->extra.adit);
}

TEST_CASE("keys in Go's spelling, with a newline behind, and members that nobody knows") {
    AgentEdge edge;
    const auto agent = edge.connect();
    const auto answer = decode_auth_response(agent->call(
        RequestType::auth,
        R"({"Version":["2"],"ClientId":"","Extra":{"Authtoken":"token-a","Fingerprint":null,"New":{"a":[1]}}})" "\n"));
    REQUIRE(answer);
    CHECK(answer->version == "2");
}

TEST_CASE("a second authentication on the same session is refused") {
    AgentEdge edge;
    const auto agent = edge.login();
    CHECK(error_of(agent->call(RequestType::auth, encode(auth_request("token-b")))));
    CHECK(edge.server.sessions()[0].credential == "cr_a");
    CHECK(agent->bind_url("https://").url.starts_with("https://"));
}

TEST_CASE("a refused agent gets no second try on its session, which ends") {
    AgentEdge edge;
    const auto agent = edge.connect();
    CHECK(agent->auth(auth_request("token-c")).error().code() == ngrok_error(107));
    CHECK(agent->call(RequestType::auth, encode(auth_request("token-a"))).empty());
    agent->wait_closed();
}

TEST_CASE("before authentication only SrvInfo and Auth are answered") {
    AgentEdge edge([](edge::ServerOptions& options) { options.region("moon"); });
    for (const RequestType type : {RequestType::bind, RequestType::unbind, RequestType::start_tunnel_with_label,
                                   RequestType::patch_tunnel_state, RequestType::proxy, RequestType::stop}) {
        CAPTURE(static_cast<int>(type));
        const auto agent = edge.connect();
        CHECK(agent->call(type, "{}").empty());
        agent->login("token-a"); // and nothing else happened
    }
    const auto agent = edge.connect();
    const auto info = decode_srv_info_response(agent->call(RequestType::srv_info, "{}"));
    REQUIRE(info);
    CHECK(info->region == "moon");
    CHECK(edge.server.endpoints().empty());
}

TEST_CASE("more than the bytes of an authentication end the session") {
    AgentEdge edge;
    const auto agent = edge.connect();
    const auto good = edge.login();
    (void)agent->open(RequestType::auth, R"({"Extra":{"Metadata":")" + std::string(limits::preauth_bytes, 'x'));
    agent->wait_closed();
    CHECK(good->bind_url("https://").url.starts_with("https://"));
}

TEST_CASE("damaged, deep and wrong JSON in an authentication is refused by 109") {
    AgentEdge edge;
    std::string deep = R"({"Extra":{"X":)";
    for (int i = 0; i < 40; ++i) deep += '[';
    for (int i = 0; i < 40; ++i) deep += ']';
    deep += "}}";
    for (const std::string& json : {std::string("[]"), std::string("{\"Extra\":7}"), std::string("{\"Version\":3}"),
                                    std::string("{x}"), deep,
                                    R"({"Extra":{"AuthToken":"token-a","Metadata":")" +
                                        std::string(limits::metadata_max + 1, 'x') + "\"}}"}) {
        CAPTURE(json.substr(0, 40));
        const auto agent = edge.connect();
        const std::string answer = agent->call(RequestType::auth, json);
        CHECK(error_of(answer).code() == ngrok_error(109));
    }
    CHECK(edge.server.sessions().empty());
}

TEST_CASE("an agent that never authenticates is dropped, whatever it does instead") {
    AgentEdge edge([](edge::ServerOptions& options) { options.auth_time(std::chrono::milliseconds(300)); });
    const auto silent = edge.connect();
    const auto half = edge.connect();
    AgentStream stream = half->open(RequestType::auth, R"({"Version":["3"],)");
    NetVisitor no_tls = NetVisitor::plain(edge.server.agent_port());
    silent->wait_closed();
    half->wait_closed();
    no_tls.read_all();
    edge.log->wait_for("did not authenticate in time", 2);
}

TEST_CASE("garbage instead of TLS, and TLS without our protocol, harm nobody else") {
    AgentEdge edge;
    const auto good = edge.login();
    NetVisitor garbage = NetVisitor::plain(edge.server.agent_port());
    garbage.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    garbage.read_all();
    NetVisitor http = edge.tls_to_agents();
    http.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    http.read_all();
    NetVisitor zeros = edge.tls_to_agents();
    zeros.send(std::string(64, '\0'));
    zeros.read_all();
    edge.log->wait_for("unknown agent", 2);
    CHECK(good->bind_url("https://").url.starts_with("https://"));
}

TEST_CASE("one address may have so many agents that are not authenticated") {
    AgentEdge edge;
    std::vector<NetVisitor> silent;
    for (std::size_t i = 0; i < limits::preauth_per_address; ++i) {
        silent.push_back(NetVisitor::plain(edge.server.agent_port()));
    }
    NetVisitor one_more = NetVisitor::plain(edge.server.agent_port());
    one_more.read_all(); // closed without a word
    silent.clear();
    edge.log->wait_for("no TLS with the agent", limits::preauth_per_address);
    CHECK(edge.login()->bind_url("https://").url.starts_with("https://"));
}

TEST_CASE("a crowd of rude agents of one address does not keep those of others out") {
    AgentEdge edge;
    std::vector<int> rude;
    for (int i = 0; i < 500; ++i) {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(fd >= 0);
        rude.push_back(fd);
        sockaddr_in from{};
        from.sin_family = AF_INET;
        from.sin_addr.s_addr = htonl(0x7f000002); // 127.0.0.2
        REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&from), sizeof from) == 0);
        sockaddr_in to = from;
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        to.sin_port = htons(edge.server.agent_port());
        REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    }
    CHECK(edge.login()->bind_url("https://").url.starts_with("https://"));
    std::size_t refused = 0;
    for (const int fd : rude) {
        char byte = 0;
        if (::recv(fd, &byte, 1, MSG_DONTWAIT) >= 0 || errno == ECONNRESET) ++refused;
        ::close(fd);
    }
    CHECK(refused == 500 - limits::preauth_per_address);
}

TEST_CASE("a directory answers for agents and endpoints, later and from its own thread") {
    class Careful final : public edge::Directory {
    public:
        void authenticate(const edge::AuthQuery& query, std::function<void(edge::AuthAnswer)> answer) override {
            edge::AuthAnswer result;
            if (query.authtoken == "nobody") {
                result.error = ErrorInfo(ngrok_error(115), "not from here");
            } else {
                result.credential = "cr_" + query.authtoken;
                result.account = "The Account";
            }
            later.push_back(std::async(std::launch::async, [answer, result] { answer(result); }));
        }
        void authorize(const edge::BindQuery& query, std::function<void(ErrorInfo)> answer) override {
            const bool bad = query.url.find("forbidden") != std::string::npos || (query.random && query.url[0] == 't');
            ErrorInfo error;
            if (bad) error = ErrorInfo(ngrok_error(316), "this name is not for " + query.credential);
            later.push_back(std::async(std::launch::async, [answer, error] { answer(error); }));
        }
        std::vector<std::future<void>> later;
    };
    const auto directory = std::make_shared<Careful>();
    AgentEdge edge([&](edge::ServerOptions& options) { options.directory(directory); });
    CHECK(auth_refusal(edge, "nobody") == 115);
    const auto agent = edge.connect();
    CHECK(agent->login("x").extra.account_name == "The Account");
    CHECK(agent->bind_refusal("https://forbidden.localhost") == 316);
    CHECK(agent->bind_refusal("tcp://") == 316);
    CHECK(agent->bind_refusal("https://fine.localhost") == 0);
    CHECK(edge.urls() == std::vector{edge.https_url("fine")});
    CHECK(edge.server.reload_authtokens({{"a", "b"}}).code() == errc::invalid_option);
}

TEST_CASE("a directory that does not answer in time refuses by 743, before the time to authenticate is up") {
    class Silent final : public edge::Directory {
    public:
        void authenticate(const edge::AuthQuery&, std::function<void(edge::AuthAnswer)> answer) override {
            answers.push_back(std::move(answer));
        }
        std::vector<std::function<void(edge::AuthAnswer)>> answers;
    };
    const auto directory = std::make_shared<Silent>();
    AgentEdge edge([&](edge::ServerOptions& options) {
        options.directory(directory).auth_time(std::chrono::seconds(6));
    });
    CHECK(auth_refusal(edge, "x") == 743);
    edge::AuthAnswer late;
    late.credential = "cr_x";
    REQUIRE(directory->answers.size() == 1);
    directory->answers[0](late); // changes nothing any more
    CHECK(edge.server.sessions().empty());
    CHECK(edge.log->count("did not authenticate in time") == 0);
}

TEST_CASE("a credential has so many sessions; one more is refused by 108, one that comes back is not") {
    AgentEdge edge([](edge::ServerOptions& options) { options.sessions_per_credential(2); });
    const auto one = edge.connect();
    const AuthResponse first = one->login("token-a");
    auto two = edge.login();
    CHECK(auth_refusal(edge, "token-a") == 108);
    CHECK(edge.server.sessions().size() == 2);
    CHECK(auth_refusal(edge, "token-b") == 0);
    const auto again = edge.connect();
    CHECK(again->login_again("token-a", first).client_id == first.client_id); // in the place of `one`
    CHECK(auth_refusal(edge, "token-a") == 108);
    two.reset();
    eventually([&] { return auth_refusal(edge, "token-a") == 0; });
}

TEST_CASE("what an agent says of itself stays on its line of the log") {
    std::vector<std::string> lines;
    std::mutex mutex;
    AgentEdge edge([&](edge::ServerOptions& options) {
        options.on_log([&](std::string_view, std::string_view line) {
            const std::lock_guard lock(mutex);
            lines.emplace_back(line);
        });
    });
    AuthRequest request = auth_request("token-a");
    request.extra.user_agent = "evil\ninfo: endpoint ep_x online\x1b[2J\x7f";
    REQUIRE(edge.connect()->auth(request));
    edge.server.stop();
    bool seen = false;
    for (const std::string& line : lines) {
        seen = seen || line.find("evil\\x0ainfo: endpoint ep_x online\\x1b[2J\\x7f") != std::string::npos;
        CHECK(line.find_first_of("\n\x1b\x7f") == std::string::npos);
    }
    CHECK(seen);
}

TEST_CASE("tokens are replaced while the edge runs; sessions go on") {
    AgentEdge edge;
    const auto agent = edge.login();
    CHECK_FALSE(edge.server.reload_authtokens({{"token-new", "cr_a"}}));
    CHECK(auth_refusal(edge, "token-a") == 107);
    CHECK(auth_refusal(edge, "token-new") == 0);
    CHECK(agent->bind_url("https://").url.starts_with("https://"));
    CHECK(edge.server.reload_authtokens({{"bad token", ""}}).code() == errc::invalid_option);
    CHECK(auth_refusal(edge, "token-new") == 0);
}

// --- client ids

TEST_CASE("an agent that comes back takes over: its binds are free at once and its old session ends") {
    AgentEdge edge;
    const auto old = edge.connect();
    const AuthResponse first = old->login("token-a");
    const BindResponse https = old->bind_url("https://mine.localhost");
    const BindResponse tcp = old->bind_url("tcp://");

    const auto fresh = edge.connect();
    const AuthResponse again = fresh->login_again("token-a", first);
    CHECK(again.client_id == first.client_id);
    CHECK(again.extra.agent_session_id != first.extra.agent_session_id);
    CHECK(edge.server.endpoints().empty());
    old->wait_closed();
    for (const BindResponse& former : {https, tcp}) {
        BindRequest request = bind_request(former.protocol + "://");
        request.id = former.id;
        request.extra.token = former.extra.token;
        const auto bound = fresh->bind(request);
        REQUIRE_MESSAGE(bound, bound.error().to_string());
        CHECK(bound->url == former.url);
        CHECK(bound->id == former.id);
        CHECK(bound->extra.tunnel_id == former.extra.tunnel_id);
    }
    REQUIRE(edge.server.sessions().size() == 1);
}

TEST_CASE("a client id without its cookie counts while its session is alive, and not after") {
    AgentEdge edge;
    auto first = edge.connect();
    AuthResponse former = first->login("token-a");
    former.extra.cookie.clear();
    auto second = edge.connect();
    CHECK(second->login_again("token-a", former).client_id == former.client_id);
    first->wait_closed();
    second.reset();
    edge.log->wait_for("is gone", 2);
    const auto third = edge.connect();
    CHECK(third->login_again("token-a", former).client_id != former.client_id);
}

TEST_CASE("a foreign credential that presents a client id gets a fresh one and takes nothing over") {
    AgentEdge edge;
    const auto victim = edge.connect();
    const AuthResponse known = victim->login("token-a");
    victim->bind_url("https://mine.localhost");
    const auto thief = edge.connect();
    CHECK(thief->login_again("token-b", known).client_id != known.client_id);
    AuthResponse without_cookie = known;
    without_cookie.extra.cookie.clear();
    const auto other = edge.connect();
    CHECK(other->login_again("token-b", without_cookie).client_id != known.client_id);
    CHECK_FALSE(victim->is_closed());
    CHECK(edge.urls() == std::vector{edge.https_url("mine")});
    CHECK(thief->bind_refusal("https://mine.localhost") == 334);
}

TEST_CASE("a restarted edge with the same key knows its clients, one with another key does not") {
    AuthResponse former;
    {
        AgentEdge edge;
        const auto agent = edge.connect();
        former = agent->login("token-a");
    }
    AgentEdge same;
    CHECK(same.connect()->login_again("token-a", former).client_id == former.client_id);
    AgentEdge other([](edge::ServerOptions& options) { options.seal_key("another key with its 32 bytes..."); });
    CHECK(other.connect()->login_again("token-a", former).client_id != former.client_id);
}

TEST_CASE("agents are told the addresses that the operator advertises, in order") {
    AgentEdge edge([](edge::ServerOptions& options) {
        options.region("eu").advertise_agent_address("One.example.com:443").advertise_agent_address("[2001:db8::1]:4443");
    });
    const AuthResponse answer = edge.connect()->login("token-a");
    const auto& offered = answer.extra.connect_addresses;
    REQUIRE(offered.size() == 2);
    CHECK(offered[0].server_addr == "one.example.com:443");
    CHECK(offered[1].server_addr == "[2001:db8::1]:4443");
    CHECK(offered[1].region == "eu");
    AgentEdge silent;
    CHECK(silent.connect()->login("token-a").extra.connect_addresses.empty());
}
