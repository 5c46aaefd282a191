#include "inspector/api.hpp"

#include "http/target.hpp"
#include "inspector/filter.hpp"
#include "inspector/replay.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <charconv>
#include <optional>

namespace adit::inline v0::inspector {
namespace {

Answer not_found(std::string_view what) { return Answer::error(404, "not found", what); }

Answer not_allowed(std::string_view allow) {
    Answer answer = Answer::error(405, "method not allowed", "allowed: " + std::string(allow));
    answer.allow = allow;
    return answer;
}

std::optional<std::size_t> parse_count(std::string_view text) {
    std::size_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || end != text.data() + text.size() || value == 0) return std::nullopt;
    return value;
}

/// The same question for what comes behind `id`.
std::string next_uri(const Query& query, const std::string& id) {
    std::string out = "/api/requests/http?";
    for (const auto& [name, value] : query.all())
        if (name != "before") out += percent_encode(name) + "=" + percent_encode(value) + "&";
    return out + "before=" + id;
}

/// Takes `prefix` from the front of `path`.
bool take(std::string_view& path, std::string_view prefix) {
    if (!path.starts_with(prefix)) return false;
    path.remove_prefix(prefix.size());
    return true;
}

} // namespace

Answer Answer::error(int status, std::string_view message, std::string_view error) {
    return {status, error_json(status, message, error)};
}

Answer Api::handle(const Head& request, const std::string& body, std::string_view remote_address) const {
    const auto target = parse_target(request.method(), request.target());
    if (!target || target->path.empty()) return not_found(request.target());
    const std::size_t mark = std::min(target->path.find('?'), target->path.size());
    std::string_view path = target->path.substr(0, mark);
    const auto query = Query::parse(target->path.substr(std::min(target->path.size(), mark + 1)));
    if (!query) return Answer::error(400, "bad request", "the query has an escape that is none");
    const std::string_view method = request.method() == "HEAD" ? std::string_view("GET") : request.method();
    if (path == "/") {
        if (method != "GET") return not_allowed("GET, HEAD");
        Answer answer(200, std::string());
        answer.type = "text/html; charset=utf-8";
        answer.page = true;
        return answer;
    }
    if (path == "/api/requests/http") return exchanges(method, *query, body, remote_address);
    if (take(path, "/api/requests/http/")) return exchange(method, path);
    if (take(path, "/api/tunnels")) return tunnels(method, path, TunnelForm::tunnel);
    if (take(path, "/api/endpoints")) return tunnels(method, path, TunnelForm::endpoint);
    if (path == "/api/status") return method == "GET" ? Answer(200, status_json(*session_)) : not_allowed("GET, HEAD");
    if (path == "/api/events") {
        if (request.method() != "GET") return not_allowed("GET");
        Answer answer;
        answer.live = true;
        return answer;
    }
    return not_found(path);
}

Answer Api::exchanges(std::string_view method, const Query& query, const std::string& body, std::string_view remote) const {
    if (method == "GET") return list(query);
    if (method == "POST") return replay(body, remote);
    if (method != "DELETE") return not_allowed("GET, HEAD, POST, DELETE");
    store_->forget_all();
    return {204, std::string()};
}

Answer Api::list(const Query& query) const {
    const Result<Filter> filter = Filter::parse(query);
    if (!filter) return Answer::error(400, "bad request", filter.error().message());
    std::size_t limit = limits::inspector_list;
    if (const auto text = query.find("limit")) {
        const auto count = parse_count(*text);
        if (!count) return Answer::error(400, "bad request", "limit: a number from 1 on");
        limit = *count;
    }
    std::uint64_t before = 0;
    if (const auto id = query.find("before")) {
        const auto number = store_->number(*id);
        if (!number) return Answer::error(400, "bad request", "before: not an id of this inspector");
        before = *number;
    }
    const Detail detail = query.find("summary") == "true" ? Detail::summary : Detail::raw;
    std::vector<std::string> documents;
    std::size_t size = 0;
    std::string next;
    std::uint64_t last = 0;
    for (const EntryPtr& entry : store_->list(before)) {
        if (!entry->with([&](const Exchange& exchange) { return filter->matches(exchange); })) continue;
        if (documents.size() == limit || size >= limits::inspector_answer_max) {
            next = next_uri(query, store_->id(last));
            break;
        }
        documents.push_back(to_json(*store_, *entry, detail));
        size += documents.back().size();
        last = entry->number;
    }
    return {200, list_json(documents, next)};
}

Answer Api::exchange(std::string_view method, std::string_view id) const {
    if (method != "GET") return not_allowed("GET, HEAD");
    const EntryPtr entry = store_->find(id);
    if (!entry) return not_found("there is no exchange '" + std::string(id) + "', or not any more");
    return {200, to_json(*store_, *entry, Detail::all)};
}

Answer Api::replay(const std::string& body, std::string_view remote_address) const {
    const Result<ReplayOrder> order = ReplayOrder::parse(body);
    if (!order) return Answer::error(400, "bad request", order.error().message());
    const EntryPtr entry = store_->find(order->id);
    if (!entry) return not_found("there is no exchange '" + order->id + "', or not any more");
    const Exchange original = entry->with([](const Exchange& exchange) { return exchange; });
    const auto forwarder = order->tunnel_name ? find_tunnel(*order->tunnel_name) : original.forwarder.lock();
    if (order->tunnel_name && !forwarder) return not_found("there is no tunnel '" + *order->tunnel_name + "'");
    if (!forwarder || !forwarder->listener().is_open()) return not_found("its endpoint is not online any more");
    if (!forwarder->plan().dialer->target().speaks_http())
        return Answer::error(400, "bad request", "the upstream of that tunnel does not speak HTTP");
    Result<Message> request = plan_replay(original, *order);
    if (!request) return Answer::error(400, "bad request", request.error().message());
    const Result<std::uint64_t> number =
        start_replay_(forwarder, original, entry->number, std::move(*request), remote_address);
    if (!number) return Answer::error(503, "busy", number.error().message());
    Answer answer(204, std::string());
    answer.location = "/api/requests/http/" + store_->id(*number);
    return answer;
}

/// `rest`: behind "/api/tunnels".
Answer Api::tunnels(std::string_view method, std::string_view rest, TunnelForm form) const {
    if (!rest.empty() && rest[0] != '/') return not_found("no such path");
    if (method != "GET") return not_allowed("GET, HEAD");
    if (rest.empty()) return {200, tunnels_json(online(), *recorder_, form)};
    const auto name = percent_decode(rest.substr(1), false);
    if (!name) return Answer::error(400, "bad request", "the path has an escape that is none");
    const auto forwarder = find_tunnel(*name);
    if (!forwarder) return not_found("there is no tunnel '" + *name + "'");
    return {200, tunnel_json(*forwarder, *recorder_, form)};
}

std::vector<std::shared_ptr<detail::ForwarderImpl>> Api::online() const {
    auto forwarders = session_->inspection().forwarders();
    std::erase_if(forwarders, [](const auto& each) { return !each->listener().is_open(); });
    return forwarders;
}

/// By its name, else by the edge's id. Of several with one name the last.
std::shared_ptr<detail::ForwarderImpl> Api::find_tunnel(std::string_view name) const {
    std::shared_ptr<detail::ForwarderImpl> found;
    for (const auto& forwarder : online())
        if (forwarder->plan().name == name || forwarder->listener().id() == name) found = forwarder;
    return found;
}

} // namespace adit
