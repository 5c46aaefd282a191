// Where a forwarder sends what arrives.
#include "capi/handles.hpp"
#include "capi/keys.hpp"

using namespace adit;
using namespace adit::capi;

namespace {

constexpr Key<adit_upstream> keys[] = {
    {"roots_file", path<&Upstream::roots_file>},
    {"roots_pem", text<&Upstream::roots_pem>},
    {"client_certificate", client_certificate},
    {"client_key", client_certificate},
    {"server_name", text<&Upstream::server_name>},
    {"verify", flag<&Upstream::verify>},
    {"rewrite_host", flag<&Upstream::rewrite_host>},
    {"host_header", text<&Upstream::host_header>},
    {"app_protocol", text<&Upstream::app_protocol>},
    {"max_idle_connections", count<&Upstream::max_idle_connections>},
    {"idle_time_ms", milliseconds<&Upstream::idle_time>},
    {"response_timeout_ms", milliseconds<&Upstream::response_timeout>},
    {"dial_timeout_ms", milliseconds<&Upstream::dial_timeout>},
};

} // namespace

adit_upstream* adit_upstream_new(const char* address, adit_error* error) {
    return guard_value<adit_upstream*>(error, nullptr, [&](adit_upstream*& made) -> ErrorInfo {
        const Result<Value> given = Value::of("address", address);
        if (!given) return given.error();
        made = new adit_upstream(given->bytes());
        return {};
    });
}

void adit_upstream_free(adit_upstream* upstream) { delete upstream; }

int adit_upstream_set(adit_upstream* upstream, const char* key, const char* value, adit_error* error) {
    return set<adit_upstream>(keys, upstream, key, value, error, "upstream");
}
