// What Session::diagnose found on the way to an edge.
#pragma once

#include <adit/config.hpp>
#include <adit/error.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0 {

/// One step of the way.
class DiagnosisStep {
public:
    enum class Kind : std::uint8_t {
        name,     ///< lookup of the server's name; left out with a proxy or a dialer, which do it
        tcp,      ///< TCP connect, through the proxy if there is one; with its own lookup
        tls,      ///< TLS handshake and the check of the certificate
        mux,      ///< the edge echoes a heartbeat
        srv_info, ///< the edge answers a call of the agent protocol
    };

    DiagnosisStep(Kind kind, std::chrono::microseconds time, ErrorInfo error, std::string found)
        : kind_(kind), time_(time), error_(std::move(error)), found_(std::move(found)) {}

    Kind kind() const noexcept { return kind_; }
    std::chrono::microseconds time() const noexcept { return time_; }
    const ErrorInfo& error() const noexcept { return error_; } ///< empty if it worked
    /// The addresses, the TLS version, the region: what the step found, for people.
    const std::string& found() const noexcept { return found_; }

private:
    Kind kind_;
    std::chrono::microseconds time_;
    ErrorInfo error_;
    std::string found_;
};

/// "name", "tcp", "tls", "mux", "srv_info".
ADIT_API std::string_view to_string(DiagnosisStep::Kind kind) noexcept;

/// The steps up to the first that failed. A copy, not thread-safe.
class ADIT_API Diagnosis {
public:
    Diagnosis() = default;

    const std::vector<DiagnosisStep>& steps() const noexcept { return steps_; }
    /// All steps worked.
    bool ok() const noexcept { return !steps_.empty() && !error(); }
    /// Of the step that failed.
    ErrorInfo error() const;
    /// A line a step: "tls   12.3 ms  TLSv1.3" or "tls   failed: ...".
    std::string to_string() const;

    /// For the library itself.
    void add(DiagnosisStep step) { steps_.push_back(std::move(step)); }

private:
    std::vector<DiagnosisStep> steps_;
};

} // namespace adit
