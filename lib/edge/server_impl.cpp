#include "edge/server_impl.hpp"

#include "edge/agent_session.hpp"
#include "edge/certificates.hpp"
#include "edge/listen.hpp"
#include "edge/options_data.hpp"

#include "base/ksuid.hpp"
#include "base/random.hpp"
#include "net/handler_holder.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <future>

namespace adit::inline v0::edge {
namespace {

using Clock = std::chrono::steady_clock;
using Acceptors = std::vector<asio::ip::tcp::acceptor>;

constexpr auto stop_time = std::chrono::seconds(2);          // for coroutines to see that their sockets are closed
constexpr auto goodbye_time = std::chrono::milliseconds(500); // for GOAWAY to leave after a drain
constexpr auto poll_time = std::chrono::milliseconds(1);
constexpr auto look_time = std::chrono::milliseconds(50);     // what waits looks whether the edge still runs

tls::Sealer make_sealer(const ServerOptions::Data& data) {
    tls::Sealer::Key key = tls::Sealer::random_key();
    if (data.seal_key_given) std::ranges::copy(as_bytes(data.seal_key), key.begin());
    return tls::Sealer(key);
}

Result<Acceptors> listen_for(const std::vector<asio::any_io_executor>& executors, const std::optional<int>& fd,
                             const asio::ip::tcp::endpoint& address) {
    return fd ? listen_with(executors, *fd) : listen_on(executors, address);
}

} // namespace

Server::Impl::Impl(Settings settings, const tls::Sealer& sealer, const ServerOptions::Data& data)
    : context(std::move(settings), sealer) {
    context.node = make_id("node_", std::chrono::system_clock::now(), fill_random);
    context.access_sink = data.access_sink;
    context.log_sink = data.log_sink;
    context.directory = data.directory;
    context.registry = data.registry ? data.registry : Registry::in_memory();
    for (unsigned i = 0; i < context.settings.threads; ++i) {
        shards_.push_back(std::make_unique<Shard>([this](std::string_view line) { context.log("error", line); }));
        context.shards.push_back(shards_.back()->executor());
    }
}

Server::Impl::~Impl() { stop(); }

Result<std::shared_ptr<Server::Impl>> Server::Impl::start(const ServerOptions& options) {
    const ServerOptions::Data& data = options.data();
    auto settings = Settings::parse(data);
    if (!settings) return settings.error();
    auto impl = std::make_shared<Impl>(std::move(*settings), make_sealer(data), data);
    if (!impl->context.directory) {
        impl->tokens = std::make_shared<TokenDirectory>();
        if (auto loaded = impl->tokens->replace(data.authtokens); !loaded) return loaded.error();
        impl->context.directory = impl->tokens;
    }
    auto made = make_tls(impl->context.settings, data);
    if (!made) return made.error();
    impl->context.tls = std::move(made->contexts);
    impl->ca_pem = std::move(made->ca_pem);
    if (auto opened = impl->open_ports(); !opened) return opened.error();
    impl->start_serving();
    return impl;
}

Result<void> Server::Impl::open_ports() {
    Settings& settings = context.settings;
    auto agents = listen_for(context.shards, settings.agent_fd, settings.agent_address);
    if (!agents) return agents.error();
    auto https = listen_for(context.shards, settings.https_fd, settings.https_address);
    if (!https) return https.error();
    auto http = listen_for(context.shards, settings.http_fd, settings.http_address);
    if (!http) return http.error();
    for (std::size_t i = 0; i < context.shards.size(); ++i) {
        gateways_.push_back(std::make_shared<Gateway>(context, context.shards[i], std::move((*agents)[i])));
        ingresses_.push_back(Ingress::create(context, context.shards[i], std::move((*https)[i]), IngressKind::https));
        if (!settings.agent_server_name.empty()) ingresses_.back()->serve_agents(gateways_.back());
        ingresses_.push_back(Ingress::create(context, context.shards[i], std::move((*http)[i]), IngressKind::http));
    }
    agent_port = gateways_[0]->port();
    https_port = ingresses_[0]->port();
    http_port = ingresses_[1]->port();
    settings.own_ports = {agent_port, https_port, http_port};
    if (settings.public_https_port == 0) settings.public_https_port = https_port;
    if (settings.public_http_port == 0) settings.public_http_port = http_port;
    return {};
}

void Server::Impl::start_serving() {
    running_ = true;
    for (const auto& shard : shards_) shard->start();
    for (const auto& gateway : gateways_) gateway->start();
    for (const auto& ingress : ingresses_) ingress->start();
}

void Server::Impl::drain(std::chrono::milliseconds time) {
    if (!running_) return;
    const auto start = Clock::now();
    const auto deadline = start + time;
    context.draining = true;
    for (const auto& gateway : gateways_) gateway->stop_accepting();
    for (const auto& ingress : ingresses_) ingress->stop_accepting();
    context.tcp_ports.close_all();
    // Looks up now and then: stop() may come meanwhile from another thread. Once kept connections had the time for a request
    // that was on its way, and every visitor has what he asked for, agents go as soon as they serve nobody: a long download
    // of one holds no other one back.
    while (running_ && context.visitors.size() != 0 && Clock::now() < deadline) {
        context.visitors.wait_until_empty(std::min(deadline, Clock::now() + look_time));
        if (Clock::now() < start + limits::drain_idle_time || somebody_still_asks()) continue;
        for (const auto& gateway : gateways_) gateway->close_idle_sessions();
    }
    for (const auto& gateway : gateways_) gateway->close_sessions();
    const auto goodbye = Clock::now() + goodbye_time; // also when the time for visitors was used up
    while (running_ && context.sessions.size() != 0 && Clock::now() < goodbye) std::this_thread::sleep_for(poll_time);
    stop();
}

/// A visitor has no stream yet: his request may be for any agent.
bool Server::Impl::somebody_still_asks() const {
    std::size_t streams = 0;
    for (const auto& session : context.sessions.all()) streams += session->visitor_streams();
    return streams < context.visitors.size();
}

void Server::Impl::stop() noexcept {
    const std::lock_guard lock(stop_mutex_);
    if (running_) {
        context.draining = true;
        for (const auto& ingress : ingresses_) ingress->stop();
        context.tcp_ports.stop_all();
        context.certificates->stop();
        for (const auto& gateway : gateways_) gateway->stop();
        wait_for_tasks();
        running_ = false;
    }
    for (const auto& shard : shards_) shard->stop();
    // A visitor of one shard may wait for an agent of another, which goes with its shard only.
    for (const auto& shard : shards_) net::abandon_handlers(shard->executor());
    context.tcp_ports.clear(); // their acceptors belong to the shards
}

/// Coroutines end by themselves, so that what they hold is freed in order.
void Server::Impl::wait_for_tasks() noexcept {
    const auto deadline = Clock::now() + stop_time;
    const auto busy = [this] {
        return context.tasks.load() != 0 || context.visitors.size() != 0 || context.sessions.size() != 0 ||
               std::ranges::any_of(ingresses_, [](const auto& ingress) { return ingress->active() != 0; });
    };
    while (busy() && Clock::now() < deadline) std::this_thread::sleep_for(poll_time);
}

bool Server::Impl::on_edge_thread() const noexcept {
    return std::ranges::any_of(shards_, [](const auto& shard) { return shard->is_this_thread(); });
}

ErrorInfo Server::Impl::command(std::string_view session_id, RequestType type, std::string request) {
    if (on_edge_thread()) return ErrorInfo(errc::would_deadlock, "commands may not be given on a thread of the edge");
    const auto session = context.sessions.find(session_id);
    if (!session) return ErrorInfo(ngrok_error(333), "there is no session with the id \"" + std::string(session_id) + "\"");
    const auto promise = std::make_shared<std::promise<ErrorInfo>>();
    auto answer = promise->get_future();
    ++context.tasks;
    asio::co_spawn(session->executor(), session->command(type, std::move(request)),
                   [promise, this](const std::exception_ptr& thrown, ErrorInfo error) {
                       promise->set_value(thrown ? ErrorInfo(errc::unavailable, "the command failed") : std::move(error));
                       --context.tasks;
                   });
    const auto deadline = Clock::now() + limits::rpc_time + stop_time;
    while (answer.wait_for(look_time) != std::future_status::ready) {
        if (!running_) return ErrorInfo(errc::unavailable, "the edge was stopped");
        if (Clock::now() > deadline) return ErrorInfo(errc::timed_out, "the edge is too busy for the command");
    }
    return answer.get();
}

} // namespace adit
