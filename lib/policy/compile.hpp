// Reading the configuration of an action, with errors that name the place (behaviour C.1).
#pragma once

#include "policy/document.hpp"
#include "policy/program.hpp"
#include "policy/template.hpp"
#include "policy/variables.hpp"

#include <chrono>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::policy {

/// What is being compiled; the first error ends it.
struct Compile {
    Compile(const CompileOptions& o, Program& p) : options(o), program(p) {}

    void fail(int number, Mark mark, std::string_view path, std::string_view text);
    bool failed() const noexcept { return error.has_value(); }
    bool fetches_certificates() const { return options.fetches_certificates && options.fetches_certificates(); }
    const cel::Environment& environment() const { return environment_of(phase); }
    /// What has to be known of every expression.
    void note(const cel::Program& expression, std::string_view source);
    /// Error 2200 if it does not compile, or `number`.
    std::optional<cel::Program> expression(const Node& node, std::string_view path, int number = 2200);

    const CompileOptions& options;
    Program& program;
    Phase phase = Phase::tcp_connect;
    std::optional<ErrorInfo> error;
    bool of_modules = false; ///< rules that were made of a bind's modules: longer lists, one action more
    std::size_t rules = 0;
    std::size_t actions = 0;
};

/// The map `config` of one action. Each read takes the fields it names; finish() refuses what is left. After an error all
/// give something harmless.
class Config {
public:
    Config(Compile& compile, const Node& node, std::string path);

    bool failed() const noexcept { return compile_.failed(); }
    Compile& compile() noexcept { return compile_; }
    void fail(int number, std::string_view field, std::string_view text);
    /// For one entry of a list.
    void fail_item(int number, std::string_view field, std::size_t index, std::string_view text);

    bool has(std::string_view name) { return take(name) != nullptr; }
    bool boolean(std::string_view name, bool fallback);
    std::int64_t integer(std::string_view name, std::int64_t fallback, std::int64_t least, std::int64_t most);
    double number(std::string_view name, double fallback, double least, double most);
    /// "10s", "1m30s", "1.5h", "500ms".
    std::chrono::milliseconds duration(std::string_view name, std::optional<std::chrono::milliseconds> fallback,
                                       std::chrono::milliseconds least, std::chrono::milliseconds most);
    /// A string without interpolation. Without `fallback` it is required.
    std::string plain(std::string_view name, std::optional<std::string_view> fallback = {});
    std::string choice(std::string_view name, std::string_view fallback, std::initializer_list<std::string_view> words,
                       int number = 2203);
    std::vector<std::string> plain_list(std::string_view name, std::size_t least, std::size_t most);
    /// Strings with interpolation; "" if optional and absent.
    Template text(std::string_view name, bool required);
    std::vector<Template> text_list(std::string_view name, std::size_t least, std::size_t most);
    std::vector<std::pair<std::string, Template>> text_map(std::string_view name, std::size_t least, std::size_t most);
    /// The entries of a list of any kind; empty if absent.
    const std::vector<Node>& list(std::string_view name, std::size_t least, std::size_t most);
    const Node* node(std::string_view name) { return take(name); }
    ValueTemplate value(const Node& node, const std::string& path);
    Template compile_text(const Node& node, const std::string& path);
    std::string path_of(std::string_view name) const { return path_ + "." + std::string(name); }
    Mark mark_of(std::string_view name) const;

    /// 2204 for a field that nobody took.
    void finish();

private:
    const Node* take(std::string_view name);
    std::string scalar_text(const Node& node, const std::string& path);

    Compile& compile_;
    const Node& node_;
    const std::string path_;
    std::vector<std::string> taken_;
};

/// "1m30s" and the like; nullopt for anything else.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept;
std::string duration_text(std::chrono::milliseconds time);

/// The phases of a document; the rest of it is in `compile.error`.
void compile_document(Compile& compile, const Node& root);
/// One list of rules. `path` is that of the list.
void compile_rules(Compile& compile, Phase phase, const Node& list, const std::string& path);
/// A rule of one action, made of the bind's module `path`.
void compile_module(Compile& compile, Phase phase, std::string_view path, std::string_view action, Node config);
/// What concerns the document as a whole: 2235.
void finish_document(Compile& compile);

} // namespace adit
