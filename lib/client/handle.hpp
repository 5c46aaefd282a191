// Handles that count: the last one to go closes what it stands for, although the library itself still holds it.
#pragma once

#include <memory>
#include <utility>

namespace adit::inline v0 {

/// A pointer for a public handle class. Its copies share one guard, which calls close() when the last is gone;
/// shared_from_this() of the object gives the library pointers that do not count.
template <class Impl>
std::shared_ptr<Impl> make_handle(std::shared_ptr<Impl> impl) {
    class Guard {
    public:
        explicit Guard(std::shared_ptr<Impl> i) : impl_(std::move(i)) {}
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;
        ~Guard() { impl_->close(); }

    private:
        std::shared_ptr<Impl> impl_;
    };
    Impl* const raw = impl.get();
    return std::shared_ptr<Impl>(std::make_shared<Guard>(std::move(impl)), raw);
}

} // namespace adit
