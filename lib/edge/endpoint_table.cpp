#include "edge/agent_session.hpp"
#include "edge/endpoint.hpp"

#include <algorithm>
#include <mutex>

namespace adit::inline v0::edge {
namespace {

/// Whether a name or port may have both (agent-protocol 1.1: the legs of one agent bind the same endpoint).
bool may_share(const EndpointRecord& a, const EndpointRecord& b) noexcept {
    if (a.credential != b.credential || a.protocol() != b.protocol()) return false;
    return (a.pooled && b.pooled) || (a.id == b.id && a.client_id == b.client_id);
}

std::string_view behind_star(std::string_view wildcard) noexcept { return wildcard.substr(2); }

} // namespace

EndpointRecord::EndpointRecord(const EndpointRecord& other, const PatchTunnelStateRequest& change)
    : id(other.id), bind_id(other.bind_id), url(other.url), url_text(other.url_text), credential(other.credential),
      client_id(other.client_id), session_id(other.session_id), proxy_protocol(other.proxy_protocol),
      app_protocol(other.app_protocol), terminate_tls(other.terminate_tls), tls_context(other.tls_context),
      labeled(other.labeled), pooled(other.pooled), forwards_to(other.forwards_to), name(change.name.value_or(other.name)),
      description(change.description.value_or(other.description)), metadata(change.metadata.value_or(other.metadata)),
      session(other.session), epoch(other.epoch), random(other.random) {}

EndpointPtr EndpointTable::Pick::choose() && {
    if (!second) return std::move(first);
    const auto one = first->session.lock();
    const auto other = second->session.lock();
    const bool rather_second = other && (!one || other->stream_count() < one->stream_count());
    return std::move(rather_second ? second : first);
}

EndpointTable::Pick EndpointTable::Slot::pick() const {
    if (members.size() == 1) return Pick(members.front());
    const std::size_t turn = next.fetch_add(1, std::memory_order_relaxed);
    return {members[turn % members.size()], members[(turn + 1) % members.size()]};
}

EndpointTable::Pick EndpointTable::NameSpace::find(std::string_view host) const {
    if (const auto found = exact.find(host); found != exact.end()) return found->second.pick();
    if (wildcards.empty()) return {};
    for (std::size_t dot = host.find('.'); dot != std::string_view::npos; dot = host.find('.', dot + 1)) {
        if (const auto found = wildcards.find(host.substr(dot + 1)); found != wildcards.end()) return found->second.pick();
    }
    return {};
}

// Sessions are asked for their streams without the table's mutex, which they take with theirs held.
EndpointPtr EndpointTable::find_http(std::string_view host) const {
    Pick pick;
    {
        const std::shared_lock lock(mutex_);
        pick = http_.find(host);
    }
    return std::move(pick).choose();
}

EndpointPtr EndpointTable::find_tls(std::string_view host) const {
    Pick pick;
    {
        const std::shared_lock lock(mutex_);
        pick = tls_.find(host);
    }
    return std::move(pick).choose();
}

EndpointPtr EndpointTable::find_tcp(std::uint16_t port) const {
    Pick pick;
    {
        const std::shared_lock lock(mutex_);
        if (const auto found = tcp_.find(port); found != tcp_.end()) pick = found->second.pick();
    }
    return std::move(pick).choose();
}

EndpointPtr EndpointTable::find(UrlScheme protocol, std::string_view host, std::uint16_t port) const {
    if (protocol == UrlScheme::tcp) return find_tcp(port);
    if (protocol == UrlScheme::http) return find_http(host);
    EndpointPtr found = find_tls(host);
    return found && found->protocol() == protocol ? found : nullptr;
}

EndpointTable::Slot& EndpointTable::slot_for(const EndpointUrl& url) {
    if (url.scheme() == UrlScheme::tcp) return tcp_[url.effective_port()];
    NameSpace& names = url.scheme() == UrlScheme::http ? http_ : tls_;
    return url.is_wildcard() ? names.wildcards[std::string(behind_star(url.host()))] : names.exact[url.host()];
}

const EndpointTable::Slot* EndpointTable::find_slot(const EndpointUrl& url) const {
    if (url.scheme() == UrlScheme::tcp) {
        const auto found = tcp_.find(url.effective_port());
        return found == tcp_.end() ? nullptr : &found->second;
    }
    const NameSpace& space = url.scheme() == UrlScheme::http ? http_ : tls_;
    const Names& names = url.is_wildcard() ? space.wildcards : space.exact;
    const auto found = names.find(url.is_wildcard() ? behind_star(url.host()) : std::string_view(url.host()));
    return found == names.end() ? nullptr : &found->second;
}

Result<void> EndpointTable::add(EndpointPtr record) {
    const std::lock_guard lock(mutex_);
    Slot& slot = slot_for(record->url);
    const auto refuses = [&](const EndpointPtr& member) { return !may_share(*member, *record); };
    if (std::ranges::any_of(slot.members, refuses)) {
        return ErrorInfo(ngrok_error(334), "the endpoint " + record->url_text +
                                               " is already online; stop the other one, or allow pooling on both");
    }
    slot.members.push_back(std::move(record));
    return {};
}

bool EndpointTable::remove(const EndpointPtr& record) {
    record->online.store(false, std::memory_order_release);
    const std::lock_guard lock(mutex_);
    if (find_slot(record->url) == nullptr) return false;
    Slot& slot = slot_for(record->url);
    if (std::erase(slot.members, record) == 0 || !slot.members.empty()) return false;
    const EndpointUrl& url = record->url;
    if (url.scheme() == UrlScheme::tcp) {
        tcp_.erase(url.effective_port());
    } else {
        NameSpace& space = url.scheme() == UrlScheme::http ? http_ : tls_;
        if (url.is_wildcard()) {
            space.wildcards.erase(std::string(behind_star(url.host())));
        } else {
            space.exact.erase(url.host());
        }
    }
    return true;
}

bool EndpointTable::replace(const EndpointPtr& old, EndpointPtr fresh) {
    old->online.store(false, std::memory_order_release);
    const std::lock_guard lock(mutex_);
    if (find_slot(old->url) == nullptr) return false;
    Slot& slot = slot_for(old->url);
    const auto place = std::ranges::find(slot.members, old);
    if (place == slot.members.end()) return false;
    *place = std::move(fresh);
    return true;
}

std::vector<EndpointPtr> EndpointTable::members(const EndpointUrl& url) const {
    const std::shared_lock lock(mutex_);
    const Slot* slot = find_slot(url);
    return slot == nullptr ? std::vector<EndpointPtr>() : slot->members;
}

std::vector<EndpointPtr> EndpointTable::snapshot() const {
    std::vector<EndpointPtr> all;
    const std::shared_lock lock(mutex_);
    const auto take = [&](const auto& slots) {
        for (const auto& [key, slot] : slots) all.insert(all.end(), slot.members.begin(), slot.members.end());
    };
    take(http_.exact);
    take(http_.wildcards);
    take(tls_.exact);
    take(tls_.wildcards);
    take(tcp_);
    return all;
}

std::size_t EndpointTable::size() const { return snapshot().size(); }

} // namespace adit
