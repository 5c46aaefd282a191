// Exceptions that came out of a coroutine, as an ErrorInfo.
#pragma once

#include <adit/asio.hpp>
#include <adit/error.hpp>

#include <exception>
#include <new>

namespace adit::inline v0 {

inline ErrorInfo describe(const std::exception_ptr& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const std::system_error& error) {
        return {error.code(), error.what()};
    } catch (const std::bad_alloc&) {
        return {asio::error::no_memory, "out of memory"};
    } catch (const std::exception& error) {
        return {errc::unavailable, error.what()};
    } catch (...) {
        return {errc::unavailable, "an unknown exception"};
    }
}

} // namespace adit
