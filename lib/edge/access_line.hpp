// Collects an AccessRecord while an exchange runs; costs next to nothing if nobody listens.
#pragma once

#include <adit/edge/options.hpp>

#include "edge/endpoint.hpp"
#include "policy/run.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace adit::inline v0::edge {

class EdgeContext;

class AccessLine {
public:
    explicit AccessLine(const EdgeContext& context) noexcept : context_(context) {}
    AccessLine(const AccessLine&) = delete;
    AccessLine& operator=(const AccessLine&) = delete;

    void begin(std::string_view remote_address);
    bool begun() const noexcept { return begun_; }
    /// `target` may have a query, which is not recorded.
    void request(std::string_view method, std::string_view host, std::string_view target);
    void endpoint(const EndpointRecord& record);
    void answer(int status, int ngrok_error) noexcept;
    void policy_logs(const std::vector<policy::LogEntry>& entries);
    /// Why a policy failed; "" if it did not. Goes to the log as well.
    void policy_error(std::string_view why);
    /// Tells the sink, once; nothing without begin().
    void finish() noexcept;

    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;

private:
    const EdgeContext& context_;
    std::optional<AccessRecord> record_; // empty without a sink
    std::chrono::steady_clock::time_point start_{};
    bool begun_ = false;
};

} // namespace adit
