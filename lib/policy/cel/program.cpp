#include "policy/cel/program.hpp"

#include "policy/cel/checker.hpp"
#include "policy/cel/evaluator.hpp"
#include "policy/cel/parser.hpp"
#include "policy/cel/regex.hpp"

namespace adit::inline v0::cel {

class Program::Data {
public:
    NodePtr root;
    Type type;
    std::vector<bool> reads;
    mutable RegexCache regexes;
};

Result<Program> Program::compile(std::string_view text, const Environment& environment, Checking checking) {
    Result<NodePtr> root = parse(text);
    if (!root) return root.error();
    auto data = std::make_shared<Data>();
    data->root = std::move(*root);
    if (Result<void> checked = check(*data->root, text, environment, checking, data->reads); !checked)
        return checked.error();
    data->type = data->root->type;
    return Program(std::move(data));
}

Result<Value> Program::evaluate(const Activation& activation, std::uint64_t cost_limit,
                                std::uint64_t& cost) const {
    Budget budget(cost_limit);
    Value value = evaluate_tree(*data_->root, activation, budget, data_->regexes);
    cost = cost_limit - budget.left();
    if (budget.spent()) {
        return ErrorInfo(make_error_code(errc::limit_exceeded), "the expression costs more than " +
                                                                    std::to_string(cost_limit) +
                                                                    " steps: look at less, or split it");
    }
    if (value.is_error())
        return ErrorInfo(make_error_code(errc::invalid_option), std::string(value.as_text()));
    return value;
}

Result<Value> Program::evaluate(const Activation& activation, std::uint64_t cost_limit) const {
    std::uint64_t cost = 0;
    return evaluate(activation, cost_limit, cost);
}

const Type& Program::type() const noexcept { return data_->type; }

bool Program::reads(std::size_t variable) const noexcept {
    return variable < data_->reads.size() && data_->reads[variable];
}

} // namespace adit::inline v0::cel
