// What each function and operator takes from the cost limit: a step for each node, and what it touches beyond
// that.
#include "evaluate.hpp"
#include "support/doctest.hpp"

using namespace adit;
using namespace adit::cel;

namespace {

// Large values, in the order in which they are declared.
class Large final : public Activation {
public:
    Large() {
        const std::string text(16'000, 'a');
        std::vector<Value> numbers, texts;
        std::vector<std::pair<Value, Value>> entries;
        for (std::int64_t i = 0; i < 1'000; ++i) numbers.push_back(Value::integer(i));
        for (std::int64_t i = 0; i < 100; ++i) {
            texts.push_back(Value::string(std::string(160, 'x')));
            entries.emplace_back(Value::integer(i), Value::integer(i));
        }
        add("t", Type::string(), Value::string(text));
        add("b", Type::bytes(), Value::bytes(text));
        add("l", Type::list(Type::integer()), Value::list(std::move(numbers)));
        add("s", Type::list(Type::string()), Value::list(std::move(texts)));
        add("m", Type::map(Type::integer(), Type::integer()), Value::map(std::move(entries)));
        add("j", Type::string(), Value::string("[" + std::string(15'998, ' ') + "]"));
        add("d", Type(), Value::string(text)); // the same as t in memory of its own
        add("time", Type::timestamp(), Value::timestamp({1'700'000'000, 0}));
    }
    Value variable(std::size_t index) const override { return values_.at(index); }
    void fill_random(MutableBytes out) const override { std::memset(out.data(), 0x5A, out.size()); }

    Environment environment;

private:
    void add(std::string name, Type type, Value value) {
        environment.declare(std::move(name), std::move(type));
        values_.push_back(std::move(value));
    }
    std::vector<Value> values_;
};

} // namespace

TEST_CASE("CEL: the cost of each function follows the bytes and elements that it touches") {
    class Row {
    public:
        const char* expression;
        std::uint64_t cost;
    };
    // t and b have 16,000 bytes, so 1,000 units; l has 1,000 numbers; s has 100 texts of 10 units; m has 100
    // entries.
    const Row rows[] = {
        {"t", 1},
        {"t == d", 1004},
        {"t < d", 1003},
        {"t + t", 2004},
        {"l + l", 2003},
        {"l == l", 1004},
        {"m == m", 204},
        {"500 in l", 504},
        {"500 in m", 3},
        {"size(t)", 1003},
        {"size(l)", 2},
        {"t.contains('b')", 1004},
        {"t.contains(t)", 64004},
        {"t.startsWith(t)", 1004},
        {"t.endsWith(t)", 1004},
        {"t.matches('b')", 4004},
        {"'a'.matches(t.substring(0, 160))", 2788},
        {"t.charAt(1)", 1004},
        {"t.indexOf('b')", 1004},
        {"t.indexOf(t)", 64004},
        {"t.lastIndexOf('b')", 1004},
        {"t.substring(1)", 1004},
        {"t.split('b')", 1004},
        {"t.split('b' + t)", 65007},
        {"t.substring(0, 160).split('')", 1336},
        {"t.replace('b', 'c')", 1005},
        {"t.replace(t, 'c')", 64006},
        {"'aaaa'.replace('a', t)", 5009},
        {"t.trim()", 1003},
        {"t.reverse()", 1003},
        {"t.lower()", 5003},
        {"t.upperAscii()", 5003},
        {"strings.quote(t)", 1003},
        {"t.format([])", 1004},
        {"'%s'.format([t])", 1012},
        {"'%s'.format([s])", 1211},
        {"'%s'.format([m])", 511},
        {"'%x'.format([b])", 2011},
        {"'%.3f'.format([1.0])", 97},
        {"'%d'.format([1])", 9},
        {"s.join(t)", 101103},
        {"s.join()", 1102},
        {"l.slice(1)", 1002},
        {"[l, l].flatten()", 2006},
        {"l.sort()", 11002},
        {"s.sort()", 7802},
        {"s.sortBy(x, x)", 7802},
        {"s.distinct()", 1191},
        {"l.reverse()", 1002},
        {"lists.range(1000)", 1002},
        {"l.map(x, x)", 1002},
        {"l.filter(x, true)", 1002},
        {"string(b)", 1003},
        {"bytes(t)", 1003},
        {"base64.encode(b)", 2003},
        {"base64.decode(t)", 2003},
        {"t.encodeBase64()", 2003},
        {"basic_auth.encode(t, t)", 4004},
        {"j.decodeJson()", 1004},
        {"json.decode('[1, 2, 3]')", 7},
        {"l.encodeJson()", 1003},
        {"t.encodeJson()", 1004},
        {"json.encode(b)", 2338},
        {"j.isJson()", 4003},
        {"hash.crc32(t)", 2023},
        {"hash.sha512(b, 'base64')", 2024},
        {"''.md5()", 23},
        {"url.escape(t)", 3003},
        {"t.unescapeUrl()", 2003},
        {"url.parse('http://h/' + t)", 9011},
        {"('http://h/' + t).isURL()", 5008},
        {"t.decodeQueryString()", 2005},
        {"'a=1&b=2&c=3'.decodeQueryString()", 10},
        {"{'a': t}.encodeQueryString()", 3005},
        {"t.isQueryString()", 2005},
        {"inCidrRange('10.0.0.1', '10.0.0.0/8')", 7},
        {"inCidrRanges('10.0.0.1', s)", 407},
        {"'10.0.0.1'.isPrivateIp()", 6},
        {"rand.double()", 21},
        {"rand.int(1, 6)", 23},
        {"time.getHours('Europe/Berlin')", 103},
        {"time.getHours()", 2},
    };
    const Large large;
    for (const Row& row : rows) {
        INFO(std::string(row.expression));
        const auto program = Program::compile(row.expression, large.environment);
        REQUIRE(program);
        std::uint64_t cost = 0;
        CHECK(program->evaluate(large, 1'000'000, cost));
        CHECK(cost == row.cost);
        const auto refused = program->evaluate(large, row.cost - 1);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code() == errc::limit_exceeded);
    }
}
