#include "policy/cel/lexer.hpp"

#include "policy/cel/utf8.hpp"

#include <array>
#include <cstdint>

namespace adit::inline v0::cel {

namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
int hex_digit(char c) noexcept {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

} // namespace

Token Lexer::make(Tok kind, std::size_t start, std::string text) const {
    Token token;
    token.kind = kind;
    token.text = std::move(text);
    token.position = start;
    token.finish = at_;
    return token;
}

void Lexer::skip_blank() noexcept {
    while (at_ < text_.size()) {
        const char c = text_[at_];
        if (c == '/' && at(at_ + 1) == '/') {
            while (at_ < text_.size() && text_[at_] != '\n') ++at_;
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r') {
            ++at_;
        } else {
            return;
        }
    }
}

Token Lexer::next() {
    skip_blank();
    if (at_ >= text_.size()) return make(Tok::end, at_, {});
    const char c = text_[at_];
    if (is_digit(c) || (c == '.' && is_digit(at(at_ + 1)))) return number();
    if (is_letter(c)) return word();
    if (c == '"' || c == '\'') return literal(at_, false, false);
    if (c == '`') return quoted_name();
    const std::size_t start = at_;
    static constexpr std::array<std::string_view, 6> doubles{"==", "!=", "<=", ">=", "&&", "||"};
    for (const std::string_view mark : doubles) {
        if (text_.substr(at_, 2) == mark) {
            at_ += 2;
            return make(Tok::mark, start, std::string(mark));
        }
    }
    ++at_;
    if (std::string_view("<>!+-*/%?:.,()[]{}").find(c) != std::string_view::npos) {
        return make(Tok::mark, start, std::string(1, c));
    }
    at_ = start + utf8_length(text_, start);
    std::string problem = "'" + std::string(text_.substr(start, at_ - start)) + "' has no meaning here";
    if (c == '&' || c == '|' || c == '=') problem += ": did you mean '" + std::string(2, c) + "'?";
    return make(Tok::error, start, std::move(problem));
}

Token Lexer::number() {
    const std::size_t start = at_;
    const auto digits = [this] {
        const std::size_t from = at_;
        while (is_digit(at(at_))) ++at_;
        return at_ > from;
    };
    Tok kind = Tok::integer;
    if (text_[at_] == '0' && (at(at_ + 1) == 'x' || at(at_ + 1) == 'X')) {
        at_ += 2;
        const std::size_t from = at_;
        while (hex_digit(at(at_)) >= 0) ++at_;
        if (at_ == from) return make(Tok::error, start, "a hexadecimal number needs digits behind 0x");
    } else {
        digits();
        if (at(at_) == '.' && is_digit(at(at_ + 1))) {
            kind = Tok::number;
            ++at_;
            digits();
        }
        const bool sign = at(at_ + 1) == '+' || at(at_ + 1) == '-';
        if ((at(at_) == 'e' || at(at_) == 'E') && is_digit(at(at_ + (sign ? 2u : 1u)))) {
            kind = Tok::number;
            at_ += sign ? 2 : 1;
            digits();
        }
    }
    std::string text(text_.substr(start, at_ - start));
    if (kind == Tok::integer && (at(at_) == 'u' || at(at_) == 'U')) {
        kind = Tok::uint;
        ++at_;
    }
    if (is_letter(at(at_)) || is_digit(at(at_))) {
        return make(Tok::error, start,
                    "a number ends at '" + std::string(1, text_[at_]) +
                        "': put a space or an operator in between");
    }
    return make(kind, start, std::move(text));
}

Token Lexer::word() {
    const std::size_t start = at_;
    while (is_letter(at(at_)) || is_digit(at(at_))) ++at_;
    const std::string_view word = text_.substr(start, at_ - start);
    if ((at(at_) == '"' || at(at_) == '\'') && word.size() <= 2) {
        bool raw = false;
        bool bytes = false;
        bool prefix = true;
        for (const char c : word) {
            bool& seen = (c == 'r' || c == 'R') ? raw : bytes;
            if ((c != 'r' && c != 'R' && c != 'b' && c != 'B') || seen) prefix = false;
            seen = true;
        }
        if (prefix) {
            Token token = literal(at_, raw, bytes);
            if (token.kind != Tok::error) token.position = start;
            return token;
        }
    }
    return make(Tok::identifier, start, std::string(word));
}

Token Lexer::quoted_name() {
    const std::size_t start = at_++;
    while (at_ < text_.size() && text_[at_] != '`') {
        const char c = text_[at_];
        if (!is_letter(c) && !is_digit(c) && std::string_view("_.-/ ").find(c) == std::string_view::npos) {
            return make(Tok::error, at_,
                        "a name in back quotes has letters, digits, '_', '.', '-', '/' and spaces only");
        }
        ++at_;
    }
    if (at_ >= text_.size()) return make(Tok::error, start, "this back quote is not closed");
    ++at_;
    return make(Tok::quoted, start, std::string(text_.substr(start + 1, at_ - start - 2)));
}

Token Lexer::literal(std::size_t quote, bool raw, bool bytes) {
    const char mark = text_[quote];
    const bool triple = at(quote + 1) == mark && at(quote + 2) == mark;
    const std::string_view closing = text_.substr(quote, triple ? 3 : 1);
    at_ = quote + closing.size();
    std::string out;
    while (at_ < text_.size()) {
        if (text_.substr(at_, closing.size()) == closing) {
            at_ += closing.size();
            return make(bytes ? Tok::bytes : Tok::string, quote, std::move(out));
        }
        const char c = text_[at_];
        if (!triple && (c == '\n' || c == '\r')) break;
        if (c == '\\' && raw && at_ + 1 < text_.size()) {
            // A quote behind a backslash does not end even a raw string; both stay in it.
            out.append(text_.substr(at_, 2));
            at_ += 2;
        } else if (c == '\\') {
            const std::size_t start = at_;
            std::string problem;
            if (!escape(out, bytes, problem)) return make(Tok::error, start, std::move(problem));
        } else {
            out.push_back(c);
            ++at_;
        }
    }
    return make(Tok::error, quote, "this string is not closed: a " + std::string(closing) + " is missing");
}

// at_ is at the backslash; behind the escape afterwards.
bool Lexer::escape(std::string& out, bool bytes, std::string& problem) {
    const char c = at(at_ + 1);
    static constexpr std::string_view names = "abfnrtv\\'\"`?";
    static constexpr std::string_view meanings = "\a\b\f\n\r\t\v\\'\"`?";
    if (const std::size_t found = names.find(c); c != '\0' && found != std::string_view::npos) {
        out.push_back(meanings[found]);
        at_ += 2;
        return true;
    }
    std::size_t digits = 0;
    std::uint32_t base = 16;
    std::size_t from = at_ + 2;
    switch (c) {
    case 'x':
    case 'X': digits = 2; break;
    case 'u': digits = 4; break;
    case 'U': digits = 8; break;
    case '0':
    case '1':
    case '2':
    case '3':
        digits = 3;
        base = 8;
        from = at_ + 1;
        break;
    default:
        problem = "there is no such escape: write \\\\ for a backslash, or a raw string r\"...\"";
        return false;
    }
    std::uint32_t code = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        const int digit = hex_digit(at(from + i));
        if (digit < 0 || static_cast<std::uint32_t>(digit) >= base) {
            problem = "this escape needs " + std::to_string(digits) +
                      (base == 8 ? " octal" : " hexadecimal") + " digits";
            return false;
        }
        code = code * base + static_cast<std::uint32_t>(digit);
    }
    if (bytes && (c == 'u' || c == 'U')) {
        problem = "bytes have no \\u and \\U: write the bytes as \\x";
        return false;
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
        problem = "this is no Unicode character";
        return false;
    }
    at_ = from + digits;
    if (bytes) {
        out.push_back(static_cast<char>(code));
    } else {
        utf8_append(out, code);
    }
    return true;
}

} // namespace adit::inline v0::cel
