// What the compiler knows, and says.
#include "evaluate.hpp"
#include "support/doctest.hpp"

#include <adit/limits.hpp>

using namespace adit;
using namespace adit::cel;
using adit_test::evaluated;

namespace {

const ObjectType& geo_type() {
    static ObjectType type("conn.geo");
    if (type.size() == 0) type.add("city", Type::string());
    return type;
}

const ObjectType& ip_type() {
    static ObjectType type("conn.client_ip", true);
    if (type.size() == 0) type.add("geo", Type::object(geo_type()));
    return type;
}

const ObjectType& conn_type() {
    static ObjectType type("conn");
    if (type.size() == 0) {
        type.add("client_ip", Type::object(ip_type()));
        type.add("bytes_in", Type::integer());
    }
    return type;
}

class Geo final : public Object {
public:
    Geo() : Object(geo_type()) {}
    Value field(std::size_t) const override { return Value::borrowed_string("Hamburg"); }
};

class Ip final : public Object {
public:
    Ip() : Object(ip_type()) {}
    Value field(std::size_t) const override { return Value::borrowed(geo_); }

private:
    Geo geo_;
};

class Conn final : public Object {
public:
    Conn() : Object(conn_type()) {}
    Value field(std::size_t index) const override {
        return index == 0 ? Value::borrowed_string("192.0.2.1", ip_) : Value();
    }

private:
    Ip ip_;
};

// Counts what is asked of it.
class Headers final : public Map {
public:
    std::size_t size() const override { return 1; }
    std::optional<Value> find(const Value& key) const override {
        ++finds;
        if (!key.is(Kind::string) || key.as_text() != "accept") return std::nullopt;
        return Value::list({Value::borrowed_string("text/html")});
    }
    std::vector<Value> keys() const override {
        ++listings;
        return {Value::borrowed_string("accept")};
    }
    mutable int finds = 0;
    mutable int listings = 0;
};

class Request final : public Activation {
public:
    Value variable(std::size_t index) const override {
        switch (index) {
        case 0: return Value::borrowed(conn);
        case 1: return Value::borrowed(headers);
        case 2: return Value::borrowed_string("2024-12-31T23:59:59Z");
        default: return Value::integer(5);
        }
    }
    Conn conn;
    Headers headers;
};

Environment request_environment() {
    Environment environment;
    environment.declare("conn", Type::object(conn_type()));
    environment.declare("req.headers", Type::map(Type::string(), Type::list(Type::string())));
    environment.declare("time.now", Type::string());
    environment.declare("vars", Type());
    environment.add(
        Function("getHeader", {Type::string()}, Type::list(Type::string()),
                 [](Call& call, std::span<const Value> arguments) {
                     const auto& request = static_cast<const Request&>(call.activation());
                     return request.headers.find(arguments[0]).value_or(Value::list(std::vector<Value>()));
                 }));
    return environment;
}

} // namespace

TEST_CASE("CEL: errors of the compiler have a place and say what to do") {
    class Row {
    public:
        const char* expression;
        const char* message;
    };
    const Row rows[] = {
        {"", "line 1, column 1: the expression ends where a value is expected"},
        {"1 +", "line 1, column 4: the expression ends where a value is expected"},
        {"1 + \"a\"",
         "line 1, column 3: there is no '+' for int and string: convert the operands to one type"},
        {"1 ==\n  \"a\"",
         "line 1, column 3: an int never equals a string: convert one of them, or put it into dyn(...)"},
        {"true &&\n  conn.foo == 1", "line 2, column 8: 'conn' has no field 'foo'"},
        {"conn.client_ip.foo", "line 1, column 16: 'conn.client_ip' has no field 'foo'"},
        {"conn.client_ip.geo.town", "line 1, column 20: 'conn.geo' has no field 'town'"},
        {"req.foo", "line 1, column 5: 'req' has no member 'foo'"},
        {"req", "line 1, column 1: 'req' is no value: name one of its members"},
        {"time.now.x", "line 1, column 10: a string has no field 'x'"},
        {"user", "line 1, column 1: there is no variable 'user' here"},
        {"\"äö\" + user", "line 1, column 8: there is no variable 'user' here"},
        {"frobnicate(1)", "line 1, column 1: there is no function 'frobnicate'"},
        {"json.frob(1)", "line 1, column 6: there is no function 'json.frob'"},
        {"startsWith('a', 'b')",
         "line 1, column 1: 'startsWith' is called behind a dot, as in value.startsWith()"},
        {"'a'.getHeader()", "line 1, column 5: 'getHeader' is called as getHeader(...), not behind a dot"},
        {"getHeader(1)", "line 1, column 1: there is no getHeader(int); there is getHeader(string)"},
        {"'a'.trim(1)", "line 1, column 5: there is no string.trim(int); there is string.trim()"},
        {"1 ? 2 : 3", "line 1, column 1: a condition is a bool, not an int"},
        {"true ? 1 : 'a'", "line 1, column 6: both results must be of one type, and are int and string"},
        {"1 && true", "line 1, column 1: a bool is needed here, not an int"},
        {"1 in 'abc'", "line 1, column 6: 'in' looks into a list or the keys of a map, not into a string"},
        {"1 in ['a']", "line 1, column 3: an int is never in a list(string)"},
        {"[1]['a']", "line 1, column 5: a list is indexed by an int, not by a string"},
        {"{1.5: 2}", "line 1, column 2: a key is a string, an int, a uint or a bool, not a double"},
        {"'a'.all(x, true)", "line 1, column 1: a string has no elements: a list or a map has"},
        {"[1].all(x, 1)", "line 1, column 12: a condition is a bool, not an int"},
        {"[1].all(1, true)", "line 1, column 9: the first argument of all() is a new name for each element"},
        {"has(vars)", "line 1, column 1: has() asks for one field, as in has(vars.name)"},
        {"{'a': 1", "line 1, column 8: the expression ends where ',' or '}' is expected"},
        {"(1", "line 1, column 3: the expression ends where ')' is expected"},
        {"1 2", "line 1, column 3: '2' stands where an operator or the end is expected"},
        {"a = 1", "line 1, column 3: '=' has no meaning here: did you mean '=='?"},
        {"a & b", "line 1, column 3: '&' has no meaning here: did you mean '&&'?"},
        {"'abc", "line 1, column 1: this string is not closed: a ' is missing"},
        {"'a\\q'", "line 1, column 3: there is no such escape"},
        {"'\\ud800'", "line 1, column 2: this is no Unicode character"},
        {"b'\\u0041'", "line 1, column 3: bytes have no \\u and \\U"},
        {"12abc", "line 1, column 1: a number ends at 'a'"},
        {"9223372036854775808", "line 1, column 1: this number is larger than an int can be"},
        {"18446744073709551616u", "line 1, column 1: this number is larger than a uint can be"},
        {"1e400", "line 1, column 1: this number is too large for a double"},
        {"for", "line 1, column 1: 'for' is a reserved word and cannot be a name"},
        {"Name{a: 1}", "line 1, column 5: there are no message types here: write a map"},
        {"vars.?a", "line 1, column 6: optional values ('.?') are not supported"},
        {"`a`", "line 1, column 1: '`a`' stands where a value is expected"},
    };
    const Environment environment = request_environment();
    const Request request;
    for (const Row& row : rows) {
        INFO(std::string(row.expression));
        const std::string got = evaluated(row.expression, environment, request);
        CHECK_MESSAGE(got.starts_with("compile: " + std::string(row.message)), got);
    }
}

TEST_CASE("CEL: variables, objects, strings with fields and functions of the host") {
    const Environment environment = request_environment();
    const Request request;
    const auto run = [&](std::string_view text) { return evaluated(text, environment, request); };
    CHECK(run("conn.client_ip") == "192.0.2.1");
    CHECK(run("conn.client_ip == '192.0.2.1' && conn.client_ip.startsWith('192.') && type(conn.client_ip) == "
              "string") == "true");
    CHECK(run("conn.client_ip.geo.city + '!'") == "Hamburg!");
    CHECK(run("conn['client_ip']") == "192.0.2.1");
    CHECK(run("has(conn.client_ip) && !has(conn.bytes_in)") == "true");
    CHECK(run("conn.bytes_in == null") == "true");
    CHECK(run("has(req.headers) && has(time.now) && has(req.headers.accept) && !has(req.headers.cookie)") == "true");
    CHECK(run("has(time.later)") == "compile: line 1, column 5: 'time' is no value: name one of its members");
    CHECK(run("conn.map(k, k)") == R"(["client_ip"])");
    CHECK(run("json.encode(conn.client_ip.geo)") == R"({"city":"Hamburg"})");
    CHECK(run("req.headers.accept[0]") == "text/html");
    CHECK(run("req.headers['accept'][0] == getHeader('accept')[0]") == "true");
    CHECK(run("getHeader('cookie').size()") == "0");
    CHECK(run("time.now.startsWith('2024')") == "true");
    CHECK(run("[1].exists(time, time == 1)") == "true");
    CHECK(run(".time.now == time.now") == "true");
    CHECK(run("vars + 1") == "6");
    CHECK(run("vars.x") == "error: an int has no field 'x'");
    CHECK(run("vars.startsWith('a')") == "error: there is no startsWith for (int, string)");
    CHECK(run("[conn.client_ip, 'x'].map(a, a.size())") == "[9,1]");
}

TEST_CASE("CEL: a lazy view is asked for what the expression names only") {
    const Environment environment = request_environment();
    const Request request;
    CHECK(evaluated("req.headers['accept'][0] == 'text/html'", environment, request) == "true");
    CHECK(request.headers.finds == 1);
    CHECK(request.headers.listings == 0);
    CHECK(evaluated("false && req.headers['accept'][0] == 'x'", environment, request) == "false");
    CHECK(request.headers.finds == 1);
}

TEST_CASE("CEL: a program tells its type and which variables it reads") {
    const Environment environment = request_environment();
    const auto program = Program::compile("conn.client_ip == '::1' && time.now != ''", environment);
    REQUIRE(program);
    CHECK(program->type() == Type::boolean());
    CHECK(program->reads(0));
    CHECK_FALSE(program->reads(1));
    CHECK(program->reads(2));
    CHECK_FALSE(program->reads(17));
    CHECK(Program::compile("req.headers", environment)->type().to_string() == "map(string, list(string))");
    CHECK(Program::compile("vars", environment)->type().is_dyn());
}

TEST_CASE("CEL: a value that is owned outlives program and activation") {
    Value kept;
    {
        const Environment environment = request_environment();
        const Request request;
        const auto program =
            Program::compile("{'ip': conn.client_ip, 'h': req.headers, 'c': ['a literal']}", environment);
        REQUIRE(program);
        const auto value = program->evaluate(request);
        REQUIRE(value);
        kept = value->owned();
    }
    CHECK(to_text(kept) == R"({"ip":"192.0.2.1","h":{"accept":["text/html"]},"c":["a literal"]})");
}

TEST_CASE("CEL: without check the same mistakes are found at run time") {
    const Environment environment;
    const adit_test::NoVariables none;
    const auto run = [&](std::string_view text) {
        const auto program = Program::compile(text, environment, Checking::off);
        if (!program) return "compile: " + program.error().message();
        const auto value = program->evaluate(none);
        return value ? to_text(*value) : "error: " + value.error().message();
    };
    CHECK(run("1 + 'a'") == "error: there is no '+' for int and string");
    CHECK(run("missing || true") == "true");
    CHECK(run("missing") == "error: there is no variable 'missing' here");
    CHECK(run("f(1)") == "error: there is no function 'f'");
    CHECK(run("1 +") == "compile: line 1, column 4: the expression ends where a value is expected");
}

TEST_CASE("CEL: the end of an interpolated expression") {
    const auto end = [](std::string_view text) { return expression_end(text, 2); };
    CHECK(end("${a}") == 3);
    CHECK(end("${{'a': {'b': 1}}.a.b} and ${x}") == 21);
    CHECK(end("${'}'} x") == 5);
    CHECK(end("${\"\"\"}\"}\"\"\"}") == 11);
    CHECK(end("${a // }\n}") == 9);
    CHECK(end("${r'\\'}'}") == 8);
    CHECK(end("${a") == std::string_view::npos);
    CHECK(end("${'a}") == std::string_view::npos);
    CHECK(end("${") == std::string_view::npos);
}
