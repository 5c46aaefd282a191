#include "policy/cel/value.hpp"

#include "policy/cel/type.hpp"
#include "support/doctest.hpp"

#include <cmath>
#include <limits>

using namespace adit::cel;

namespace {

class Client final : public Object {
public:
    explicit Client(const ObjectType& type) : Object(type) {}
    Value field(std::size_t index) const override {
        return index == 0 ? Value::borrowed_string("DE") : Value();
    }
};

} // namespace

TEST_CASE("numbers of all kinds compare by their exact value") {
    const std::int64_t big = std::numeric_limits<std::int64_t>::max();
    CHECK(compare(Value::integer(1), Value::uint(1)) == 0);
    CHECK(compare(Value::integer(-1), Value::uint(1)) == -1);
    CHECK(compare(Value::uint(1), Value::integer(-1)) == 1);
    CHECK(compare(Value::integer(big), Value::number(0x1p63)) == -1);
    CHECK(compare(Value::number(0x1p63), Value::integer(big)) == 1);
    CHECK(compare(Value::integer(big - 1), Value::number(static_cast<double>(big))) == -1);
    CHECK(compare(Value::uint(~std::uint64_t{0}), Value::number(0x1p64)) == -1);
    CHECK(compare(Value::uint(0), Value::number(-0.5)) == 1);
    CHECK(compare(Value::integer(-1), Value::number(-1.5)) == 1);
    CHECK(compare(Value::integer(1), Value::number(std::nan(""))) == std::nullopt);
    CHECK_FALSE(equal(Value::number(std::nan("")), Value::number(std::nan(""))));
    CHECK(equal(Value::number(2), Value::uint(2)));
    CHECK_FALSE(equal(Value::number(2), Value::borrowed_string("2")));
}

TEST_CASE("a map finds its keys across kinds of numbers, and keeps the last of two equal ones") {
    const Value map = Value::map({{Value::integer(1), Value::integer(10)},
                                  {Value::borrowed_string("a"), Value::integer(20)},
                                  {Value::boolean(true), Value::integer(30)},
                                  {Value::uint(1), Value::integer(40)}});
    REQUIRE(map.as_map().size() == 3);
    CHECK(map.as_map().find(Value::number(1.0))->as_integer() == 40);
    CHECK(map.as_map().find(Value::boolean(true))->as_integer() == 30);
    CHECK(member(map, "a")->as_integer() == 20);
    CHECK_FALSE(map.as_map().find(Value::number(1.5)));
    CHECK_FALSE(map.as_map().find(Value::boolean(false)));
    CHECK_FALSE(map.as_map().find(Value::number(std::nan(""))));
    CHECK_FALSE(map.as_map().find(Value()));
}

TEST_CASE("a string can have fields, and stands alone without them") {
    ObjectType type("conn.client_ip", true);
    type.add("country", Type::string());
    type.add("city", Type::string());
    Value kept;
    {
        const std::string text = "192.0.2.1";
        const Client client(type);
        const Value value = Value::borrowed_string(text, client);
        CHECK(equal(value, Value::borrowed_string("192.0.2.1")));
        CHECK(member(value, "country")->as_text() == "DE");
        CHECK_FALSE(member(value, "city"));
        kept = value.owned();
    }
    CHECK(kept.as_text() == "192.0.2.1");
    CHECK(kept.as_object() == nullptr);
}

TEST_CASE("an owned value outlives what it was made of") {
    Value kept;
    {
        const std::string text(100, 'x');
        const Value inner = Value::list({Value::borrowed_string(text)});
        kept = Value::map({{Value::borrowed_string(text), inner}}).owned();
    }
    const Value key = kept.as_map().keys().at(0);
    CHECK(key.as_text() == std::string(100, 'x'));
    CHECK(kept.as_map().find(key)->as_list().at(0).as_text() == std::string(100, 'x'));
}
