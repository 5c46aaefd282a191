#include "policy/cel/json.hpp"

#include <adit/limits.hpp>

#include "base/base64.hpp"
#include "base/hex.hpp"
#include "policy/cel/text.hpp"
#include "policy/cel/utf8.hpp"

#include <nlohmann/json.hpp>

#include <cmath>

namespace adit::inline v0::cel {

namespace {

// What nlohmann's reader calls; it keeps no stack of its own beyond a vector.
class Builder : public nlohmann::json_sax<nlohmann::json> {
public:
    explicit Builder(Budget& budget) : budget_(budget) { open_.emplace_back(); }

    bool null() override { return put(Value()); }
    bool boolean(bool v) override { return put(Value::boolean(v)); }
    bool number_integer(number_integer_t v) override { return put(Value::integer(v)); }
    bool number_unsigned(number_unsigned_t v) override {
        const bool fits = v <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
        return put(fits ? Value::integer(static_cast<std::int64_t>(v)) : Value::uint(v));
    }
    bool number_float(number_float_t v, const string_t&) override { return put(Value::number(v)); }
    bool string(string_t& v) override { return put(Value::string(std::move(v))); }
    bool binary(binary_t&) override { return false; }
    bool key(string_t& v) override {
        open_.back().key = Value::string(std::move(v));
        return true;
    }
    bool start_object(std::size_t) override { return open(); }
    bool start_array(std::size_t) override { return open(); }
    bool end_array() override {
        std::vector<Value> elements = std::move(open_.back().elements);
        open_.pop_back();
        return put(Value::list(std::move(elements)));
    }
    bool end_object() override {
        std::vector<std::pair<Value, Value>> entries = std::move(open_.back().entries);
        open_.pop_back();
        return put(Value::map(std::move(entries)));
    }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
        problem = "this is no JSON: byte " + std::to_string(position) + " is wrong";
        return false;
    }

    Value take() {
        return open_.front().elements.empty() ? Value() : std::move(open_.front().elements.front());
    }

    std::string problem = "this is no JSON";

private:
    class Level {
    public:
        std::vector<Value> elements;
        std::vector<std::pair<Value, Value>> entries;
        Value key;
    };

    bool open() {
        if (open_.size() > limits::cel_depth_max) {
            problem = "the JSON is nested too deep";
            return false;
        }
        open_.emplace_back();
        return true;
    }

    bool put(Value value) {
        if (!budget_.charge(1)) return false;
        Level& level = open_.back();
        if (level.key.is(Kind::string)) {
            level.entries.emplace_back(std::move(level.key), std::move(value));
            level.key = Value();
        } else {
            level.elements.push_back(std::move(value));
        }
        return true;
    }

    Budget& budget_;
    std::vector<Level> open_;
};

class Writer {
public:
    explicit Writer(Budget& budget) noexcept : budget_(budget) {}

    bool write(const Value& value, std::size_t depth) {
        if (!budget_.charge(1)) return false;
        if (depth > limits::cel_depth_max) return fail("the value is nested too deep for JSON");
        switch (value.kind()) {
        case Kind::null: out.append("null"); return true;
        case Kind::boolean:
        case Kind::integer:
        case Kind::uint: out.append(*scalar_text(value)); return true;
        case Kind::number:
            if (!std::isfinite(value.as_number())) return fail("JSON has no NaN and no infinity");
            out.append(format_number(value.as_number()));
            return true;
        case Kind::list: return list(value.as_list(), depth);
        case Kind::map: return map(value.as_map(), depth);
        case Kind::bytes:
            return budget_.charge_bytes(value.as_text().size()) && quoted(base64_encode(value.as_text()));
        case Kind::string: return quoted(value.as_text());
        default: return quoted(scalar_text(value).value_or(std::string()));
        }
    }

    std::string out;
    std::string problem;

private:
    bool fail(std::string_view why) {
        problem = why;
        return false;
    }

    bool list(const List& list, std::size_t depth) {
        out.push_back('[');
        const std::size_t size = list.size();
        for (std::size_t i = 0; i < size; ++i) {
            if (i > 0) out.push_back(',');
            if (!write(list.at(i), depth + 1)) return false;
        }
        out.push_back(']');
        return true;
    }

    bool map(const Map& map, std::size_t depth) {
        out.push_back('{');
        bool first = true;
        for (const Value& key : map.keys()) {
            const std::optional<Value> value = map.find(key);
            if (!value) continue;
            if (!first) out.push_back(',');
            first = false;
            if (!quoted(scalar_text(key).value_or(std::string()))) return false;
            out.push_back(':');
            if (!write(*value, depth + 1)) return false;
        }
        out.push_back('}');
        return true;
    }

    bool quoted(std::string_view text) {
        if (!budget_.charge_bytes(text.size())) return false;
        if (!utf8_valid(text)) return fail("a string for JSON must be UTF-8");
        out.push_back('"');
        for (const char c : text) {
            const auto byte = static_cast<unsigned char>(c);
            if (c == '"' || c == '\\') {
                out.push_back('\\');
                out.push_back(c);
            } else if (c == '\n') {
                out.append("\\n");
            } else if (c == '\r') {
                out.append("\\r");
            } else if (c == '\t') {
                out.append("\\t");
            } else if (byte < 0x20) {
                append_hex(out.append("\\u00"), byte);
            } else {
                out.push_back(c);
            }
        }
        out.push_back('"');
        return true;
    }

    Budget& budget_;
};

} // namespace

Value decode_json(std::string_view text, Budget& budget) {
    if (!budget.charge_bytes(text.size())) return Call::exhausted();
    Builder builder(budget);
    if (nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) return builder.take();
    return budget.spent() ? Call::exhausted() : Value::error(builder.problem);
}

Value encode_json(const Value& value, Budget& budget) {
    Writer writer(budget);
    if (writer.write(value, 0)) return Value::string(std::move(writer.out));
    return budget.spent() ? Call::exhausted() : Value::error(writer.problem);
}

bool is_json(std::string_view text) {
    Budget budget(text.size() + 16);
    return !decode_json(text, budget).is_error();
}

} // namespace adit::inline v0::cel
