#include "policy/cel/operators.hpp"

#include "policy/cel/deep.hpp"
#include "policy/cel/numbers.hpp"
#include "policy/cel/plain.hpp"
#include "policy/cel/text.hpp"
#include "policy/cel/time.hpp"
#include "policy/cel/unify.hpp"

#include <cmath>
#include <limits>

namespace adit::inline v0::cel {

namespace {

using TypeKind = Type::Kind;

Value overflow() { return Value::error("the result is out of range (overflow)"); }

template <class Integer, class Make>
Value integers(Op op, Integer a, Integer b, Make make) {
    Integer out{};
    switch (op) {
    case Op::add: return __builtin_add_overflow(a, b, &out) ? overflow() : make(out);
    case Op::subtract: return __builtin_sub_overflow(a, b, &out) ? overflow() : make(out);
    case Op::multiply: return __builtin_mul_overflow(a, b, &out) ? overflow() : make(out);
    default: break;
    }
    if (b == 0) return Value::error(op == Op::divide ? "division by zero" : "modulus by zero");
    if constexpr (std::is_signed_v<Integer>) {
        if (b == -1 && a == std::numeric_limits<Integer>::min()) return overflow();
    }
    return make(op == Op::divide ? a / b : a % b);
}

Value numbers(Op op, double a, double b) {
    switch (op) {
    case Op::add: return Value::number(a + b);
    case Op::subtract: return Value::number(a - b);
    case Op::multiply: return Value::number(a * b);
    default: return Value::number(a / b);
    }
}

Value texts(const Value& left, const Value& right, Budget& budget) {
    const std::string_view a = left.as_text();
    const std::string_view b = right.as_text();
    if (!budget.charge_bytes(a.size() + b.size())) return Call::exhausted();
    std::string out;
    out.reserve(a.size() + b.size());
    out.append(a).append(b);
    return left.is(Kind::string) ? Value::string(std::move(out)) : Value::bytes(std::move(out));
}

Value lists(const List& a, const List& b, Budget& budget) {
    if (!budget.charge(a.size() + b.size())) return Call::exhausted();
    std::vector<Value> out;
    out.reserve(a.size() + b.size());
    for (std::size_t i = 0; i < a.size(); ++i) out.push_back(a.at(i));
    for (std::size_t i = 0; i < b.size(); ++i) out.push_back(b.at(i));
    return Value::list(std::move(out));
}

bool is_numeric_type(const Type& type) {
    return type.is(TypeKind::integer) || type.is(TypeKind::uint) || type.is(TypeKind::number);
}

Type plain(const Type& type) {
    return assignable(type, Type::string()) && !type.is_dyn() ? Type::string() : type;
}

std::optional<Type> sum_type(const Type& left, const Type& right) {
    const bool timestamp = left.is(TypeKind::timestamp) || right.is(TypeKind::timestamp);
    if (timestamp) {
        if (!assignable(left, Type::duration()) && !assignable(right, Type::duration())) return std::nullopt;
        return Type::timestamp();
    }
    if (left.is(TypeKind::list) && right.is(TypeKind::list)) return join(left, right);
    if (!assignable(left, right)) return std::nullopt;
    const bool has_sum = is_numeric_type(left) || left.is(TypeKind::string) || left.is(TypeKind::bytes) ||
                         left.is(TypeKind::duration);
    return has_sum ? std::optional<Type>(left) : std::nullopt;
}

} // namespace

std::string_view operator_mark(Op op) noexcept {
    switch (op) {
    case Op::logical_and: return "&&";
    case Op::logical_or: return "||";
    case Op::logical_not: return "!";
    case Op::negate:
    case Op::subtract: return "-";
    case Op::equal: return "==";
    case Op::not_equal: return "!=";
    case Op::less: return "<";
    case Op::less_equal: return "<=";
    case Op::greater: return ">";
    case Op::greater_equal: return ">=";
    case Op::in: return "in";
    case Op::add: return "+";
    case Op::multiply: return "*";
    case Op::divide: return "/";
    case Op::modulo: return "%";
    default: return "?";
    }
}

std::optional<Type> operator_type(Op op, const Type& operand) {
    if (op != Op::negate) return std::nullopt;
    if (operand.is_dyn() || operand.is(TypeKind::integer) || operand.is(TypeKind::number)) return operand;
    return std::nullopt;
}

std::optional<Type> operator_type(Op op, const Type& a, const Type& b) {
    const Type left = plain(a);
    const Type right = plain(b);
    if (op >= Op::less && op <= Op::greater_equal) {
        if (left.is_dyn() || right.is_dyn() || (is_numeric_type(left) && is_numeric_type(right)))
            return Type::boolean();
        const bool ordered = left == right && !left.is(TypeKind::list) && !left.is(TypeKind::map) &&
                             !left.is(TypeKind::object) && !left.is(TypeKind::null) &&
                             !left.is(TypeKind::type);
        return ordered ? std::optional<Type>(Type::boolean()) : std::nullopt;
    }
    if (left.is_dyn() && right.is_dyn()) return Type();
    const Type& known = left.is_dyn() ? right : left;
    const bool either_dyn = left.is_dyn() || right.is_dyn();
    const bool time = known.is(TypeKind::timestamp) || known.is(TypeKind::duration);
    switch (op) {
    case Op::add:
        if (either_dyn && time) return Type();
        return either_dyn ? sum_type(known, known) : sum_type(left, right);
    case Op::subtract:
        if (either_dyn && time) return Type();
        if (left.is(TypeKind::timestamp) && right.is(TypeKind::timestamp)) return Type::duration();
        if (left.is(TypeKind::timestamp) && right.is(TypeKind::duration)) return Type::timestamp();
        if (left.is(TypeKind::duration) && right.is(TypeKind::duration)) return Type::duration();
        break;
    case Op::modulo:
        if (known.is(TypeKind::number)) return std::nullopt;
        break;
    default: break;
    }
    if (!is_numeric_type(known) || (!either_dyn && !(left == right))) return std::nullopt;
    return known;
}

Value no_overload(Op op, const Value& left, const Value& right) {
    return Value::error("there is no '" + std::string(operator_mark(op)) + "' for " +
                        std::string(type_name(left.kind())) + " and " + std::string(type_name(right.kind())));
}

Value negate(const Value& operand) {
    if (operand.is(Kind::number)) return Value::number(-operand.as_number());
    if (!operand.is(Kind::integer))
        return Value::error("there is no '-' for " + std::string(type_name(operand.kind())));
    if (operand.as_integer() == std::numeric_limits<std::int64_t>::min()) return overflow();
    return Value::integer(-operand.as_integer());
}

Value arithmetic(Op op, const Value& left, const Value& right, Budget& budget) {
    const Kind kind = left.kind();
    if (kind == right.kind()) {
        switch (kind) {
        case Kind::integer: return integers(op, left.as_integer(), right.as_integer(), Value::integer);
        case Kind::uint: return integers(op, left.as_uint(), right.as_uint(), Value::uint);
        case Kind::number:
            if (op == Op::modulo) break;
            return numbers(op, left.as_number(), right.as_number());
        case Kind::string:
        case Kind::bytes:
            if (op == Op::add) return texts(left, right, budget);
            break;
        case Kind::list:
            if (op == Op::add) return lists(left.as_list(), right.as_list(), budget);
            break;
        default: break;
        }
    }
    if (op == Op::add && kind == Kind::duration && right.is(Kind::timestamp)) return add(right, left);
    if (op == Op::add && right.is(Kind::duration)) {
        if (kind == Kind::timestamp || kind == Kind::duration) return add(left, right);
    }
    if (op == Op::subtract && (right.is(Kind::duration) || right.is(kind))) {
        if (kind == Kind::timestamp || kind == Kind::duration) return subtract(left, right);
    }
    return no_overload(op, left, right);
}

Value ordering(Op op, const Value& left, const Value& right, Budget& budget) {
    if (left.is(Kind::string) || left.is(Kind::bytes)) budget.charge(left.as_text().size() / 16);
    const bool numeric = is_numeric(left.kind()) && is_numeric(right.kind());
    const std::optional<int> order = numeric ? order_numbers(left, right) : compare(left, right);
    if (!order) {
        return numeric ? Value::boolean(false) : no_overload(op, left, right);
    }
    switch (op) {
    case Op::less: return Value::boolean(*order < 0);
    case Op::less_equal: return Value::boolean(*order <= 0);
    case Op::greater: return Value::boolean(*order > 0);
    default: return Value::boolean(*order >= 0);
    }
}

Value contained(const Value& what, const Value& in, Budget& budget) {
    if (in.is(Kind::map)) return Value::boolean(in.as_map().find(what).has_value());
    if (!in.is(Kind::list)) return no_overload(Op::in, what, in);
    const List& list = in.as_list();
    const std::size_t size = list.size();
    for (std::size_t i = 0; i < size && !budget.spent(); ++i) {
        if (equal(what, list.at(i), budget)) return Value::boolean(true);
    }
    return Value::boolean(false);
}

Value element_of(const Value& of, const Value& index) {
    if (of.is(Kind::map)) {
        std::optional<Value> found = of.as_map().find(index);
        if (found) return std::move(*found);
        return Value::error(index.is(Kind::string) ? "no such key: '" + std::string(index.as_text()) + "'"
                                                   : std::string("no such key"));
    }
    if (!of.is(Kind::list)) return Value::error(with_article(type_name(of.kind())) + " has no elements");
    const List& list = of.as_list();
    std::uint64_t at = std::numeric_limits<std::uint64_t>::max();
    if (index.is(Kind::integer) && index.as_integer() >= 0)
        at = static_cast<std::uint64_t>(index.as_integer());
    if (index.is(Kind::uint)) at = index.as_uint();
    if (index.is(Kind::number)) {
        const double place = index.as_number();
        if (place >= 0 && place < 0x1p53 && place == std::trunc(place))
            at = static_cast<std::uint64_t>(place);
    }
    if (!is_numeric(index.kind())) return Value::error("a list is indexed by an int");
    if (at >= list.size()) return Value::error("index out of range");
    return list.at(static_cast<std::size_t>(at));
}

Value make_map(std::vector<std::pair<Value, Value>> entries) {
    for (const auto& [key, value] : entries) {
        const bool fits =
            key.is(Kind::boolean) || key.is(Kind::integer) || key.is(Kind::uint) || key.is(Kind::string);
        if (!fits) return Value::error(with_article(type_name(key.kind())) + " cannot be a key");
    }
    auto map = std::make_unique<const PlainMap>(std::move(entries));
    if (map->had_doubles()) return Value::error("a key is in the map twice");
    return Value::map(std::move(map));
}

} // namespace adit::inline v0::cel
