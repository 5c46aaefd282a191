#include "edge/agent_session.hpp"
#include "edge/endpoint.hpp"

#include <algorithm>
#include <mutex>

namespace adit::inline v0::edge {
namespace {

/// In front of the names of an account, for one scheme and port. No account's id and no name has a line break.
std::string internal_prefix(std::string_view account, const EndpointUrl& url) {
    std::string prefix(account);
    return prefix.append("\n").append(to_string(url.scheme())).append(":").append(std::to_string(url.effective_port())) + "\n";
}

} // namespace

bool same_address(const EndpointRecord& a, const EndpointRecord& b) noexcept {
    return a.url == b.url && (!a.internal() || a.account == b.account);
}

bool may_share(const EndpointRecord& a, const EndpointRecord& b) noexcept {
    if (a.protocol() != b.protocol()) return false;
    // One handshake has to do for whichever member is picked.
    if (a.pooled && b.pooled && a.account == b.account && a.tls_context == b.tls_context) return true;
    return a.id == b.id && a.client_id == b.client_id && a.credential == b.credential;
}

EndpointRecord::EndpointRecord(const EndpointRecord& other, const PatchTunnelStateRequest& change, PolicyPtr fresh)
    : id(other.id), bind_id(other.bind_id), url(other.url), url_text(other.url_text), credential(other.credential),
      account(other.account), client_id(other.client_id), session_id(other.session_id),
      proxy_protocol(other.proxy_protocol), app_protocol(other.app_protocol), terminate_tls(other.terminate_tls),
      tls_context(other.tls_context), policy(std::move(fresh)), labeled(other.labeled), pooled(change.pooling_enabled.value_or(other.pooled)),
      forwards_to(other.forwards_to), name(change.name.value_or(other.name)),
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

EndpointTable::Pick EndpointTable::NameSpace::find(const std::string& prefix, std::string_view host) const {
    if (const auto found = exact.find(prefix + std::string(host)); found != exact.end()) return found->second.pick();
    for (std::size_t dot = host.find('.'); dot != std::string_view::npos; dot = host.find('.', dot + 1)) {
        const auto found = wildcards.find(prefix + std::string(host.substr(dot + 1)));
        if (found != wildcards.end()) return found->second.pick();
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

EndpointPtr EndpointTable::find_internal(std::string_view account, const EndpointUrl& url) const {
    if (!url.is_internal()) return nullptr;
    const std::string prefix = internal_prefix(account, url);
    Pick pick;
    {
        const std::shared_lock lock(mutex_);
        pick = internal_.find(prefix, url.host());
    }
    return std::move(pick).choose();
}

EndpointTable::Place EndpointTable::place_of(const EndpointRecord& record) {
    const EndpointUrl& url = record.url;
    Place place;
    if (!record.internal() && url.scheme() == UrlScheme::tcp) {
        place.port = url.effective_port();
        return place;
    }
    place.space = record.internal()                 ? &EndpointTable::internal_
                  : url.scheme() == UrlScheme::http ? &EndpointTable::http_
                                                    : &EndpointTable::tls_;
    place.names = url.is_wildcard() ? &NameSpace::wildcards : &NameSpace::exact;
    if (record.internal()) place.key = internal_prefix(record.account, url);
    place.key += url.is_wildcard() ? url.host().substr(2) : url.host();
    return place;
}

EndpointTable::Slot& EndpointTable::slot_at(const Place& place) {
    return place.space == nullptr ? tcp_[place.port] : (this->*place.space.*place.names)[place.key];
}

template <class Table>
auto EndpointTable::find_slot(Table& table, const Place& place) -> decltype(&table.tcp_.find(0)->second) {
    if (place.space == nullptr) {
        const auto found = table.tcp_.find(place.port);
        return found == table.tcp_.end() ? nullptr : &found->second;
    }
    auto& names = table.*place.space.*place.names;
    const auto found = names.find(place.key);
    return found == names.end() ? nullptr : &found->second;
}

Result<void> EndpointTable::add(EndpointPtr record) {
    const Place place = place_of(*record);
    const std::lock_guard lock(mutex_);
    Slot& slot = slot_at(place);
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
    const Place place = place_of(*record);
    const std::lock_guard lock(mutex_);
    Slot* slot = find_slot(*this, place);
    if (slot == nullptr || std::erase(slot->members, record) == 0 || !slot->members.empty()) return false;
    if (place.space == nullptr) {
        tcp_.erase(place.port);
    } else {
        (this->*place.space.*place.names).erase(place.key);
    }
    return true;
}

bool EndpointTable::replace(const EndpointPtr& old, EndpointPtr fresh) {
    old->online.store(false, std::memory_order_release);
    const Place where = place_of(*old);
    const std::lock_guard lock(mutex_);
    Slot* slot = find_slot(*this, where);
    if (slot == nullptr) return false;
    const auto place = std::ranges::find(slot->members, old);
    if (place == slot->members.end()) return false;
    *place = std::move(fresh);
    return true;
}

std::vector<EndpointPtr> EndpointTable::members(const EndpointRecord& record) const {
    const Place place = place_of(record);
    const std::shared_lock lock(mutex_);
    const Slot* slot = find_slot(*this, place);
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
    take(internal_.exact);
    take(internal_.wildcards);
    take(tcp_);
    return all;
}

std::size_t EndpointTable::size() const { return snapshot().size(); }

} // namespace adit
