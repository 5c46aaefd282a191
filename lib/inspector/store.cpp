#include "inspector/store.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace adit::inline v0::inspector {
namespace {

constexpr std::size_t digits = 8; // of a number in hex; more stand there when they are needed

} // namespace

Store::Store(std::string prefix, std::size_t max_exchanges, std::size_t max_memory, std::function<void()> changed)
    : prefix_(std::move(prefix)), max_exchanges_(max_exchanges), max_memory_(max_memory), tell_(std::move(changed)) {}

EntryPtr Store::add(Exchange exchange) {
    const std::size_t memory = exchange.memory();
    EntryPtr entry;
    {
        const std::lock_guard lock(mutex_);
        entry = std::make_shared<Entry>(next_number_, std::move(exchange));
        entries_.push_back(entry);
        ++next_number_;
        entry->version_ = ++version_;
        entry->memory_ = memory;
        entry->kept_ = true;
        memory_ += memory;
        evict();
    }
    tell_();
    return entry;
}

bool Store::changed(Entry& entry, bool tell) {
    const std::size_t memory = entry.with([](const Exchange& exchange) { return exchange.memory(); });
    bool kept = false;
    {
        const std::lock_guard lock(mutex_);
        if (!entry.kept_) return false;
        memory_ = memory_ - entry.memory_ + memory;
        entry.memory_ = memory;
        if (tell) entry.version_ = ++version_;
        evict();
        kept = entry.kept_;
    }
    if (tell) tell_();
    return kept;
}

void Store::evict() {
    while (!entries_.empty() && (entries_.size() > max_exchanges_ || memory_ > max_memory_)) {
        Entry& oldest = *entries_.front();
        oldest.kept_ = false;
        memory_ -= oldest.memory_;
        entries_.pop_front();
    }
}

void Store::forget_all() {
    std::deque<EntryPtr> gone; // freed without the mutex
    {
        const std::lock_guard lock(mutex_);
        for (const EntryPtr& entry : entries_) entry->kept_ = false;
        gone.swap(entries_);
        memory_ = 0;
        forgotten_ = ++version_;
    }
    tell_();
}

EntryPtr Store::find(std::string_view id) const {
    const auto wanted = number(id);
    const std::lock_guard lock(mutex_);
    if (!wanted || entries_.empty() || *wanted < entries_.front()->number || *wanted > entries_.back()->number) return nullptr;
    return entries_[*wanted - entries_.front()->number];
}

std::vector<EntryPtr> Store::list(std::uint64_t before) const {
    const std::lock_guard lock(mutex_);
    std::vector<EntryPtr> out;
    out.reserve(entries_.size());
    for (auto each = entries_.rbegin(); each != entries_.rend(); ++each)
        if (before == 0 || (*each)->number < before) out.push_back(*each);
    return out;
}

Changes Store::changes(std::uint64_t since, std::size_t max) const {
    Changes changes;
    const std::lock_guard lock(mutex_);
    changes.forgotten = since < forgotten_;
    changes.oldest = entries_.empty() ? 0 : entries_.front()->number;
    for (const EntryPtr& entry : entries_)
        if (entry->version_ > since) changes.entries.push_back({entry, entry->version_});
    std::ranges::sort(changes.entries, {}, &Change::version);
    changes.more = changes.entries.size() > max;
    if (changes.more) changes.entries.resize(max);
    changes.version = changes.more ? changes.entries.back().version : version_;
    return changes;
}

std::string Store::id(std::uint64_t number) const {
    std::array<char, 16> text;
    const char* const end = std::to_chars(text.data(), text.data() + text.size(), number, 16).ptr;
    const auto size = static_cast<std::size_t>(end - text.data());
    return prefix_ + std::string(digits - std::min(digits, size), '0').append(text.data(), size);
}

std::optional<std::uint64_t> Store::number(std::string_view id) const {
    if (!id.starts_with(prefix_)) return std::nullopt;
    id.remove_prefix(prefix_.size());
    std::uint64_t number = 0;
    const auto [end, ec] = std::from_chars(id.data(), id.data() + id.size(), number, 16);
    if (ec != std::errc() || end != id.data() + id.size() || id != this->id(number).substr(prefix_.size())) return std::nullopt;
    return number;
}

std::size_t Store::size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

std::size_t Store::memory() const {
    const std::lock_guard lock(mutex_);
    return memory_;
}

} // namespace adit
