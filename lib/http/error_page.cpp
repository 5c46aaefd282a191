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
    {702, "Send fewer requests, and try again in a moment."},
    {703, "Open fewer connections, and try again in a moment."},
    {714, "Close connections that are not needed, and try again in a moment."},
    {715, "Send fewer requests, and try again in a moment."},
    {718, "Wait until the volume is there again, or ask the owner of this address for more."},
    {720, "Wait for the answers to earlier requests before sending more."},
    {724, "Start an agent for this endpoint, or try again in a moment."},
    {725, "Wait until the volume is there again, or ask the owner of this address for more."},
    {727, "Wait until there are requests again, or ask the owner of this address for more."},
    {734, "Open fewer connections, and try again in a moment."},
    {2238, "Ask the owner of this address to correct its traffic policy: a text in it could not be made for this request."},
    {2253, "Ask the owner of this address to correct its traffic policy: a rule could not be judged for this request."},
    {3004, "Check that the application speaks HTTP without TLS on the address the agent forwards to: HTTP/1.1, or HTTP/2 if "
            "its endpoint asks for that."},
    {3005, "Check that the application is not stuck, then try again."},
    {3006, "Start the application, or correct the address that the agent forwards to."},
    {3007, "Try again; if it stays, look into the log of the agent."},
    {3008, "Check that the applications are not stuck, then try again."},
    {3200,
     "Check the spelling of the address, and that the program which serves it is running and connected."},
    {3202, "Try again in a moment: the application gets a rest, and is then tried again."},
    {3203, "Use a network that this address allows, or ask its owner to allow yours."},
    {3204, "Check that sender and receiver have the same secret, and that the body is not changed on its way."},
    {3205, "Ask the owner of this account to allow your IP address."},
    {3206, "Connect with a WebSocket client."},
    {3208, "Ask the operator of this edge."},
    {3209, "Try again: the program that serves this address may be reconnecting."},
    {3210, "Try again in a moment; if it stays, restart the program that serves this address."},
    {3211, "Use another browser or program, or ask the owner of this address to allow yours."},
    {3213, "Open the page from an address whose origin is allowed, or ask the owner of this address to allow it."},
    {3401, "Send a valid token in the Authorization field."},
    {3403, "Ask the owner of this address for a token that allows it."},
    {3406, "Send a token in the Authorization field."},
    {3416, "Send a valid token in the Authorization field."},
    {3422, "Try again in a moment; if it stays, check the address of the keys in the policy."},
    {3501, "The endpoints forward to each other in a circle: change one of them."},
    {3601, "Have the policy ask for less."},
    {3602, "Check the service that the policy asks, then try again."},
    {3603, "Change the address in the policy."},
    {3700, "Change the request, or ask the owner of this address."},
    {3702, "Ask the owner of this address."},
    {3900, "Ask the owner of this address to make its traffic policy cheaper."},
    {8012, "Start the application, or correct the address that the agent forwards to."},
};

// Of answers without a number: what happened, and what to do.
struct StatusText {
    int status;
    std::string_view message;
    std::string_view hint;
};
constexpr StatusText status_texts[] = {
    {400, "The request is not valid HTTP.", "Correct the client that sent it."},
    {401, "This address asks for a login.", "Send your credentials."},
    {403, "You may not use this address.", "Ask its owner for access."},
    {404, "There is nothing at this address.", "Check its spelling."},
    {405, "The method of the request is not served here.", "Use another one."},
    {408, "The request did not arrive in time.", "Send it again, in one piece."},
    {411, "The request does not say how long it is.", "Send a Content-Length, or use chunks."},
    {413, "The request is too large.", "Send less."},
    {414, "The address of the request is too long.", "Make it shorter."},
    {417, "What the request expects cannot be done.", "Leave out its Expect field."},
    {421, "This connection was opened for another name.", "Send the request again on a new connection."},
    {426, "Another protocol is needed here.", "Upgrade the connection."},
    {429, "There were too many requests.", "Try again in a moment."},
    {431, "The fields of the request are too large.", "Send fewer or shorter ones."},
    {500, "Something went wrong in the edge.", "Try again; if it stays, tell its operator."},
    {501, "What the request asks for is not built.", "Ask for something else."},
    {502, "The application could not be reached.", "Try again in a moment."},
    {503, "The edge cannot serve this request now.", "Try again in a moment."},
    {504, "The application did not answer in time.", "Try again in a moment."},
    {505, "This version of HTTP is not served.", "Use HTTP/1.1 or HTTP/2."},
    {508, "The request came back to the edge again and again.",
     "The application behind this address sends its requests to the address itself: change where it sends them."},
};

const StatusText* text_of(int status) noexcept {
    const auto* found = std::ranges::find(status_texts, status, &StatusText::status);
    return found == std::end(status_texts) ? nullptr : found;
}

// The only style of a page; the policy of its content names it by its hash.
constexpr std::string_view style = "body{font:16px/1.5 sans-serif;max-width:40em;margin:2em auto;padding:0 1em;"
                                   "overflow-wrap:anywhere}"
                                   "pre{background:#eee;color:#111;padding:.5em;white-space:pre-wrap}";
constexpr std::string_view content_policy =
    "default-src 'none'; style-src 'sha256-XB1u/xx85RIeEebsYvGpcxgDGC0eblsuWmMhtasHU1k='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::string_view hint_for(int number, int status) noexcept {
    const auto* found = std::ranges::find(hints, number, &Hint::number);
    if (number != 0 && found != std::end(hints)) return found->text;
    const StatusText* text = text_of(status);
    return text == nullptr ? std::string_view() : text->hint;
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
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<style>{6}</style></head>\n"
        "<body>\n<h1>{0}</h1>\n{1}{2}{3}{4}{5}</body>\n</html>\n",
        escape_html(text.title), paragraph(text.message), literal(host), literal(detail),
        paragraph(text.hint), literal(text.code), style);
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
    made.head.add("Vary", "Accept");
    made.head.add("X-Content-Type-Options", "nosniff");
    if (page.format == PageFormat::html) made.head.add("Content-Security-Policy", content_policy);
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
    while (!parameters.empty()) {
        parameters.remove_prefix(1); // the semicolon
        const std::size_t end = std::min(parameters.find(';'), parameters.size());
        std::string_view text = parameters.substr(0, end);
        parameters.remove_prefix(end);
        while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
        if (text.size() < 3 || (text[0] != 'q' && text[0] != 'Q') || text[1] != '=') continue;
        text.remove_prefix(2);
        if (text[0] != '0' && text[0] != '1') return 1'000;
        int value = (text[0] - '0') * 1'000;
        int scale = 100;
        for (std::size_t i = 2; i < text.size() && i < 5 && text[1] == '.' && text[i] >= '0' && text[i] <= '9'; ++i) {
            value += (text[i] - '0') * scale;
            scale /= 10;
        }
        return std::min(value, 1'000);
    }
    return 1'000;
}

bool is_json(std::string_view type) noexcept {
    return iequals(type, "application/json") ||
           (type.size() > 5 && iequals(type.substr(type.size() - 5), "+json"));
}

// What Accept says of one format: by its most specific range (RFC 9110 12.5.1), and there by the largest q.
struct Wish {
    int specific = 0; // 3: named, 2: "text/*" and the like, 1: "*/*", 0: not at all
    int quality = 0;
    std::size_t place = 0; // in the list

    void hear(int how_specific, int q, std::size_t at) noexcept {
        if (how_specific < specific || (how_specific == specific && q <= quality)) return;
        if (how_specific > specific) place = at;
        specific = how_specific;
        quality = q;
    }
    bool over(const Wish& other) const noexcept {
        if (quality != other.quality) return quality > other.quality;
        if (quality == 0) return false; // refused
        if (specific != other.specific) return specific > other.specific;
        return specific == 3 && place < other.place; // the first of equals; else text stays
    }
};

} // namespace

PageFormat page_format(std::string_view accept) noexcept {
    Wish text, html, json;
    std::string_view range;
    for (std::size_t place = 0; next_element(accept, range); ++place) {
        const std::size_t semicolon = std::min(range.find(';'), range.size());
        std::string_view type = range.substr(0, semicolon);
        while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
        const int q = quality(range.substr(semicolon));
        const bool all = type == "*/*";
        const bool all_text = iequals(type, "text/*");
        if (all || all_text || iequals(type, "text/plain")) text.hear(all ? 1 : all_text ? 2 : 3, q, place);
        if (all || all_text) html.hear(all ? 1 : 2, q, place);
        if (iequals(type, "text/html") || iequals(type, "application/xhtml+xml")) html.hear(3, q, place);
        if (all || iequals(type, "application/*")) json.hear(all ? 1 : 2, q, place);
        if (is_json(type)) json.hear(3, q, place);
    }
    PageFormat best = PageFormat::text;
    const Wish* most = &text;
    if (html.over(*most)) {
        best = PageFormat::html;
        most = &html;
    }
    return json.over(*most) ? PageFormat::json : best;
}

Page make_error_page(const ErrorPage& page) {
    const NgrokErrorEntry* entry = page.number != 0 ? find_ngrok_error(page.number) : nullptr;
    int status = page.status;
    if (status == 0) status = entry != nullptr && entry->http_status != 0 ? entry->http_status : 502;
    Text text;
    text.title = title_of(status);
    const StatusText* plain = text_of(status);
    text.message = sentence(entry != nullptr   ? entry->text
                            : plain != nullptr ? plain->message
                                               : reason_phrase(status));
    text.hint = hint_for(page.number, status);
    if (page.number != 0) text.code = fmt::format("ERR_NGROK_{}", page.number);
    return make_page(page, status, text);
}

Page make_error_page(const HttpError& error, PageFormat format, bool to_head) {
    ErrorPage page;
    page.format = format;
    page.to_head = to_head;
    Text text;
    text.title = title_of(error.status);
    text.message = error.text;
    return make_page(page, error.status, text);
}

} // namespace adit
