// CEL: any text compiles or is refused with a place; what compiles keeps its cost limit and is of the type
// that the checker said; with and without check it gives the same.
#include "fuzz/fuzz.hpp"

#include "policy/cel/program.hpp"

#include <cstring>

using namespace adit;
using namespace adit::cel;

namespace {

constexpr std::uint64_t cost_limit = 20'000;

const ObjectType& client_type() {
    static ObjectType type("conn.client_ip", true);
    if (type.size() == 0) type.add("country", Type::string());
    return type;
}

class Client final : public Object {
public:
    Client() : Object(client_type()) {}
    Value field(std::size_t) const override { return Value::borrowed_string("DE"); }
};

class Headers final : public Map {
public:
    std::size_t size() const override { return 1; }
    std::optional<Value> find(const Value& key) const override {
        if (!key.is(Kind::string) || key.as_text() != "accept") return std::nullopt;
        return Value::list({Value::borrowed_string("text/html"), Value::borrowed_string("\xff")});
    }
    std::vector<Value> keys() const override { return {Value::borrowed_string("accept")}; }
};

class Fixed final : public Activation {
public:
    Value variable(std::size_t index) const override {
        switch (index) {
        case 0: return Value::borrowed_string("10.1.2.3", client_);
        case 1: return Value::borrowed(headers_);
        case 2: return Value::integer(3);
        default: return vars_;
        }
    }
    void fill_random(MutableBytes out) const override { std::memset(out.data(), 0x5A, out.size()); }

private:
    Client client_;
    Headers headers_;
    Value vars_ =
        Value::map({{Value::string("s"), Value::string("text")},
                    {Value::string("n"), Value::number(1.5)},
                    {Value::string("t"), Value::timestamp({1'700'000'000, 5})},
                    {Value::string("l"), Value::list({Value::uint(1), Value(), Value::boolean(true)})}});
};

const Environment& environment() {
    static const Environment made = [] {
        Environment out;
        out.declare("conn.client_ip", Type::object(client_type()));
        out.declare("req.headers", Type::map(Type::string(), Type::list(Type::string())));
        out.declare("n", Type::integer());
        out.declare("vars", Type());
        return out;
    }();
    return made;
}

bool is_of(const Value& value, const Type& type) {
    switch (type.kind()) {
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
    case Type::Kind::null: return value.is_null();
    case Type::Kind::object: return value.as_object() != nullptr;
    default: return true;
    }
}

std::string shown(const Result<Value>& result) {
    if (!result) return "error: " + result.error().message();
    return std::string(type_name(result->kind())) + ": " + to_text(*result);
}

Result<Value> run(const Program& program, const Fixed& fixed) {
    std::uint64_t cost = 0;
    Result<Value> result = program.evaluate(fixed, cost_limit, cost);
    FUZZ_CHECK(cost <= cost_limit);
    if (!result) {
        FUZZ_CHECK(!result.error().message().empty());
    } else {
        FUZZ_CHECK(!result->is_error());
        fuzz::check_same(to_text(result->owned()), to_text(*result), "the owned value");
    }
    return result;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::Exact exact(Bytes{data, size});
    const std::string_view text = exact.text();
    static const Fixed fixed;
    const std::size_t end = expression_end(text, 0);
    FUZZ_CHECK(end == std::string_view::npos || text[end] == '}');
    const Result<Program> unchecked = Program::compile(text, environment(), Checking::off);
    const Result<Program> checked = Program::compile(text, environment());
    if (!checked) {
        const bool refused = checked.error().code() == errc::limit_exceeded;
        FUZZ_CHECK(refused || checked.error().message().starts_with("line "));
    }
    if (unchecked) static_cast<void>(run(*unchecked, fixed));
    if (!checked) return 0;
    FUZZ_CHECK(unchecked);
    const Result<Value> value = run(*checked, fixed);
    if (value && !value->is_null()) FUZZ_CHECK(is_of(*value, checked->type()));
    const Result<Value> other = run(*unchecked, fixed);
    const auto spent = [](const Result<Value>& result) {
        return !result && result.error().code() == errc::limit_exceeded;
    };
    if (spent(value) || spent(other)) return 0; // what the compiler prepares costs less
    fuzz::check_same(shown(value), shown(other), "the result with check and that without");
    return 0;
}
