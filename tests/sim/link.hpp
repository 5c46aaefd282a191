// One direction of a simulated transport: bytes in order, late, in pieces of any size, sometimes not at all
// for a while.
#pragma once

#include "unit/muxado/wire.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <unordered_map>

namespace adit::sim {

using muxado::Duration;
using muxado::Time;
using test::Buffer;

class Link {
public:
    std::size_t in_flight() const { return in_flight_; }
    bool empty() const { return pieces_.empty(); }
    Time next_due() const { return std::max(pieces_.front().due, stalled_until_); }

    void send(Bytes bytes, Time due) {
        if (bytes.empty()) return;
        last_due_ = std::max(last_due_, due); // bytes never overtake
        pieces_.push_back({last_due_, Buffer(bytes.begin(), bytes.end())});
        in_flight_ += bytes.size();
    }
    void stall_until(Time when) { stalled_until_ = std::max(stalled_until_, when); }

    /// Up to `max` bytes of what is due: pieces are split and joined.
    Buffer take(Time now, std::size_t max) {
        Buffer out;
        while (!pieces_.empty() && out.size() < max && next_due() <= now) {
            Buffer& front = pieces_.front().bytes;
            const std::size_t n = std::min(max - out.size(), front.size() - taken_);
            const auto begin = front.begin() + static_cast<std::ptrdiff_t>(taken_);
            out.insert(out.end(), begin, begin + static_cast<std::ptrdiff_t>(n));
            taken_ += n;
            if (taken_ == front.size()) {
                pieces_.pop_front();
                taken_ = 0;
            }
        }
        in_flight_ -= out.size();
        return out;
    }
    void cut() {
        pieces_.clear();
        in_flight_ = taken_ = 0;
    }

private:
    struct Piece {
        Time due;
        Buffer bytes;
    };
    std::deque<Piece> pieces_;
    std::size_t taken_ = 0; ///< of the front piece
    std::size_t in_flight_ = 0;
    Time last_due_{};
    Time stalled_until_{};
};

/// Counts what passes one end of a link, also of a frame that has passed in part.
class Meter {
public:
    struct Stream {
        std::uint64_t payload = 0; ///< bytes of DATA
        std::uint64_t credit = 0;  ///< sum of whole WNDINC frames
        bool opened = false;       ///< a whole SYN header passed
    };

    void pass(Bytes bytes) {
        while (!bytes.empty()) {
            if (head_size_ < sizeof(head_)) {
                head_[head_size_++] = bytes.front();
                bytes = bytes.subspan(1);
                const bool header = head_size_ == 8, whole = head_size_ == sizeof(head_);
                if (header) begin();
                if (whole) end_wndinc();
                continue;
            }
            const std::size_t n = std::min<std::size_t>(left_, bytes.size());
            if (type() == 1) streams_[id()].payload += n;
            left_ -= static_cast<std::uint32_t>(n);
            bytes = bytes.subspan(n);
            if (left_ == 0) head_size_ = 0;
        }
    }
    /// No frame has passed in part.
    bool at_boundary() const { return head_size_ == 0; }
    Stream of(std::uint32_t id) const {
        const auto at = streams_.find(id);
        return at == streams_.end() ? Stream{} : at->second;
    }

private:
    unsigned type() const { return head_[3] >> 4; }
    std::uint32_t id() const { return get_u32_be(head_ + 4); }
    void begin() {
        left_ = get_u32_be(head_) >> 8;
        if (type() == 1 && (head_[3] & test::syn) != 0) streams_[id()].opened = true;
        if (type() == 2) return; // its body is kept in the head
        head_size_ = left_ == 0 ? 0 : sizeof(head_);
    }
    void end_wndinc() {
        streams_[id()].credit += get_u32_be(head_ + 8);
        head_size_ = 0;
    }

    std::uint8_t head_[12] = {};
    std::size_t head_size_ = 0;
    std::uint32_t left_ = 0;
    std::unordered_map<std::uint32_t, Stream> streams_;
};

} // namespace adit::sim
