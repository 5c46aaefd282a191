// req.user_agent of behaviour C.3.
#include "policy/actions/user_agent.hpp"
#include "support/doctest.hpp"

#include <algorithm>

using namespace adit;
using namespace adit::policy;

TEST_CASE("what the usual User-Agents tell") {
    struct Row {
        std::string text;
        std::string name, version, os, os_version, device, kind; // kind: desktop, mobile, tablet, bot or ""
    };
    const Row rows[] = {
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/120.0.6099.71 Safari/537.36",
         "Chrome", "120.0.6099.71", "Windows", "10.0", "", "desktop"},
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 "
         "Safari/537.36 "
         "Edg/120.0.2210.61",
         "Edge", "120.0.2210.61", "Windows", "10.0", "", "desktop"},
        {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
         "Version/17.2 Safari/605.1.15",
         "Safari", "17.2", "macOS", "10.15.7", "", "desktop"},
        {"Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0", "Firefox", "121.0",
         "Linux", "", "", "desktop"},
        {"Mozilla/5.0 (X11; FreeBSD amd64; rv:121.0) Gecko/20100101 Firefox/121.0", "Firefox", "121.0",
         "FreeBSD", "", "", "desktop"},
        {"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 "
         "Safari/537.36",
         "Chrome", "119.0.0.0", "CrOS", "", "", "desktop"},
        {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 "
         "Safari/537.36 OPR/105.0.0.0",
         "Opera", "105.0.0.0", "Linux", "", "", "desktop"},
        {"Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko", "Internet Explorer", "11.0",
         "Windows", "6.1", "", "desktop"},
        {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
         "Version/17.2 "
         "Mobile/15E148 Safari/604.1",
         "Safari", "17.2", "iOS", "17.2", "iPhone", "mobile"},
        {"Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
         "CriOS/120.0.6099.50 "
         "Mobile/15E148 Safari/604.1",
         "Chrome", "120.0.6099.50", "iOS", "16.6", "iPhone", "mobile"},
        {"Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
         "Version/12.1 Mobile/15E148 "
         "Safari/604.1",
         "Safari", "12.1", "iOS", "12.5", "iPad", "tablet"},
        {"Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UQ1A) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/120.0.6099.144 "
         "Mobile Safari/537.36",
         "Chrome", "120.0.6099.144", "Android", "14", "Pixel 8", "mobile"},
        {"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile "
         "Safari/537.36",
         "Chrome", "120.0.0.0", "Android", "10", "", "mobile"},
        {"Mozilla/5.0 (Linux; Android 13; SM-X906B) AppleWebKit/537.36 (KHTML, like Gecko) "
         "SamsungBrowser/23.0 Chrome/115.0.0.0 "
         "Safari/537.36",
         "Samsung Browser", "23.0", "Android", "13", "SM-X906B", "tablet"},
        {"Mozilla/5.0 (Android 13; Mobile; rv:121.0) Gecko/121.0 Firefox/121.0", "Firefox", "121.0",
         "Android", "13", "", "mobile"},
        {"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot", "2.1", "",
         "", "", "bot"},
        {"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.0; "
         "+https://openai.com/gptbot)",
         "GPTBot", "1.0", "", "", "", "bot"},
        {"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/120.0.0.0 Mobile "
         "Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
         "Googlebot", "2.1", "Android", "6.0.1", "Nexus 5X", "bot"},
        {"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", "facebookexternalhit",
         "1.1", "", "", "", "bot"},
        {"curl/8.5.0", "curl", "8.5.0", "", "", "", ""},
        {"Go-http-client/1.1", "Go-http-client", "1.1", "", "", "", ""},
        {"python-requests/2.31.0", "python-requests", "2.31.0", "", "", "", ""},
        {"Wget/1.21.4 (linux-gnu)", "Wget", "1.21.4", "", "", "", ""},
        {"", "", "", "", "", "", ""},
        {"just words", "just", "", "", "", "", ""},
        {"/", "", "", "", "", "", ""},
        {"((((;;;;", "((((;;;;", "", "", "", "", ""},
        {"Android (", "Android", "", "", "", "", ""},
        {"x (Android; ", "x", "", "Android", "", "", "tablet"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        const UserAgent agent = parse_user_agent(row.text);
        CHECK(agent.name == row.name);
        CHECK(agent.version == row.version);
        CHECK(agent.os == row.os);
        CHECK(agent.os_version == row.os_version);
        CHECK(agent.device == row.device);
        CHECK(agent.is_desktop == (row.kind == "desktop"));
        CHECK(agent.is_mobile == (row.kind == "mobile"));
        CHECK(agent.is_tablet == (row.kind == "tablet"));
        CHECK(agent.is_bot == (row.kind == "bot"));
    }
    CHECK(parse_user_agent("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)").url ==
          "http://www.google.com/bot.html");
}

TEST_CASE("every piece of a User-Agent is read without harm") {
    const std::string whole =
        "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UQ1A) AppleWebKit/537.36 (compatible; Googlebot/2.1; "
        "+http://www.google.com/bot.html) Trident/7.0; rv:11.0 Version/1 Safari/5";
    for (std::size_t from = 0; from < whole.size(); ++from) {
        for (std::size_t size = 0; size < whole.size() - from; size += 7) {
            const UserAgent agent = parse_user_agent(std::string_view(whole).substr(from, size));
            CHECK(agent.name.size() <= std::max<std::size_t>(size, 20)); // "Internet Explorer" is ours
        }
    }
}
