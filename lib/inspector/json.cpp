#include "inspector/json.hpp"

#include "base/base64.hpp"
#include "inspector/curl.hpp"
#include "inspector/query.hpp"

#include <adit/limits.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace adit::inline v0::inspector {
namespace {

using Json = nlohmann::ordered_json;

/// Header values and paths are bytes; what is not UTF-8 becomes a replacement character. `raw` has them as they were.
std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// RFC 3339 with microseconds.
std::string timestamp(std::chrono::system_clock::time_point time) {
    const auto since = std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
    const std::time_t whole = seconds.count();
    std::tm parts{};
    ::gmtime_r(&whole, &parts);
    std::array<char, 24> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    const std::string micros = std::to_string((since - seconds).count());
    return std::string(text.data(), size) + "." + std::string(6 - std::min<std::size_t>(6, micros.size()), '0') + micros + "Z";
}

std::string_view version_of(const Head& head) { return head.version() == HttpVersion::http10 ? "HTTP/1.0" : "HTTP/1.1"; }

/// {"Name": ["value", ...]}; the spelling of the first counts.
Json by_name(const Fields& fields) {
    Json out = Json::object();
    for (const Field& field : fields) {
        auto found = out.begin();
        while (found != out.end() && !iequals(found.key(), field.name)) ++found;
        if (found != out.end()) {
            found->push_back(field.value);
        } else {
            out[std::string(field.name)] = Json::array({field.value});
        }
    }
    return out;
}

Json in_order(const Fields& fields) {
    Json out = Json::array();
    for (const Field& field : fields) out.push_back(Json::array({field.name, field.value}));
    return out;
}

void add_content(Json& json, const Message& message, Detail detail) {
    json["body_size"] = message.body_size;
    json["body_truncated"] = message.truncated();
    if (detail == Detail::summary) return;
    json["headers"] = by_name(message.head);
    json["raw"] = base64_encode(message.raw());
    if (detail != Detail::all) return;
    json["header_list"] = in_order(message.head);
    json["trailer_list"] = in_order(message.trailers);
    json["body"] = base64_encode(message.body);
}

Json request_of(const Message& request, Detail detail) {
    Json json;
    json["method"] = request.head.method();
    json["proto"] = version_of(request.head);
    json["uri"] = request.head.target();
    add_content(json, request, detail);
    return json;
}

Json response_of(const Message& response, Detail detail) {
    Json json;
    json["status"] = std::to_string(response.head.status()) + " " + std::string(response.head.reason());
    json["status_code"] = response.head.status();
    json["proto"] = version_of(response.head);
    add_content(json, response, detail);
    return json;
}

Json exchange_of(const Store& store, std::uint64_t number, const Exchange& exchange, Detail detail) {
    const std::string id = store.id(number);
    Json json;
    json["uri"] = "/api/requests/http/" + id;
    json["id"] = id;
    json["tunnel_name"] = *exchange.tunnel_name;
    json["tunnel_url"] = *exchange.tunnel_url;
    json["remote_addr"] = exchange.remote_address;
    json["start"] = timestamp(exchange.start);
    json["duration"] = std::chrono::nanoseconds(exchange.duration).count();
    json["state"] = to_string(exchange.state);
    json["request"] = request_of(exchange.request, detail);
    json["response"] = exchange.answered ? response_of(exchange.response, detail) : Json();
    if (exchange.state == State::failed) {
        const int n = exchange.error_number;
        json["error"] = {{"error_code", n == 0 ? Json() : Json("ERR_NGROK_" + std::to_string(n))}, {"msg", exchange.error}};
    }
    if (exchange.replay_of != 0) json["replay_of"] = store.id(exchange.replay_of);
    if (detail == Detail::all) {
        std::string base = *exchange.tunnel_url;
        const auto forwarder = exchange.forwarder.lock();
        if (base.empty() && forwarder) base = forwarder->plan().dialer->target().url(); // a labelled endpoint
        json["curl"] = curl_command(exchange.request, base);
    }
    return json;
}

Json metrics_of(Meter meter, const Durations& durations, std::uint64_t count, const std::uint64_t* gauge) {
    const auto rates = meter.rates(Meter::Clock::now());
    const auto times = durations.percentiles();
    Json json;
    json["count"] = count;
    if (gauge != nullptr) json["gauge"] = *gauge;
    json["rate1"] = rates[0];
    json["rate5"] = rates[1];
    json["rate15"] = rates[2];
    json["p50"] = times[0];
    json["p90"] = times[1];
    json["p95"] = times[2];
    json["p99"] = times[3];
    return json;
}

Json metrics_of(const detail::ForwarderImpl& forwarder, const Recorder& recorder) {
    const EndpointStats stats = recorder.stats(forwarder);
    const ForwarderCounters counters = forwarder.counters();
    Json json;
    json["conns"] = metrics_of(stats.connections, stats.connection_times, counters.connections, &counters.open_connections);
    json["http"] = metrics_of(stats.requests, stats.request_times, counters.requests, nullptr);
    return json;
}

bool is_recorded(const detail::ForwarderImpl& forwarder) {
    const std::string protocol = forwarder.listener().protocol();
    const bool web = protocol.empty() || protocol == "http" || protocol == "https";
    return web && !forwarder.plan().http2 && forwarder.plan().dialer->target().speaks_http();
}

Json tunnel_of(const detail::ForwarderImpl& forwarder, const Recorder& recorder, TunnelForm form) {
    const std::string name = tunnel_name(forwarder);
    const detail::ForwardPlan& plan = forwarder.plan();
    const std::string upstream = plan.dialer->target().url();
    Json json;
    json["name"] = name;
    json["id"] = forwarder.listener().id();
    if (form == TunnelForm::endpoint) {
        json["uri"] = "/api/endpoints/" + percent_encode(name);
        json["url"] = forwarder.listener().url();
        json["upstream"] = {{"url", upstream}, {"protocol", plan.http2 ? "http2" : "http1"}};
        json["inspect"] = is_recorded(forwarder);
        json["traffic_policy"] = plan.traffic_policy;
        json["pooling_enabled"] = plan.pooling;
    } else {
        json["uri"] = "/api/tunnels/" + percent_encode(name);
        json["public_url"] = forwarder.listener().url();
        json["proto"] = forwarder.listener().protocol();
        json["config"] = {{"addr", upstream}, {"inspect", is_recorded(forwarder)}};
    }
    json["metrics"] = metrics_of(forwarder, recorder);
    return json;
}

} // namespace

std::string to_json(const Store& store, Entry& entry, Detail detail) {
    return entry.with([&](const Exchange& exchange) { return dump(exchange_of(store, entry.number, exchange, detail)); });
}

std::string list_json(const std::vector<std::string>& requests, std::string_view next) {
    std::string out = "{\"uri\":\"/api/requests/http\",\"requests\":[";
    for (std::size_t i = 0; i < requests.size(); ++i) {
        if (i != 0) out.push_back(',');
        out += requests[i];
    }
    return out + "],\"next_uri\":" + (next.empty() ? "null" : dump(Json(next))) + "}";
}

std::string changes_json(const Store& store, Changes& changes) {
    std::string out = changes.forgotten ? "{\"forgotten\":true,\"oldest\":" : "{\"forgotten\":false,\"oldest\":";
    out += changes.oldest == 0 ? "null" : dump(Json(store.id(changes.oldest)));
    out += ",\"requests\":[";
    std::size_t count = 0;
    while (count < changes.entries.size() && out.size() < limits::inspector_update_max) {
        if (count != 0) out.push_back(',');
        out += to_json(store, *changes.entries[count++].entry, Detail::summary);
    }
    if (count < changes.entries.size()) {
        changes.entries.resize(count);
        changes.version = changes.entries.back().version;
        changes.more = true;
    }
    return out + "]}";
}

std::string error_json(int status, std::string_view message, std::string_view error) {
    Json json;
    json["error_code"] = status == 400 ? 102 : status < 500 ? 100 : 104; // the agent's own numbers, as far as they are known
    json["status_code"] = status;
    json["msg"] = message;
    json["details"] = {{"err", error}};
    return dump(json);
}

std::string status_json(const detail::SessionImpl& session) {
    Json legs = Json::array();
    if (session.is_online()) {
        legs.push_back({{"region", session.details().region()},
                        {"latency", std::chrono::nanoseconds(session.latency()).count()}});
    }
    Json json;
    json["status"] = session.is_online() ? "online" : session.is_open() ? "reconnecting" : "closed";
    json["agent_version"] = ADIT_VERSION;
    json["session"] = {{"legs", legs}};
    json["uri"] = "/api/status";
    return dump(json);
}

std::string tunnels_json(const std::vector<std::shared_ptr<detail::ForwarderImpl>>& forwarders, const Recorder& recorder,
                         TunnelForm form) {
    const char* const name = form == TunnelForm::endpoint ? "endpoints" : "tunnels";
    Json json;
    Json& list = json[name] = Json::array();
    for (const auto& forwarder : forwarders) list.push_back(tunnel_of(*forwarder, recorder, form));
    json["uri"] = std::string("/api/") + name;
    return dump(json);
}

std::string tunnel_json(const detail::ForwarderImpl& forwarder, const Recorder& recorder, TunnelForm form) {
    return dump(tunnel_of(forwarder, recorder, form));
}

} // namespace adit
