#include "policy/document.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <yaml.h>

namespace adit::inline v0::policy {
namespace {

bool one_of(std::string_view text, std::initializer_list<std::string_view> words) noexcept {
    return std::ranges::find(words, text) != words.end();
}

std::optional<unsigned> hex4(std::string_view text) noexcept {
    unsigned value = 0;
    if (text.size() < 4) return {};
    const auto [end, error] = std::from_chars(text.data(), text.data() + 4, value, 16);
    if (error != std::errc() || end != text.data() + 4) return {};
    return value;
}

/// JSON is YAML but for two things that encoders do: surrogate pairs as two escapes, and tabs between tokens.
std::string json_as_yaml(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (!quoted) {
            quoted = c == '"';
            out += c == '\t' ? ' ' : c;
            continue;
        }
        if (c == '"') quoted = false;
        if (c != '\\' || i + 1 == text.size()) {
            out += c;
            continue;
        }
        const auto high = text[i + 1] == 'u' ? hex4(text.substr(i + 2)) : std::nullopt;
        if (high && *high >= 0xd800 && *high < 0xdc00 && text.substr(i + 6, 2) == "\\u") {
            const auto low = hex4(text.substr(i + 8));
            if (low && *low >= 0xdc00 && *low < 0xe000) {
                const unsigned point = 0x10000 + ((*high - 0xd800) << 10) + (*low - 0xdc00);
                std::array<char, 16> digits{};
                const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), point, 16).ptr;
                const std::string_view number(digits.data(), static_cast<std::size_t>(end - digits.data()));
                out.append("\\U").append(8 - number.size(), '0').append(number);
                i += 11;
                continue;
            }
        }
        out += c;
        out += text[++i];
    }
    return out;
}

bool is_json(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

Mark mark_of(const yaml_mark_t& mark) noexcept { return {mark.line + 1, mark.column + 1}; }

ErrorInfo unparsable(Mark mark, const std::string& what) {
    return ErrorInfo(ngrok_error(2236), (mark.line == 0 ? std::string() : to_string(mark) + ": ") + what);
}

struct ParserDeleter {
    void operator()(yaml_parser_t* parser) const noexcept {
        yaml_parser_delete(parser);
        delete parser;
    }
};

class Event {
public:
    Event() = default;
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    ~Event() { yaml_event_delete(&event); }
    yaml_event_t event{};
};

std::string text_of(const yaml_char_t* text) {
    return text == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(text));
}

} // namespace

std::string to_string(Mark mark) {
    if (mark.line == 0) return {};
    return "line " + std::to_string(mark.line) + ", column " + std::to_string(mark.column);
}

Node Node::string(std::string text, Mark mark) {
    Node node;
    node.kind_ = Kind::string;
    node.text_ = std::move(text);
    node.mark_ = mark;
    return node;
}
Node Node::boolean(bool value, Mark mark) {
    Node node;
    node.kind_ = Kind::boolean;
    node.boolean_ = value;
    node.text_ = value ? "true" : "false";
    node.mark_ = mark;
    return node;
}
Node Node::number(double value) {
    Node node;
    node.kind_ = Kind::number;
    node.number_ = value;
    node.text_ = std::to_string(value);
    return node;
}
Node Node::list(std::vector<Node> items, Mark mark) {
    Node node;
    node.kind_ = Kind::list;
    node.items_ = std::move(items);
    node.mark_ = mark;
    return node;
}
Node Node::map(std::vector<Entry> entries, Mark mark) {
    Node node;
    node.kind_ = Kind::map;
    node.entries_ = std::move(entries);
    node.mark_ = mark;
    return node;
}
Node Node::literal(std::string text) {
    Node node = string(std::move(text));
    node.literal_ = true;
    return node;
}

const Node* Node::find(std::string_view key) const noexcept {
    for (const auto& [name, value] : entries_) {
        if (name.text() == key) return &value;
    }
    return nullptr;
}

std::size_t Node::count() const noexcept {
    std::size_t sum = 1;
    for (const Node& item : items_) sum += item.count();
    for (const auto& [name, value] : entries_) sum += 1 + value.count();
    return sum;
}

std::string_view Node::kind_name() const noexcept {
    switch (kind_) {
    case Kind::null: return "nothing";
    case Kind::boolean: return "true or false";
    case Kind::integer: return "a whole number";
    case Kind::number: return "a number";
    case Kind::string: return "a string";
    case Kind::list: return "a list";
    case Kind::map: return "a map";
    }
    return "";
}

void Node::resolve_plain() {
    kind_ = Kind::string;
    if (one_of(text_, {"", "~", "null", "Null", "NULL"})) {
        kind_ = Kind::null;
        return;
    }
    if (one_of(text_, {"true", "True", "TRUE", "false", "False", "FALSE"})) {
        kind_ = Kind::boolean;
        boolean_ = text_[0] == 't' || text_[0] == 'T';
        return;
    }
    const std::string_view digits = text_.front() == '+' ? std::string_view(text_).substr(1) : std::string_view(text_);
    if (digits.empty() || digits.find_first_not_of("0123456789+-.eE") != std::string_view::npos) return;
    const char* end = digits.data() + digits.size();
    if (const auto got = std::from_chars(digits.data(), end, integer_); got.ec == std::errc() && got.ptr == end) {
        kind_ = Kind::integer;
        number_ = static_cast<double>(integer_);
        return;
    }
    if (const auto got = std::from_chars(digits.data(), end, number_); got.ec == std::errc() && got.ptr == end)
        kind_ = Kind::number;
}

/// Turns libyaml's events into nodes. The first error ends it.
class DocumentReader {
public:
    explicit DocumentReader(std::string_view text) : parser_(new yaml_parser_t()) {
        yaml_parser_initialize(parser_.get());
        yaml_parser_set_encoding(parser_.get(), YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(parser_.get(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
    }

    Result<Node> read() {
        Node root;
        for (;;) {
            Event next;
            if (!take(next)) return *error_;
            switch (next.event.type) {
            case YAML_STREAM_END_EVENT: return root;
            case YAML_DOCUMENT_START_EVENT:
                if (documents_++ > 0)
                    return unparsable(mark_of(next.event.start_mark), "a second document begins here; give one");
                break;
            case YAML_STREAM_START_EVENT:
            case YAML_DOCUMENT_END_EVENT: break;
            default:
                root = node(next, 0);
                if (error_) return *error_;
            }
        }
    }

private:
    bool take(Event& next) {
        if (yaml_parser_parse(parser_.get(), &next.event) != 0) return true;
        const yaml_parser_t& parser = *parser_;
        const Mark mark = mark_of(parser.error == YAML_READER_ERROR ? parser.mark : parser.problem_mark);
        std::string what = parser.problem != nullptr ? parser.problem : "the text cannot be read";
        if (parser.error == YAML_MEMORY_ERROR) what = "it is too large";
        fail(mark, what);
        return false;
    }

    Node fail(Mark mark, const std::string& what) {
        if (!error_) error_ = unparsable(mark, what);
        return {};
    }

    /// The node that begins with `event`.
    Node node(const Event& event, std::size_t depth) {
        const yaml_event_t& e = event.event;
        const Mark mark = mark_of(e.start_mark);
        if (depth > limits::policy_depth_max)
            return fail(mark, "it is nested deeper than " + std::to_string(limits::policy_depth_max) + " levels");
        if (e.type == YAML_ALIAS_EVENT) return alias(text_of(e.data.alias.anchor), mark);
        if (!count(1, mark)) return {};
        std::string anchor;
        Node made;
        switch (e.type) {
        case YAML_SCALAR_EVENT:
            anchor = text_of(e.data.scalar.anchor);
            made = scalar(e, mark);
            break;
        case YAML_SEQUENCE_START_EVENT:
            anchor = text_of(e.data.sequence_start.anchor);
            if (e.data.sequence_start.tag != nullptr) return refuse_tag(e.data.sequence_start.tag, mark);
            made = sequence(mark, depth);
            break;
        case YAML_MAPPING_START_EVENT:
            anchor = text_of(e.data.mapping_start.anchor);
            if (e.data.mapping_start.tag != nullptr) return refuse_tag(e.data.mapping_start.tag, mark);
            made = mapping(mark, depth);
            break;
        default: return fail(mark, "this is out of place");
        }
        if (!anchor.empty() && !error_) anchors_.insert_or_assign(std::move(anchor), made);
        return made;
    }

    Node scalar(const yaml_event_t& e, Mark mark) {
        const auto& data = e.data.scalar;
        const bool plain = data.style == YAML_PLAIN_SCALAR_STYLE;
        if (data.tag != nullptr) return refuse_tag(data.tag, mark);
        Node made = Node::string(std::string(reinterpret_cast<const char*>(data.value), data.length), mark);
        if (plain) made.resolve_plain();
        return made;
    }

    Node refuse_tag(const yaml_char_t* tag, Mark mark) {
        return fail(mark, "\"" + text_of(tag) + "\" is a YAML tag, which policies do not have; put quotes around a text "
                          "that starts with \"!\"");
    }

    Node sequence(Mark mark, std::size_t depth) {
        std::vector<Node> items;
        for (;;) {
            Event next;
            if (!take(next)) return {};
            if (next.event.type == YAML_SEQUENCE_END_EVENT) return Node::list(std::move(items), mark);
            items.push_back(node(next, depth + 1));
            if (error_) return {};
        }
    }

    Node mapping(Mark mark, std::size_t depth) {
        std::vector<Node::Entry> entries;
        std::map<std::string, Mark, std::less<>> seen;
        for (;;) {
            Event next;
            if (!take(next)) return {};
            if (next.event.type == YAML_MAPPING_END_EVENT) return Node::map(std::move(entries), mark);
            Node key = node(next, depth + 1);
            if (error_) return {};
            if (key.is(Node::Kind::list) || key.is(Node::Kind::map)) return fail(key.mark(), "a key has to be a string");
            const auto [first, fresh] = seen.emplace(key.text(), key.mark());
            if (!fresh)
                return fail(key.mark(), "\"" + key.text() + "\" is given twice; the first is at " + to_string(first->second));
            Event value;
            if (!take(value)) return {};
            Node content = node(value, depth + 1);
            if (error_) return {};
            entries.emplace_back(std::move(key), std::move(content));
        }
    }

    Node alias(const std::string& name, Mark mark) {
        const auto found = anchors_.find(name);
        if (found == anchors_.end()) return fail(mark, "there is no anchor \"" + name + "\" before this");
        if (!count(found->second.count(), mark)) return {};
        return found->second;
    }

    bool count(std::size_t nodes, Mark mark) {
        nodes_ += nodes;
        if (nodes_ <= limits::policy_nodes_max) return true;
        fail(mark, "it has more than " + std::to_string(limits::policy_nodes_max) + " values");
        return false;
    }

    std::unique_ptr<yaml_parser_t, ParserDeleter> parser_;
    std::optional<ErrorInfo> error_;
    std::map<std::string, Node, std::less<>> anchors_;
    std::size_t nodes_ = 0;
    std::size_t documents_ = 0;
};

Result<Node> read_document(std::string_view text) {
    if (text.size() > limits::policy_document_max) {
        return ErrorInfo(ngrok_error(2236), "the policy has more than " + std::to_string(limits::policy_document_max) +
                                                " bytes");
    }
    if (is_json(text)) return DocumentReader(json_as_yaml(text)).read();
    return DocumentReader(text).read();
}

} // namespace adit
