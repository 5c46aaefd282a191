// What a look at its text shows; tests/integration/inspector_page_test.py has it rendered.
#include "inspector/page.hpp"
#include "support/doctest.hpp"

#include <string>
#include <string_view>

TEST_CASE("the page needs nothing from anywhere, and takes no data for markup") {
    const std::string_view page = adit::inspector::page();
    CHECK(page.starts_with("<!doctype html>"));
    CHECK(page.find("</html>") != std::string_view::npos);
    for (const char* each : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "http://",
                             "https://", "@import", "src=", " style=", " onclick", "javascript:"}) {
        CAPTURE(each);
        CHECK(page.find(each) == std::string_view::npos);
    }
}

TEST_CASE("its policy allows its own script and style alone") {
    const std::string policy(adit::inspector::page_policy());
    CHECK(policy.find("default-src 'none'; script-src 'sha256-") == 0);
    CHECK(policy.find("style-src 'sha256-") != std::string::npos);
    CHECK(policy.find("frame-ancestors 'none'") != std::string::npos);
    CHECK(policy.find("form-action 'none'") != std::string::npos);
    CHECK(policy.find("require-trusted-types-for 'script'") != std::string::npos);
    CHECK(policy.find("unsafe") == std::string::npos);
}
