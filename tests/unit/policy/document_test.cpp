// YAML and JSON as trees with places.
#include "policy/document.hpp"
#include "support/doctest.hpp"

#include <adit/limits.hpp>

#include <string>

using namespace adit;
using namespace adit::policy;

namespace {

/// A tree in one line: "{a@1:1=[1, "x", null]}".
std::string show(const Node& node) {
    std::string out;
    switch (node.kind()) {
    case Node::Kind::null: return "null";
    case Node::Kind::boolean: return node.as_boolean() ? "true" : "false";
    case Node::Kind::integer: return std::to_string(node.as_integer());
    case Node::Kind::number: return "~" + std::to_string(node.as_number());
    case Node::Kind::string: return "\"" + node.text() + "\"";
    case Node::Kind::list:
        for (const Node& item : node.items()) out += (out.empty() ? "" : ", ") + show(item);
        return "[" + out + "]";
    case Node::Kind::map:
        for (const auto& [key, value] : node.entries()) out += (out.empty() ? "" : ", ") + key.text() + "=" + show(value);
        return "{" + out + "}";
    }
    return "";
}

std::string read(std::string_view text) {
    const auto root = read_document(text);
    return root ? show(*root) : std::to_string(root.error().code().value()) + " " + root.error().message();
}

} // namespace

TEST_CASE("YAML and JSON become the same tree") {
    struct Row {
        std::string_view text, tree;
    };
    const Row rows[] = {
        {"", "null"},
        {"# nothing\n", "null"},
        {"a: 1\nb: [x, 'y', \"z\"]\n", R"({a=1, b=["x", "y", "z"]})"},
        {"a: true\nb: False\nc: ~\nd:\ne: null\nf: 'true'\ng: yes\n", R"({a=true, b=false, c=null, d=null, e=null, f="true", g="yes"})"},
        {"a: -12\nb: 1.5\nc: 1e3\nd: +7\ne: 0x10\nf: 1.2.3\ng: '12'\nh: 10s\n",
         R"({a=-12, b=~1.500000, c=~1000.000000, d=7, e="0x10", f="1.2.3", g="12", h="10s"})"},
        {"a: |\n  one\n  two\nb: >-\n  one\n  two\n", "{a=\"one\ntwo\n\", b=\"one two\"}"},
        {"{\"a\": [1, 2.5, \"x\", true, null], \"b\": {}}", R"({a=[1, ~2.500000, "x", true, null], b={}})"},
        {"{\"a\":1,\"b\":\"c:d\"}", R"({a=1, b="c:d"})"},
        {"{\n\t\"a\":\t\"t\\tab\"\n}", "{a=\"t\tab\"}"},
        {R"({"a": "\ud83d\ude00 \u00e9 \/ \"q\""})", "{a=\"\xf0\x9f\x98\x80 \xc3\xa9 / \"q\"\"}"},
        {"a: &x [1, 2]\nb: *x\n", "{a=[1, 2], b=[1, 2]}"},
        {"---\na: 1\n...\n", "{a=1}"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        CHECK(read(row.text) == row.tree);
    }
}

TEST_CASE("what is no document is refused with its place") {
    struct Row {
        std::string_view text, error;
    };
    const Row rows[] = {
        {"a: [1, 2\nb: 3\n", "2236 line 2, column "},
        {"a: 'x\n", "2236 line 2, column 1: "},
        {"a:\n  - b\n c: d\n", "2236 line 3, column 2: "},
        {"\ta: 1\n", "2236 line 1, column 1: "},
        {"{\"a\": \"\\ud83d\"}", "2236 line 1, column "},
        {"a: 1\nb: 2\na: 3\n", "2236 line 3, column 1: \"a\" is given twice; the first is at line 1, column 1"},
        {"? [a]\n: b\n", "2236 line 1, column 3: a key has to be a string"},
        {"a: !(x == 1)\n", "2236 line 1, column "},
        {"a: !!binary aGk=\n", "2236 line 1, column 4: \"tag:yaml.org,2002:binary\" is a YAML tag, which policies do not have; put "
                              "quotes around a text that starts with \"!\""},
        {"a: 1\n---\nb: 2\n", "2236 line 2, column 1: a second document begins here; give one"},
        {"a: *nobody\n", "2236 line 1, column 4: there is no anchor \"nobody\" before this"},
        {"a: &x [*x]\n", "2236 line 1, column 8: there is no anchor \"x\" before this"},
        {"a: \xff\n", "2236 line 1, column "},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        const std::string got = read(row.text);
        CAPTURE(got);
        CHECK(got.starts_with(row.error));
    }
}

TEST_CASE("size, depth and number of values are bounded, and copies by aliases count") {
    CHECK(read(std::string(limits::policy_document_max + 1, ' ')).starts_with("2236 the policy has more than"));
    CHECK(read(std::string(limits::policy_document_max, ' ')) == "null");
    const std::string deep = std::string(limits::policy_depth_max + 2, '[') + std::string(limits::policy_depth_max + 2, ']');
    CHECK(read(deep).starts_with("2236 line 1, column 34: it is nested deeper than 32 levels"));
    CHECK(read(std::string(500'000, '[')).starts_with("2236 line 1, column 34: it is nested deeper"));
    std::string many = "[";
    for (std::size_t i = 0; i < limits::policy_nodes_max; ++i) many += "1,";
    CHECK(read(many + "]").find("it has more than 65536 values") != std::string::npos);
    // each line has ten of the line before
    std::string bomb = "a0: &a0 [x]\n";
    for (int i = 1; i < 9; ++i) {
        const std::string before = "*a" + std::to_string(i - 1);
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
        for (int k = 0; k < 9; ++k) bomb += ", " + before;
        bomb += "]\n";
    }
    CHECK(read(bomb).find("it has more than 65536 values") != std::string::npos);
}

TEST_CASE("places are those of the text, also in JSON") {
    const auto root = read_document("on_http_request:\n  - name: é\n    actions: [deny]\n");
    REQUIRE(root);
    const Node& rule = root->find("on_http_request")->items().front();
    CHECK(to_string(rule.mark()) == "line 2, column 5");
    CHECK(to_string(rule.find("actions")->items().front().mark()) == "line 3, column 15");
    const auto json = read_document("{\n\t\"a\": {\n\t\t\"b\": 1\n\t}\n}");
    REQUIRE(json);
    CHECK(to_string(json->find("a")->find("b")->mark()) == "line 3, column 8");
    CHECK(to_string(Mark()).empty());
}
