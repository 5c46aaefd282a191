// Cuts the text of an expression into tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace adit::inline v0::cel {

enum class Tok : std::uint8_t {
    end,
    error, ///< `text` says what is wrong
    identifier,
    quoted, ///< `name` in back quotes, after a dot only
    integer,
    uint,
    number,
    string,
    bytes,
    mark, ///< an operator or a bracket
};

class Token {
public:
    bool is(std::string_view mark) const noexcept { return kind == Tok::mark && text == mark; }

    Tok kind = Tok::end;
    std::string text; ///< of a string or bytes: what it stands for
    std::size_t position = 0;
    std::size_t finish = 0;
};

class Lexer {
public:
    explicit Lexer(std::string_view text) noexcept : text_(text) {}

    Token next();

private:
    void skip_blank() noexcept;
    Token number();
    Token word();
    Token quoted_name();
    Token literal(std::size_t quote, bool raw, bool bytes);
    bool escape(std::string& out, bool bytes, std::string& problem);
    Token make(Tok kind, std::size_t start, std::string text) const;
    char at(std::size_t i) const noexcept { return i < text_.size() ? text_[i] : '\0'; }

    std::string_view text_;
    std::size_t at_ = 0;
};

} // namespace adit::inline v0::cel
