// A YAML or JSON text as a tree that remembers where everything stood. Bounded in size, depth and nodes.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0::policy {

/// Place in the text, both from 1, columns in characters. Line 0: it is of no text (a module of a bind).
struct Mark {
    std::size_t line = 0;
    std::size_t column = 0;
};

class Node {
public:
    enum class Kind : std::uint8_t { null, boolean, integer, number, string, list, map };
    using Entry = std::pair<Node, Node>;

    Node() = default;
    static Node string(std::string text, Mark mark = {});
    static Node boolean(bool value, Mark mark = {});
    static Node number(double value);
    static Node list(std::vector<Node> items, Mark mark = {});
    static Node map(std::vector<Entry> entries, Mark mark = {});
    /// A string in which "${" is nothing special.
    static Node literal(std::string text);

    Kind kind() const noexcept { return kind_; }
    bool is(Kind kind) const noexcept { return kind_ == kind; }
    Mark mark() const noexcept { return mark_; }
    /// Of every scalar: its text as it was written, without quotes.
    const std::string& text() const noexcept { return text_; }
    bool is_literal() const noexcept { return literal_; }
    bool as_boolean() const noexcept { return boolean_; }
    std::int64_t as_integer() const noexcept { return integer_; }
    /// Of integers too.
    double as_number() const noexcept { return number_; }
    const std::vector<Node>& items() const noexcept { return items_; }
    /// In their order; keys are strings.
    const std::vector<Entry>& entries() const noexcept { return entries_; }
    /// nullptr if this is no map or has no such key.
    const Node* find(std::string_view key) const noexcept;
    /// This node and all below it.
    std::size_t count() const noexcept;
    /// "a string", "a list", ...
    std::string_view kind_name() const noexcept;

private:
    friend class DocumentReader;
    void resolve_plain(); // what YAML's core schema makes of an unquoted scalar

    Kind kind_ = Kind::null;
    bool literal_ = false;
    bool boolean_ = false;
    Mark mark_;
    std::string text_;
    std::int64_t integer_ = 0;
    double number_ = 0;
    std::vector<Node> items_;
    std::vector<Entry> entries_;
};

/// "line 7, column 9"; "" for line 0.
std::string to_string(Mark mark);

/// An empty text is a null node. Error: ngrok_error(2236), its message starts with the place; aliases count as copies.
Result<Node> read_document(std::string_view text);

} // namespace adit
