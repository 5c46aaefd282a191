// Streams of an agent that can be given up when it has too many: those that wait for the next request of their visitor, and
// those whose visitor is slow (threat T8).
#pragma once

#include <cstdint>
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
    /// It shall end unless that is over: it is in use again, or its visitor goes on. Any thread; returns at once.
    virtual void give_up() noexcept = 0;

private:
    friend class IdleStreams;
    IdleStream* previous_ = nullptr; // both null: in no list
    IdleStream* next_ = nullptr;
};

/// Those of one session, each kind in the order in which they became so. Thread-safe; add() and remove() are a few pointer
/// writes, because every request pays for both.
class IdleStreams {
public:
    enum class Kind : std::uint8_t { idle, slow };

    void add(IdleStream& stream, Kind kind = Kind::idle) noexcept {
        const std::lock_guard lock(mutex_);
        unlink(stream);
        End& end = list(kind);
        stream.previous_ = end.previous_;
        stream.next_ = &end;
        stream.previous_->next_ = &stream;
        end.previous_ = &stream;
    }
    /// Nothing if it is in no list.
    void remove(IdleStream& stream) noexcept {
        const std::lock_guard lock(mutex_);
        unlink(stream);
    }
    /// Takes the one that waits longest out of its list; null if there is none.
    std::shared_ptr<IdleStream> take_oldest(Kind kind = Kind::idle) noexcept {
        const std::lock_guard lock(mutex_);
        End& end = list(kind);
        while (end.next_ != &end) {
            IdleStream& oldest = *end.next_;
            unlink(oldest);
            if (auto stream = oldest.weak_from_this().lock()) return stream; // else it is being destroyed
        }
        return nullptr;
    }

private:
    class End final : public IdleStream {
    public:
        End() noexcept { previous_ = next_ = this; }
        void give_up() noexcept override {}
    };
    static void unlink(IdleStream& stream) noexcept {
        if (stream.next_ == nullptr) return;
        stream.previous_->next_ = stream.next_;
        stream.next_->previous_ = stream.previous_;
        stream.previous_ = stream.next_ = nullptr;
    }
    End& list(Kind kind) noexcept { return kind == Kind::idle ? idle_ : slow_; }

    std::mutex mutex_;
    End idle_, slow_;
};

} // namespace adit
