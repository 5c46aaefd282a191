// A compiled expression.
#pragma once

#include <adit/limits.hpp>

#include "base/result.hpp"
#include "policy/cel/environment.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace adit::inline v0::cel {

enum class Checking : std::uint8_t {
    full, ///< names and types are checked by the compiler
    off,  ///< they fail at run time only
};

/// An expression, compiled once and immutable: any number of threads may evaluate it at the same time. Copies
/// share it.
class Program {
public:
    /// Parses and checks `text`. Errors: errc::invalid_option, whose message starts with "line L, column C: "
    /// (both from 1, columns in characters) and says what to do; errc::limit_exceeded for a text of more than
    /// limits::cel_expression_max bytes, or nested deeper than limits::cel_depth_max.
    static Result<Program> compile(std::string_view text, const Environment& environment,
                                   Checking checking = Checking::full);

    /// The value, or what went wrong on the way: errc::invalid_option with a sentence (no such key, division
    /// by zero), errc::limit_exceeded if it cost more than `cost_limit` (a unit is a step, an element or 16
    /// bytes). The value may borrow from the activation and from this program: Value::owned() if it is kept
    /// longer than both.
    Result<Value> evaluate(const Activation& activation,
                           std::uint64_t cost_limit = limits::cel_cost_max) const;
    /// As evaluate(); `cost` is what it took.
    Result<Value> evaluate(const Activation& activation, std::uint64_t cost_limit, std::uint64_t& cost) const;

    /// What the checker knows of the result; dyn without check.
    const Type& type() const noexcept;
    /// Whether the expression names that variable.
    bool reads(std::size_t variable) const noexcept;

private:
    class Data;
    explicit Program(std::shared_ptr<const Data> data) noexcept : data_(std::move(data)) {}

    std::shared_ptr<const Data> data_;
};

/// Where the expression ends that starts at `start` in a text with "${expression}": the place of the "}" that
/// closes it, past the braces of maps and whatever stands in strings and comments; npos if there is none.
std::size_t expression_end(std::string_view text, std::size_t start) noexcept;

} // namespace adit::inline v0::cel
