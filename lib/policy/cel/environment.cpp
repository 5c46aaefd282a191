#include "policy/cel/environment.hpp"

#include "base/random.hpp"
#include "policy/cel/library.hpp"

namespace adit::inline v0::cel {

void Activation::fill_random(MutableBytes out) const { adit::fill_random(out); }

Value Call::exhausted() { return Value::error("the expression costs more than it may"); }

Environment::Environment() { add_library(*this); }

std::size_t Environment::declare(std::string name, Type type) {
    Variable variable;
    variable.name = name;
    variable.type = std::move(type);
    variable.index = count_;
    variables_.insert_or_assign(std::move(name), std::move(variable));
    return count_++;
}

void Environment::add(Function function) {
    Overloads& overloads = function.is_receiver() ? receiver_ : global_;
    std::string name = function.name();
    overloads[std::move(name)].push_back(std::make_shared<const Function>(std::move(function)));
}

const Environment::Variable* Environment::find_variable(std::string_view name) const noexcept {
    const auto found = variables_.find(name);
    return found == variables_.end() ? nullptr : &found->second;
}

std::span<const std::shared_ptr<const Function>> Environment::find_functions(std::string_view name,
                                                                             bool receiver) const noexcept {
    const Overloads& overloads = receiver ? receiver_ : global_;
    const auto found = overloads.find(name);
    if (found == overloads.end()) return {};
    return found->second;
}

namespace {

template <class Names>
bool has_below(const Names& names, std::string_view name) noexcept {
    for (auto at = names.lower_bound(name); at != names.end() && at->first.starts_with(name); ++at) {
        if (at->first.size() > name.size() && at->first[name.size()] == '.') return true;
    }
    return false;
}

} // namespace

bool Environment::is_namespace(std::string_view name) const noexcept {
    return has_below(variables_, name) || has_below(global_, name);
}

} // namespace adit::inline v0::cel
