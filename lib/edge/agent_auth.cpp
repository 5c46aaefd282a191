// Who is this agent? (agent-protocol 3.4)
#include "edge/agent_session.hpp"

#include "edge/agent_session_shot.hpp"
#include "edge/context.hpp"
#include "edge/tickets.hpp"

#include "base/ksuid.hpp"
#include "base/random.hpp"
#include "net/rpc.hpp"
#include "proto/codec.hpp"

#include <adit/limits.hpp>

#include <algorithm>

namespace adit::inline v0::edge {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto refused_time = std::chrono::seconds(2); // for a refused agent to read why

std::string new_client_id() { return make_id("cl_", std::chrono::system_clock::now(), fill_random); }

/// The newest version that both know; official agents do not check it.
std::string choose_version(const std::vector<std::string>& offered) {
    const bool old = std::ranges::find(offered, "3") == offered.end() && std::ranges::find(offered, "2") != offered.end();
    return old ? "2" : "3";
}

} // namespace

asio::awaitable<void> AgentSession::serve_auth(MuxStreamPtr stream) {
    const auto self = shared_from_this();
    const Result<std::string> request = co_await net::read_request(stream, limits::rpc_time);
    std::string response;
    if (request) {
        std::string text = *request;
        response = co_await authenticate(std::move(text));
    } else {
        response = refuse_agent(ErrorInfo(ngrok_error(109), request.error().message()));
    }
    co_await net::reply(stream, response);
    if (!authenticated()) {
        auth_deadline_ = std::min(auth_deadline_, Clock::now() + refused_time);
        auth_timer_.cancel();
    }
}

asio::awaitable<std::string> AgentSession::authenticate(std::string request) {
    auto decoded = decode_auth_request(request);
    if (!decoded) co_return refuse_agent(ErrorInfo(ngrok_error(109), decoded.error().message()));
    auth_ = std::move(*decoded);
    if (context_.draining.load()) co_return refuse_agent(ErrorInfo(ngrok_error(742)));
    if (auth_.extra.metadata.size() > limits::metadata_max) {
        co_return refuse_agent(ErrorInfo(ngrok_error(109), "the metadata has more than " +
                                                               std::to_string(limits::metadata_max) + " bytes"));
    }
    AuthQuery query;
    query.authtoken = std::exchange(auth_.extra.auth_token, std::string()); // not kept
    query.remote_address = to_text(remote_);
    query.client_type = auth_.extra.client_type;
    query.user_agent = auth_.extra.user_agent;
    query.metadata = auth_.extra.metadata;

    const auto shot = make_shot<AuthAnswer>();
    context_.call_out([&] {
        context_.directory->authenticate(query, [shot](AuthAnswer given) { shot->set(std::move(given)); });
    });
    const std::optional<AuthAnswer> given = co_await shot->wait(time_for_directory());
    if (!given) co_return refuse_agent(ErrorInfo(ngrok_error(743), "the authtoken could not be checked in time"));
    if (given->error) co_return refuse_agent(given->error);
    if (given->credential.empty()) co_return refuse_agent(ErrorInfo(errc::refused, "the authtoken has no credential"));
    if (given->account_id.find('\n') != std::string::npos)
        co_return refuse_agent(ErrorInfo(errc::refused, "the account's id has a line break"));
    co_return accept_agent(*given);
}

/// The rest of the time to authenticate belongs to the refusal, which takes a few round trips at worst.
std::chrono::steady_clock::duration AgentSession::time_for_directory() const {
    return std::min<Clock::duration>(limits::directory_time, (auth_deadline_ - Clock::now()) * 3 / 4);
}

std::string AgentSession::refuse_agent(const ErrorInfo& error) {
    ++context_.counters.auth_refused;
    context_.log("info", "agent at " + to_text(remote_) + " refused: " + error.to_string());
    return encode_error(error);
}

/// The id an agent presents is honoured if the edge gave it to the same credential: the cookie proves it, also to an edge
/// that was restarted, or a live session does. Anything else gets a fresh one.
std::string AgentSession::choose_client_id() const {
    const std::string& presented = auth_.client_id;
    if (presented.empty()) return new_client_id();
    if (const auto ticket = ClientTicket::open(context_.sealer, auth_.extra.cookie);
        ticket && ticket->client_id == presented) {
        return ticket->credential == credential_ ? presented : new_client_id();
    }
    const auto legs = context_.sessions.of_client(presented);
    const auto ours = [this](const auto& leg) { return leg->credential() == credential_; };
    return !legs.empty() && std::ranges::all_of(legs, ours) ? presented : new_client_id();
}

/// The agent came back: what it had on this leg is free before it binds again (agent-protocol 5.3).
void AgentSession::take_over() {
    for (const auto& former : context_.sessions.of_client(client_id_)) {
        if (former.get() == this || former->credential() != credential_ || former->leg() != leg()) continue;
        context_.log("info", "agent " + former->id() + " came back as " + id_);
        context_.sessions.remove(*former); // now, so that it does not count against the new one
        former->drop(ErrorInfo(errc::session_lost, "the agent came back on another connection"));
    }
}

std::string AgentSession::accept_agent(const AuthAnswer& answer) {
    const auto session = mux();
    if (!session) return {};
    credential_ = answer.credential;
    account_ = answer.account_id.empty() ? answer.credential : answer.account_id;
    client_id_ = choose_client_id();
    take_over();
    const std::size_t most = context_.settings.sessions_per_credential;
    if (!context_.sessions.add(shared_from_this(), most)) {
        return refuse_agent(ErrorInfo(ngrok_error(108), "the credential " + credential_ + " may have at most " +
                                                            std::to_string(most) + " sessions at a time"));
    }
    authenticated_.store(true, std::memory_order_release);
    preauth_slot_.release();
    auth_timer_.cancel();
    session->set_authenticated();

    AuthResponse response;
    response.version = choose_version(auth_.versions);
    response.client_id = client_id_;
    response.extra.version = ADIT_VERSION;
    response.extra.region = context_.settings.region;
    response.extra.cookie = ClientTicket(client_id_, credential_).seal(context_.sealer);
    response.extra.account_name = answer.account;
    response.extra.banner = context_.settings.banner;
    response.extra.agent_session_id = id_;
    for (const std::string& address : context_.settings.advertised_agent_addresses) {
        ConnectAddress& offered = response.extra.connect_addresses.emplace_back();
        offered.region = context_.settings.region;
        offered.server_addr = address;
    }
    if (auth_.extra.adit && context_.settings.window_growth) {
        response.extra.adit.emplace();
        response.extra.adit->window = limits::peer_window;
        session->raise_window(limits::peer_window);
    }
    if (auth_.extra.user_agent.find("ngrok-rust/") != std::string::npos) {
        session->set_peer_keeps_streams();
    }
    context_.log("info", "agent " + id_ + " at " + to_text(remote_) + " connected: credential " + credential_ + ", " +
                             auth_.extra.user_agent);
    return encode(response);
}

} // namespace adit
