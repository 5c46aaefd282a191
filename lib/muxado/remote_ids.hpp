// Which stream ids the peer has used. Both SDKs count up by two, but a Go peer may send its SYNs out of
// order (an id is taken when a stream is opened, its SYN leaves with the first write), so ids that were
// skipped may still come.
#pragma once

#include "muxado/frame.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace adit::inline v0::muxado {

class RemoteIds {
public:
    static constexpr std::size_t skipped_max = 256; ///< older ones count as used

    explicit RemoteIds(bool odd) : first_(odd ? 1 : 2) {}

    /// The highest id seen, 0 if none.
    StreamId highest() const noexcept { return highest_; }

    /// False if the id was used before (or skipped too long ago to know). The parity is the caller's.
    bool use(StreamId id) {
        if (id <= highest_) {
            const auto at = std::find(skipped_.begin(), skipped_.end(), id);
            if (at == skipped_.end()) return false;
            skipped_.erase(at);
            return true;
        }
        const StreamId expected = highest_ == 0 ? first_ : highest_ + 2;
        const std::size_t gap = std::min<std::size_t>((id - expected) / 2, skipped_max);
        if (skipped_.size() + gap > skipped_max) {
            const auto old = skipped_.size() + gap - skipped_max;
            skipped_.erase(skipped_.begin(), skipped_.begin() + static_cast<std::ptrdiff_t>(old));
        }
        for (std::size_t i = gap; i > 0; --i) skipped_.push_back(id - static_cast<StreamId>(2 * i));
        highest_ = id;
        return true;
    }

private:
    StreamId first_;
    StreamId highest_ = 0;
    std::vector<StreamId> skipped_; ///< in order of id
};

} // namespace adit::inline v0::muxado
