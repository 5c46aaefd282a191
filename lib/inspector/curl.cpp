#include "inspector/curl.hpp"

#include "base/base64.hpp"

#include <algorithm>
#include <array>

namespace adit::inline v0::inspector {
namespace {

bool is_plain(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./:=,+@").find(c) != std::string_view::npos;
}

bool is_printable(char c) noexcept { return c >= ' ' && c <= '~'; }

/// What curl, or the edge on the way, adds by itself.
bool is_implied(const Field& field) noexcept {
    switch (field.id) {
    case FieldId::connection:
    case FieldId::content_length:
    case FieldId::expect:
    case FieldId::forwarded:
    case FieldId::host:
    case FieldId::keep_alive:
    case FieldId::proxy_connection:
    case FieldId::te:
    case FieldId::trailer:
    case FieldId::transfer_encoding:
    case FieldId::upgrade:
    case FieldId::x_forwarded:
    case FieldId::x_forwarded_for:
    case FieldId::x_forwarded_host:
    case FieldId::x_forwarded_proto:
    case FieldId::x_real_ip: return true;
    default: return false;
    }
}

} // namespace

std::string shell_word(std::string_view text) {
    if (!text.empty() && std::ranges::all_of(text, is_plain)) return std::string(text);
    if (std::ranges::all_of(text, is_printable)) {
        std::string out = "'";
        for (const char c : text) {
            if (c == '\'') {
                out += "'\\''";
            } else {
                out.push_back(c);
            }
        }
        return out + "'";
    }
    static constexpr std::array<char, 8> octal = {'0', '1', '2', '3', '4', '5', '6', '7'};
    std::string out = "$'";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\'' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (is_printable(c)) {
            out.push_back(c);
        } else if (c == '\n') {
            out += "\\n";
        } else { // three digits, so that a digit behind it is not one of them
            out.push_back('\\');
            out.push_back(octal[byte >> 6]);
            out.push_back(octal[byte >> 3 & 7]);
            out.push_back(octal[byte & 7]);
        }
    }
    return out + "'";
}

std::string curl_command(const Message& request, std::string_view base) {
    const Head& head = request.head;
    const bool binary = request.body.find('\0') != std::string::npos; // no argument can have one
    std::string out;
    if (request.truncated()) {
        out += "# the body had " + std::to_string(request.body_size) + " bytes; these are the first " +
               std::to_string(request.body.size()) + "\n";
    }
    if (binary) out += "echo " + base64_encode(request.body) + " | base64 -d | ";
    out += "curl --globoff --path-as-is";
    if (head.method() == "HEAD") {
        out += " --head";
    } else if (head.method() != (request.body.empty() ? "GET" : "POST")) {
        out += " -X " + shell_word(head.method());
    }
    for (const Field& field : head) {
        if (is_implied(field)) continue;
        // "X:" would take a field away, "X;" sends an empty one.
        const std::string text = std::string(field.name) + (field.value.empty() ? ";" : ": " + std::string(field.value));
        out += " \\\n  -H " + shell_word(text);
    }
    if (!request.body.empty()) {
        // Else curl says that it is a form.
        if (!head.has("Content-Type")) out += " \\\n  -H 'Content-Type:'";
        out += binary ? " \\\n  --data-binary @-" : " \\\n  --data-raw " + shell_word(request.body);
    }
    std::string url(base);
    if (!head.target().starts_with('/')) url += "/"; // "*"
    url += head.target();
    return out + " \\\n  " + shell_word(url);
}

} // namespace adit
