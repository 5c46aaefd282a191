// Options by key and value: the shapes that values have, and tables from keys to the setters of C++.
#pragma once

#include "capi/guard.hpp"
#include "client/validate.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace adit::inline v0::capi {

/// A value that was passed in; each function reads it as one shape or gives the error that names the key.
class Value {
public:
    /// Errors: no text, longer than a PEM file may be.
    static Result<Value> of(const char* key, const char* text);

    std::string_view key() const noexcept { return key_; }
    std::string_view bytes() const noexcept { return text_; } ///< perhaps not UTF-8: for paths
    Result<std::string_view> text() const;
    Result<bool> flag() const;
    Result<std::int64_t> number() const;
    Result<double> ratio() const;
    /// What is before and after the first `separator`.
    Result<std::pair<std::string_view, std::string_view>> parts(char separator, std::string_view shape) const;

private:
    Value(std::string_view key, std::string_view text) : key_(key), text_(text) {}
    std::string_view key_, text_;
};

template <class Handle>
class Key {
public:
    using Set = ErrorInfo (*)(Handle&, const Value&);
    std::string_view name;
    Set set;
};

/// `apply` gets what `read` gave, if that is no error.
template <class Read, class Apply>
ErrorInfo with(const Read& read, Apply apply) {
    if (!read) return read.error();
    apply(*read);
    return {};
}

// Entries of a table: the value as this shape, given to a setter of Handle::value.
template <auto Setter, class Handle>
ErrorInfo text(Handle& handle, const Value& value) {
    return with(value.text(), [&](std::string_view t) { std::invoke(Setter, handle.value, t); });
}
template <auto Setter, class Handle>
ErrorInfo path(Handle& handle, const Value& value) {
    std::invoke(Setter, handle.value, value.bytes());
    return {};
}
template <auto Setter, class Handle>
ErrorInfo flag(Handle& handle, const Value& value) {
    return with(value.flag(), [&](bool on) { std::invoke(Setter, handle.value, on); });
}
template <auto Setter, class Handle>
ErrorInfo milliseconds(Handle& handle, const Value& value) {
    return with(value.number(),
                [&](std::int64_t n) { std::invoke(Setter, handle.value, std::chrono::milliseconds(n)); });
}
template <auto Setter, class Handle>
ErrorInfo count(Handle& handle, const Value& value) {
    const Result<std::int64_t> n = value.number();
    if (n && *n < 0) return invalid(value.key(), "must not be negative");
    return with(n, [&](std::int64_t c) { std::invoke(Setter, handle.value, static_cast<std::size_t>(c)); });
}
template <auto Setter, char Separator, class Handle>
ErrorInfo parts(Handle& handle, const Value& value) {
    constexpr std::string_view shape = Separator == '=' ? "key=value" : "name:value";
    return with(value.parts(Separator, shape),
                [&](const auto& two) { std::invoke(Setter, handle.value, two.first, two.second); });
}
template <class Handle>
ErrorInfo client_certificate(Handle& handle, const Value& value) {
    return with(value.text(), [&](std::string_view t) {
        (value.key() == "client_key" ? handle.client_key : handle.client_certificate) = t;
        handle.value.client_certificate(handle.client_certificate, handle.client_key);
    });
}

template <class Handle>
int set(std::span<const Key<Handle>> keys, Handle* handle, const char* key, const char* value, adit_error* error,
        const char* parameter) noexcept {
    return guard(error, [&]() -> ErrorInfo {
        if (handle == nullptr) return missing(parameter);
        const Result<Value> given = Value::of(key, value);
        if (!given) return given.error();
        for (const Key<Handle>& one : keys)
            if (one.name == given->key()) return one.set(*handle, *given);
        return invalid(given->key(), "there is no such option; <adit/adit.h> has the list");
    });
}

} // namespace adit
