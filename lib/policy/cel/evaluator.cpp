#include "policy/cel/evaluator.hpp"

#include "policy/cel/deep.hpp"
#include "policy/cel/operators.hpp"
#include "policy/cel/text.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <span>

namespace adit::inline v0::cel {

namespace {

bool has_kind(const Type& wanted, const Value& value) noexcept {
    switch (wanted.kind()) {
    case Type::Kind::dyn:
    case Type::Kind::parameter: return true;
    case Type::Kind::null: return value.is(Kind::null);
    case Type::Kind::boolean: return value.is(Kind::boolean);
    case Type::Kind::integer: return value.is(Kind::integer);
    case Type::Kind::uint: return value.is(Kind::uint);
    case Type::Kind::number: return value.is(Kind::number);
    case Type::Kind::string: return value.is(Kind::string);
    case Type::Kind::bytes: return value.is(Kind::bytes);
    case Type::Kind::list: return value.is(Kind::list);
    case Type::Kind::map: return value.is(Kind::map);
    case Type::Kind::timestamp: return value.is(Kind::timestamp);
    case Type::Kind::duration: return value.is(Kind::duration);
    case Type::Kind::type: return value.is(Kind::type);
    case Type::Kind::object: return value.as_object() != nullptr;
    }
    return false;
}

Value not_boolean(const Value& value) {
    return Value::error("a bool is needed, not " + with_article(type_name(value.kind())));
}

// The elements of a list, or the keys of a map.
class Range {
public:
    explicit Range(const Value& of) : of_(of) {
        if (of_.is(Kind::map)) keys_ = of_.as_map().keys();
    }
    bool is_valid() const noexcept { return of_.is(Kind::list) || of_.is(Kind::map); }
    std::size_t size() const { return of_.is(Kind::map) ? keys_.size() : of_.as_list().size(); }
    Value at(std::size_t i) const { return of_.is(Kind::map) ? keys_[i] : of_.as_list().at(i); }

private:
    const Value& of_;
    std::vector<Value> keys_;
};

class Evaluator {
public:
    Evaluator(const Activation& activation, Budget& budget, RegexCache& cache) noexcept
        : activation_(activation), budget_(budget), cache_(cache) {}

    Value eval(const Node& node) {
        if (!budget_.charge(1)) return Call::exhausted();
        switch (node.op) {
        case Op::constant:
        case Op::failure: return node.constant;
        case Op::variable: return activation_.variable(node.index);
        case Op::local: return local(node.index);
        case Op::select: return select(node);
        case Op::has: return has(node);
        case Op::call: return call(node);
        case Op::conditional: return conditional(node);
        case Op::logical_and: return logical(node, false);
        case Op::logical_or: return logical(node, true);
        case Op::logical_not: return logical_not(node);
        case Op::list: return list(node);
        case Op::map: return map(node);
        case Op::all: return quantified(node, false);
        case Op::exists: return quantified(node, true);
        case Op::exists_one: return exists_one(node);
        case Op::transform: return transform(node);
        case Op::filter: return filter(node);
        case Op::sort_by: return sort_by(node);
        case Op::negate: {
            Value operand = eval(*node.children[0]);
            return operand.is_error() ? operand : negate(operand);
        }
        default: return binary(node);
        }
    }

private:
    class Scope {
    public:
        const Value* value;
        const Scope* outer;
    };

    const Value& local(std::size_t hops) const noexcept {
        const Scope* scope = scope_;
        for (; hops > 0; --hops) scope = scope->outer;
        return *scope->value;
    }

    Value binary(const Node& node) {
        Value left = eval(*node.children[0]);
        if (left.is_error()) return left;
        Value right = eval(*node.children[1]);
        if (right.is_error()) return right;
        switch (node.op) {
        case Op::equal: return Value::boolean(same(left, right));
        case Op::not_equal: return Value::boolean(!same(left, right));
        case Op::in: return contained(left, right, budget_);
        case Op::index: return element_of(left, right);
        case Op::less:
        case Op::less_equal:
        case Op::greater:
        case Op::greater_equal: return ordering(node.op, left, right, budget_);
        default: return arithmetic(node.op, left, right, budget_);
        }
    }

    bool same(const Value& left, const Value& right) {
        if (left.is(Kind::string) && right.is(Kind::string) && left.as_text().size() < 16) {
            return left.as_text() == right.as_text();
        }
        return equal(left, right, budget_);
    }

    Value select(const Node& node) {
        const Value of = eval(*node.children[0]);
        if (of.is_error()) return of;
        if (node.index != Node::none) {
            if (const Object* object = of.as_object()) return object->field(node.index);
            // What is not there has no fields either: conn.tls.client of a visitor without a certificate.
            if (of.is(Kind::null)) return {};
        }
        if (std::optional<Value> found = member(of, node.name)) return std::move(*found);
        if (of.is(Kind::map) || of.as_object()) return Value::error("no such key: '" + node.name + "'");
        return Value::error(with_article(type_name(of.kind())) + " has no field '" + node.name + "'");
    }

    Value has(const Node& node) {
        const Value of = eval(*node.children[0]);
        if (of.is_error()) return of;
        if (const Object* object = of.as_object(); object && node.index != Node::none) {
            return Value::boolean(object->has_field(node.index));
        }
        if (of.is(Kind::null) && node.index != Node::none) return Value::boolean(false);
        if (!of.is(Kind::map) && !of.as_object()) {
            return Value::error(with_article(type_name(of.kind())) + " has no field '" + node.name + "'");
        }
        return Value::boolean(member(of, node.name).has_value());
    }

    Value conditional(const Node& node) {
        Value condition = eval(*node.children[0]);
        if (condition.is_error()) return condition;
        if (!condition.is(Kind::boolean)) return not_boolean(condition);
        return eval(*node.children[condition.as_boolean() ? 1 : 2]);
    }

    // && and ||: `decides` ends it, whatever errors there were before.
    Value logical(const Node& node, bool decides) {
        Value first_error;
        for (const NodePtr& child : node.children) {
            Value value = eval(*child);
            if (value.is(Kind::boolean)) {
                if (value.as_boolean() == decides) return value;
            } else if (first_error.is_null()) {
                first_error = value.is_error() ? std::move(value) : not_boolean(value);
            }
        }
        return first_error.is_null() ? Value::boolean(!decides) : first_error;
    }

    Value logical_not(const Node& node) {
        Value value = eval(*node.children[0]);
        if (value.is_error()) return value;
        return value.is(Kind::boolean) ? Value::boolean(!value.as_boolean()) : not_boolean(value);
    }

    Value call(const Node& node) {
        const std::size_t count = node.children.size();
        if (count <= few) {
            std::array<Value, few> arguments;
            return call(node, std::span<Value>(arguments).first(count));
        }
        std::vector<Value> arguments(count);
        return call(node, std::span<Value>(arguments));
    }

    Value call(const Node& node, std::span<Value> arguments) {
        for (std::size_t i = 0; i < arguments.size(); ++i) {
            arguments[i] = eval(*node.children[i]);
            if (arguments[i].is_error()) return arguments[i];
        }
        for (const auto& overload : node.overloads) {
            if (!takes(*overload, arguments)) continue;
            Call call(activation_, budget_, node.prepared.get(), cache_);
            return overload->callback()(call, arguments);
        }
        std::string types;
        for (const Value& argument : arguments)
            types += (types.empty() ? "" : ", ") + std::string(type_name(argument.kind()));
        return Value::error("there is no " + node.name + " for (" + types + ")");
    }

    static bool takes(const Function& function, std::span<const Value> arguments) {
        const auto& wanted = function.parameters();
        for (std::size_t i = 0; i < arguments.size(); ++i) {
            if (!has_kind(wanted[i], arguments[i])) return false;
        }
        return true;
    }

    Value list(const Node& node) {
        std::vector<Value> elements;
        elements.reserve(node.children.size());
        for (const NodePtr& child : node.children) {
            elements.push_back(eval(*child));
            if (elements.back().is_error()) return elements.back();
        }
        return Value::list(std::move(elements));
    }

    Value map(const Node& node) {
        std::vector<std::pair<Value, Value>> entries;
        entries.reserve(node.children.size() / 2);
        for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
            Value key = eval(*node.children[i]);
            if (key.is_error()) return key;
            Value value = eval(*node.children[i + 1]);
            if (value.is_error()) return value;
            entries.emplace_back(std::move(key), std::move(value));
        }
        return make_map(std::move(entries));
    }

    // Calls `each` with every element as the local variable until it answers false; gives an error if there
    // is no range.
    template <class Each>
    Value over(const Node& node, Each each) {
        const Value of = eval(*node.children[0]);
        if (of.is_error()) return of;
        const Range range(of);
        if (!range.is_valid()) return Value::error(with_article(type_name(of.kind())) + " has no elements");
        const std::size_t size = range.size();
        const Scope* outer = scope_;
        for (std::size_t i = 0; i < size; ++i) {
            const Value element = range.at(i);
            const Scope scope{&element, outer};
            scope_ = &scope;
            const bool more = each(element);
            scope_ = outer;
            if (!more || budget_.spent()) break;
        }
        return {};
    }

    Value quantified(const Node& node, bool decides) {
        Value first_error;
        bool decided = false;
        Value failed = over(node, [&](const Value&) {
            Value value = eval(*node.children[1]);
            if (value.is(Kind::boolean)) {
                decided = value.as_boolean() == decides;
            } else if (first_error.is_null()) {
                first_error = value.is_error() ? std::move(value) : not_boolean(value);
            }
            return !decided;
        });
        if (failed.is_error()) return failed;
        if (decided) return Value::boolean(decides);
        return first_error.is_null() ? Value::boolean(!decides) : first_error;
    }

    // The predicate for the element in scope: nullopt if `error` was set.
    std::optional<bool> holds(const Node& predicate, Value& error) {
        Value value = eval(predicate);
        if (value.is(Kind::boolean)) return value.as_boolean();
        error = value.is_error() ? std::move(value) : not_boolean(value);
        return std::nullopt;
    }

    Value exists_one(const Node& node) {
        Value error;
        std::size_t found = 0;
        Value failed = over(node, [&](const Value&) {
            const std::optional<bool> yes = holds(*node.children[1], error);
            if (yes && *yes) ++found;
            return yes.has_value();
        });
        if (failed.is_error()) return failed;
        return error.is_error() ? error : Value::boolean(found == 1);
    }

    Value transform(const Node& node) {
        Value error;
        std::vector<Value> out;
        Value failed = over(node, [&](const Value&) {
            if (node.children.size() == 3) {
                const std::optional<bool> yes = holds(*node.children[1], error);
                if (!yes) return false;
                if (!*yes) return true;
            }
            out.push_back(eval(*node.children.back()));
            if (out.back().is_error()) error = out.back();
            return !error.is_error();
        });
        if (failed.is_error()) return failed;
        return error.is_error() ? error : Value::list(std::move(out));
    }

    Value filter(const Node& node) {
        Value error;
        std::vector<Value> out;
        Value failed = over(node, [&](const Value& element) {
            const std::optional<bool> yes = holds(*node.children[1], error);
            if (yes && *yes) out.push_back(element);
            return yes.has_value();
        });
        if (failed.is_error()) return failed;
        return error.is_error() ? error : Value::list(std::move(out));
    }

    Value sort_by(const Node& node) {
        Value error;
        std::vector<std::pair<Value, Value>> keyed;
        Value failed = over(node, [&](const Value& element) {
            Value key = eval(*node.children[1]);
            if (key.is_error()) error = key;
            keyed.emplace_back(std::move(key), element);
            return !error.is_error();
        });
        if (failed.is_error()) return failed;
        return error.is_error() ? error : sorted(std::move(keyed), budget_);
    }

    static constexpr std::size_t few = 4;

    const Activation& activation_;
    Budget& budget_;
    RegexCache& cache_;
    const Scope* scope_ = nullptr;
};

} // namespace

Value evaluate_tree(const Node& root, const Activation& activation, Budget& budget, RegexCache& regex_cache) {
    return Evaluator(activation, budget, regex_cache).eval(root);
}

} // namespace adit::inline v0::cel
