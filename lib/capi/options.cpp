// Options of a session, and the callbacks.
#include "capi/handles.hpp"
#include "capi/keys.hpp"

#include <adit/command.hpp>
#include <adit/event.hpp>

#include <new>
#include <utility>

using namespace adit;
using namespace adit::capi;

namespace {

ErrorInfo client_info(adit_options& options, const Value& value) {
    const auto parts = value.parts('/', "name/version comment");
    if (!parts) return parts.error();
    const auto [name, rest] = *parts;
    const std::size_t space = rest.find(' ');
    const bool commented = space != std::string_view::npos;
    options.value.client_info(name, rest.substr(0, space), commented ? rest.substr(space + 1) : std::string_view());
    return {};
}

ErrorInfo proxy_from_env(adit_options& options, const Value& value) {
    const Result<bool> on = value.flag();
    if (!on) return on.error();
    if (!*on) return invalid(value.key(), "must be \"true\"; for no proxy set proxy to \"\"");
    options.value.proxy_from_env();
    return {};
}

constexpr Key<adit_options> keys[] = {
    {"server", text<&SessionOptions::server>},
    {"authtoken", text<&SessionOptions::authtoken>},
    {"roots_file", path<&SessionOptions::roots_file>},
    {"roots_pem", text<&SessionOptions::roots_pem>},
    {"server_name", text<&SessionOptions::server_name>},
    {"client_certificate", client_certificate},
    {"client_key", client_certificate},
    {"proxy", text<&SessionOptions::proxy>},
    {"proxy_from_env", proxy_from_env},
    {"proxy_roots_pem", text<&SessionOptions::proxy_roots_pem>},
    {"bind_interface", text<&SessionOptions::bind_interface>},
    {"metadata", text<&SessionOptions::metadata>},
    {"client_info", client_info},
    {"heartbeat_interval_ms", milliseconds<&SessionOptions::heartbeat_interval>},
    {"heartbeat_tolerance_ms", milliseconds<&SessionOptions::heartbeat_tolerance>},
    {"connect_timeout_ms", milliseconds<&SessionOptions::connect_timeout>},
    {"window_growth", flag<&SessionOptions::window_growth>},
    {"reconnect", flag<&SessionOptions::reconnect>},
};

/// A callback's data, released with the last copy of the handler that holds it.
class UserData {
public:
    UserData(void* data, adit_release_callback release) noexcept : data_(data), release_(release) {}
    UserData(const UserData&) = delete;
    UserData& operator=(const UserData&) = delete;
    ~UserData() {
        if (release_ != nullptr) release_(data_);
    }
    void* get() const noexcept { return data_; }

private:
    void* const data_;
    const adit_release_callback release_;
};

/// It is released by whoever fails, here by the standard (shared_ptr deletes what it cannot hold).
std::shared_ptr<UserData> hold(void* data, adit_release_callback release) {
    UserData* const held = new (std::nothrow) UserData(data, release);
    if (held == nullptr) {
        if (release != nullptr) release(data);
        throw std::bad_alloc();
    }
    return std::shared_ptr<UserData>(held);
}

/// noexcept: a callback returns, it does not throw.
void tell(adit_event_callback callback, const Event& event, void* user_data) noexcept {
    adit_error reason;
    report(&reason, event.reason());
    std::string text;
    try {
        text = event.to_string();
    } catch (...) { // no memory: the numbers are what matters
    }
    adit_event out;
    out.kind = static_cast<std::int32_t>(event.kind());
    out.leg = event.leg();
    out.next_try_ms = event.next_try() < std::chrono::milliseconds(0) ? -1 : event.next_try().count();
    out.latency_us = event.latency().count();
    out.duration_ms = event.duration().count();
    out.bytes_in = event.bytes_in();
    out.bytes_out = event.bytes_out();
    out.url = event.url().c_str();
    out.listener_id = event.listener_id().c_str();
    out.remote_address = event.remote_address().c_str();
    out.text = text.c_str();
    out.reason = &reason;
    callback(&out, user_data);
}

static_assert(static_cast<int>(Event::Kind::connecting) == ADIT_EVENT_CONNECTING &&
              static_cast<int>(Event::Kind::heartbeat) == ADIT_EVENT_HEARTBEAT &&
              static_cast<int>(Event::Kind::connection_closed) == ADIT_EVENT_CONNECTION_CLOSED);
static_assert(static_cast<int>(Command::Kind::stop) == ADIT_COMMAND_STOP &&
              static_cast<int>(Command::Kind::restart) == ADIT_COMMAND_RESTART &&
              static_cast<int>(Command::Kind::update) == ADIT_COMMAND_UPDATE);

CommandHandler command_handler(adit_command_callback callback, const std::shared_ptr<UserData>& data) {
    if (callback == nullptr) return {};
    return [callback, data](const Command& command) -> std::string {
        const char* const why_not = callback(static_cast<int>(command.kind()), command.version().c_str(),
                                             command.permit_major_version() ? 1 : 0, data->get());
        return why_not != nullptr ? why_not : "";
    };
}

} // namespace

adit_options* adit_options_new() {
    return guard_value<adit_options*>(nullptr, nullptr, [](adit_options*& made) {
        made = new adit_options();
        return ErrorInfo();
    });
}

adit_options* adit_options_from_env() {
    return guard_value<adit_options*>(nullptr, nullptr, [](adit_options*& made) {
        auto options = std::make_unique<adit_options>();
        options->value = SessionOptions::from_env();
        made = options.release();
        return ErrorInfo();
    });
}

void adit_options_free(adit_options* options) { delete options; }

int adit_options_set(adit_options* options, const char* key, const char* value, adit_error* error) {
    return set<adit_options>(keys, options, key, value, error, "options");
}

int adit_options_on_event(adit_options* options, adit_event_callback callback, void* user_data,
                          adit_release_callback release, adit_error* error) {
    return guard(error, [&]() -> ErrorInfo {
        const std::shared_ptr<UserData> data = hold(user_data, release);
        if (options == nullptr) return missing("options");
        EventHandler handler;
        if (callback != nullptr) handler = [callback, data](const Event& event) { tell(callback, event, data->get()); };
        options->value.on_event(std::move(handler));
        return {};
    });
}

int adit_options_on_command(adit_options* options, int command, adit_command_callback callback, void* user_data,
                            adit_release_callback release, adit_error* error) {
    return guard(error, [&]() -> ErrorInfo {
        const std::shared_ptr<UserData> data = hold(user_data, release);
        if (options == nullptr) return missing("options");
        CommandHandler handler = command_handler(callback, data);
        switch (command) {
        case ADIT_COMMAND_STOP: options->value.on_stop(std::move(handler)); return {};
        case ADIT_COMMAND_RESTART: options->value.on_restart(std::move(handler)); return {};
        case ADIT_COMMAND_UPDATE: options->value.on_update(std::move(handler)); return {};
        default: return invalid("command", "there is no such command");
        }
    });
}
