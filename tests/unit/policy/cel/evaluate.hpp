// Evaluates an expression for a test.
#pragma once

#include "policy/cel/program.hpp"

#include <cstring>
#include <string>
#include <string_view>

namespace adit_test {

/// No variables; every random byte is 0x5A.
class NoVariables final : public adit::cel::Activation {
public:
    adit::cel::Value variable(std::size_t) const override { return {}; }
    void fill_random(adit::MutableBytes out) const override { std::memset(out.data(), 0x5A, out.size()); }
};

/// What comes of it as text, "error: ..." or "compile: ...".
inline std::string evaluated(std::string_view expression, const adit::cel::Environment& environment,
                             const adit::cel::Activation& activation) {
    const auto program = adit::cel::Program::compile(expression, environment);
    if (!program) return "compile: " + program.error().message();
    const auto value = program->evaluate(activation);
    if (!value) return "error: " + value.error().message();
    return to_text(*value);
}

inline std::string evaluated(std::string_view expression) {
    static const adit::cel::Environment environment;
    static const NoVariables none;
    return evaluated(expression, environment, none);
}

} // namespace adit_test
