#include "sim/session_edge.hpp"

#include "edge/agent_session.hpp"
#include "edge/certificates.hpp"
#include "edge/listen.hpp"
#include "edge/options_data.hpp"
#include "edge/spawn.hpp"
#include "edge/token_directory.hpp"
#include "proto/codec.hpp"

#include <asio/write.hpp>

#include <array>
#include <stdexcept>

namespace adit::sim {
namespace {

using asio::ip::tcp;

// Outside of what the system gives to sockets that name no port, or a visitor could get the port of an endpoint.
constexpr unsigned first_port = 12'000, ports_of_a_job = 2'000;

template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().to_string());
    return std::move(*result);
}

edge::ServerOptions options(unsigned scale, unsigned job) {
    edge::ServerOptions options;
    const unsigned first = first_port + job * ports_of_a_job;
    options.heartbeat(SimEdge::beat * scale, SimEdge::beat_tolerance * scale).auth_time(std::chrono::milliseconds(200) * scale);
    options.tcp_ports(static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(first + ports_of_a_job - 1));
    options.route_labels("http://labelled.localhost", {{"app", "sim"}});
    return options;
}

/// Sends back what comes, to the end.
class Mirror : public std::enable_shared_from_this<Mirror> {
public:
    Mirror(tcp::socket socket, std::size_t& count) : socket_(std::move(socket)), count_(count) { ++count_; }
    ~Mirror() { --count_; }
    void run() {
        socket_.async_read_some(asio::buffer(buffer_), [self = shared_from_this()](std::error_code ec, std::size_t n) {
            if (ec) return;
            asio::async_write(self->socket_, asio::buffer(self->buffer_, n), [self](std::error_code failed, std::size_t) {
                if (!failed) self->run();
            });
        });
    }

private:
    tcp::socket socket_;
    std::size_t& count_;
    std::array<char, 8192> buffer_{};
};

} // namespace

void CountingRegistry::claim(const edge::Claim& claim, std::function<void(ErrorInfo, edge::Lease)> done) {
    real_->claim(claim, [this, key = claim.key, done = std::move(done)](ErrorInfo error, edge::Lease lease) {
        if (!error) held_.emplace(key, lease.epoch);
        done(std::move(error), lease);
    });
}

void CountingRegistry::renew(const edge::Claim& claim, std::uint64_t epoch,
                             std::function<void(ErrorInfo, edge::Lease)> done) {
    real_->renew(claim, epoch, std::move(done));
}

void CountingRegistry::release(const edge::Claim& claim, std::uint64_t epoch) {
    held_.erase({claim.key, epoch});
    real_->release(claim, epoch);
}

SimEdge::SimEdge(asio::io_context& io, unsigned time_scale, unsigned job)
    : context_(must(edge::Settings::parse(options(time_scale, job).data())), tls::Sealer(tls::Sealer::random_key())), io_(io),
      upstream_(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    const edge::ServerOptions made_from = options(time_scale, job);
    context_.node = "node_sim";
    context_.registry = registry_;
    const auto tokens = std::make_shared<edge::TokenDirectory>();
    if (auto loaded = tokens->replace({{"token", "cr_sim"}}); !loaded) throw std::runtime_error("no token");
    context_.directory = tokens;
    auto own = must(edge::make_tls(context_.settings, made_from.data()));
    context_.tls = std::move(own.contexts);
    ca_pem_ = std::move(own.ca_pem);
    context_.shards.push_back(io.get_executor());
    const tcp::endpoint any(asio::ip::address_v4::loopback(), 0);
    auto http = must(edge::listen_on(context_.shards, any));
    http_ = edge::Ingress::create(context_, io.get_executor(), std::move(http[0]), edge::IngressKind::http);
    http_->start();
    context_.settings.public_http_port = http_->port();
    context_.settings.public_https_port = 443;
    revive();
    first_ = std::make_unique<adit_test::CutProxy>(io.get_executor(), agent_port_);
    second_ = std::make_unique<adit_test::CutProxy>(io.get_executor(), agent_port_);
    accept_upstream();
    io.poll();
    idle_tasks_ = context_.tasks;
}

SimEdge::~SimEdge() {
    kill();
    http_->stop();
    std::error_code ignored;
    (void)upstream_.close(ignored);
    first_.reset();
    second_.reset();
    io_.restart();
    while (context_.tasks != 0 || http_->active() != 0) io_.run_one_for(std::chrono::milliseconds(10));
    io_.poll();
}

void SimEdge::accept_upstream() {
    upstream_.async_accept([this](std::error_code ec, tcp::socket socket) {
        if (ec) return;
        std::make_shared<Mirror>(std::move(socket), upstreams_)->run();
        accept_upstream();
    });
}

void SimEdge::kill() {
    if (!gateway_) return;
    gateway_->stop();
    gateway_.reset();
}

void SimEdge::revive() {
    if (gateway_) return;
    auto agents = edge::listen_on(context_.shards, tcp::endpoint(asio::ip::address_v4::loopback(), agent_port_));
    if (!agents) return; // the former one is not closed yet
    gateway_ = std::make_shared<edge::Gateway>(context_, io_.get_executor(), std::move((*agents)[0]));
    agent_port_ = gateway_->port();
    gateway_->start();
}

void SimEdge::disconnect(std::size_t n) {
    const auto all = context_.sessions.all();
    if (!all.empty()) all[n % all.size()]->drop(ErrorInfo(errc::session_closed, "disconnected by the operator"));
}

/// As edge::Server does.
std::string SimEdge::stop_endpoint(std::size_t n) {
    const auto all = context_.endpoints.snapshot();
    if (all.empty()) return {};
    const std::string id = all[n % all.size()]->id;
    const std::string url = all[n % all.size()]->url_text;
    for (const edge::EndpointPtr& record : all) {
        if (record->id != id) continue;
        const auto session = record->session.lock();
        if (!session || !session->take_bind_offline(record->bind_id)) continue;
        StopTunnelRequest request;
        request.id = record->bind_id;
        request.message = "stopped";
        edge::spawn(context_, io_.get_executor(), session->send_stop_tunnel(encode(request)));
    }
    return url;
}

std::string SimEdge::rest() const {
    std::string rest;
    const auto say = [&rest](std::size_t count, const char* what) {
        if (count != 0) rest += (rest.empty() ? "" : ", ") + std::to_string(count) + " " + what;
    };
    say(context_.sessions.size(), "agents");
    say(context_.preauth.size(), "unknown agents");
    say(context_.endpoints.size(), "endpoints");
    say(registry_->held(), "claims");
    say(context_.visitors.size(), "visitors");
    say(upstreams_, "connections to the upstream");
    say(first_->open() + second_->open(), "links of the proxies");
    if (context_.tasks > idle_tasks_) say(context_.tasks - idle_tasks_, "tasks of the edge");
    return rest;
}

} // namespace adit::sim
