#include <adit/edge/registry.hpp>

#include <algorithm>
#include <map>
#include <mutex>
#include <vector>

namespace adit::inline v0::edge {
namespace {

/// Claims without an end: they hold until released, because they die with the process that made them.
class MemoryRegistry final : public Registry {
public:
    void claim(const Claim& claim, std::function<void(ErrorInfo, Lease)> done) override {
        auto [error, lease] = try_claim(claim);
        done(std::move(error), lease);
    }

    void renew(const Claim& claim, std::uint64_t epoch, std::function<void(ErrorInfo, Lease)> done) override {
        const bool held = try_renew(claim, epoch);
        Lease lease;
        lease.epoch = epoch;
        done(held ? ErrorInfo() : taken(claim), lease);
    }

    void release(const Claim& claim, std::uint64_t epoch) override {
        const std::lock_guard lock(mutex_);
        const auto found = held_.find(claim.key);
        if (found == held_.end()) return;
        std::erase_if(found->second, [&](const Held& each) { return each.is(claim) && each.epoch == epoch; });
        if (found->second.empty()) held_.erase(found);
    }

private:
    class Held {
    public:
        Held(const Claim& claim, std::uint64_t e)
            : url(claim.url), owner(claim.owner), credential(claim.credential), account(claim.account),
              endpoint_id(claim.endpoint_id), pooled(claim.pooled), epoch(e) {}

        bool is(const Claim& claim) const { return owner == claim.owner && endpoint_id == claim.endpoint_id; }
        /// The same endpoint comes back, or on another leg; or both are in a pool.
        bool shares_with(const Claim& claim) const {
            if (url != claim.url) return false;
            return (credential == claim.credential && endpoint_id == claim.endpoint_id) ||
                   (account == claim.account && pooled && claim.pooled);
        }

        std::string url;
        std::string owner;
        std::string credential;
        std::string account;
        std::string endpoint_id;
        bool pooled;
        std::uint64_t epoch;
    };

    static ErrorInfo taken(const Claim& claim) {
        return ErrorInfo(ngrok_error(334), "the endpoint " + claim.url +
                                               " is already online; stop the other one, or allow pooling on both");
    }

    bool try_renew(const Claim& claim, std::uint64_t epoch) {
        const std::lock_guard lock(mutex_);
        const auto found = held_.find(claim.key);
        if (found == held_.end()) return false;
        std::vector<Held>& holders = found->second;
        const auto held =
            std::ranges::find_if(holders, [&](const Held& each) { return each.is(claim) && each.epoch == epoch; });
        if (held == holders.end()) return false;
        const auto other = [&](const Held& each) { return each.endpoint_id != claim.endpoint_id; };
        if (!claim.pooled && std::ranges::any_of(holders, other)) return false;
        held->pooled = claim.pooled;
        return true;
    }

    std::pair<ErrorInfo, Lease> try_claim(const Claim& claim) {
        const std::lock_guard lock(mutex_);
        std::vector<Held>& holders = held_[claim.key];
        if (!std::ranges::all_of(holders, [&](const Held& each) { return each.shares_with(claim); }))
            return {taken(claim), Lease()};
        std::erase_if(holders, [&](const Held& each) { return each.is(claim); });
        Lease lease;
        lease.epoch = ++epoch_;
        holders.emplace_back(claim, lease.epoch);
        return {ErrorInfo(), lease};
    }

    std::mutex mutex_;
    std::map<std::string, std::vector<Held>> held_;
    std::uint64_t epoch_ = 0; // one counter for all keys: it grows for each of them
};

} // namespace

Registry::~Registry() = default;

std::shared_ptr<Registry> Registry::in_memory() { return std::make_shared<MemoryRegistry>(); }

} // namespace adit
