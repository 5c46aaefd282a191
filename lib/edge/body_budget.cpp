#include "edge/body_budget.hpp"

#include <adit/limits.hpp>

namespace adit::inline v0::edge {

bool BodyHold::grow_to(std::size_t bytes, BodyBudget& all, std::shared_ptr<BodyBudget> endpoint, std::size_t most) noexcept {
    if (endpoint_ != endpoint) release(); // the request was handed on
    if (bytes <= bytes_) return true;
    const std::size_t more = bytes - bytes_;
    if (!endpoint->take(more, most / limits::policy_bodies_share)) return false;
    if (!all.take(more, most)) {
        endpoint->give_back(more);
        return false;
    }
    all_ = &all;
    endpoint_ = std::move(endpoint);
    bytes_ = bytes;
    return true;
}

void BodyHold::release() noexcept {
    if (bytes_ == 0) return;
    all_->give_back(bytes_);
    endpoint_->give_back(bytes_);
    bytes_ = 0;
}

} // namespace adit
