#include "capi/guard.hpp"
#include "capi/handles.hpp"

using namespace adit;
using namespace adit::capi;

size_t adit_forwarder_get(const adit_forwarder* forwarder, const char* key, char* buffer, size_t size) {
    return guard_text(buffer, size, [&](std::string& out) {
        if (forwarder == nullptr || key == nullptr) return false;
        const std::string_view name(key);
        if (name == "url") {
            out = forwarder->value.url();
        } else if (name == "id") {
            out = forwarder->value.id();
        } else if (name == "upstream") {
            out = forwarder->value.upstream();
        } else {
            return false;
        }
        return true;
    });
}

int adit_forwarder_is_open(const adit_forwarder* forwarder) {
    return forwarder != nullptr && forwarder->value.is_open() ? 1 : 0;
}

int adit_forwarder_count(const adit_forwarder* forwarder, adit_forwarder_counters* counters, adit_error* error) {
    return guard(error, [&]() -> ErrorInfo {
        if (forwarder == nullptr) return missing("forwarder");
        if (counters == nullptr) return missing("counters");
        const ForwarderCounters now = forwarder->value.counters();
        counters->connections = now.connections;
        counters->open_connections = now.open_connections;
        counters->requests = now.requests;
        counters->failures = now.failures;
        counters->bytes_in = now.bytes_in;
        counters->bytes_out = now.bytes_out;
        return {};
    });
}

int adit_forwarder_wait(const adit_forwarder* forwarder, int64_t timeout_ms, adit_error* why) {
    ErrorInfo reason;
    const int failed = guard(why, [&] {
        if (forwarder == nullptr) return missing("forwarder");
        reason =
            timeout_ms < 0 ? forwarder->value.wait() : forwarder->value.wait_for(std::chrono::milliseconds(timeout_ms));
        const bool waited = reason.code() != errc::timed_out && reason.code() != errc::would_deadlock;
        return waited ? ErrorInfo() : reason;
    });
    if (failed == ADIT_OK) report(why, reason);
    return failed;
}

void adit_forwarder_last_error(const adit_forwarder* forwarder, adit_error* error) {
    guard(error, [&] { return forwarder != nullptr ? forwarder->value.last_error() : missing("forwarder"); });
}

void adit_forwarder_close(adit_forwarder* forwarder) {
    if (forwarder != nullptr) forwarder->value.close();
}

void adit_forwarder_free(adit_forwarder* forwarder) { delete forwarder; }
