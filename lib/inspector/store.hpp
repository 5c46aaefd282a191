// The exchanges of one inspector, bounded in number and memory: the oldest go first.
#pragma once

#include "inspector/exchange.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::inspector {

using EntryPtr = std::shared_ptr<Entry>;

class Change {
public:
    EntryPtr entry;
    std::uint64_t version = 0;
};

/// What changed since somebody looked.
class Changes {
public:
    std::vector<Change> entries;   ///< in the order of their changes, at most as many as were asked for
    std::uint64_t version = 0;     ///< to ask with the next time
    std::uint64_t oldest = 0;      ///< number of the oldest that is kept; 0: none
    bool forgotten = false;        ///< all that was before
    bool more = false;
};

/// Thread-safe.
class Store {
public:
    /// `prefix`: in front of each number in an id. `changed` is called by whoever changes something, on any thread, without
    /// a lock held.
    Store(std::string prefix, std::size_t max_exchanges, std::size_t max_memory, std::function<void()> changed);

    EntryPtr add(Exchange exchange);
    /// Counts the memory of what was changed in it; `tell`: those who look shall know. False: it is not kept any more, and
    /// more about it is of no use.
    bool changed(Entry& entry, bool tell);
    void forget_all();

    /// Null if it is not there, or not any more.
    EntryPtr find(std::string_view id) const;
    /// The newest first, those with a number below `before` (0: all).
    std::vector<EntryPtr> list(std::uint64_t before = 0) const;
    /// `since` 0: all.
    Changes changes(std::uint64_t since, std::size_t max) const;

    std::string id(std::uint64_t number) const;
    std::optional<std::uint64_t> number(std::string_view id) const;
    const std::string& prefix() const noexcept { return prefix_; }
    std::size_t size() const;
    std::size_t memory() const;

private:
    void evict();

    const std::string prefix_;
    const std::size_t max_exchanges_, max_memory_;
    const std::function<void()> tell_;

    mutable std::mutex mutex_;
    std::deque<EntryPtr> entries_; // numbers in sequence
    std::uint64_t next_number_ = 1;
    std::uint64_t version_ = 0;
    std::uint64_t forgotten_ = 0; // the version at which all was
    std::size_t memory_ = 0;
};

} // namespace adit
