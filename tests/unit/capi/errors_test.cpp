// What C sees of our errors.
#include "capi/guard.hpp"

#include <adit/asio.hpp>
#include <adit/limits.hpp>

#include "support/alloc_fault.hpp"
#include "support/doctest.hpp"

#include <cerrno>
#include <cstring>
#include <string>

#include <netdb.h>

using namespace adit;
using namespace adit::capi;

namespace {

adit_error reported(const ErrorInfo& info) {
    adit_error error;
    std::memset(&error, 0x5a, sizeof error);
    CHECK(report(&error, info) == error.code);
    return error;
}

} // namespace

TEST_CASE("every code of C++ has its name in C") {
    int count = 0;
    for (int value = 1; adit_category().message(value) != adit_category().message(-1); ++value, ++count)
        CHECK_MESSAGE(adit_code_name(value) != std::string("ADIT_E_OTHER"), "code " << value);
    CHECK(count == ADIT_E_CLIENT_CERTIFICATE_REFUSED);
    CHECK(adit_code_name(ADIT_E_TIMED_OUT) == std::string("ADIT_E_TIMED_OUT"));
    CHECK(adit_code_name(ADIT_OK) == std::string("ADIT_OK"));
    CHECK(adit_code_name(-1) == std::string("ADIT_E_OTHER"));
    CHECK(adit_version() == std::string(ADIT_VERSION));
    CHECK(adit_abi_version() == ADIT_C_ABI);
}

TEST_CASE("where an error comes from and what it means survives the border") {
    adit_error error = reported({errc::timed_out, "the dial took too long"});
    CHECK(error.code == ADIT_E_TIMED_OUT);
    CHECK(error.number == 0);
    CHECK(error.flags == (ADIT_TIMEOUT | ADIT_RETRYABLE));
    CHECK(error.reserved == 0);
    CHECK(error.message == std::string("the dial took too long: the deadline passed"));
    CHECK(error.detail == std::string());

    error = reported({ngrok_error(107), "the edge refused", "bad \x1b[31mtoken"});
    CHECK(error.code == ADIT_E_NGROK);
    CHECK(error.number == 107);
    CHECK(error.flags == (ADIT_PERMANENT | ADIT_AUTHENTICATION));
    CHECK(error.detail == std::string("bad \x1b[31mtoken"));
    CHECK(std::string(error.message).find("\\x1b[31mtoken") != std::string::npos);

    error = reported({std::error_code(ECONNREFUSED, std::system_category()), ""});
    CHECK(error.code == ADIT_E_SYSTEM);
    CHECK(error.number == ECONNREFUSED);
    CHECK(error.flags == ADIT_RETRYABLE);
    CHECK(reported(std::error_code(asio::error::host_not_found)).code == ADIT_E_RESOLVER);
    CHECK(reported(std::error_code(asio::error::host_not_found)).number == EAI_NONAME);
    CHECK(reported(std::error_code(asio::error::host_not_found_try_again)).number == EAI_AGAIN);
    CHECK(reported(std::error_code(asio::error::eof)).code == ADIT_E_OTHER);
    CHECK(reported(errc::listener_closed).flags == (ADIT_CLOSED | ADIT_PERMANENT));

    CHECK(report(nullptr, errc::refused) == ADIT_E_REFUSED);
    error = reported(ErrorInfo());
    CHECK(error.code == ADIT_OK);
    CHECK(error.message == std::string());
}

TEST_CASE("texts that are too long are cut between two characters") {
    const adit_error error =
        reported({errc::refused, std::string(3000, 'm'), std::string(ADIT_DETAIL_SIZE - 3, 'd') + "\u20ac"});
    CHECK(std::strlen(error.message) == ADIT_MESSAGE_SIZE - 1);
    CHECK(error.detail == std::string(ADIT_DETAIL_SIZE - 3, 'd'));
    char exact[5];
    copy_text("d\u20ac", exact, sizeof exact);
    CHECK(exact == std::string("d\u20ac"));
    char none = 'x';
    copy_text("text", &none, 0);
    CHECK(none == 'x');
}

TEST_CASE("an exception becomes a code, also when there is no memory to tell of it") {
    adit_error error;
    CHECK(guard(&error, []() -> ErrorInfo { throw std::bad_alloc(); }) == ADIT_E_SYSTEM);
    CHECK(error.number == ENOMEM);
    CHECK(error.flags == ADIT_RETRYABLE);
    CHECK(guard(&error, []() -> ErrorInfo { throw SystemError(ngrok_error(108)); }) == ADIT_E_NGROK);
    CHECK(error.number == 108);
    CHECK(guard(&error, []() -> ErrorInfo { throw 7; }) == ADIT_E_UNAVAILABLE);
    const ErrorInfo story(errc::refused, std::string(100, 's'), std::string(100, 'd'));
    for (std::size_t after = 0;; ++after) {
        int code = ADIT_OK;
        {
            const adit_test::AllocFault fault(after);
            code = guard(&error, [&]() -> ErrorInfo { return ErrorInfo(story); });
        }
        if (!adit_test::AllocFault::hit()) break;
        const bool told = code == ADIT_E_REFUSED || (code == ADIT_E_SYSTEM && error.number == ENOMEM);
        CHECK(told);
        CHECK(error.message[0] != '\0');
    }
    CHECK(error.code == ADIT_E_REFUSED);
}
