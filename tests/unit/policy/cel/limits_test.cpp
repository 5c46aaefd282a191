// What an expression may not do: its size, its depth, its cost.
#include "evaluate.hpp"
#include "support/doctest.hpp"

#include <adit/limits.hpp>

#include <atomic>
#include <thread>
#include <vector>

using namespace adit;
using namespace adit::cel;
using adit_test::evaluated;

namespace {

std::string repeated(std::string_view text, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += text;
    return out;
}

std::error_code code_of(std::string_view expression, std::uint64_t limit = limits::cel_cost_max) {
    static const Environment environment;
    static const adit_test::NoVariables none;
    const auto program = Program::compile(expression, environment);
    if (!program) return program.error().code();
    const auto value = program->evaluate(none, limit);
    return value ? std::error_code() : value.error().code();
}

} // namespace

TEST_CASE("CEL: length and depth of an expression have bounds") {
    const std::size_t depth = limits::cel_depth_max;
    CHECK_FALSE(code_of("'" + repeated("a", limits::cel_expression_max - 2) + "'"));
    CHECK(code_of("'" + repeated("a", limits::cel_expression_max - 1) + "'") == errc::limit_exceeded);
    for (const auto& [open, middle, close] : {std::array{"(", "1", ")"},
                                              {"[", "1", "]"},
                                              {"!", "true", ""},
                                              {"-", "dyn(1)", ""},
                                              {"dyn(", "1", ")"},
                                              {"{'a':", "1", "}"},
                                              {"true ? 1 : ", "1", ""},
                                              {"[1].map(x, ", "1", ")"},
                                              {"1 + (", "1", ")"}}) {
        INFO(std::string(open));
        CHECK_FALSE(code_of(repeated(open, depth / 3) + middle + repeated(close, depth / 3)));
        CHECK(code_of(repeated(open, depth + 1) + middle + repeated(close, depth + 1)) ==
              errc::limit_exceeded);
        CHECK(code_of(repeated(open, 5'000) + middle + repeated(close, 5'000)) == errc::limit_exceeded);
        CHECK(code_of(repeated(open, 5'000)));
    }
    CHECK(code_of("1" + repeated(" + 1", depth)) == errc::limit_exceeded);
    CHECK(code_of("{}" + repeated(".a", depth)) == errc::limit_exceeded);
    CHECK(code_of("[]" + repeated("[0]", depth)) == errc::limit_exceeded);
    CHECK(code_of("''" + repeated(".trim()", depth)) == errc::limit_exceeded);
    // Long conditions are one level.
    CHECK_FALSE(code_of("true" + repeated(" && true", 5'000)));
    CHECK_FALSE(code_of("false" + repeated(" || false", 5'000)));
    CHECK(evaluated("dyn(1" + repeated(", 1", 40) + ")").starts_with("compile: line 1, column"));
    CHECK(evaluated("json.decode('" + repeated("[", 5'000) + repeated("]", 5'000) + "')") ==
          "error: the JSON is nested too deep");
    CHECK(
        evaluated("''.matches('" + repeated("a", limits::cel_regex_max + 1) + "')").starts_with("compile: "));
    CHECK(evaluated("''.matches('((a{1,100}){1,100}){1,100}')").starts_with("compile: "));
}

TEST_CASE("CEL: the cost of an evaluation has a bound, and no operator hides that") {
    const Environment environment;
    const adit_test::NoVariables none;
    const auto program = Program::compile("[1, 2, 3].all(x, x > 0)", environment);
    REQUIRE(program);
    std::uint64_t cost = 0;
    REQUIRE(program->evaluate(none, 1'000, cost));
    CHECK(cost == 11); // the macro, the list, and three nodes for each element
    CHECK(program->evaluate(none, cost));
    const auto refused = program->evaluate(none, cost - 1);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == errc::limit_exceeded);
    CHECK(refused.error().message() == "the expression costs more than 10 steps: look at less, or split it");
    CHECK(code_of("lists.range(100000).all(x, x >= 0) || true") == errc::limit_exceeded);
    CHECK(code_of("[lists.range(100000)].exists(x, x.size() > 0) ? 1 : 2") == errc::limit_exceeded);
}

TEST_CASE("CEL: whatever allocates or loops is charged before it does") {
    const char* const costly[] = {
        "lists.range(9223372036854775807)",
        "lists.range(1000).map(a, lists.range(1000).map(b, a * b))",
        "lists.range(1000).map(a, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx').join().replace('x', "
        "'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy')",
        "lists.range(60000).distinct().size()",
        "lists.range(2000).distinct().size()",
        "lists.range(3000).sort().sort().sort().sort()",
        "lists.range(3000).all(a, '%.1000f'.format([1.0]).size() > 0)",
        "lists.range(100).map(a, lists.range(1000)).flatten().size()",
        "[lists.range(50000)].all(a, a == a)",
        "[lists.range(5000)].all(a, lists.range(5000).all(b, b in a))",
        "lists.range(1000).exists(a, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'.matches('a' + string(a)))",
        "[lists.range(20000).map(a, 'abcdefgh').join()].all(t, lists.range(100).all(b, t.upper() != "
        "t.lower()))",
        "[lists.range(20000).map(a, 'abcdefgh').join()].all(t, lists.range(10).all(b, hash.sha512(t) != ''))",
        "[lists.range(20000).map(a, 'abcdefgh').join()].all(t, lists.range(10).all(b, "
        "t.encodeJson().decodeJson() == t))",
        "[lists.range(20000).map(a, 'abcdefgh').join()].all(t, t.split('').size() > 0)",
        "[lists.range(9000).map(a, 'a=b&').join()].all(t, lists.range(9).all(b, t.decodeQueryString().size() "
        "== 1))",
        "[lists.range(2000).map(a, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa').join()].all(t, "
        "t.contains(t.substring(1) + 'b'))",
    };
    for (const char* expression : costly) {
        INFO(std::string(expression));
        CHECK(code_of(expression) == errc::limit_exceeded);
    }
    CHECK_FALSE(code_of("lists.range(1000).map(a, a * 2).filter(a, a % 3 == 0).size() > 10"));
}

TEST_CASE("CEL: one program is evaluated by several threads at once") {
    const Environment environment;
    const auto program = Program::compile(
        "['a', 'b', 'c'].map(x, x + '!').join() + {'k': ['literal']}.k[0] + string('ab'.matches('a' + 'b'))",
        environment);
    REQUIRE(program);
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&wrong, copy = *program] {
            const adit_test::NoVariables none;
            for (int i = 0; i < 500; ++i) {
                const auto value = copy.evaluate(none);
                if (!value || value->as_text() != "a!b!c!literaltrue") ++wrong;
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
}
