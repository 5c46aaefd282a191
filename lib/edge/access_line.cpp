#include "edge/access_line.hpp"

#include "edge/context.hpp"

namespace adit::inline v0::edge {

void AccessLine::begin(std::string_view remote_address) {
    bytes_in = bytes_out = 0;
    begun_ = true;
    if (!context_.access_sink) return;
    record_.emplace();
    record_->start = std::chrono::system_clock::now();
    record_->remote_address = remote_address;
    start_ = std::chrono::steady_clock::now();
}

void AccessLine::request(std::string_view method, std::string_view host, std::string_view target) {
    if (!record_) return;
    record_->method = method;
    record_->host = host;
    record_->path = target.substr(0, target.find('?'));
}

void AccessLine::endpoint(const EndpointRecord& record) {
    if (!record_) return;
    record_->endpoint_id = record.id;
    record_->url = record.url_text;
}

void AccessLine::answer(int status, int ngrok_error) noexcept {
    if (!record_) return;
    record_->status = status;
    record_->ngrok_error = ngrok_error;
}

void AccessLine::policy_logs(const std::vector<policy::LogEntry>& entries) {
    if (!record_) return;
    for (const policy::LogEntry& entry : entries) {
        PolicyLog& log = record_->policy_logs.emplace_back();
        log.phase = policy::to_string(entry.phase);
        log.metadata = entry.metadata;
    }
}

void AccessLine::policy_error(std::string_view why) {
    if (why.empty()) return;
    if (record_) record_->policy_error = why;
    context_.log("info", "a traffic policy failed: " + std::string(why));
}

void AccessLine::finish() noexcept {
    begun_ = false;
    if (!record_) return;
    const auto duration = std::chrono::steady_clock::now() - start_;
    record_->duration = std::chrono::duration_cast<std::chrono::microseconds>(duration);
    record_->bytes_in = bytes_in;
    record_->bytes_out = bytes_out;
    context_.access(*record_);
    record_.reset();
}

} // namespace adit
