// Takes down what the forwarders tell.
#pragma once

#include "client/exchange_observer.hpp"
#include "inspector/meter.hpp"
#include "inspector/store.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace adit::inline v0::inspector {

/// Of one endpoint since the inspector began.
class EndpointStats {
public:
    explicit EndpointStats(Meter::Clock::time_point now) : requests(now), connections(now) {}
    Meter requests, connections;
    Durations request_times, connection_times;
};

/// The name of an endpoint in the API: Endpoint::name, else the edge's id of the bind.
std::string tunnel_name(const detail::ForwarderImpl& forwarder);

/// Thread-safe.
class Recorder final : public ExchangeObserver, public std::enable_shared_from_this<Recorder> {
public:
    /// `ended`: called when the session is over.
    Recorder(std::shared_ptr<Store> store, std::size_t max_body, std::function<void()> ended);
    ~Recorder() override;

    std::unique_ptr<ExchangeRecord> begin(const ExchangeOrigin& origin, const Head& request) noexcept override;
    void connection_over(const std::shared_ptr<detail::ForwarderImpl>& forwarder,
                         std::chrono::steady_clock::duration time) noexcept override;
    void session_over() noexcept override;

    /// The same for a request that is sent once more. `number`: gets that of the new entry.
    std::unique_ptr<ExchangeRecord> begin_replay(const ExchangeOrigin& origin, const Head& request, std::uint64_t replay_of,
                                                 std::uint64_t& number) noexcept;
    void exchange_over(const detail::ForwarderImpl* forwarder, std::chrono::steady_clock::duration time) noexcept;
    /// A copy.
    EndpointStats stats(const detail::ForwarderImpl& forwarder) const;
    std::size_t max_body() const noexcept { return max_body_; }

private:
    class Endpoint {
    public:
        explicit Endpoint(const std::shared_ptr<detail::ForwarderImpl>& f);
        std::weak_ptr<detail::ForwarderImpl> forwarder; // the address may be another's one day
        std::shared_ptr<const std::string> name, url;
        EndpointStats stats;
    };

    Endpoint& endpoint(const std::shared_ptr<detail::ForwarderImpl>& forwarder);

    const std::shared_ptr<Store> store_;
    const std::size_t max_body_;
    const std::function<void()> ended_;
    mutable std::mutex mutex_;
    std::map<const detail::ForwarderImpl*, Endpoint> endpoints_;
};

} // namespace adit
