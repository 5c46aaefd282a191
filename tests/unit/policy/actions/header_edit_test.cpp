// Behaviour C.2: add-headers, remove-headers.
#include "policy/actions/header_edit.hpp"
#include "support/doctest.hpp"

#include <adit/limits.hpp>

using namespace adit;
using namespace adit::policy;

namespace {

std::string lines_of(const Fields& fields) {
    std::string out;
    for (const Field& field : fields) out.append(field.name).append(": ").append(field.value) += '\n';
    return out;
}

Head request() {
    Head head = Head::request("GET", "/");
    head.add("Host", "app.example");
    head.add("Accept", "*/*");
    head.add("X-Tag", "one");
    return head;
}

} // namespace

TEST_CASE("which names a policy may add and remove") {
    struct Row {
        std::string name;
        bool add, remove;
    };
    const Row rows[] = {
        {"x-a", true, true},
        {"X-Forwarded-For", true, true}, // behaviour D.4: removable
        {"Authorization", true, true},
        {"Set-Cookie", true, true},
        {"Host", true, false},
        {"user-agent", false, false},
        {"User-Agent", false, false},
        {"ngrok-skip-browser-warning", false, true},
        {"ngrok-error-code", false, false},
        {"Connection", false, false},
        {"Content-Length", false, false},
        {"Transfer-Encoding", false, false},
        {"TE", false, false},
        {"Trailer", false, false},
        {"Upgrade", false, false},
        {"Keep-Alive", false, false},
        {"Proxy-Connection", false, false},
        {"HTTP2-Settings", false, false},
        {"", false, false},
        {"a b", false, false},
        {"a:", false, false},
        {":path", false, false},
        {"caf\xc3\xa9", false, false},
        {std::string(limits::policy_header_name_max, 'a'), true, true},
        {std::string(limits::policy_header_name_max + 1, 'a'), false, false},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        CHECK(added_header_problem(row.name).empty() == row.add);
        CHECK(removed_header_problem(row.name).empty() == row.remove);
    }
}

TEST_CASE("which values a header may have") {
    for (const std::string& good : {std::string(), std::string("a b\tc"), std::string("caf\xc3\xa9"),
                                    std::string(limits::policy_header_value_max, 'a')})
        CHECK(header_value_problem(good) == "");
    for (const std::string& bad : {std::string("a\r\nb: c"), std::string("a\nb"), std::string("a\rb"),
                                   std::string("a\0b", 3), std::string("a\x1b[31m"), std::string("\x7f"),
                                   std::string(limits::policy_header_value_max + 1, 'a')})
        CHECK(header_value_problem(bad) != "");
}

TEST_CASE("headers are appended in small letters, and host takes the place of the old one") {
    Head head = request();
    const HeaderList added =
        add_headers(head, HeaderList{{"X-Tag", "two"}, {"HOST", "other.example:8080"}, {"x-new", ""}});
    CHECK(lines_of(head) == "Host: other.example:8080\nAccept: */*\nX-Tag: one\nx-tag: two\nx-new: \n");
    CHECK(added == HeaderList{{"x-tag", "two"}, {"host", "other.example:8080"}, {"x-new", ""}});
}

TEST_CASE("what would break the message is left out") {
    Head head = request();
    const std::string before = lines_of(head);
    const HeaderList bad = {{"x-a", "1\r\nx-b: 2"},
                            {"content-length", "5"},
                            {"transfer-encoding", "chunked"},
                            {"host", ""},
                            {"host", "a b"},
                            {"host", "user@evil.example"},
                            {"user-agent", "x"},
                            {"a b", "c"}};
    CHECK(add_headers(head, bad).empty());
    CHECK(lines_of(head) == before);
    Head response = Head::response(200);
    CHECK(add_headers(response, HeaderList{{"Host", "app.example"}}).empty());
    CHECK(add_headers(response, HeaderList{{"Server", "adit"}}).size() == 1);
    CHECK(lines_of(response) == "server: adit\n");
}

TEST_CASE("every field of a removed name goes") {
    Head head = request();
    head.add("x-TAG", "two");
    CHECK(remove_headers(head, std::vector<std::string>{"X-tag", "x-none", "Host", "user-agent"}) ==
          std::vector<std::string>{"x-tag"});
    CHECK(lines_of(head) == "Host: app.example\nAccept: */*\n");
}
