// What a User-Agent tells, by products and words that it contains. A table of the usual ones, no more: the
// text is whatever its sender likes.
#include "policy/actions/user_agent.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <optional>

namespace adit::inline v0::policy {
namespace {

bool contains(std::string_view text, std::string_view part) noexcept {
    return text.find(part) != std::string_view::npos;
}

std::string lowered(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    return out;
}

bool is_version_char(char c) noexcept { return (c >= '0' && c <= '9') || c == '.'; }

// The version behind "NAME/" or "NAME ", "" if there is none; nullopt if the name is not there as a word.
std::optional<std::string> version_after(std::string_view text, std::string_view name) {
    for (std::size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
        const std::size_t end = at + name.size();
        const bool begins = at == 0 || text[at - 1] == ' ' || text[at - 1] == ';' || text[at - 1] == '(';
        const bool ends = end == text.size() || text[end] == '/' || text[end] == ' ' || text[end] == ';' ||
                          text[end] == ')';
        if (!begins || !ends) continue;
        std::size_t stop = std::min(end + 1, text.size());
        const std::size_t start = stop;
        while (stop < text.size() && is_version_char(text[stop])) ++stop;
        return std::string(text.substr(start, stop - start));
    }
    return std::nullopt;
}

struct Name {
    std::string_view product; // in the text
    std::string_view name;
};

// In order: a browser names those that it is based on behind its own name.
constexpr Name browsers[] = {
    {"EdgiOS", "Edge"},
    {"EdgA", "Edge"},
    {"Edg", "Edge"},
    {"Edge", "Edge"},
    {"OPR", "Opera"},
    {"OPT", "Opera Touch"},
    {"OPiOS", "Opera Mini"},
    {"Vivaldi", "Vivaldi"},
    {"YaBrowser", "Yandex Browser"},
    {"SamsungBrowser", "Samsung Browser"},
    {"DuckDuckGo", "DuckDuckGo"},
    {"FxiOS", "Firefox"},
    {"CriOS", "Chrome"},
    {"HeadlessChrome", "Headless Chrome"},
    {"Firefox", "Firefox"},
    {"Chrome", "Chrome"},
    {"Opera", "Opera"},
    {"MSIE", "Internet Explorer"},
};

// Words of programs that are nobody's browser.
constexpr std::string_view bot_words[] = {
    "bot",        "crawl", "spider", "slurp", "facebookexternalhit", "mediapartners-google", "headlesschrome",
    "lighthouse", "+http"};

std::string dotted(std::string text) {
    std::replace(text.begin(), text.end(), '_', '.');
    return text;
}

// Digits, dots and underscores behind `name`.
std::string number_after(std::string_view text, std::string_view name) {
    const std::size_t at = text.find(name);
    if (at == std::string_view::npos) return {};
    std::size_t end = at + name.size();
    while (end < text.size() && (is_version_char(text[end]) || text[end] == '_')) ++end;
    return dotted(std::string(text.substr(at + name.size(), end - at - name.size())));
}

// The first parenthesis: "Linux; Android 14; Pixel 8".
std::string_view comment_of(std::string_view text) noexcept {
    const std::size_t open = text.find('(');
    if (open == std::string_view::npos) return {};
    return text.substr(open + 1, text.find(')', open) - open - 1);
}

// "Pixel 8" of "Linux; Android 14; Pixel 8 Build/UQ1A".
std::string android_model(std::string_view comment) {
    const std::size_t android = comment.find("Android");
    const std::size_t semicolon =
        comment.find("; ", android == std::string_view::npos ? comment.size() : android);
    if (semicolon == std::string_view::npos) return {};
    std::string_view model = comment.substr(semicolon + 2);
    model = model.substr(0, std::min(model.find(" Build/"), model.find(';')));
    const bool no_model = model == "K" || model.starts_with("Mobile") || model.starts_with("Tablet") ||
                          model.starts_with("rv:");
    return no_model ? std::string() : std::string(model);
}

void read_system(std::string_view text, UserAgent& agent) {
    const std::string_view comment = comment_of(text);
    if (contains(comment, "iPhone") || contains(comment, "iPad") || contains(comment, "iPod")) {
        agent.os = "iOS";
        agent.os_version = number_after(comment, " OS ");
        agent.device = contains(comment, "iPad") ? "iPad" : contains(comment, "iPod") ? "iPod" : "iPhone";
    } else if (contains(comment, "Android")) {
        agent.os = "Android";
        agent.os_version = number_after(comment, "Android ");
        agent.device = android_model(comment);
    } else if (contains(comment, "Windows")) {
        agent.os = "Windows";
        agent.os_version = number_after(comment, "Windows NT ");
    } else if (contains(comment, "Mac OS X") || contains(comment, "Macintosh")) {
        agent.os = "macOS";
        agent.os_version = number_after(comment, "Mac OS X ");
    } else if (contains(comment, "CrOS")) {
        agent.os = "CrOS";
    } else if (contains(comment, "Linux") || contains(comment, "X11")) {
        agent.os = contains(comment, "FreeBSD") ? "FreeBSD" : "Linux";
    }
}

void read_browser(std::string_view text, UserAgent& agent) {
    for (const Name& browser : browsers) {
        if (const auto version = version_after(text, browser.product)) {
            agent.name = browser.name;
            agent.version = *version;
            return;
        }
    }
    if (contains(text, "Trident/")) {
        agent.name = "Internet Explorer";
        agent.version = number_after(text, "rv:");
    } else if (contains(text, "Safari/") && contains(text, "Version/")) {
        agent.name = agent.os == "Android" ? "Android browser" : "Safari";
        agent.version = version_after(text, "Version").value_or("");
    }
}

// "Googlebot" of "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)".
void read_bot(std::string_view text, UserAgent& agent) {
    const std::size_t url = text.find("http");
    if (url != std::string_view::npos) agent.url = text.substr(url, text.find_first_of(" ;)", url) - url);
    const std::size_t compatible = text.find("compatible; ");
    if (compatible == std::string_view::npos) return;
    const std::string_view product = text.substr(compatible + 12);
    const std::string_view name = product.substr(0, product.find_first_of("/;) "));
    agent.name = name;
    agent.version = version_after(text, name).value_or("");
}

} // namespace

UserAgent parse_user_agent(std::string_view text) {
    text = text.substr(0, limits::user_agent_max);
    UserAgent agent;
    const std::string small = lowered(text);
    agent.is_bot =
        std::ranges::any_of(bot_words, [&](std::string_view word) { return contains(small, word); });
    read_system(text, agent);
    read_browser(text, agent);
    if (agent.is_bot) read_bot(text, agent);
    if (agent.name.empty()) { // a tool: "curl/8.5.0"
        const std::string_view product = text.substr(0, text.find(' '));
        agent.name = product.substr(0, product.find('/'));
        agent.version = version_after(product, agent.name).value_or("");
    }
    if (agent.is_bot) return agent;
    const bool android_tablet = agent.os == "Android" && !contains(text, "Mobile");
    agent.is_tablet = agent.device == "iPad" || android_tablet;
    agent.is_mobile = !agent.is_tablet && (agent.os == "Android" || agent.os == "iOS");
    agent.is_desktop = !agent.os.empty() && !agent.is_mobile && !agent.is_tablet;
    return agent;
}

} // namespace adit::inline v0::policy
