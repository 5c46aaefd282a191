#include "edge/session_table.hpp"

#include "edge/agent_session.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <utility>

namespace adit::inline v0::edge {
namespace {

/// One client may have a whole IPv6 /64.
IpAddress network_of(const IpAddress& address) {
    if (address.is_v4()) return address;
    std::array<std::uint8_t, 16> bytes = address.v6();
    std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
    return IpAddress(bytes);
}

} // namespace

bool SessionTable::add(const SessionPtr& session, std::size_t most) {
    const std::lock_guard lock(mutex_);
    std::size_t& count = count_of_credential_[session->credential()];
    if (count >= most) return false;
    ++count;
    by_id_.insert_or_assign(session->id(), session);
    ids_of_client_.emplace(session->client_id(), session->id());
    return true;
}

void SessionTable::remove(const AgentSession& session) {
    const std::lock_guard lock(mutex_);
    if (by_id_.erase(session.id()) == 0) return;
    const auto count = count_of_credential_.find(session.credential());
    if (--count->second == 0) count_of_credential_.erase(count);
    const auto [first, last] = ids_of_client_.equal_range(session.client_id());
    for (auto it = first; it != last; ++it) {
        if (it->second == session.id()) {
            ids_of_client_.erase(it);
            return;
        }
    }
}

SessionTable::SessionPtr SessionTable::find(std::string_view session_id) const {
    const std::lock_guard lock(mutex_);
    const auto found = by_id_.find(session_id);
    return found == by_id_.end() ? nullptr : found->second.lock();
}

std::vector<SessionTable::SessionPtr> SessionTable::of_client(std::string_view client_id) const {
    std::vector<SessionPtr> legs;
    const std::lock_guard lock(mutex_);
    const auto [first, last] = ids_of_client_.equal_range(client_id);
    for (auto it = first; it != last; ++it) {
        const auto found = by_id_.find(it->second);
        if (found == by_id_.end()) continue;
        if (auto session = found->second.lock()) legs.push_back(std::move(session));
    }
    return legs;
}

std::vector<SessionTable::SessionPtr> SessionTable::all() const {
    std::vector<SessionPtr> sessions;
    const std::lock_guard lock(mutex_);
    for (const auto& [id, weak] : by_id_) {
        if (auto session = weak.lock()) sessions.push_back(std::move(session));
    }
    return sessions;
}

std::size_t SessionTable::size() const {
    const std::lock_guard lock(mutex_);
    return by_id_.size();
}

PreauthSlot::PreauthSlot(PreauthSlot&& other) noexcept
    : table_(std::exchange(other.table_, nullptr)), address_(other.address_) {}

PreauthSlot& PreauthSlot::operator=(PreauthSlot&& other) noexcept {
    if (this != &other) {
        release();
        table_ = std::exchange(other.table_, nullptr);
        address_ = other.address_;
    }
    return *this;
}

void PreauthSlot::release() noexcept {
    if (auto* table = std::exchange(table_, nullptr)) table->leave(address_);
}

PreauthSlot PreauthTable::enter(const IpAddress& address) {
    const IpAddress network = network_of(address);
    const std::lock_guard lock(mutex_);
    if (total_ >= limits::preauth_agents) return {};
    std::size_t& count = count_[network];
    if (count >= limits::preauth_per_address) return {};
    ++count;
    ++total_;
    return PreauthSlot(this, network);
}

PreauthSlot PreauthTable::enter() {
    const std::lock_guard lock(mutex_);
    if (total_ >= limits::preauth_agents) return {};
    ++total_;
    return PreauthSlot(this, std::nullopt);
}

void PreauthTable::leave(const std::optional<IpAddress>& address) noexcept {
    const std::lock_guard lock(mutex_);
    --total_;
    const auto found = address ? count_.find(*address) : count_.end();
    if (found != count_.end() && --found->second == 0) count_.erase(found);
}

std::size_t PreauthTable::size() const {
    const std::lock_guard lock(mutex_);
    return total_;
}

} // namespace adit
