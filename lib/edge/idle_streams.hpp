// Streams of an agent that wait for the next request of their visitor, so that they can be given up when the agent has
// too many.
#pragma once

#include <memory>
#include <mutex>

namespace adit::inline v0::edge {

/// Such a stream; held by shared_ptr. Its owner takes it out of the list before it is destroyed.
class IdleStream : public std::enable_shared_from_this<IdleStream> {
public:
    IdleStream() = default;
    IdleStream(const IdleStream&) = delete;
    IdleStream& operator=(const IdleStream&) = delete;
    virtual ~IdleStream() = default;
    /// It shall end unless it is in use again. Any thread; returns at once.
    virtual void give_up() noexcept = 0;

private:
    friend class IdleStreams;
    IdleStream* previous_ = nullptr; // both null: in no list
    IdleStream* next_ = nullptr;
};

/// Those of one session in the order in which they became idle. Thread-safe; add() and remove() are a few pointer writes,
/// because every request pays for both.
class IdleStreams {
public:
    IdleStreams() { head_.previous_ = head_.next_ = &head_; }

    void add(IdleStream& stream) noexcept {
        const std::lock_guard lock(mutex_);
        unlink(stream);
        stream.previous_ = head_.previous_;
        stream.next_ = &head_;
        stream.previous_->next_ = &stream;
        head_.previous_ = &stream;
    }
    /// Nothing if it is not in the list.
    void remove(IdleStream& stream) noexcept {
        const std::lock_guard lock(mutex_);
        unlink(stream);
    }
    /// Takes the one that waits longest out of the list; null if there is none.
    std::shared_ptr<IdleStream> take_oldest() noexcept {
        const std::lock_guard lock(mutex_);
        while (head_.next_ != &head_) {
            IdleStream& oldest = *head_.next_;
            unlink(oldest);
            if (auto stream = oldest.weak_from_this().lock()) return stream; // else it is being destroyed
        }
        return nullptr;
    }

private:
    class End final : public IdleStream {
    public:
        void give_up() noexcept override {}
    };
    static void unlink(IdleStream& stream) noexcept {
        if (stream.next_ == nullptr) return;
        stream.previous_->next_ = stream.next_;
        stream.next_->previous_ = stream.previous_;
        stream.previous_ = stream.next_ = nullptr;
    }

    std::mutex mutex_;
    End head_;
};

} // namespace adit
