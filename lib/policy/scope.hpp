// Everything that rules of one visitor's connection or request look at and change while they run.
#pragma once

#include "policy/actions/circuit_breaker.hpp"
#include "policy/actions/user_agent.hpp"
#include "policy/cel/environment.hpp"
#include "policy/program.hpp"
#include "policy/results.hpp"
#include "policy/run.hpp"
#include "policy/variables.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0::policy {

/// Of a connection (no request) or of an exchange. What expressions see is made when they ask for it.
struct Scope final : cel::Activation {
    Scope(State& its_state, const ConnectionFacts& connection, const Scope* connect_phase);
    ~Scope() override;

    cel::Value variable(std::size_t index) const override;

    // --- for actions

    /// What an action is called in actions.ngrok; costs nothing if no expression reads it.
    bool wants_results() const noexcept { return state.policy().program().reads_results; }
    void set_result(ResultId which, std::vector<cel::Value> fields);
    /// The value of the phase's variable. False if there are too many, or they are too large.
    bool set_var(const std::string& name, cel::Value value);
    void log(std::string metadata);

    /// The answer is a page of the edge: ERR_NGROK_`number`, or none for 0. `detail` is shown.
    void page(int number, int status, std::string_view detail = {});
    Flow refuse(int number, int status, std::string_view detail = {}) {
        page(number, status, detail);
        return Flow::stop;
    }
    Flow close();
    /// By the phase: what ends a connection without an answer, or the page.
    Flow refuse_or_close(int number, int status) { return is_http() ? refuse(number, status) : close(); }
    /// The page of a failed evaluation, or the end of the connection. The visitor is shown error.detail(), Outcome::error
    /// says it all.
    Flow fail(const ErrorInfo& error);
    /// This head and body are the answer.
    Flow answer(Head head, std::string body);

    /// compress-response has begun: a second one changes nothing.
    bool encoded() const noexcept { return encoder.has_value(); }
    void encode(Encoder chosen, bool flush) {
        encoder = std::move(chosen);
        outcome.flush_each_piece = flush;
    }

    bool is_http() const noexcept { return phase != Phase::tcp_connect; }
    /// "https://app.example/path?query" as the request says it now.
    const std::string& url() const;
    /// As the visitor sent it.
    const std::string& original_url() const { return sent_url_.empty() ? url() : sent_url_; }
    /// Before the first change of the URL.
    void keep_original_url();
    /// After the request's target, or fields of it, were changed.
    void request_changed();
    const UserAgent& user_agent() const;
    /// req.url.query_params and req.cookies.
    const cel::Value& query_params() const;
    const cel::Value& request_cookies() const;
    std::string_view client_ip() const;
    std::string_view server_ip() const;

    State& state;
    const ConnectionFacts& facts;
    const Scope* const parent; ///< of the connection, for the results of its phase
    Phase phase = Phase::tcp_connect;
    Moment now{};

    Head* request = nullptr;
    Head* response = nullptr;
    RequestFacts request_facts;
    std::chrono::system_clock::time_point head_received{};
    std::optional<std::chrono::system_clock::time_point> body_received;

    // Where the phase stands, for need_body and forward.
    std::size_t rule = 0;
    std::size_t action = 0;

    std::string certificate_url; ///< what need_certificate asked for

    Outcome outcome;
    std::optional<Encoder> encoder; ///< of compress-response
    std::vector<LogEntry> logs;
    std::size_t logs_bytes = 0;
    std::vector<std::pair<std::size_t, CircuitBreaker::Pass>> passes; ///< breakers that wait for how the answer is

    std::vector<std::pair<std::string, cel::Value>> vars;
    std::size_t vars_bytes = 0;
    std::array<cel::Value, result_count> results;
    const Views views;

private:
    std::string sent_url_;
    mutable std::string url_, client_ip_, server_ip_;
    mutable std::optional<UserAgent> user_agent_;
    mutable std::optional<cel::Value> query_params_, request_cookies_;
};

} // namespace adit
