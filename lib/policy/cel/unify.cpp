#include "policy/cel/unify.hpp"

namespace adit::inline v0::cel {

namespace {

using Kind = Type::Kind;

bool is_text(const Type& type) { return type.is(Kind::object) && type.fields()->is_text(); }
bool is_record(const Type& type) { return type.is(Kind::object) && !type.fields()->is_text(); }
bool is_numeric(const Type& type) {
    return type.is(Kind::integer) || type.is(Kind::uint) || type.is(Kind::number);
}

} // namespace

bool assignable(const Type& given, const Type& wanted, Bindings& bindings) {
    if (wanted.is(Kind::parameter)) {
        const auto [at, fresh] = bindings.try_emplace(wanted.letter(), given);
        if (!fresh) {
            if (!comparable(given, at->second)) return false;
            at->second = join(at->second, given);
        }
        return true;
    }
    if (given.is_dyn() || wanted.is_dyn()) return true;
    if (is_text(given) && wanted.is(Kind::string)) return true;
    if (is_record(given) && wanted.is(Kind::map)) return assignable(Type::string(), wanted.key(), bindings);
    if (given.kind() != wanted.kind()) return false;
    switch (given.kind()) {
    case Kind::list: return assignable(given.element(), wanted.element(), bindings);
    case Kind::map:
        return assignable(given.key(), wanted.key(), bindings) &&
               assignable(given.value(), wanted.value(), bindings);
    case Kind::object: return given.fields() == wanted.fields();
    default: return true;
    }
}

bool assignable(const Type& given, const Type& wanted) {
    Bindings none;
    return assignable(given, wanted, none);
}

Type join(const Type& a, const Type& b) {
    if (a == b || b.is_open()) return a;
    if (a.is_open()) return b;
    if (a.is(Kind::list) && b.is(Kind::list)) return Type::list(join(a.element(), b.element()));
    if (a.is(Kind::map) && b.is(Kind::map))
        return Type::map(join(a.key(), b.key()), join(a.value(), b.value()));
    if ((is_text(a) && b.is(Kind::string)) || (is_text(b) && a.is(Kind::string))) return Type::string();
    return {};
}

bool comparable(const Type& a, const Type& b) {
    if (a.is(Kind::null) || b.is(Kind::null) || (is_numeric(a) && is_numeric(b))) return true;
    if (a.is(Kind::list) && b.is(Kind::list)) return comparable(a.element(), b.element());
    if (a.is(Kind::map) && b.is(Kind::map))
        return comparable(a.key(), b.key()) && comparable(a.value(), b.value());
    return assignable(a, b) || assignable(b, a);
}

Type substitute(const Type& type, const Bindings& bindings) {
    switch (type.kind()) {
    case Kind::parameter: {
        const auto found = bindings.find(type.letter());
        return found == bindings.end() ? Type() : found->second;
    }
    case Kind::list: return Type::list(substitute(type.element(), bindings));
    case Kind::map: return Type::map(substitute(type.key(), bindings), substitute(type.value(), bindings));
    default: return type;
    }
}

} // namespace adit::inline v0::cel
