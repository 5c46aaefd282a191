// The public conformance cases of CEL that fall in the core; the others are listed with their reasons beside
// them.
#include "policy/cel/program.hpp"
#include "support/doctest.hpp"

#include <nlohmann/json.hpp>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

using namespace adit;
using namespace adit::cel;
using nlohmann::json;

namespace {

const std::string folder = ADIT_CEL_CONFORMANCE;

std::string unhex(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
        out.push_back(static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16)));
    }
    return out;
}

// null, true, "text", [..], or an object with one member that is named after the kind.
Value value_of(const json& j) {
    if (j.is_null()) return {};
    if (j.is_boolean()) return Value::boolean(j.get<bool>());
    if (j.is_string()) return Value::string(j.get<std::string>());
    if (j.is_array()) {
        std::vector<Value> out;
        for (const json& element : j) out.push_back(value_of(element));
        return Value::list(std::move(out));
    }
    const std::string kind = j.begin().key();
    const json& v = j.begin().value();
    if (kind == "int") return Value::integer(std::stoll(v.get<std::string>()));
    if (kind == "uint") return Value::uint(std::stoull(v.get<std::string>()));
    if (kind == "double") return Value::number(std::strtod(v.get<std::string>().c_str(), nullptr));
    if (kind == "bytes") return Value::bytes(unhex(v.get<std::string>()));
    if (kind == "type") {
        static std::set<std::string> names; // a type's name lives for ever
        return Value::type(*names.insert(v.get<std::string>()).first);
    }
    if (kind == "timestamp")
        return Value::timestamp({std::stoll(v[0].get<std::string>()), std::stoi(v[1].get<std::string>())});
    if (kind == "duration") {
        return Value::duration(std::stoll(v[0].get<std::string>()) * 1'000'000'000 +
                               std::stoll(v[1].get<std::string>()));
    }
    REQUIRE(kind == "map");
    std::vector<std::pair<Value, Value>> entries;
    for (const json& entry : v) entries.emplace_back(value_of(entry[0]), value_of(entry[1]));
    return Value::map(std::move(entries));
}

Type type_of(std::string_view text) {
    static const std::map<std::string_view, Type> plain{{"dyn", Type()},
                                                        {"null_type", Type::null()},
                                                        {"bool", Type::boolean()},
                                                        {"int", Type::integer()},
                                                        {"uint", Type::uint()},
                                                        {"double", Type::number()},
                                                        {"string", Type::string()},
                                                        {"bytes", Type::bytes()},
                                                        {"timestamp", Type::timestamp()},
                                                        {"duration", Type::duration()},
                                                        {"type", Type::type()}};
    if (const auto found = plain.find(text); found != plain.end()) return found->second;
    const auto inner = [&](std::size_t from) { return text.substr(from, text.size() - from - 1); };
    if (text.starts_with("list(")) return Type::list(type_of(inner(5)));
    REQUIRE(text.starts_with("map("));
    const std::size_t comma = text.find(", "); // keys are plain types
    return Type::map(type_of(text.substr(4, comma - 4)), type_of(inner(comma + 2)));
}

class Bindings final : public Activation {
public:
    Value variable(std::size_t index) const override { return values.at(index); }
    std::map<std::size_t, Value> values;
};

// The same kinds all the way down, and NaN is NaN.
bool same(const Value& a, const Value& b) {
    if (a.kind() != b.kind()) return false;
    if (a.is(Kind::number)) {
        if (std::isnan(a.as_number())) return std::isnan(b.as_number());
        return a.as_number() == b.as_number() && std::signbit(a.as_number()) == std::signbit(b.as_number());
    }
    if (a.is(Kind::list)) {
        if (a.as_list().size() != b.as_list().size()) return false;
        for (std::size_t i = 0; i < a.as_list().size(); ++i) {
            if (!same(a.as_list().at(i), b.as_list().at(i))) return false;
        }
        return true;
    }
    if (a.is(Kind::map)) {
        if (a.as_map().size() != b.as_map().size()) return false;
        for (const Value& key : a.as_map().keys()) {
            const auto ours = a.as_map().find(key);
            const auto theirs = b.as_map().find(key);
            if (!theirs || !same(*ours, *theirs)) return false;
        }
        return true;
    }
    return equal(a, b);
}

std::string shown(const Value& value) { return std::string(type_name(value.kind())) + " " + to_text(value); }

// "" or what is wrong.
std::string run(const std::string& expression, const json& more) {
    Environment environment;
    Bindings bindings;
    std::map<std::string, Type> types;
    if (more.contains("env")) {
        for (const auto& [name, type] : more["env"].items()) types[name] = type_of(type.get<std::string>());
    }
    if (more.contains("bind")) {
        for (const auto& [name, value] : more["bind"].items()) types.try_emplace(name, Type());
    }
    for (const auto& [name, type] : types) {
        const std::size_t index = environment.declare(name, type);
        if (more.contains("bind") && more["bind"].contains(name))
            bindings.values[index] = value_of(more["bind"][name]);
    }
    const bool checked = !more.contains("check");
    const auto program = Program::compile(expression, environment, checked ? Checking::full : Checking::off);
    if (!program) return more.contains("error") ? "" : "does not compile: " + program.error().message();
    if (more.contains("type") && program->type().to_string() != more["type"].get<std::string>())
        return "has the type " + program->type().to_string();
    if (more.contains("check_only")) return "";
    const auto value = program->evaluate(bindings);
    if (more.contains("error")) return value ? "gives " + shown(*value) + " and no error" : "";
    if (!value) return "fails: " + value.error().message();
    const Value expected = value_of(more.at("value"));
    return same(*value, expected) ? "" : "gives " + shown(*value) + " and not " + shown(expected);
}

} // namespace

TEST_CASE("the public conformance cases of the core hold, and none is lost") {
    // How many each file has: a case that goes must be missed.
    const std::map<std::string, std::size_t> counts{
        {"basic", 43},         {"comparisons", 334}, {"conversions", 109}, {"encoders_ext", 4},
        {"fields", 60},        {"fp_math", 30},      {"integer_math", 64}, {"lists", 39},
        {"logic", 30},         {"macros", 44},       {"namespace", 3},     {"parse", 193},
        {"plumbing", 5},       {"string", 51},       {"string_ext", 213},  {"timestamps", 77},
        {"type_deduction", 15}};
    std::size_t total = 0;
    for (const auto& [name, count] : counts) {
        std::ifstream file(folder + "/" + name + ".json");
        const json data = json::parse(file);
        CHECK_MESSAGE(data["cases"].size() == count, name);
        for (const json& entry : data["cases"]) {
            const std::string expression = entry[1];
            const std::string problem = run(expression, entry[2]);
            CHECK_MESSAGE(problem.empty(),
                          name << "/" << entry[0].get<std::string>() << ": " << expression << " " << problem);
            ++total;
        }
    }
    std::ifstream file(folder + "/excluded.tsv");
    std::size_t excluded = 0;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with('#')) continue;
        const std::size_t tab = line.find('\t');
        CHECK_MESSAGE((tab != std::string::npos && tab + 1 < line.size()), "no reason: " << line);
        ++excluded;
    }
    MESSAGE("CEL conformance: " << total << " cases of the core, " << excluded << " outside of it");
    CHECK(total == 1'314);
    CHECK(excluded == 1'142);
}
