#include <adit/error.hpp>

#include "base/ngrok_errors.hpp"

#include "support/doctest.hpp"

using namespace adit;

TEST_CASE("every errc has a text and is either permanent or retryable") {
    for (int value = 1; value <= static_cast<int>(errc::unavailable); ++value) {
        CAPTURE(value);
        const std::error_code code(value, adit_category());
        CHECK(code.message() != "unknown adit error");
        CHECK((code == condition::permanent) != (code == condition::retryable));
    }
    CHECK(std::error_code(999, adit_category()).message() == "unknown adit error");
}

TEST_CASE("a refused token is permanent and about authentication, a taken name is not") {
    CHECK(ngrok_error(105) == condition::permanent);
    CHECK(ngrok_error(107) == condition::authentication);
    CHECK(ngrok_error(334) == condition::retryable);
    CHECK(ngrok_error(334) != condition::authentication);
    CHECK(ngrok_error(987654) == condition::retryable);
    CHECK(ngrok_error(987654).message() == "ERR_NGROK_987654");
}

TEST_CASE("the ERR_NGROK table is sorted, so that every row is found") {
    for (const int number : {102, 300, 3200, 8012, 15014}) {
        CAPTURE(number);
        REQUIRE(find_ngrok_error(number) != nullptr);
        CHECK(find_ngrok_error(number)->number == number);
    }
    CHECK(find_ngrok_error(1) == nullptr);
    CHECK(find_ngrok_error(99999) == nullptr);
}

TEST_CASE("success is no condition") {
    CHECK(std::error_code() != condition::permanent);
    CHECK(std::error_code() != condition::retryable);
}

TEST_CASE("text of the peer is escaped in the one-line form") {
    const ErrorInfo info(ngrok_error(105), "connect", "bad\n\"token\x1b[31m");
    CHECK(info.to_string().find('\n') == std::string::npos);
    CHECK(info.to_string().find('\x1b') == std::string::npos);
    CHECK(info.to_string().find("\\n") != std::string::npos);
}

TEST_CASE("a system error carries its code and info") {
    const SystemError error{ErrorInfo(errc::no_server)};
    CHECK(error.code() == errc::no_server);
    CHECK(error.info().code() == errc::no_server);
}
