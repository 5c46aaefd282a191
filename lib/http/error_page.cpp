#include "http/error_page.hpp"

#include "base/ngrok_errors.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <iterator>
#include <nlohmann/json.hpp>

namespace adit::inline v0 {
namespace {

// What the reader of the page can do about it.
struct Hint {
    int number;
    std::string_view text;
};
constexpr Hint hints[] = {
    {724, "Start an agent for this endpoint, or try again in a moment."},
    {3004, "Check that the application speaks HTTP/1.1 on the address the agent forwards to, and not TLS."},
    {3005, "Check that the application is not stuck, then try again."},
    {3007, "Try again; if it stays, look into the log of the agent."},
    {3200,
     "Check the spelling of the address, and that the program which serves it is running and connected."},
    {3209, "Try again: the program that serves this address may be reconnecting."},
    {3210, "Try again in a moment; if it stays, restart the program that serves this address."},
    {3501, "The endpoints forward to each other in a circle: change one of them."},
    {8012, "Start the application, or correct the address that the agent forwards to."},
};

std::string_view hint_for(int number, int status) noexcept {
    const auto* found = std::ranges::find(hints, number, &Hint::number);
    if (number != 0 && found != std::end(hints)) return found->text;
    if (status == 503 || status == 504) return "Try again in a moment.";
    return {};
}

struct Text {
    std::string title;   // "404 Not Found"
    std::string message; // one sentence
    std::string hint;    // what to do, may be empty
    std::string code;    // "ERR_NGROK_3200", may be empty
};

std::string sentence(std::string_view text) {
    std::string out(text);
    if (out.empty()) return out;
    if (out.front() >= 'a' && out.front() <= 'z') out.front() = static_cast<char>(out.front() - 'a' + 'A');
    if (out.back() != '.') out += '.';
    return out;
}

std::string escape_html(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        switch (c) {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '"': out += "&quot;"; break;
        case '\'': out += "&#39;"; break;
        default: out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
        }
    }
    return out;
}

std::string printable(std::string_view text) {
    std::string out(text);
    std::ranges::replace_if(
        out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
    return out;
}

std::string as_html(const Text& text, std::string_view host, std::string_view detail) {
    const auto paragraph = [](std::string_view content) {
        return content.empty() ? std::string() : fmt::format("<p>{}</p>\n", escape_html(content));
    };
    const auto literal = [](std::string_view content) {
        return content.empty() ? std::string() : fmt::format("<pre>{}</pre>\n", escape_html(content));
    };
    return fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{0}</title>\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n"
        "<style>body{{font:16px/1.5 sans-serif;max-width:40em;margin:4em auto;padding:0 1em}}"
        "pre{{background:#eee;padding:.5em;white-space:pre-wrap}}</style></head>\n"
        "<body>\n<h1>{0}</h1>\n{1}{2}{3}{4}{5}</body>\n</html>\n",
        escape_html(text.title), paragraph(text.message), literal(host), literal(detail),
        paragraph(text.hint), literal(text.code));
}

std::string as_json(const Text& text, int status, std::string_view host, std::string_view detail) {
    nlohmann::json details = nlohmann::json::object();
    if (!host.empty()) details["host"] = host;
    if (!detail.empty()) details["detail"] = detail;
    const std::string message = text.hint.empty() ? text.message : text.message + " " + text.hint;
    const nlohmann::json document = {{"error_code", text.code},
                                     {"status_code", status},
                                     {"msg", message},
                                     {"details", std::move(details)}};
    return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string as_plain(const Text& text, std::string_view host, std::string_view detail) {
    std::string out = text.title + "\n" + text.message + "\n";
    for (const std::string& line : {printable(host), printable(detail), text.hint, text.code}) {
        if (!line.empty()) out.append(line).append("\n");
    }
    return out;
}

Page make_page(const ErrorPage& page, int status, const Text& text) {
    const std::string_view detail = page.detail.substr(0, limits::http_error_detail_max);
    const std::string_view host = page.host.substr(0, limits::http_error_detail_max);
    Page made;
    std::string_view type = "text/plain; charset=utf-8";
    switch (page.format) {
    case PageFormat::html:
        made.body = as_html(text, host, detail);
        type = "text/html; charset=utf-8";
        break;
    case PageFormat::json:
        made.body = as_json(text, status, host, detail);
        type = "application/json";
        break;
    case PageFormat::text: made.body = as_plain(text, host, detail); break;
    }
    made.head = Head::response(status);
    made.head.add("Content-Type", type);
    made.head.add("Content-Length", std::to_string(made.body.size()));
    made.head.add("Cache-Control", "no-store");
    made.head.add("X-Content-Type-Options", "nosniff");
    if (!text.code.empty()) made.head.add("ngrok-error-code", text.code);
    const bool keep_alive = page.keep_alive && page.version != HttpVersion::http10;
    if (!keep_alive && page.version != HttpVersion::http2) made.head.add("Connection", "close");
    made.head.set_keep_alive(keep_alive);
    made.head.set_content_length(made.body.size());
    made.head.set_framing(page.to_head ? Framing::none : Framing::length);
    if (page.to_head) made.body.clear();
    return made;
}

std::string title_of(int status) {
    const std::string_view reason = reason_phrase(status);
    return reason.empty() ? std::to_string(status) : fmt::format("{} {}", status, reason);
}

// The q of a media range in thousandths; 1000 if it has none or one that cannot be read.
int quality(std::string_view parameters) noexcept {
    const auto at = std::min(parameters.find("q="), parameters.find("Q="));
    if (at == std::string_view::npos) return 1'000;
    const std::string_view text = parameters.substr(at + 2);
    if (text.empty() || (text[0] != '0' && text[0] != '1')) return 1'000;
    int value = (text[0] - '0') * 1'000;
    int scale = 100;
    for (std::size_t i = 2; i < text.size() && i < 5 && text[1] == '.' && text[i] >= '0' && text[i] <= '9';
         ++i) {
        value += (text[i] - '0') * scale;
        scale /= 10;
    }
    return std::min(value, 1'000);
}

bool ends_with_json(std::string_view type) noexcept {
    return iequals(type, "application/json") ||
           (type.size() > 5 && iequals(type.substr(type.size() - 5), "+json"));
}

} // namespace

PageFormat page_format(std::string_view accept) noexcept {
    PageFormat best = PageFormat::text;
    int best_quality = 0;
    std::string_view range;
    while (next_element(accept, range)) {
        const std::size_t semicolon = std::min(range.find(';'), range.size());
        std::string_view type = range.substr(0, semicolon);
        while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
        const bool json = ends_with_json(type);
        const bool html = iequals(type, "text/html") || iequals(type, "application/xhtml+xml");
        if (!json && !html && !iequals(type, "text/plain")) continue;
        const int wanted = quality(range.substr(semicolon));
        if (wanted > best_quality) { // the first of equals
            best = json ? PageFormat::json : html ? PageFormat::html : PageFormat::text;
            best_quality = wanted;
        }
    }
    return best;
}

Page make_error_page(const ErrorPage& page) {
    const NgrokErrorEntry* entry = page.number != 0 ? find_ngrok_error(page.number) : nullptr;
    int status = page.status;
    if (status == 0) status = entry != nullptr && entry->http_status != 0 ? entry->http_status : 502;
    Text text;
    text.title = title_of(status);
    text.message = sentence(entry != nullptr ? entry->text : reason_phrase(status));
    text.hint = hint_for(page.number, status);
    if (page.number != 0) text.code = fmt::format("ERR_NGROK_{}", page.number);
    return make_page(page, status, text);
}

Page make_error_page(const HttpError& error, PageFormat format) {
    ErrorPage page;
    page.format = format;
    Text text;
    text.title = title_of(error.status);
    text.message = error.text;
    return make_page(page, error.status, text);
}

} // namespace adit
