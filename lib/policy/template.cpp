#include "policy/template.hpp"

#include <adit/limits.hpp>

#include <algorithm>

namespace adit::inline v0::policy {
namespace {

constexpr std::size_t source_shown = 200;

std::string quoted(std::string_view source) {
    return "\"" + std::string(source.substr(0, source_shown)) + (source.size() > source_shown ? "...\"" : "\"");
}

ErrorInfo too_long() {
    return ErrorInfo(ngrok_error(3900), "an interpolated text has more than " + std::to_string(limits::policy_text_max) +
                                            " bytes");
}

ErrorInfo too_large() {
    return ErrorInfo(ngrok_error(3900), "a value has more than " + std::to_string(limits::policy_vars_bytes_max) + " bytes");
}

} // namespace

bool fits(const cel::Value& value, std::size_t& budget) {
    std::size_t own = 48; // of an element
    if (value.is(cel::Kind::string) || value.is(cel::Kind::bytes)) own += value.as_text().size();
    if (own > budget) {
        budget = 0;
        return false;
    }
    budget -= own;
    if (value.is(cel::Kind::list)) {
        const cel::List& list = value.as_list();
        for (std::size_t i = 0; i < list.size(); ++i) {
            if (!fits(list.at(i), budget)) return false;
        }
    } else if (value.is(cel::Kind::map)) {
        const cel::Map& map = value.as_map();
        for (const cel::Value& key : map.keys()) {
            const auto content = map.find(key);
            if (!fits(key, budget) || (content && !fits(*content, budget))) return false;
        }
    }
    return true;
}

Result<std::string> text_of(const cel::Value& value) {
    if (value.is(cel::Kind::string)) return std::string(value.as_text());
    std::size_t budget = limits::policy_vars_bytes_max;
    if (!fits(value, budget)) return too_large();
    std::string text = cel::to_text(value);
    if (text.size() > limits::policy_text_max) return too_long();
    return text;
}

Result<cel::Value> evaluate(const cel::Program& program, const cel::Activation& activation, std::string_view source,
                            int number) {
    auto value = program.evaluate(activation);
    if (value) return value;
    const bool too_costly = value.error().code() == errc::limit_exceeded;
    return ErrorInfo(ngrok_error(too_costly ? 3900 : number), quoted(source) + ": " + value.error().message(),
                     value.error().message());
}

Result<Template> Template::compile(std::string_view text, const cel::Environment& environment) {
    Template made;
    std::size_t from = 0;
    for (;;) {
        const std::size_t open = text.find("${", from);
        if (open == std::string_view::npos) break;
        const std::size_t end = cel::expression_end(text, open + 2);
        if (end == std::string_view::npos) {
            return ErrorInfo(errc::invalid_option, "the expression that begins with " + quoted(text.substr(open)) +
                                                       " has no \"}\" at its end");
        }
        Part part;
        part.literal = text.substr(from, open - from);
        part.source = text.substr(open + 2, end - open - 2);
        auto program = cel::Program::compile(part.source, environment);
        if (!program)
            return ErrorInfo(errc::invalid_option, "the expression " + quoted(part.source) + ": " + program.error().message());
        part.program = std::move(*program);
        made.parts_.push_back(std::move(part));
        from = end + 1;
    }
    if (made.parts_.empty()) {
        made.literal_ = text;
    } else if (from < text.size()) {
        Part rest;
        rest.literal = text.substr(from);
        made.parts_.push_back(std::move(rest));
    }
    return made;
}

bool Template::reads(std::size_t variable) const noexcept {
    return std::ranges::any_of(parts_, [&](const Part& part) { return part.program && part.program->reads(variable); });
}

Result<std::string> Template::text(const cel::Activation& activation) const {
    if (is_literal()) return literal_;
    std::string out;
    for (const Part& part : parts_) {
        out += part.literal;
        if (part.program) {
            auto value = evaluate(*part.program, activation, part.source, 2238);
            if (!value) return value.error();
            if (value->is(cel::Kind::string)) {
                out += value->as_text();
            } else {
                auto made = text_of(*value);
                if (!made) return made;
                out += *made;
            }
        }
        if (out.size() > limits::policy_text_max) return too_long();
    }
    return out;
}

Result<cel::Value> Template::value(const cel::Activation& activation) const {
    if (parts_.size() == 1 && parts_.front().literal.empty() && parts_.front().program) {
        auto value = evaluate(*parts_.front().program, activation, parts_.front().source, 2238);
        if (!value) return value;
        std::size_t budget = limits::policy_vars_bytes_max;
        return fits(*value, budget) ? Result<cel::Value>(value->owned()) : Result<cel::Value>(too_large());
    }
    auto made = text(activation);
    if (!made) return made.error();
    return cel::Value::string(std::move(*made));
}

Result<ValueTemplate> ValueTemplate::compile(const Node& node, const cel::Environment& environment, Mark& where) {
    ValueTemplate made;
    where = node.mark();
    switch (node.kind()) {
    case Node::Kind::null: made.constant_ = cel::Value(); break;
    case Node::Kind::boolean: made.constant_ = cel::Value::boolean(node.as_boolean()); break;
    case Node::Kind::integer: made.constant_ = cel::Value::integer(node.as_integer()); break;
    case Node::Kind::number: made.constant_ = cel::Value::number(node.as_number()); break;
    case Node::Kind::string: {
        auto text = node.is_literal() ? Result<Template>(Template(node.text())) : Template::compile(node.text(), environment);
        if (!text) return text.error();
        made.text_ = std::move(*text);
        break;
    }
    case Node::Kind::list:
        made.is_list_ = true;
        for (const Node& item : node.items()) {
            auto each = compile(item, environment, where);
            if (!each) return each;
            made.items_.push_back(std::move(*each));
        }
        break;
    case Node::Kind::map:
        for (const auto& [key, item] : node.entries()) {
            auto each = compile(item, environment, where);
            if (!each) return each;
            made.keys_.push_back(key.text());
            made.items_.push_back(std::move(*each));
        }
        if (made.items_.empty()) made.constant_ = cel::Value::map(std::vector<std::pair<cel::Value, cel::Value>>());
        break;
    }
    return made;
}

bool ValueTemplate::reads(std::size_t variable) const noexcept {
    return text_.reads(variable) ||
           std::ranges::any_of(items_, [&](const ValueTemplate& item) { return item.reads(variable); });
}

Result<cel::Value> ValueTemplate::value(const cel::Activation& activation) const {
    std::size_t budget = limits::policy_vars_bytes_max;
    return value(activation, budget);
}

Result<cel::Value> ValueTemplate::value(const cel::Activation& activation, std::size_t& budget) const {
    if (constant_) return *constant_;
    if (!is_list_ && items_.empty()) {
        auto made = text_.value(activation);
        if (made && !fits(*made, budget)) return too_large();
        return made;
    }
    std::vector<cel::Value> values;
    std::vector<std::pair<cel::Value, cel::Value>> entries;
    for (std::size_t i = 0; i < items_.size(); ++i) {
        auto each = items_[i].value(activation, budget);
        if (!each) return each;
        if (is_list_) {
            values.push_back(std::move(*each));
        } else {
            entries.emplace_back(cel::Value::string(keys_[i]), std::move(*each));
        }
    }
    return is_list_ ? cel::Value::list(std::move(values)) : cel::Value::map(std::move(entries));
}

} // namespace adit
