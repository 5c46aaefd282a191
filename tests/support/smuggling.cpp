#include "support/smuggling.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace smuggling {
namespace {

struct Macro {
    char letter;
    std::string_view text;
};
constexpr Macro macros[] = {
    {'S', "GET /smuggled HTTP/1.1\r\nHost: a.edge.test\r\n\r\n"},
    {'P', "POST / HTTP/1.1\r\nHost: a.edge.test\r\n"},
    {'G', "GET / HTTP/1.1\r\nHost: a.edge.test\r\n"},
    {'F', "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a.edge.test\r\n"},
    {'K', "Transfer-Encoding: chunked\r\n"},
};
constexpr std::size_t run_min = 16;

int hex(char c) {
    const auto at = std::string_view("0123456789abcdef").find(c);
    if (at == std::string_view::npos) throw std::runtime_error("not a hexadecimal digit");
    return static_cast<int>(at);
}

std::string decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        const char kind = text.at(++i);
        const auto macro = std::ranges::find(macros, kind, &Macro::letter);
        if (macro != std::end(macros)) {
            out += macro->text;
            continue;
        }
        switch (kind) {
        case 'r': out += '\r'; break;
        case 'n': out += '\n'; break;
        case 't': out += '\t'; break;
        case '\\': out += '\\'; break;
        case 'x':
            out += static_cast<char>(hex(text.at(i + 1)) * 16 + hex(text.at(i + 2)));
            i += 2;
            break;
        case '{': { // \{300*x}
            const std::size_t star = text.find('*', i);
            const std::size_t end = text.find('}', star);
            const std::string times(text.substr(i + 1, star - i - 1));
            for (int n = std::stoi(times); n > 0; --n) out += text.substr(star + 1, end - star - 1);
            i = end;
            break;
        }
        default: throw std::runtime_error("an unknown escape: " + std::string(text));
        }
    }
    return out;
}

std::string encode(std::string_view text) {
    std::string out;
    constexpr std::string_view digits = "0123456789abcdef";
    while (!text.empty()) {
        const auto macro = std::ranges::find_if(macros, [&](const Macro& m) { return text.starts_with(m.text); });
        if (macro != std::end(macros)) {
            out.append({'\\', macro->letter});
            text.remove_prefix(macro->text.size());
            continue;
        }
        const char c = text.front();
        const std::size_t run = std::min(text.find_first_not_of(c), text.size());
        if (run >= run_min && c > ' ' && c < 0x7f && c != '\\' && c != '}') {
            out += "\\{" + std::to_string(run) + "*" + c + "}";
            text.remove_prefix(run);
            continue;
        }
        text.remove_prefix(1);
        const auto u = static_cast<unsigned char>(c);
        if (c == '\r') out += "\\r";
        else if (c == '\n') out += "\\n";
        else if (c == '\t') out += "\\t";
        else if (c == '\\') out += "\\\\";
        else if (u < ' ' || u >= 0x7f || (c == ' ' && text.empty())) out.append("\\x").append({digits[u >> 4], digits[u & 15]});
        else out += c;
    }
    return out;
}

std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) throw std::runtime_error("cannot read " + path);
    return text.str();
}

void take(Payload& payload, char key, const std::string& value) {
    switch (key) {
    case '<': payload.visitor += value; break;
    case 'f': payload.fields.push_back(value); break;
    case 'A':
    case 'a': payload.answer = payload.answer.value_or("") + value, payload.answer_ends = key == 'A'; break;
    case '=': payload.outcome = value; break;
    case '>': payload.upstream.push_back(value); break;
    case '~': payload.partial = value; break;
    case '#': payload.statuses = value; break;
    case 'v':
    case 'x': payload.down = value, payload.closed = key == 'x'; break;
    default: throw std::runtime_error("an unknown key in the table: " + std::string(1, key));
    }
}

} // namespace

std::vector<Payload> load(const std::string& path) {
    std::vector<Payload> payloads;
    std::istringstream lines(read(path));
    std::string section;
    bool begun = false;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("== ")) {
            section = line.substr(3);
            begun = true;
        } else if (!begun || line.empty()) {
            continue;
        } else if (line.starts_with("  ")) {
            take(payloads.back(), line.at(2), decode(std::string_view(line).substr(std::min<std::size_t>(4, line.size()))));
        } else {
            Payload& payload = payloads.emplace_back();
            payload.threat = section.substr(0, section.find(' '));
            payload.section = section;
            payload.name = line;
        }
    }
    return payloads;
}

std::string rewrite(const std::string& path, const std::vector<Payload>& payloads) {
    const std::string before = read(path);
    std::string text = before.substr(0, before.find("\n== ") + 1);
    std::string section;
    const auto put = [&](char key, std::string_view value) { text.append("  ").append({key, ' '}).append(encode(value)) += '\n'; };
    for (const Payload& p : payloads) {
        if (p.section != section) text += (section.empty() ? "== " : "\n== ") + p.section + "\n";
        section = p.section;
        text += p.name + "\n";
        for (const std::string& field : p.fields) put('f', field);
        if (p.fields.empty()) put('<', p.visitor);
        if (p.answer) put(p.answer_ends ? 'A' : 'a', *p.answer);
        if (p.fields.empty()) put('=', p.outcome);
        for (const std::string& request : p.upstream) put('>', request);
        if (!p.partial.empty()) put('~', p.partial);
        if (!p.statuses.empty()) put('#', p.statuses);
        if (p.answer) put(p.closed ? 'x' : 'v', p.down);
    }
    return text;
}

} // namespace smuggling
