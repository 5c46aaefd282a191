// A value or the ErrorInfo that says why there is none; std::expected is not in C++20.
#pragma once

#include <adit/error.hpp>

#include <optional>
#include <utility>

namespace adit::inline v0 {

template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : value_(std::move(value)) {}         // NOLINT: implicit on purpose
    Result(ErrorInfo error) : error_(std::move(error)) {} // NOLINT
    Result(std::error_code code) : error_(code) {}        // NOLINT
    Result(errc code) : error_(code) {}                   // NOLINT

    bool has_value() const noexcept { return value_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }
    T& value() & { return *value_; }
    const T& value() const& { return *value_; }
    T&& value() && { return std::move(*value_); }
    T& operator*() & { return *value_; }
    const T& operator*() const& { return *value_; }
    T&& operator*() && { return std::move(*value_); }
    T* operator->() { return &*value_; }
    const T* operator->() const { return &*value_; }
    const ErrorInfo& error() const noexcept { return error_; }

private:
    std::optional<T> value_;
    ErrorInfo error_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(ErrorInfo error) : error_(std::move(error)) {} // NOLINT
    Result(std::error_code code) : error_(code) {}        // NOLINT
    Result(errc code) : error_(code) {}                   // NOLINT

    bool has_value() const noexcept { return !error_; }
    explicit operator bool() const noexcept { return has_value(); }
    const ErrorInfo& error() const noexcept { return error_; }

private:
    ErrorInfo error_;
};

} // namespace adit
