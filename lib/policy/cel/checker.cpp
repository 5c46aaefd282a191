#include "policy/cel/checker.hpp"

#include "policy/cel/operators.hpp"
#include "policy/cel/parser.hpp"
#include "policy/cel/plain.hpp"
#include "policy/cel/text.hpp"
#include "policy/cel/unify.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace adit::inline v0::cel {

namespace {

using TypeKind = Type::Kind;

constexpr std::array<std::string_view, 12> type_names{"bool",
                                                      "int",
                                                      "uint",
                                                      "double",
                                                      "string",
                                                      "bytes",
                                                      "list",
                                                      "map",
                                                      "null_type",
                                                      "type",
                                                      "google.protobuf.Timestamp",
                                                      "google.protobuf.Duration"};

class Checker {
public:
    Checker(std::string_view text, const Environment& environment, Checking checking,
            std::vector<bool>& reads)
        : text_(text), environment_(environment), strict_(checking == Checking::full), reads_(reads) {}

    Result<void> run(Node& root) {
        visit(root);
        if (error_) return error_;
        return {};
    }

private:
    void visit(Node& node) {
        if (error_) return;
        switch (node.op) {
        case Op::constant: node.type = type_of(node.constant); return;
        case Op::name: return name(node);
        case Op::select: return select(node);
        case Op::has: return has(node);
        case Op::call: return call(node);
        case Op::list: return list(node);
        case Op::map: return map(node);
        case Op::all:
        case Op::exists:
        case Op::exists_one:
        case Op::transform:
        case Op::filter:
        case Op::sort_by: return comprehension(node);
        default: break;
        }
        visit_children(node);
        if (error_) return;
        if (strict_) node.type = operation(node);
    }

    void visit_children(Node& node) {
        for (const NodePtr& child : node.children) visit(*child);
    }

    Type fail(const Node& node, std::string_view problem) {
        if (!error_) error_ = error_at(text_, node.position, problem);
        return {};
    }

    // What is known to be wrong: of the compiler with check, at run time without.
    void wrong(Node& node, std::string problem) {
        if (strict_) {
            fail(node, problem);
            return;
        }
        node.op = Op::failure;
        node.children.clear();
        node.constant = node.storage = Value::error(std::move(problem));
    }

    static Type type_of(const Value& value) {
        switch (value.kind()) {
        case Kind::null: return Type::null();
        case Kind::boolean: return Type::boolean();
        case Kind::integer: return Type::integer();
        case Kind::uint: return Type::uint();
        case Kind::number: return Type::number();
        case Kind::string: return Type::string();
        case Kind::bytes: return Type::bytes();
        default: return {};
        }
    }

    // Names

    std::optional<std::size_t> find_local(std::string_view name) const {
        for (std::size_t hops = 0; hops < locals_.size(); ++hops) {
            if (locals_[locals_.size() - 1 - hops]->name == name) return hops;
        }
        return std::nullopt;
    }

    bool variable(Node& node, std::string_view name) {
        const Environment::Variable* found = environment_.find_variable(name);
        if (!found) return false;
        node.op = Op::variable;
        node.index = found->index;
        if (strict_) node.type = found->type;
        reads_[found->index] = true;
        node.children.clear();
        return true;
    }

    bool type_value(Node& node, std::string_view name) {
        const auto found = std::find(type_names.begin(), type_names.end(), name);
        if (found == type_names.end()) return false;
        node.op = Op::constant;
        node.constant = Value::type(*found);
        node.type = Type::type();
        node.children.clear();
        return true;
    }

    void name(Node& node) {
        if (const auto hops = find_local(node.name); hops && !node.absolute) {
            node.op = Op::local;
            node.index = *hops;
            node.type = locals_[locals_.size() - 1 - *hops]->type;
            return;
        }
        if (variable(node, node.name) || type_value(node, node.name)) return;
        if (environment_.is_namespace(node.name))
            return wrong(node, "'" + node.name + "' is no value: name one of its members");
        wrong(node, "there is no variable '" + node.name + "' here");
    }

    // "a.b.c" for selects of selects of a name that is no local variable; "" for anything else.
    std::string qualified(const Node& node) const {
        if (node.op == Op::name) return find_local(node.name) && !node.absolute ? std::string() : node.name;
        if (node.op != Op::select || node.receiver) return {};
        std::string outer = qualified(*node.children[0]);
        if (!outer.empty()) outer += "." + node.name;
        return outer;
    }

    void select(Node& node) {
        if (const std::string whole = qualified(node); !whole.empty()) {
            if (variable(node, whole) || type_value(node, whole)) return;
            const std::string outer = qualified(*node.children[0]);
            if (environment_.is_namespace(outer) && !environment_.is_namespace(whole) &&
                !starts_with_variable(outer)) {
                return wrong(node, "'" + outer + "' has no member '" + node.name + "'");
            }
        }
        visit(*node.children[0]);
        if (!error_) node.type = field(node);
    }

    // Whether "a", "a.b", ... of "a.b.c" is a variable, so that the rest are fields of it.
    bool starts_with_variable(std::string_view name) const {
        for (std::size_t end = name.find('.');; end = name.find('.', end + 1)) {
            if (environment_.find_variable(name.substr(0, end))) return true;
            if (end == std::string_view::npos) return false;
        }
    }

    Type field(Node& node) {
        const Type& of = node.children[0]->type;
        switch (of.kind()) {
        case TypeKind::dyn: return {};
        case TypeKind::map:
            if (assignable(Type::string(), of.key())) return of.value();
            return fail(node, "this " + of.to_string() + " has no keys that are strings");
        case TypeKind::object: {
            const std::optional<std::size_t> index = of.fields()->find(node.name);
            if (!index) return fail(node, "'" + of.fields()->name() + "' has no field '" + node.name + "'");
            node.index = *index;
            return of.fields()->field_type(*index);
        }
        default: return fail(node, with_article(of.to_string()) + " has no field '" + node.name + "'");
        }
    }

    // A field is there if its object says so; a variable with a dotted name if it is not null.
    void has(Node& node) {
        const std::string outer = qualified(*node.children[0]);
        if (!outer.empty() && environment_.find_variable(outer + "." + node.name)) {
            node.children[0] = std::make_unique<Node>(Op::name, node.position);
            node.children[0]->name = outer + "." + node.name;
            node.children[0]->absolute = true;
            node.children.push_back(std::make_unique<Node>(Op::constant, node.position));
            node.op = Op::not_equal;
            visit_children(node);
            if (strict_) node.type = Type::boolean();
            return;
        }
        visit(*node.children[0]);
        if (error_) return;
        field(node);
        if (strict_) node.type = Type::boolean();
    }

    // Calls

    void call(Node& node) {
        if (node.receiver) {
            const std::string outer = qualified(*node.children[0]);
            const std::string whole = outer + "." + node.name;
            if (!outer.empty() && !environment_.find_functions(whole, false).empty()) {
                node.receiver = false;
                node.name = whole;
                node.children.erase(node.children.begin());
            } else if (!outer.empty() && environment_.is_namespace(outer) &&
                       !environment_.is_namespace(whole) && !starts_with_variable(outer)) {
                return wrong(node, "there is no function '" + whole + "'");
            }
        }
        visit_children(node);
        if (error_) return;
        const auto overloads = environment_.find_functions(node.name, node.receiver);
        if (overloads.empty()) return wrong(node, no_function(node));
        std::optional<Type> result;
        for (const auto& overload : overloads) {
            Bindings bindings;
            if (!fits(node, *overload, bindings)) continue;
            node.overloads.push_back(overload);
            const Type gives = substitute(overload->result(), bindings);
            result = result ? join(*result, gives) : gives;
        }
        if (!result) return wrong(node, no_overload(node));
        if (strict_) node.type = *result;
        prepare(node);
    }

    std::string no_function(const Node& node) const {
        const bool other = !environment_.find_functions(node.name, !node.receiver).empty();
        if (!other) return "there is no function '" + node.name + "'";
        return node.receiver ? "'" + node.name + "' is called as " + node.name + "(...), not behind a dot"
                             : "'" + node.name + "' is called behind a dot, as in value." + node.name + "()";
    }

    static bool fits(const Node& node, const Function& function, Bindings& bindings) {
        const auto& wanted = function.parameters();
        if (wanted.size() != node.children.size()) return false;
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            if (!assignable(node.children[i]->type, wanted[i], bindings)) return false;
        }
        return true;
    }

    std::string no_overload(const Node& node) const {
        const auto types = [&](auto begin, auto end, auto type) {
            std::string out;
            for (auto at = begin; at != end; ++at) out += (at == begin ? "" : ", ") + type(*at).to_string();
            return out;
        };
        const auto form = [&](const auto& list, auto type) {
            const auto skip = node.receiver ? 1 : 0;
            std::string out = node.receiver ? type(list.front()).to_string() + "." : std::string();
            return out + node.name + "(" + types(list.begin() + skip, list.end(), type) + ")";
        };
        std::string out = "there is no " +
                          form(node.children, [](const NodePtr& child) { return child->type; }) +
                          "; there is ";
        bool first = true;
        for (const auto& overload : environment_.find_functions(node.name, node.receiver)) {
            out += (first ? "" : ", ") + form(overload->parameters(), [](const Type& type) { return type; });
            first = false;
        }
        return out;
    }

    // A constant last argument is worked up now rather than at each evaluation.
    void prepare(Node& node) {
        const bool constant = !node.children.empty() && node.children.back()->op == Op::constant;
        if (node.overloads.size() != 1 || !constant || !node.overloads[0]->prepare()) return;
        auto prepared = node.overloads[0]->prepare()(node.children.back()->constant);
        if (!prepared) return wrong(*node.children.back(), prepared.error().message());
        node.prepared = std::move(*prepared);
    }

    // What is written down completely is built once. Elements are borrowed from the children, which stay.
    void fold(Node& node) {
        const auto is_constant = [](const NodePtr& child) { return child->op == Op::constant; };
        if (!std::all_of(node.children.begin(), node.children.end(), is_constant)) return;
        if (node.op == Op::list) {
            std::vector<Value> elements;
            for (const NodePtr& child : node.children) elements.push_back(child->constant);
            node.storage = Value::list(std::move(elements));
            node.constant = Value::borrowed(node.storage.as_list());
            node.op = Op::constant;
        } else if (node.op == Op::map) {
            Value made = make_map_of(node);
            if (made.is_error()) return;
            node.storage = std::move(made);
            node.constant = Value::borrowed(node.storage.as_map());
            node.op = Op::constant;
        }
    }

    static Value make_map_of(const Node& node) {
        std::vector<std::pair<Value, Value>> entries;
        for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
            entries.emplace_back(node.children[i]->constant, node.children[i + 1]->constant);
        }
        return make_map(std::move(entries));
    }

    // Aggregates

    void list(Node& node) {
        visit_children(node);
        if (error_) return;
        if (strict_) node.type = Type::list(joined(node, 0, 1));
        fold(node);
    }

    static Type joined(const Node& node, std::size_t first, std::size_t step) {
        std::optional<Type> out;
        for (std::size_t i = first; i < node.children.size(); i += step) {
            out = out ? join(*out, node.children[i]->type) : node.children[i]->type;
        }
        return out.value_or(Type::open());
    }

    void map(Node& node) {
        visit_children(node);
        if (error_) return;
        for (std::size_t i = 0; i < node.children.size(); i += 2) {
            const Type& key = node.children[i]->type;
            const bool fits = key.is_dyn() || key.is(TypeKind::boolean) || key.is(TypeKind::integer) ||
                              key.is(TypeKind::uint) || assignable(key, Type::string());
            if (!fits && strict_) {
                fail(*node.children[i],
                     "a key is a string, an int, a uint or a bool, not " + with_article(key.to_string()));
                return;
            }
        }
        if (strict_) node.type = Type::map(joined(node, 0, 2), joined(node, 1, 2));
        fold(node);
    }

    // Macros

    void comprehension(Node& node) {
        visit(*node.children[0]);
        if (error_) return;
        const Type& range = node.children[0]->type;
        const bool record = range.is(TypeKind::object) && !range.fields()->is_text();
        if (!range.is_dyn() && !range.is(TypeKind::list) && !range.is(TypeKind::map) && !record) {
            fail(*node.children[0],
                 with_article(range.to_string()) + " has no elements: a list or a map has");
            return;
        }
        Local local;
        local.name = node.name;
        local.type = range.is(TypeKind::map) ? range.key() : (record ? Type::string() : range.element());
        locals_.push_back(&local);
        for (std::size_t i = 1; i < node.children.size(); ++i) visit(*node.children[i]);
        locals_.pop_back();
        if (error_ || !strict_) return;
        const Type& last = node.children.back()->type;
        const bool predicate = node.op == Op::transform ? node.children.size() == 3 : node.op != Op::sort_by;
        if (predicate && !assignable(node.children[1]->type, Type::boolean())) {
            fail(*node.children[1],
                 "a condition is a bool, not " + with_article(node.children[1]->type.to_string()));
            return;
        }
        switch (node.op) {
        case Op::transform: node.type = Type::list(last); break;
        case Op::filter:
        case Op::sort_by: node.type = Type::list(local.type); break;
        default: node.type = Type::boolean();
        }
    }

    // Operators

    Type operation(Node& node) {
        const auto type = [&](std::size_t i) -> const Type& { return node.children[i]->type; };
        switch (node.op) {
        case Op::conditional:
            if (!assignable(type(0), Type::boolean())) {
                return fail(*node.children[0],
                            "a condition is a bool, not " + with_article(type(0).to_string()));
            }
            if (!comparable(type(1), type(2))) {
                return fail(node, "both results must be of one type, and are " + type(1).to_string() +
                                      " and " + type(2).to_string() + ": put one into dyn(...)");
            }
            return type(1).is(TypeKind::null)
                       ? type(2)
                       : (type(2).is(TypeKind::null) ? type(1) : join(type(1), type(2)));
        case Op::logical_and:
        case Op::logical_or:
        case Op::logical_not:
            for (const NodePtr& child : node.children) {
                if (!assignable(child->type, Type::boolean())) {
                    return fail(*child,
                                "a bool is needed here, not " + with_article(child->type.to_string()));
                }
            }
            return Type::boolean();
        case Op::equal:
        case Op::not_equal:
            if (comparable(type(0), type(1))) return Type::boolean();
            return fail(node, with_article(type(0).to_string()) + " never equals " +
                                  with_article(type(1).to_string()) +
                                  ": convert one of them, or put it into dyn(...)");
        case Op::index: return index(node);
        case Op::in: return in(node);
        default: break;
        }
        const std::optional<Type> result = node.children.size() == 1
                                               ? operator_type(node.op, type(0))
                                               : operator_type(node.op, type(0), type(1));
        if (result) return *result;
        std::string operands = type(0).to_string();
        if (node.children.size() > 1) operands += " and " + type(1).to_string();
        return fail(node, "there is no '" + std::string(operator_mark(node.op)) + "' for " + operands +
                              ": convert the operands to one type");
    }

    Type index(Node& node) {
        const Type& of = node.children[0]->type;
        const Type& by = node.children[1]->type;
        switch (of.kind()) {
        case TypeKind::dyn: return {};
        case TypeKind::list:
            if (assignable(by, Type::integer()) || by.is(TypeKind::uint)) return of.element();
            return fail(*node.children[1],
                        "a list is indexed by an int, not by " + with_article(by.to_string()));
        case TypeKind::map:
            if (comparable(by, of.key())) return of.value();
            return fail(*node.children[1], "the keys of this map are of type " + of.key().to_string() +
                                               ", not " + by.to_string());
        case TypeKind::object:
            if (!of.fields()->is_text() && assignable(by, Type::string())) return {};
            break;
        default: break;
        }
        return fail(node, with_article(of.to_string()) + " has no elements: a list or a map has");
    }

    Type in(Node& node) {
        const Type& of = node.children[1]->type;
        const Type& what = node.children[0]->type;
        const bool record = of.is(TypeKind::object) && !of.fields()->is_text();
        if (!of.is_dyn() && !of.is(TypeKind::list) && !of.is(TypeKind::map) && !record) {
            return fail(*node.children[1], "'in' looks into a list or the keys of a map, not into " +
                                               with_article(of.to_string()));
        }
        const Type element =
            of.is(TypeKind::list) ? of.element() : (of.is(TypeKind::map) ? of.key() : Type());
        if (comparable(what, element)) return Type::boolean();
        return fail(node, with_article(what.to_string()) + " is never in " + with_article(of.to_string()));
    }

    class Local {
    public:
        std::string name;
        Type type;
    };

    std::string_view text_;
    const Environment& environment_;
    bool strict_;
    std::vector<bool>& reads_;
    std::vector<const Local*> locals_;
    ErrorInfo error_;
};

} // namespace

Result<void> check(Node& root, std::string_view text, const Environment& environment, Checking checking,
                   std::vector<bool>& reads) {
    reads.assign(environment.variable_count(), false);
    return Checker(text, environment, checking, reads).run(root);
}

} // namespace adit::inline v0::cel
