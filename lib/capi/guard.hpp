// The border: what C++ says by ErrorInfo and exceptions becomes a code and an adit_error, and nothing passes.
#pragma once

#include <adit/adit.h>
#include <adit/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace adit::inline v0::capi {

/// Fills *error (which may be null) and gives its code. Out of memory for the texts, they are shorter.
int report(adit_error* error, const ErrorInfo& info) noexcept;
int report_success(adit_error* error) noexcept;
/// The exception that is being handled.
int report_exception(adit_error* error) noexcept;

/// For a parameter that is NULL.
inline ErrorInfo missing(std::string_view parameter) {
    return {errc::invalid_option, std::string(parameter) + ": is NULL"};
}

/// `body` gives an ErrorInfo, empty for success.
template <class Body>
int guard(adit_error* error, Body body) noexcept {
    try {
        const ErrorInfo info = body();
        return info ? report(error, info) : report_success(error);
    } catch (...) {
        return report_exception(error);
    }
}

/// `body` sets the result it is given and gives an ErrorInfo; `failed` is what the caller gets instead of a result.
template <class Value, class Body>
Value guard_value(adit_error* error, Value failed, Body body) noexcept {
    Value value = failed;
    return guard(error, [&] { return body(value); }) == ADIT_OK ? value : failed;
}

/// Cut between two characters of UTF-8, always with a NUL if there is room for one.
void copy_text(std::string_view text, char* buffer, std::size_t size) noexcept;

/// `body` puts the text into its argument and gives false if there is none. As the ..._get of <adit/adit.h>.
template <class Body>
std::size_t guard_text(char* buffer, std::size_t size, Body body) noexcept {
    if (buffer != nullptr) copy_text({}, buffer, size);
    if (buffer == nullptr && size != 0) return SIZE_MAX;
    try {
        std::string text;
        if (!body(text)) return SIZE_MAX;
        if (buffer != nullptr) copy_text(text, buffer, size);
        return text.size();
    } catch (...) {
        return SIZE_MAX;
    }
}

} // namespace adit
