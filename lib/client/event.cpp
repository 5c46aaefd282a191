#include "client/event_data.hpp"

namespace adit::inline v0 {

Event::Event(std::shared_ptr<const Data> data) noexcept : data_(std::move(data)) {}
Event::Event(const Event&) noexcept = default;
Event::Event(Event&&) noexcept = default;
Event& Event::operator=(const Event&) noexcept = default;
Event& Event::operator=(Event&&) noexcept = default;
Event::~Event() = default;

Event::Kind Event::kind() const noexcept { return data_->kind; }
std::uint32_t Event::leg() const noexcept { return data_->leg; }
const ErrorInfo& Event::reason() const noexcept { return data_->reason; }
std::chrono::milliseconds Event::next_try() const noexcept { return data_->next_try; }
std::chrono::microseconds Event::latency() const noexcept { return data_->latency; }
const std::string& Event::url() const noexcept { return data_->url; }
const std::string& Event::listener_id() const noexcept { return data_->listener_id; }
const std::string& Event::remote_address() const noexcept { return data_->remote_address; }
std::uint64_t Event::bytes_in() const noexcept { return data_->bytes_in; }
std::uint64_t Event::bytes_out() const noexcept { return data_->bytes_out; }
std::chrono::milliseconds Event::duration() const noexcept { return data_->duration; }

std::string_view to_string(Event::Kind kind) noexcept {
    switch (kind) {
    case Event::Kind::connecting: return "connecting";
    case Event::Kind::connected: return "connected";
    case Event::Kind::disconnected: return "disconnected";
    case Event::Kind::heartbeat: return "heartbeat";
    case Event::Kind::listener_up: return "listener_up";
    case Event::Kind::listener_down: return "listener_down";
    case Event::Kind::connection_opened: return "connection_opened";
    case Event::Kind::connection_closed: return "connection_closed";
    }
    return "unknown";
}

std::string Event::to_string() const {
    const Data& data = *data_;
    std::string text(adit::to_string(data.kind));
    const auto add = [&text](std::string_view name, const std::string& value) {
        if (!value.empty()) text.append(" ").append(name).append("=").append(value);
    };
    if (data.leg != 0) add("leg", std::to_string(data.leg));
    add("url", data.url);
    add("listener", data.listener_id);
    add("visitor", data.remote_address);
    if (data.kind == Kind::heartbeat) add("latency_us", std::to_string(data.latency.count()));
    if (data.kind == Kind::connection_closed) {
        add("bytes_in", std::to_string(data.bytes_in));
        add("bytes_out", std::to_string(data.bytes_out));
        add("duration_ms", std::to_string(data.duration.count()));
    }
    if (data.kind == Kind::disconnected && data.next_try.count() >= 0)
        add("next_try_ms", std::to_string(data.next_try.count()));
    if (data.reason) add("reason", "\"" + data.reason.to_string() + "\"");
    return text;
}

} // namespace adit
