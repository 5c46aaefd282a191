// A text of a policy in which "${expression}" may stand, and the like for whole YAML values.
#pragma once

#include "base/result.hpp"
#include "policy/cel/program.hpp"
#include "policy/document.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0::policy {

/// Literal pieces and expressions, compiled once. Thread-safe after construction.
class Template {
public:
    Template() = default; ///< ""
    explicit Template(std::string literal) : literal_(std::move(literal)) {}
    /// errc::invalid_option with what is wrong with an expression of it, which is quoted.
    static Result<Template> compile(std::string_view text, const cel::Environment& environment);

    bool is_literal() const noexcept { return parts_.empty(); }
    /// Of a literal one.
    const std::string& literal() const noexcept { return literal_; }
    /// "" and nothing else.
    bool is_empty() const noexcept { return is_literal() && literal_.empty(); }
    bool reads(std::size_t variable) const noexcept;

    /// Errors: ngrok_error(2238) with the expression; ngrok_error(3900) if it cost or came to too much.
    Result<std::string> text(const cel::Activation& activation) const;
    /// Of a text that is one expression and nothing else: its value with its type, owned; else text().
    Result<cel::Value> value(const cel::Activation& activation) const;

private:
    struct Part {
        std::string literal; ///< before the expression
        std::string source;  ///< of the expression; "": there is none behind the last literal
        std::optional<cel::Program> program;
    };
    std::string literal_;
    std::vector<Part> parts_;
};

/// A YAML value whose strings are templates: lists and maps as deep as they are.
class ValueTemplate {
public:
    /// As Template::compile(), the place in `where`.
    static Result<ValueTemplate> compile(const Node& node, const cel::Environment& environment, Mark& where);

    bool reads(std::size_t variable) const noexcept;
    /// As Template::value(); at most limits::policy_vars_bytes_max bytes in all.
    Result<cel::Value> value(const cel::Activation& activation) const;

private:
    Result<cel::Value> value(const cel::Activation& activation, std::size_t& budget) const;

    std::optional<cel::Value> constant_;
    Template text_;
    bool is_list_ = false;
    std::vector<ValueTemplate> items_;
    std::vector<std::string> keys_; ///< of a map, as long as items_
};

/// Takes from `budget` about how many bytes a copy of the value has; false, and quickly, if it has more. Expressions make
/// values that name one large value many times.
bool fits(const cel::Value& value, std::size_t& budget);
/// cel::to_text() of a value of at most limits::policy_text_max bytes; ngrok_error(3900) else.
Result<std::string> text_of(const cel::Value& value);

/// n of ERR_NGROK_n, 0 for another error.
inline int number_of(const ErrorInfo& error) noexcept {
    return error.code().category() == ngrok_category() ? error.code().value() : 0;
}

/// Evaluates; what goes wrong becomes ngrok_error(`number`), or 3900 if it cost too much, and quotes `source`; detail() does
/// not, for a source may hold secrets.
Result<cel::Value> evaluate(const cel::Program& program, const cel::Activation& activation, std::string_view source,
                            int number);

} // namespace adit
