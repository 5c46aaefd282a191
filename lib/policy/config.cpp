#include "policy/compile.hpp"

#include "policy/variables.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace adit::inline v0::policy {

using std::chrono::milliseconds;

void Compile::fail(int number, Mark mark, std::string_view path, std::string_view text) {
    if (error) return;
    std::string message = to_string(mark);
    if (!message.empty()) message += ": ";
    message.append(path).append(": ").append(text);
    error = ErrorInfo(ngrok_error(number), std::move(message));
}

void Compile::note(const cel::Program& expression, std::string_view source) {
    if (expression.reads(var_actions)) program.reads_results = true;
    if (source.find("tls") == std::string_view::npos) return;
    program.reads_client_certificate = true;
    program.reads_server_certificate = true;
}

std::optional<cel::Program> Compile::expression(const Node& node, std::string_view path, int number) {
    if (!node.is(Node::Kind::string) && !node.is(Node::Kind::boolean)) {
        fail(number, node.mark(), path, "an expression has to be a string, not " + std::string(node.kind_name()));
        return {};
    }
    auto compiled = cel::Program::compile(node.text(), environment());
    if (!compiled) {
        fail(number, node.mark(), path,
             "in the expression, " + compiled.error().message() + missing_data_hint(node.text()));
        return {};
    }
    note(*compiled, node.text());
    return std::move(*compiled);
}

std::optional<milliseconds> parse_duration(std::string_view text) noexcept {
    struct Unit {
        std::string_view name;
        double in_ms;
    };
    static constexpr Unit units[] = {{"ms", 1}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}};
    if (text.empty()) return {};
    double sum = 0;
    while (!text.empty()) {
        double amount = 0;
        const auto [end, error] =
            std::from_chars(text.data(), text.data() + text.size(), amount, std::chars_format::fixed);
        if (error != std::errc() || !(amount >= 0)) return {};
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        const auto* unit = std::ranges::find_if(units, [&](const Unit& u) { return text.starts_with(u.name); });
        if (unit == std::end(units)) return {};
        text.remove_prefix(unit->name.size());
        sum += amount * unit->in_ms;
    }
    if (sum > 1e15) return {};
    return milliseconds(std::llround(sum));
}

std::string duration_text(milliseconds time) {
    const auto ms = time.count();
    if (ms % 3'600'000 == 0 && ms > 0) return std::to_string(ms / 3'600'000) + "h";
    if (ms % 60'000 == 0 && ms > 0) return std::to_string(ms / 60'000) + "m";
    if (ms % 1'000 == 0) return std::to_string(ms / 1'000) + "s";
    return std::to_string(ms) + "ms";
}

Config::Config(Compile& compile, const Node& node, std::string path)
    : compile_(compile), node_(node), path_(std::move(path)) {
    if (!node.is(Node::Kind::map) && !node.is(Node::Kind::null))
        compile.fail(2203, node.mark(), path_, "it has to be a map, not " + std::string(node.kind_name()));
}

const Node* Config::take(std::string_view name) {
    taken_.emplace_back(name);
    const Node* found = node_.find(name);
    return found != nullptr && found->is(Node::Kind::null) ? nullptr : found;
}

Mark Config::mark_of(std::string_view name) const {
    const Node* found = node_.find(name);
    return found != nullptr ? found->mark() : node_.mark();
}

void Config::fail(int number, std::string_view field, std::string_view text) {
    compile_.fail(number, mark_of(field), path_of(field), text);
}

void Config::fail_item(int number, std::string_view field, std::size_t index, std::string_view text) {
    const Node* found = node_.find(field);
    const bool known = found != nullptr && index < found->items().size();
    compile_.fail(number, known ? found->items()[index].mark() : mark_of(field),
                  path_of(field) + "[" + std::to_string(index) + "]", text);
}

void Config::finish() {
    for (const auto& [key, value] : node_.entries()) {
        if (std::ranges::find(taken_, key.text()) == taken_.end())
            compile_.fail(2204, key.mark(), path_of(key.text()), "there is no such field");
    }
}

bool Config::boolean(std::string_view name, bool fallback) {
    const Node* found = take(name);
    if (found == nullptr) return fallback;
    if (!found->is(Node::Kind::boolean))
        fail(2203, name, "it has to be true or false, not " + std::string(found->kind_name()));
    return found->as_boolean();
}

std::int64_t Config::integer(std::string_view name, std::int64_t fallback, std::int64_t least, std::int64_t most) {
    const Node* found = take(name);
    if (found == nullptr) return fallback;
    if (!found->is(Node::Kind::integer)) {
        fail(2203, name, "it has to be a whole number, not " + std::string(found->kind_name()));
        return fallback;
    }
    const std::int64_t value = found->as_integer();
    if (value >= least && value <= most) return value;
    fail(2215, name, "it has to be " + std::to_string(least) + " to " + std::to_string(most) + ", not " +
                         std::to_string(value));
    return fallback;
}

double Config::number(std::string_view name, double fallback, double least, double most) {
    const Node* found = take(name);
    if (found == nullptr) return fallback;
    if (!found->is(Node::Kind::integer) && !found->is(Node::Kind::number)) {
        fail(2203, name, "it has to be a number, not " + std::string(found->kind_name()));
        return fallback;
    }
    const double value = found->as_number();
    if (value >= least && value <= most) return value;
    fail(2215, name, "it has to be " + std::to_string(static_cast<std::int64_t>(least)) + " to " +
                         std::to_string(static_cast<std::int64_t>(most)) + ", not " + found->text());
    return fallback;
}

milliseconds Config::duration(std::string_view name, std::optional<milliseconds> fallback, milliseconds least,
                              milliseconds most) {
    const Node* found = take(name);
    if (found == nullptr) {
        if (!fallback) fail(2203, name, "it is required: a time such as \"" + duration_text(least) + "\"");
        return fallback.value_or(least);
    }
    const auto value = found->is(Node::Kind::string) ? parse_duration(found->text()) : std::nullopt;
    if (!value) {
        fail(2203, name, "it has to be a time such as \"10s\" or \"1m30s\", not \"" + found->text() + "\"");
        return least;
    }
    if (*value < least || *value > most)
        fail(2215, name, "it has to be " + duration_text(least) + " to " + duration_text(most) + ", not " +
                             duration_text(*value));
    return *value;
}

std::string Config::scalar_text(const Node& node, const std::string& path) {
    if (node.is(Node::Kind::list) || node.is(Node::Kind::map) || node.is(Node::Kind::null))
        compile_.fail(2203, node.mark(), path, "it has to be a string, not " + std::string(node.kind_name()));
    return node.text();
}

std::string Config::plain(std::string_view name, std::optional<std::string_view> fallback) {
    const Node* found = take(name);
    if (found != nullptr) return scalar_text(*found, path_of(name));
    if (!fallback) fail(2203, name, "it is required");
    return std::string(fallback.value_or(std::string_view()));
}

std::string Config::choice(std::string_view name, std::string_view fallback,
                           std::initializer_list<std::string_view> words, int number) {
    std::string value = plain(name, fallback);
    if (std::ranges::find(words, value) != words.end()) return value;
    std::string known;
    for (const std::string_view word : words) known.append(known.empty() ? "" : ", ").append(word);
    fail(number, name, "it has to be one of " + known + ", not \"" + value + "\"");
    return std::string(fallback);
}

const std::vector<Node>& Config::list(std::string_view name, std::size_t least, std::size_t most) {
    static const std::vector<Node> none;
    const Node* found = take(name);
    if (found == nullptr) {
        if (least > 0) fail(2203, name, "it is required: a list");
        return none;
    }
    if (!found->is(Node::Kind::list)) {
        fail(2203, name, "it has to be a list, not " + std::string(found->kind_name()));
        return none;
    }
    if (compile_.of_modules) most = std::max(most, limits::module_entries_max);
    const std::size_t size = found->items().size();
    if (size < least) fail(2203, name, "it needs at least " + std::to_string(least) + " of them");
    if (size > most)
        fail(2218, name, "it has " + std::to_string(size) + " of them; at most " + std::to_string(most) + " are allowed");
    return failed() ? none : found->items();
}

std::vector<std::string> Config::plain_list(std::string_view name, std::size_t least, std::size_t most) {
    std::vector<std::string> out;
    for (const Node& item : list(name, least, most))
        out.push_back(scalar_text(item, path_of(name) + "[" + std::to_string(out.size()) + "]"));
    return out;
}

Template Config::compile_text(const Node& node, const std::string& path) {
    std::string source = scalar_text(node, path);
    if (failed()) return {};
    if (node.is_literal()) return Template(std::move(source));
    auto made = Template::compile(source, compile_.environment());
    if (!made) {
        compile_.fail(2224, node.mark(), path, made.error().message() + missing_data_hint(source));
        return {};
    }
    if (made->reads(var_actions)) compile_.program.reads_results = true;
    if (!made->is_literal() && source.find("tls") != std::string::npos) {
        compile_.program.reads_client_certificate = true;
        compile_.program.reads_server_certificate = true;
    }
    return std::move(*made);
}

Template Config::text(std::string_view name, bool required) {
    const Node* found = take(name);
    if (found != nullptr) return compile_text(*found, path_of(name));
    if (required) fail(2203, name, "it is required");
    return {};
}

std::vector<Template> Config::text_list(std::string_view name, std::size_t least, std::size_t most) {
    std::vector<Template> out;
    for (const Node& item : list(name, least, most))
        out.push_back(compile_text(item, path_of(name) + "[" + std::to_string(out.size()) + "]"));
    return out;
}

std::vector<std::pair<std::string, Template>> Config::text_map(std::string_view name, std::size_t least, std::size_t most) {
    std::vector<std::pair<std::string, Template>> out;
    const Node* found = take(name);
    if (found == nullptr) {
        if (least > 0) fail(2203, name, "it is required: a map");
        return out;
    }
    if (!found->is(Node::Kind::map)) {
        fail(2203, name, "it has to be a map, not " + std::string(found->kind_name()));
        return out;
    }
    if (compile_.of_modules) most = std::max(most, limits::module_entries_max);
    if (found->entries().size() < least) fail(2203, name, "it needs at least " + std::to_string(least) + " of them");
    if (found->entries().size() > most) {
        fail(2218, name, "it has " + std::to_string(found->entries().size()) + " of them; at most " + std::to_string(most) +
                             " are allowed");
    }
    for (const auto& [key, value] : found->entries()) {
        if (failed()) break;
        out.emplace_back(key.text(), compile_text(value, path_of(name) + "." + key.text()));
    }
    return out;
}

namespace {

bool mentions(const Node& node, std::string_view word) {
    const auto in = [&](const Node& each) { return mentions(each, word); };
    return node.text().find(word) != std::string::npos || std::ranges::any_of(node.items(), in) ||
           std::ranges::any_of(node.entries(), [&](const Node::Entry& entry) { return mentions(entry.second, word); });
}

} // namespace

ValueTemplate Config::value(const Node& node, const std::string& path) {
    Mark where;
    auto made = ValueTemplate::compile(node, compile_.environment(), where);
    if (!made) {
        compile_.fail(2224, where, path, made.error().message());
        return {};
    }
    if (made->reads(var_actions)) compile_.program.reads_results = true;
    if (mentions(node, "tls")) {
        compile_.program.reads_client_certificate = true;
        compile_.program.reads_server_certificate = true;
    }
    return std::move(*made);
}

} // namespace adit
