#include "http/error_page.hpp"
#include "base/base64.hpp"
#include "base/bytes.hpp"
#include "http/writer.hpp"
#include "support/doctest.hpp"
#include "tls/crypto.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <nlohmann/json.hpp>

using namespace adit;

TEST_CASE("the format of a page follows Accept") {
    struct Row {
        std::string_view accept;
        PageFormat format;
    };
    const Row rows[] = {
        {"", PageFormat::text},
        {"*/*", PageFormat::text},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", PageFormat::html},
        {"TEXT/HTML", PageFormat::html},
        {"application/json", PageFormat::json},
        {"application/json, text/plain, */*", PageFormat::json},
        {"application/problem+json", PageFormat::json},
        {"text/plain", PageFormat::text},
        {"text/plain, application/json", PageFormat::text},
        {"text/html;q=0.5, application/json", PageFormat::json},
        {"application/json;q=0.8, text/html;q=0.9", PageFormat::html},
        {"application/json;q=0.81, text/html;q=0.809", PageFormat::json},
        {"application/json;q=0, text/html;q=0.001", PageFormat::html},
        {"application/json; q=0", PageFormat::text},
        {"application/json ; charset=utf-8 ; q=1.0", PageFormat::json},
        {"text/html;level=1", PageFormat::html},
        {"text/htmlx, application/jsonx", PageFormat::text},
        {"image/*", PageFormat::text},
        {",,;q=,text/html", PageFormat::html},
        {"text/html;q=nonsense", PageFormat::html},
        {"text/html;seq=0.1;Q=0.9, application/json;q=0.5", PageFormat::html},
        {"text/*", PageFormat::text},
        {"application/*", PageFormat::json},
        {"application/json;q=0.1, */*", PageFormat::text},
        {"application/json;q=0.5, text/html;q=0.1, */*;q=0.3", PageFormat::json},
        {"text/plain;q=0, */*", PageFormat::html},
        {"text/plain;q=0, text/html;q=0, */*", PageFormat::json},
        {"text/html;q=0.2, text/html;q=0.9, application/json;q=0.5", PageFormat::html},
        {"*/*, text/html", PageFormat::html},
        {"text/html, text/*;q=0.1, application/json;q=0.5", PageFormat::html},
    };
    for (const Row& row : rows) {
        CAPTURE(row.accept);
        CHECK(page_format(row.accept) == row.format);
    }
}

TEST_CASE("codes have their status") {
    struct Row {
        int number;
        int status;
    };
    const Row rows[] = {{3200, 404}, {8012, 502},  {3004, 502}, {724, 503},
                        {3005, 504}, {99999, 502}, {105, 502},
                        // behaviour D.5, "Traffic"
                        {3006, 502}, {3007, 502},  {3008, 504}, {3202, 503}, {3203, 403}, {3204, 403}, {3205, 403},
                        {3206, 400}, {3208, 403},  {3209, 502}, {3210, 502}, {3211, 403}, {3213, 403}, {3401, 401},
                        {3403, 403}, {3406, 401},  {3416, 401}, {3422, 403}, {3501, 502}, {3601, 502}, {3602, 504},
                        {3603, 508}, {3700, 403},  {3702, 403}, {702, 429},  {703, 429},  {714, 429},  {715, 429},
                        {718, 429},  {720, 429},   {725, 429},  {727, 429},  {734, 429}};
    for (const Row& row : rows) {
        ErrorPage page;
        page.number = row.number;
        const Page made = make_error_page(page);
        CHECK(made.head.status() == row.status);
        CHECK(made.head.find("ngrok-error-code") == "ERR_NGROK_" + std::to_string(row.number));
    }
    ErrorPage page;
    page.number = 3501;
    page.status = 508;
    CHECK(make_error_page(page).head.status() == 508);
}

TEST_CASE("a page in text says what happened, where, and what to do, and ends in the code") {
    ErrorPage page;
    page.number = 3200;
    page.host = "app.example";
    const Page made = make_error_page(page);
    CHECK(made.head.find("Content-Type") == "text/plain; charset=utf-8");
    CHECK(made.head.find("Content-Length") == std::to_string(made.body.size()));
    CHECK(made.head.find("Connection") == "close");
    CHECK(made.head.find("Cache-Control") == "no-store");
    CHECK(
        made.body ==
        "404 Not Found\nNo endpoint is online for this host.\napp.example\n"
        "Check the spelling of the address, and that the program which serves it is running and connected.\n"
        "ERR_NGROK_3200\n");
}

TEST_CASE("a page in JSON has the four keys that clients read") {
    ErrorPage page;
    page.number = 8012;
    page.format = PageFormat::json;
    page.host = "app.example";
    page.detail = "dial tcp \"127.0.0.1:80\":\nrefused \xff";
    page.keep_alive = true;
    const Page made = make_error_page(page);
    CHECK(made.head.find("Content-Type") == "application/json");
    CHECK_FALSE(made.head.has("Connection"));
    const auto json = nlohmann::json::parse(made.body);
    CHECK(json.at("error_code") == "ERR_NGROK_8012");
    CHECK(json.at("status_code") == 502);
    CHECK(json.at("msg").get<std::string>().find("Start the application") != std::string::npos);
    CHECK(json.at("details").at("host") == "app.example");
    CHECK(json.at("details").at("detail").get<std::string>().starts_with(
        "dial tcp \"127.0.0.1:80\":\nrefused "));
}

TEST_CASE("nothing of the request or the agent becomes markup") {
    ErrorPage page;
    page.number = 8012;
    page.format = PageFormat::html;
    page.host = "\"><script>alert(1)</script>";
    page.detail = "<img src=x onerror='alert(1)'>&\x01";
    const Page made = make_error_page(page);
    CHECK(made.head.find("Content-Type") == "text/html; charset=utf-8");
    CHECK(made.head.find("X-Content-Type-Options") == "nosniff");
    CHECK(made.body.find("<script") == std::string::npos);
    CHECK(made.body.find("<img") == std::string::npos);
    CHECK(made.body.find("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;") != std::string::npos);
    CHECK(made.body.find("&#39;alert(1)&#39;&gt;&amp; ") != std::string::npos);
    CHECK(made.body.find("ERR_NGROK_8012") != std::string::npos);
}

TEST_CASE("an agent's text cannot write lines of its own into a page in text") {
    ErrorPage page;
    page.number = 8012;
    page.detail = "refused\nERR_NGROK_3200\r\n";
    const Page made = make_error_page(page);
    CHECK(made.body.find("\nERR_NGROK_3200") == std::string::npos);
    CHECK(made.body.ends_with("\nERR_NGROK_8012\n"));
}

TEST_CASE("an agent's text is cut") {
    ErrorPage page;
    page.number = 8012;
    const std::string detail(limits::http_error_detail_max + 1'000, 'x');
    page.detail = detail;
    CHECK(make_error_page(page).body.size() < limits::http_error_detail_max + 500);
}

TEST_CASE("an answer to HEAD tells the length and has no body") {
    ErrorPage page;
    page.number = 3200;
    const std::size_t size = make_error_page(page).body.size();
    page.to_head = true;
    const Page made = make_error_page(page);
    CHECK(made.body.empty());
    CHECK(made.head.find("Content-Length") == std::to_string(size));
    CHECK(made.head.framing() == Framing::none);
}

TEST_CASE("bytes that are no request get a plain page and a close") {
    const Page made = make_error_page(HttpError{400, "Exactly one Host field is needed."});
    CHECK(made.head.status() == 400);
    CHECK_FALSE(made.head.has("ngrok-error-code"));
    CHECK(made.head.find("Connection") == "close");
    CHECK(made.body == "400 Bad Request\nExactly one Host field is needed.\n");
}

TEST_CASE("HTTP/1.0 always closes, HTTP/2 has no Connection field") {
    ErrorPage page;
    page.number = 3200;
    page.keep_alive = true;
    page.version = HttpVersion::http10;
    CHECK(make_error_page(page).head.find("Connection") == "close");
    page.version = HttpVersion::http2;
    page.keep_alive = false;
    CHECK_FALSE(make_error_page(page).head.has("Connection"));
}

TEST_CASE("every page can be written") {
    for (int number = 0; number < 16'000; ++number) {
        ErrorPage page;
        page.number = number;
        std::string out;
        REQUIRE(write_head(out, make_error_page(page).head));
    }
}

TEST_CASE("every code of the traffic says what happened and what to do") {
    for (const int number : {702,  703,  714,  715,  718,  720,  724,  725,  727,  734,  3004, 3005, 3006, 3007, 3008,
                             3200, 3202, 3203, 3204, 3205, 3206, 3208, 3209, 3210, 3211, 3213, 3401, 3403, 3406, 3416,
                             3422, 3501, 3601, 3602, 3603, 3700, 3702, 8012}) {
        CAPTURE(number);
        ErrorPage page;
        page.number = number;
        const std::string body = make_error_page(page).body;
        CHECK(std::ranges::count(body, '\n') == 4); // title, what happened, what to do, the code
        CHECK(body.ends_with("\nERR_NGROK_" + std::to_string(number) + "\n"));
    }
}

TEST_CASE("a plain status says what happened and what to do, without a code") {
    for (const int status : {400, 401, 403, 404, 405, 408, 411, 413, 414, 417, 421, 426, 429, 431, 500, 501, 502, 503, 504,
                             505, 508}) {
        CAPTURE(status);
        ErrorPage page;
        page.status = status;
        const Page made = make_error_page(page);
        CHECK(made.head.status() == status);
        CHECK_FALSE(made.head.has("ngrok-error-code"));
        CHECK(std::ranges::count(made.body, '\n') == 3);
        CHECK(made.body.starts_with(std::to_string(status) + " " + std::string(reason_phrase(status)) + "\n"));
    }
    ErrorPage odd;
    odd.status = 418;
    CHECK_FALSE(make_error_page(odd).body.empty());
}

TEST_CASE("a page in HTML loads and runs nothing, and fits a phone") {
    ErrorPage page;
    page.number = 3200;
    page.host = "app.example";
    page.format = PageFormat::html;
    const Page made = make_error_page(page);
    const auto policy = made.head.find("Content-Security-Policy");
    REQUIRE(policy);
    const std::size_t start = made.body.find("<style>") + 7;
    const std::size_t size = made.body.find("</style>") - start;
    const auto digest = tls::sha256(as_bytes(made.body).subspan(start, size));
    CHECK(*policy == "default-src 'none'; style-src 'sha256-" + base64_encode(as_text(digest)) +
                         "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    for (const char* markup : {"<script", "<link", "<img", "src=", "href=", "http:", "https:", "url(", "@import"}) {
        CAPTURE(markup);
        CHECK(made.body.find(markup) == std::string::npos);
    }
    CHECK(made.body.find("width=device-width, initial-scale=1") != std::string::npos);
    CHECK(made.head.find("Vary") == "Accept");
    page.format = PageFormat::json;
    CHECK_FALSE(make_error_page(page).head.has("Content-Security-Policy"));
    CHECK(make_error_page(page).head.find("Vary") == "Accept");
}
