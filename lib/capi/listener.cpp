#include "capi/handles.hpp"
#include "capi/keys.hpp"

using namespace adit;
using namespace adit::capi;

namespace {

template <auto Setter>
ErrorInfo text_change(EndpointUpdate& update, const Value& value) {
    return with(value.text(), [&](std::string_view text) { (update.*Setter)(text); });
}

using SetText = EndpointUpdate& (EndpointUpdate::*)(std::string_view);
using SetFlag = EndpointUpdate& (EndpointUpdate::*)(bool);

constexpr Key<EndpointUpdate> keys[] = {
    {"name", text_change<static_cast<SetText>(&EndpointUpdate::name)>},
    {"description", text_change<static_cast<SetText>(&EndpointUpdate::description)>},
    {"metadata", text_change<static_cast<SetText>(&EndpointUpdate::metadata)>},
    {"traffic_policy", text_change<static_cast<SetText>(&EndpointUpdate::traffic_policy)>},
    {"pooling",
     [](EndpointUpdate& update, const Value& value) {
         return with(value.flag(), [&](bool on) { (update.*static_cast<SetFlag>(&EndpointUpdate::pooling))(on); });
     }},
};

} // namespace

int adit_listener_accept(adit_listener* listener, int64_t timeout_ms, adit_peer* peer, adit_error* error) {
    return guard_value<int>(error, -1, [&](int& socket) -> ErrorInfo {
        if (listener == nullptr) return missing("listener");
        std::optional<std::chrono::milliseconds> time;
        if (timeout_ms >= 0) time = std::chrono::milliseconds(timeout_ms);
        adit_peer unwanted;
        const Result<int> got = listener->queue->accept(time, peer != nullptr ? *peer : unwanted);
        if (!got) return got.error();
        socket = *got;
        return {};
    });
}

int adit_listener_fd(adit_listener* listener, adit_error* error) {
    return guard_value<int>(error, -1, [&](int& descriptor) -> ErrorInfo {
        if (listener == nullptr) return missing("listener");
        const Result<int> got = listener->queue->descriptor();
        if (!got) return got.error();
        descriptor = *got;
        return {};
    });
}

size_t adit_listener_get(const adit_listener* listener, const char* key, char* buffer, size_t size) {
    return guard_text(buffer, size, [&](std::string& out) {
        if (listener == nullptr || key == nullptr) return false;
        const std::string_view name(key);
        if (name == "url") {
            out = listener->value.url();
        } else if (name == "id") {
            out = listener->value.id();
        } else if (name == "protocol") {
            out = listener->value.protocol();
        } else {
            return false;
        }
        return true;
    });
}

int adit_listener_update(adit_listener* listener, const char* key, const char* value, adit_error* error) {
    EndpointUpdate update;
    const int refused = set<EndpointUpdate>(keys, &update, key, value, error, "update");
    if (refused != ADIT_OK) return refused;
    return guard(error, [&] {
        ErrorInfo failed = listener == nullptr ? missing("listener") : ErrorInfo();
        if (listener != nullptr) listener->value.update(update, failed);
        return failed;
    });
}

int adit_listener_is_open(const adit_listener* listener) {
    return listener != nullptr && listener->value.is_open() ? 1 : 0;
}

void adit_listener_last_error(const adit_listener* listener, adit_error* error) {
    guard(error, [&] { return listener != nullptr ? listener->value.last_error() : missing("listener"); });
}

void adit_listener_close(adit_listener* listener) {
    if (listener != nullptr) listener->queue->close();
}

void adit_listener_free(adit_listener* listener) { delete listener; }
