#include "policy/cel/parser.hpp"

#include <adit/limits.hpp>

#include "policy/cel/lexer.hpp"
#include "policy/cel/program.hpp"
#include "policy/cel/text.hpp"
#include "policy/cel/utf8.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace adit::inline v0::cel {

ErrorInfo error_at(std::string_view text, std::size_t position, std::string_view problem) {
    const std::string_view before = text.substr(0, position);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    return {make_error_code(errc::invalid_option), "line " + std::to_string(line) + ", column " +
                                                       std::to_string(utf8_count(before.substr(start)) + 1) +
                                                       ": " + std::string(problem)};
}

namespace {

constexpr std::array<std::string_view, 18> reserved{
    "as", "break", "const", "continue", "else",      "for",    "function", "if",   "import",
    "in", "let",   "loop",  "package",  "namespace", "return", "var",      "void", "while"};

class Binary {
public:
    std::string_view mark;
    Op op;
    int strength;
};
constexpr std::array<Binary, 14> binaries{{{"||", Op::logical_or, 1},
                                           {"&&", Op::logical_and, 2},
                                           {"<", Op::less, 3},
                                           {"<=", Op::less_equal, 3},
                                           {">", Op::greater, 3},
                                           {">=", Op::greater_equal, 3},
                                           {"==", Op::equal, 3},
                                           {"!=", Op::not_equal, 3},
                                           {"in", Op::in, 3},
                                           {"+", Op::add, 4},
                                           {"-", Op::subtract, 4},
                                           {"*", Op::multiply, 5},
                                           {"/", Op::divide, 5},
                                           {"%", Op::modulo, 5}}};

// Every method gives nullptr once error_ is set.
class Parser {
public:
    explicit Parser(std::string_view text) : text_(text), lexer_(text) { advance(); }

    Result<NodePtr> whole() {
        NodePtr root = expression();
        if (root && token_.kind != Tok::end) root = unexpected("an operator or the end");
        if (!root) return error_;
        return root;
    }

private:
    class Nested {
    public:
        explicit Nested(std::size_t& depth) : depth_(++depth) {}
        Nested(const Nested&) = delete;
        Nested& operator=(const Nested&) = delete;
        ~Nested() { --depth_; }

    private:
        std::size_t& depth_;
    };

    void advance() { token_ = lexer_.next(); }

    std::nullptr_t fail(std::size_t position, std::string_view problem) {
        if (!error_) error_ = error_at(text_, position, problem);
        return nullptr;
    }

    std::nullptr_t too_deep() {
        if (!error_) {
            error_ = ErrorInfo(make_error_code(errc::limit_exceeded),
                               "the expression is nested deeper than " +
                                   std::to_string(limits::cel_depth_max) + " levels: split it");
        }
        return nullptr;
    }

    std::nullptr_t unexpected(std::string_view wanted) {
        switch (token_.kind) {
        case Tok::error: return fail(token_.position, token_.text);
        case Tok::end:
            return fail(token_.position, "the expression ends where " + std::string(wanted) + " is expected");
        default:
            return fail(token_.position,
                        "'" + std::string(text_.substr(token_.position, token_.finish - token_.position)) +
                            "' stands where " + std::string(wanted) + " is expected");
        }
    }

    bool take(std::string_view mark) {
        if (!token_.is(mark)) return false;
        advance();
        return true;
    }

    bool expect(std::string_view mark) {
        if (take(mark)) return true;
        unexpected("'" + std::string(mark) + "'");
        return false;
    }

    // Settles the depth of a node whose children are complete.
    NodePtr built(NodePtr node) {
        for (const NodePtr& child : node->children) node->depth = std::max(node->depth, child->depth + 1);
        if (node->depth > limits::cel_depth_max) return too_deep();
        return node;
    }

    NodePtr expression() {
        const Nested nested(nesting_);
        if (nesting_ > limits::cel_depth_max) return too_deep();
        NodePtr condition = binary(1);
        if (!condition || !token_.is("?")) return condition;
        auto node = std::make_unique<Node>(Op::conditional, token_.position);
        advance();
        NodePtr yes = binary(1);
        if (!yes || !expect(":")) return nullptr;
        NodePtr no = expression();
        if (!no) return nullptr;
        node->children.push_back(std::move(condition));
        node->children.push_back(std::move(yes));
        node->children.push_back(std::move(no));
        return built(std::move(node));
    }

    const Binary* operator_here() const {
        if (token_.kind != Tok::mark && !(token_.kind == Tok::identifier && token_.text == "in"))
            return nullptr;
        const auto found = std::find_if(binaries.begin(), binaries.end(),
                                        [&](const Binary& b) { return b.mark == token_.text; });
        return found == binaries.end() ? nullptr : &*found;
    }

    NodePtr binary(int strength) {
        NodePtr left = unary();
        while (left) {
            const Binary* found = operator_here();
            if (!found || found->strength < strength) break;
            const std::size_t position = token_.position;
            advance();
            NodePtr right = binary(found->strength + 1);
            if (!right) return nullptr;
            const bool chain = found->op == Op::logical_and || found->op == Op::logical_or;
            if (chain && left->op == found->op) {
                left->children.push_back(std::move(right)); // one node, however many operands
                left = built(std::move(left));
                continue;
            }
            auto node = std::make_unique<Node>(found->op, position);
            node->children.push_back(std::move(left));
            node->children.push_back(std::move(right));
            left = built(std::move(node));
        }
        return left;
    }

    NodePtr unary() {
        const std::size_t position = token_.position;
        if (token_.is("!") || token_.is("-")) {
            const Op op = token_.is("!") ? Op::logical_not : Op::negate;
            advance();
            const bool literal = token_.kind == Tok::integer || token_.kind == Tok::number;
            if (op == Op::negate && literal) return member(number(position, true));
            const Nested nested(nesting_);
            if (nesting_ > limits::cel_depth_max) return too_deep();
            NodePtr operand = unary();
            if (!operand) return nullptr;
            auto node = std::make_unique<Node>(op, position);
            node->children.push_back(std::move(operand));
            return built(std::move(node));
        }
        return member(primary());
    }

    NodePtr member(NodePtr node) {
        while (node) {
            const std::size_t position = token_.position;
            if (take(".")) {
                node = selected(std::move(node), position);
            } else if (take("[")) {
                auto index = std::make_unique<Node>(Op::index, position);
                if (token_.is("?")) return fail(token_.position, "optional values ('[?') are not supported");
                NodePtr inner = expression();
                if (!inner || !expect("]")) return nullptr;
                index->children.push_back(std::move(node));
                index->children.push_back(std::move(inner));
                node = built(std::move(index));
            } else if (token_.is("{") && (node->op == Op::name || node->op == Op::select)) {
                return fail(position, "there are no message types here: write a map, {\"key\": value}");
            } else {
                break;
            }
        }
        return node;
    }

    NodePtr selected(NodePtr node, std::size_t position) {
        if (token_.is("?")) return fail(token_.position, "optional values ('.?') are not supported");
        if (token_.kind != Tok::identifier && token_.kind != Tok::quoted)
            return unexpected("the name of a field or function");
        const bool plain = token_.kind == Tok::identifier;
        const std::string name = token_.text;
        const std::size_t name_position = token_.position;
        if (plain && (name == "in" || name == "true" || name == "false" || name == "null"))
            return unexpected("the name of a field");
        advance();
        if (plain && take("(")) {
            auto call = std::make_unique<Node>(Op::call, name_position);
            call->name = name;
            call->receiver = true;
            call->children.push_back(std::move(node));
            if (!list_until(")", call->children)) return nullptr;
            return receiver_macro(built(std::move(call)));
        }
        auto select = std::make_unique<Node>(Op::select, plain ? name_position : position);
        select->name = name;
        select->receiver = !plain; // a name in back quotes is no part of a variable's name
        select->children.push_back(std::move(node));
        return built(std::move(select));
    }

    bool list_until(std::string_view closing, std::vector<NodePtr>& out) {
        while (!take(closing)) {
            if (token_.is("?") && closing == "]") {
                fail(token_.position, "optional values ('[?') are not supported");
                return false;
            }
            NodePtr element = expression();
            if (!element) return false;
            out.push_back(std::move(element));
            if (!token_.is(closing) && !take(",")) {
                unexpected("',' or '" + std::string(closing) + "'");
                return false;
            }
            if (closing == ")" && out.size() > limits::cel_arguments_max) {
                fail(token_.position, "a call has too many arguments");
                return false;
            }
        }
        return true;
    }

    NodePtr primary() {
        const std::size_t position = token_.position;
        switch (token_.kind) {
        case Tok::integer:
        case Tok::uint:
        case Tok::number: return number(position, false);
        case Tok::string:
        case Tok::bytes: {
            const bool bytes = token_.kind == Tok::bytes;
            NodePtr node = constant(position, bytes ? Value::bytes(std::move(token_.text))
                                                    : Value::string(std::move(token_.text)));
            advance();
            return node;
        }
        case Tok::identifier: return identifier(false);
        case Tok::mark: break;
        default: return unexpected("a value");
        }
        if (take("(")) {
            NodePtr node = expression();
            if (!node || !expect(")")) return nullptr;
            return node;
        }
        if (take("[")) {
            auto node = std::make_unique<Node>(Op::list, position);
            if (!list_until("]", node->children)) return nullptr;
            return built(std::move(node));
        }
        if (take("{")) return map(position);
        if (take(".")) {
            if (token_.kind != Tok::identifier) return unexpected("a name");
            return identifier(true);
        }
        return unexpected("a value");
    }

    NodePtr map(std::size_t position) {
        auto node = std::make_unique<Node>(Op::map, position);
        while (!take("}")) {
            if (token_.is("?")) return fail(token_.position, "optional values ('{?') are not supported");
            NodePtr key = expression();
            if (!key || !expect(":")) return nullptr;
            NodePtr value = expression();
            if (!value) return nullptr;
            node->children.push_back(std::move(key));
            node->children.push_back(std::move(value));
            if (!token_.is("}") && !take(",")) return unexpected("',' or '}'");
        }
        return built(std::move(node));
    }

    NodePtr identifier(bool absolute) {
        const std::string name = token_.text;
        const std::size_t position = token_.position;
        if (!absolute && name == "true") return advance(), constant(position, Value::boolean(true));
        if (!absolute && name == "false") return advance(), constant(position, Value::boolean(false));
        if (!absolute && name == "null") return advance(), constant(position, Value());
        if (std::find(reserved.begin(), reserved.end(), name) != reserved.end()) {
            return fail(position, "'" + name + "' is a reserved word and cannot be a name");
        }
        advance();
        if (take("(")) {
            auto call = std::make_unique<Node>(Op::call, position);
            call->name = name;
            if (!list_until(")", call->children)) return nullptr;
            return name == "has" && !absolute ? has_macro(built(std::move(call))) : built(std::move(call));
        }
        auto node = std::make_unique<Node>(Op::name, position);
        node->name = name;
        node->absolute = absolute;
        return node;
    }

    static NodePtr constant(std::size_t position, Value value) {
        auto node = std::make_unique<Node>(Op::constant, position);
        node->constant = value;
        if (value.is(Kind::string)) node->constant = Value::borrowed_string(value.as_text());
        if (value.is(Kind::bytes)) node->constant = Value::borrowed_bytes(value.as_text());
        node->storage = std::move(value);
        return node;
    }

    NodePtr number(std::size_t position, bool negative) {
        const Token token = token_;
        advance();
        if (token.kind == Tok::number) {
            const double value = parse_number(token.text).value_or(0);
            if (std::isinf(value)) return fail(position, "this number is too large for a double");
            return constant(position, Value::number(negative ? -value : value));
        }
        const bool hexadecimal = token.text.size() > 1 && (token.text[1] == 'x' || token.text[1] == 'X');
        const char* first = token.text.data() + (hexadecimal ? 2 : 0);
        const char* last = token.text.data() + token.text.size();
        std::uint64_t value = 0;
        const auto [end, code] = std::from_chars(first, last, value, hexadecimal ? 16 : 10);
        if (token.kind == Tok::uint) {
            if (code != std::errc() || end != last)
                return fail(position, "this number is larger than a uint can be");
            return constant(position, Value::uint(value));
        }
        const std::uint64_t most =
            std::uint64_t{std::numeric_limits<std::int64_t>::max()} + (negative ? 1 : 0);
        if (code != std::errc() || end != last || value > most) {
            return fail(position, "this number is larger than an int can be: write a uint (with u behind it) "
                                  "or a double (with .0)");
        }
        return constant(position, Value::integer(static_cast<std::int64_t>(negative ? 0 - value : value)));
    }

    NodePtr has_macro(NodePtr call) {
        if (!call) return nullptr;
        if (call->children.size() != 1 || call->children[0]->op != Op::select) {
            return fail(call->position, "has() asks for one field, as in has(vars.name)");
        }
        NodePtr node = std::move(call->children[0]);
        node->op = Op::has;
        return node;
    }

    NodePtr receiver_macro(NodePtr call) {
        if (!call) return nullptr;
        class Macro {
        public:
            std::string_view name;
            Op op;
            std::size_t arguments;
        };
        static constexpr std::array<Macro, 8> macros{{{"all", Op::all, 2},
                                                      {"exists", Op::exists, 2},
                                                      {"exists_one", Op::exists_one, 2},
                                                      {"existsOne", Op::exists_one, 2},
                                                      {"map", Op::transform, 2},
                                                      {"map", Op::transform, 3},
                                                      {"filter", Op::filter, 2},
                                                      {"sortBy", Op::sort_by, 2}}};
        const auto found = std::find_if(macros.begin(), macros.end(), [&](const Macro& macro) {
            return macro.name == call->name && macro.arguments + 1 == call->children.size();
        });
        if (found == macros.end()) return call;
        const Node& variable = *call->children[1];
        if (variable.op != Op::name || variable.absolute) {
            return fail(variable.position, "the first argument of " + call->name +
                                               "() is a new name for each element, as in ." + call->name +
                                               "(x, ...)");
        }
        call->op = found->op;
        call->receiver = false;
        call->name = variable.name;
        call->children.erase(call->children.begin() + 1);
        return call;
    }

    std::string_view text_;
    Lexer lexer_;
    Token token_;
    ErrorInfo error_;
    std::size_t nesting_ = 0;
};

} // namespace

Result<NodePtr> parse(std::string_view text) {
    if (text.size() > limits::cel_expression_max) {
        return ErrorInfo(make_error_code(errc::limit_exceeded),
                         "the expression is longer than " + std::to_string(limits::cel_expression_max) +
                             " bytes");
    }
    return Parser(text).whole();
}

std::size_t expression_end(std::string_view text, std::size_t start) noexcept {
    Lexer lexer(text.substr(start));
    std::size_t open = 0;
    for (;;) {
        const Token token = lexer.next();
        if (token.kind == Tok::end) return std::string_view::npos;
        if (token.is("{")) ++open;
        if (token.is("}") && open-- == 0) return start + token.position;
    }
}

} // namespace adit::inline v0::cel
