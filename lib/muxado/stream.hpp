// One stream: plain state. What happens to it is decided in session_*.cpp.
#pragma once

#include "muxado/chunk_queue.hpp"
#include "muxado/frame.hpp"
#include "muxado/heartbeat.hpp"
#include "muxado/window.hpp"

#include <cstdint>
#include <optional>

namespace adit::inline v0::muxado {

struct Stream;

struct StreamLink {
    Stream* previous = nullptr;
    Stream* next = nullptr;
    bool linked = false;
};

/// Who reads a stream's bytes.
enum class StreamUse : std::uint8_t {
    unknown,        ///< the peer opened it and its type is not complete
    application,    ///< handed to the application (or opened by it)
    our_heartbeat,  ///< we ask
    peer_heartbeat, ///< the peer asks, we echo
};

struct Stream {
    Stream(StreamId stream_id, bool is_local) : id(stream_id), local(is_local) {}

    StreamId id;
    std::uint32_t type = 0;
    StreamUse use = StreamUse::unknown;
    ErrorCode reset_code = ErrorCode::none;
    bool local;

    // receiving
    bool growing = false;    ///< in Session::Impl::growing
    bool fin_in = false;     ///< the peer finished
    bool read_reset = false; ///< no more will come: reset by either side
    std::uint8_t type_bytes = 0;
    // sending
    bool syn_due = false; ///< nothing of it was sent yet
    bool fin_due = false; ///< FIN follows what is queued
    bool fin_sent = false;
    bool write_reset = false; ///< the peer does not listen any more
    bool rst_sent = false;
    bool write_blocked = false; ///< write() took less than it was given
    // the application
    bool released = false;
    bool rst_after_fin = false; ///< released while the peer was still sending
    bool closing =
        false; ///< RST sent and released: the id is remembered until the peer has reacted or some time passed
    bool counted = true;               ///< one of those that may be open
    std::optional<Time> closing_since; ///< in closing_list or fin_wait_list, and told the time
    // events not yet polled
    bool event_opened = false;
    bool event_readable = false;
    bool event_writable = false;
    bool event_reset = false;
    bool readable_told = false; ///< and nothing was read since
    bool reset_told = false;

    ReceiveWindow receive;
    SendWindow send;
    ChunkQueue in;
    ChunkQueue out;
    HeartbeatUnits units;

    StreamLink send_link, credit_link, event_link, closing_link;
};

/// A FIFO of streams through one of their links; push and remove are O(1), and a stream is in it once at
/// most.
template <StreamLink Stream::* Link>
class StreamList {
public:
    bool empty() const noexcept { return head_ == nullptr; }
    Stream* front() const noexcept { return head_; }
    Stream* back() const noexcept { return tail_; }
    static Stream* previous(const Stream& stream) noexcept { return (stream.*Link).previous; }
    static Stream* next(const Stream& stream) noexcept { return (stream.*Link).next; }

    void push_back(Stream& stream) noexcept {
        StreamLink& link = stream.*Link;
        if (link.linked) return;
        link = {tail_, nullptr, true};
        (tail_ != nullptr ? (tail_->*Link).next : head_) = &stream;
        tail_ = &stream;
    }
    void remove(Stream& stream) noexcept {
        StreamLink& link = stream.*Link;
        if (!link.linked) return;
        (link.previous != nullptr ? (link.previous->*Link).next : head_) = link.next;
        (link.next != nullptr ? (link.next->*Link).previous : tail_) = link.previous;
        link = {};
    }

private:
    Stream* head_ = nullptr;
    Stream* tail_ = nullptr;
};

} // namespace adit::inline v0::muxado
