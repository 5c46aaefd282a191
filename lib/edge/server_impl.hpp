// The parts of a running edge, and their life.
#pragma once

#include <adit/edge/server.hpp>

#include "edge/context.hpp"
#include "edge/gateway.hpp"
#include "edge/ingress.hpp"
#include "edge/shard.hpp"
#include "edge/token_directory.hpp"
#include "proto/messages.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace adit::inline v0::edge {

class Server::Impl {
public:
    Impl(Settings settings, const tls::Sealer& sealer, const ServerOptions::Data& data);
    ~Impl();

    static Result<std::shared_ptr<Impl>> start(const ServerOptions& options);

    void drain(std::chrono::milliseconds time);
    void stop() noexcept;
    bool running() const noexcept { return running_.load(); }
    bool on_edge_thread() const noexcept;

    /// Runs a command on the session's shard and waits for it.
    ErrorInfo command(std::string_view session_id, RequestType type, std::string request);

    EdgeContext context;
    std::shared_ptr<TokenDirectory> tokens; ///< null if the embedder has a directory of its own
    std::string ca_pem;
    std::uint16_t agent_port = 0, https_port = 0, http_port = 0;

private:
    Result<void> open_ports();
    void start_serving();
    void wait_for_tasks() noexcept;
    bool somebody_still_asks() const;

    std::atomic<bool> running_{false};
    std::mutex stop_mutex_;
    // Destroyed before the context that their coroutines use.
    std::vector<std::unique_ptr<Shard>> shards_;
    std::vector<std::shared_ptr<Gateway>> gateways_;
    std::vector<std::shared_ptr<Ingress>> ingresses_;
};

} // namespace adit
