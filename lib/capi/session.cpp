#include "capi/handles.hpp"
#include "capi/keys.hpp"

#include <adit/diagnosis.hpp>

#include <memory>

using namespace adit;
using namespace adit::capi;

namespace {

/// A member of the details by its name.
class Detail {
public:
    std::string_view name;
    const std::string& (SessionDetails::*get)() const noexcept;
};

constexpr Detail details[] = {
    {"id", &SessionDetails::id},           {"agent_session_id", &SessionDetails::agent_session_id},
    {"region", &SessionDetails::region},   {"account", &SessionDetails::account},
    {"plan", &SessionDetails::plan},       {"banner", &SessionDetails::banner},
    {"warning", &SessionDetails::warning}, {"edge_version", &SessionDetails::edge_version},
};

/// What an operation of C++ makes, in its handle. `run` fills the error it is given.
template <class Handle, class Run>
ErrorInfo make(Handle*& made, Run run) {
    ErrorInfo error;
    auto handle = std::make_unique<Handle>();
    auto value = run(error);
    if (error) return error;
    handle->take(std::move(value));
    made = handle.release();
    return {};
}

} // namespace

adit_session* adit_session_connect(const adit_options* options, adit_error* error) {
    return guard_value<adit_session*>(error, nullptr, [&](adit_session*& made) {
        if (options == nullptr) return missing("options");
        return make(made, [&](ErrorInfo& failed) { return Session::connect(options->value, failed); });
    });
}

void adit_session_close(adit_session* session) {
    if (session != nullptr) session->value.close();
}

int adit_session_drain(adit_session* session, int64_t drain_ms, adit_error* error) {
    return guard(error, [&]() -> ErrorInfo {
        if (session == nullptr) return missing("session");
        std::error_code ec;
        session->value.close(std::chrono::milliseconds(drain_ms), ec);
        return ec;
    });
}

void adit_session_free(adit_session* session) { delete session; }

int adit_session_is_open(const adit_session* session) { return session != nullptr && session->value.is_open() ? 1 : 0; }
int adit_session_is_online(const adit_session* session) {
    return session != nullptr && session->value.is_online() ? 1 : 0;
}
int64_t adit_session_latency_us(const adit_session* session) {
    return session != nullptr ? session->value.latency().count() : 0;
}

size_t adit_session_get(const adit_session* session, const char* key, char* buffer, size_t size) {
    return guard_text(buffer, size, [&](std::string& out) {
        if (session == nullptr || key == nullptr) return false;
        for (const Detail& one : details) {
            if (one.name != key) continue;
            out = (session->value.details().*one.get)();
            return true;
        }
        return false;
    });
}

void adit_session_last_error(const adit_session* session, adit_error* error) {
    guard(error, [&] { return session != nullptr ? session->value.last_error() : missing("session"); });
}

int adit_diagnose(const adit_options* options, char* buffer, size_t size, adit_error* error) {
    return guard(error, [&] {
        if (buffer != nullptr) copy_text({}, buffer, size);
        if (options == nullptr) return missing("options");
        const Diagnosis diagnosis = Session::diagnose(options->value);
        if (buffer != nullptr) copy_text(diagnosis.to_string(), buffer, size);
        return diagnosis.error();
    });
}

adit_listener* adit_session_listen(adit_session* session, const adit_endpoint* endpoint, adit_error* error) {
    return guard_value<adit_listener*>(error, nullptr, [&](adit_listener*& made) {
        if (session == nullptr) return missing("session");
        if (endpoint == nullptr) return missing("endpoint");
        return make(made, [&](ErrorInfo& failed) { return session->value.listen(endpoint->built(), failed); });
    });
}

adit_forwarder* adit_session_forward(adit_session* session, const adit_endpoint* endpoint,
                                     const adit_upstream* upstream, adit_error* error) {
    return guard_value<adit_forwarder*>(error, nullptr, [&](adit_forwarder*& made) {
        if (session == nullptr) return missing("session");
        if (endpoint == nullptr) return missing("endpoint");
        if (upstream == nullptr) return missing("upstream");
        return make(made, [&](ErrorInfo& failed) {
            return session->value.forward(endpoint->built(), upstream->value, failed);
        });
    });
}
