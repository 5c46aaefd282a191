// Asio's types are part of our interface, so library and application must be compiled with the same Asio. Every
// translation unit that includes Asio through us refers to a symbol named after its version; the library defines one.
// A mismatch is then a link error that says what is wrong: "undefined reference to `adit_abi_asio_103802'".
#pragma once

#include <adit/config.hpp>
#include <asio/version.hpp>

#define ADIT_ABI_PASTE_(version) adit_abi_asio_##version
#define ADIT_ABI_NAME_(version) ADIT_ABI_PASTE_(version)
#define ADIT_ABI_SYMBOL ADIT_ABI_NAME_(ASIO_VERSION)

extern "C" ADIT_API const int ADIT_ABI_SYMBOL;

namespace adit::inline v0::detail {

/// Kept by the compiler although nothing reads it, so that the reference reaches the linker.
[[maybe_unused, gnu::used]] static const int* const abi_guard = &ADIT_ABI_SYMBOL;

} // namespace adit::inline v0::detail
