#include "http/message.hpp"
#include "http/scan.hpp"
#include "support/doctest.hpp"

using namespace adit;
using namespace std::string_literals;

namespace {

std::string joined(const Fields& fields) {
    std::string out;
    for (const Field& field : fields) out.append(field.name).append("=").append(field.value) += ';';
    return out;
}

Fields sample() {
    Fields fields;
    CHECK(fields.add("Host", "a"));
    CHECK(fields.add("X-A", "1"));
    CHECK(fields.add("Via", "v"));
    CHECK(fields.add("x-a", "2"));
    return fields;
}

} // namespace

TEST_CASE("fields keep order and spelling and are found without case") {
    const Fields fields = sample();
    CHECK(joined(fields) == "Host=a;X-A=1;Via=v;x-a=2;");
    CHECK(fields.find("x-A") == "1");
    CHECK(fields.count("X-a") == 2);
    CHECK(fields.find("nothing") == std::nullopt);
    CHECK(fields.find(FieldId::host) == "a");
    CHECK_FALSE(fields.has(FieldId::connection));
    CHECK(fields.has("VIA"));
}

TEST_CASE("set replaces the first and drops the others, or adds") {
    Fields fields = sample();
    CHECK(fields.set("X-A", "longer than before"));
    CHECK(joined(fields) == "Host=a;X-A=longer than before;Via=v;");
    CHECK(fields.set("New", "n"));
    CHECK(joined(fields) == "Host=a;X-A=longer than before;Via=v;New=n;");
}

TEST_CASE("remove takes all of a name") {
    Fields fields = sample();
    CHECK(fields.remove("X-a") == 2);
    CHECK(fields.remove("X-a") == 0);
    CHECK(joined(fields) == "Host=a;Via=v;");
    CHECK(fields.remove_if([](const Field& field) { return field.id == FieldId::host; }) == 1);
    CHECK(joined(fields) == "Via=v;");
}

TEST_CASE("no field with a line end or a bad name gets in") {
    Fields fields = sample();
    const std::string before = joined(fields);
    for (const std::string& value :
         {"a\r\nX: y"s, "a\nb"s, "a\rb"s, "a\0b"s, "\n"s, std::string(40, 'x') + "\r"}) {
        CHECK_FALSE(fields.add("X-B", value));
        CHECK_FALSE(fields.set("X-A", value));
    }
    for (const std::string& name : {""s, "a b"s, "a:"s, "a\r\n"s, "\xc3\xbc"s, "a\0"s}) {
        CHECK_FALSE(fields.add(name, "v"));
        CHECK_FALSE(fields.set(name, "v"));
    }
    CHECK(joined(fields) == before);
}

TEST_CASE("views into the object itself may be added and set") {
    Fields fields;
    CHECK(fields.add("X-First", "the first value, long enough to be on the heap"));
    for (int i = 0; i < 100; ++i) { // grows the arena many times
        const Field first = fields[0];
        CHECK(fields.add(first.name, first.value));
    }
    for (const Field& field : fields) {
        CHECK(field.name == "X-First");
        CHECK(field.value == "the first value, long enough to be on the heap");
    }
    CHECK(fields.set("X-First", fields[50].value));
    CHECK(fields.size() == 1);
    CHECK(fields[0].value == "the first value, long enough to be on the heap");
}

TEST_CASE("the names that rules look at are known in any case, others are not") {
    struct Row {
        std::string_view name;
        FieldId id;
    };
    const Row rows[] = {
        {"Connection", FieldId::connection},
        {"CONTENT-LENGTH", FieldId::content_length},
        {"expect", FieldId::expect},
        {"Forwarded", FieldId::forwarded},
        {"hOST", FieldId::host},
        {"HTTP2-Settings", FieldId::http2_settings},
        {"Keep-Alive", FieldId::keep_alive},
        {"ngrok-auth-user-email", FieldId::ngrok},
        {"Ngrok-Error-Code", FieldId::ngrok_error},
        {"ngrok-skip-browser-warning", FieldId::ngrok_skip},
        {"Proxy", FieldId::proxy},
        {"Proxy-Authenticate", FieldId::proxy_authenticate},
        {"Proxy-Authorization", FieldId::proxy_authorization},
        {"Proxy-Connection", FieldId::proxy_connection},
        {"TE", FieldId::te},
        {"Trailer", FieldId::trailer},
        {"Transfer-Encoding", FieldId::transfer_encoding},
        {"Upgrade", FieldId::upgrade},
        {"X-Forwarded-For", FieldId::x_forwarded_for},
        {"X-Forwarded-Host", FieldId::x_forwarded_host},
        {"X-Forwarded-Proto", FieldId::x_forwarded_proto},
        {"X-Forwarded-Port", FieldId::x_forwarded},
        {"X-Real-IP", FieldId::x_real_ip},
        {"Content-Lengt", FieldId::other},
        {"Content-Lengthx", FieldId::other},
        {"Content_Length", FieldId::other},
        {"X-Forwarded-", FieldId::other},
        {"ngrok-", FieldId::other},
        {"ngrok", FieldId::other},
        {"X", FieldId::other},
        {"", FieldId::other},
        {"A-Name-That-Is-Longer-Than-Any-Known-One", FieldId::other},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        CHECK(field_id(row.name) == row.id);
    }
}

TEST_CASE("elements of a list come one by one, without blanks") {
    const auto elements = [](std::string_view list) {
        std::string out;
        std::string_view element;
        while (next_element(list, element)) out.append("<").append(element) += '>';
        return out;
    };
    CHECK(elements("") == "");
    CHECK(elements("a") == "<a>");
    CHECK(elements(" a ,\tb,c\t") == "<a><b><c>");
    CHECK(elements("a,,b") == "<a><><b>");
    CHECK(elements(", ,") == "<><>");
    Fields fields;
    CHECK(fields.add("Connection", "x, Keep-Alive"));
    CHECK(fields.add("connection", "upgrade"));
    CHECK(fields.lists(FieldId::connection, "keep-alive"));
    CHECK(fields.lists(FieldId::connection, "Upgrade"));
    CHECK_FALSE(fields.lists(FieldId::connection, "keep"));
    CHECK_FALSE(fields.lists(FieldId::upgrade, "upgrade"));
}

TEST_CASE("the scan for line ends finds the first one at every place and length") {
    for (std::size_t size = 0; size < 50; ++size) {
        const std::string clean(size, 'x');
        CHECK(scan::find_line_end(clean.data(), clean.data() + size) == clean.data() + size);
        CHECK(scan::count_breaks(clean.data(), size) == 0);
        for (std::size_t at = 0; at < size; ++at) {
            for (const char c : {'\r', '\n', '\0'}) {
                std::string text = clean;
                text[at] = c;
                CHECK(scan::count_breaks(text.data(), size) == 1);
                CHECK_FALSE(is_single_line(text));
                if (c == '\0') continue;
                text.back() = '\n'; // a later one does not matter
                CHECK(scan::find_line_end(text.data(), text.data() + size) == text.data() + at);
            }
        }
    }
    const std::string many(10'000, '\n');
    CHECK(scan::count_breaks(many.data(), many.size()) == many.size());
    for (int c = 0; c < 256; ++c) {
        const std::string text(32, static_cast<char>(c));
        CHECK(is_single_line(text) == (c != '\r' && c != '\n' && c != '\0'));
    }
}

TEST_CASE("a head made by hand has the usual reason phrase and its own fields") {
    Head response = Head::response(404);
    CHECK(response.status() == 404);
    CHECK(response.reason() == "Not Found");
    CHECK_FALSE(response.is_request());
    CHECK(Head::response(299).reason() == "");
    CHECK(Head::response(200, "Fine").reason() == "Fine");
    Head request = Head::request("GET", "/a");
    CHECK(request.is_request());
    CHECK(request.add("Host", "h"));
    CHECK(request.set_target("/b"));
    CHECK_FALSE(request.set_target("/b c"));
    CHECK_FALSE(request.set_target(""));
    CHECK(request.target() == "/b");
    CHECK(request.method() == "GET");
    CHECK(request.host() == "h");
    request.clear();
    CHECK(request.method() == "");
    CHECK(request.empty());
}
