// The tree of an expression: made by the parser, resolved and typed by the checker, walked by the evaluator.
#pragma once

#include "policy/cel/environment.hpp"
#include "policy/cel/type.hpp"
#include "policy/cel/value.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace adit::inline v0::cel {

enum class Op : std::uint8_t {
    constant,
    name, ///< of the parser; the checker makes variable, local, constant or failure of it
    variable,
    local,
    failure, ///< what is wrong is known only too well, but is asked for at run time (no check)
    select,
    has,
    index,
    list,
    map,  ///< children: key, value, key, value, ...
    call, ///< of the parser: the first child is the receiver, if it has one
    conditional,
    logical_and, ///< of two or more
    logical_or,
    logical_not,
    negate,
    equal,
    not_equal,
    less,
    less_equal,
    greater,
    greater_equal,
    in,
    add,
    subtract,
    multiply,
    divide,
    modulo,
    // Macros. Children: the range, and what is evaluated for each element.
    all,
    exists,
    exists_one,
    transform, ///< map: range, (filter,) transformation
    filter,
    sort_by,
};

class Node;
using NodePtr = std::unique_ptr<Node>;

class Node {
public:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    Node(Op o, std::size_t at) : op(o), position(at) {}

    Op op;
    bool receiver = false;    ///< call: x.f() rather than f(x)
    bool absolute = false;    ///< name: it has a dot in front
    std::size_t depth = 1;    ///< of this tree
    std::size_t index = none; ///< variable: its index; local: how many scopes out; select: the field's number
    Value constant;           ///< borrows from `storage` or from the children
    std::vector<NodePtr> children;
    std::vector<std::shared_ptr<const Function>> overloads; ///< call: those that the types leave possible
    std::shared_ptr<const Shared> prepared;
    std::string name;     ///< of a name, field, function, or a macro's variable
    Value storage;        ///< what a constant owns
    Type type;            ///< by the checker
    std::size_t position; ///< byte in the text
};

} // namespace adit::inline v0::cel
