// The agents of an edge: those that are known, and those that have still to say who they are.
#pragma once

#include "base/ip_address.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::edge {

class AgentSession;

/// Authenticated sessions. Thread-safe.
class SessionTable {
public:
    using SessionPtr = std::shared_ptr<AgentSession>;

    /// False, and nothing happened, if there are `most` of its credential already.
    bool add(const SessionPtr& session, std::size_t most);
    /// Unknown ones are ignored.
    void remove(const AgentSession& session);
    SessionPtr find(std::string_view session_id) const;
    /// All legs of a client.
    std::vector<SessionPtr> of_client(std::string_view client_id) const;
    std::vector<SessionPtr> all() const;
    std::size_t size() const;

private:
    mutable std::mutex mutex_;
    std::map<std::string, std::weak_ptr<AgentSession>, std::less<>> by_id_;
    std::multimap<std::string, std::string, std::less<>> ids_of_client_;
    std::map<std::string, std::size_t, std::less<>> count_of_credential_;
};

class PreauthTable;

/// The place of one agent among those that are not authenticated yet; given back when destroyed. Move-only.
class PreauthSlot {
public:
    PreauthSlot() = default;
    PreauthSlot(PreauthSlot&& other) noexcept;
    PreauthSlot& operator=(PreauthSlot&& other) noexcept;
    ~PreauthSlot() { release(); }

    explicit operator bool() const noexcept { return table_ != nullptr; }
    void release() noexcept;

private:
    friend class PreauthTable;
    PreauthSlot(PreauthTable* table, const std::optional<IpAddress>& address) : table_(table), address_(address) {}

    PreauthTable* table_ = nullptr;
    std::optional<IpAddress> address_; // unset: counted among all only
};

/// Counts agents before authentication, by address (IPv6: by /64) and in all (threat T16). Thread-safe.
class PreauthTable {
public:
    /// An empty slot if there are too many.
    PreauthSlot enter(const IpAddress& address);
    /// Of an agent whose address a balancer is still to say: counts among all only.
    PreauthSlot enter();
    std::size_t size() const;

private:
    friend class PreauthSlot;
    void leave(const std::optional<IpAddress>& address) noexcept;

    mutable std::mutex mutex_;
    std::map<IpAddress, std::size_t> count_;
    std::size_t total_ = 0;
};

} // namespace adit
