// Behaviour C.2 compress-response; RFC 9110 12.5.3; threat T28.
#include "policy/actions/compression.hpp"
#include "support/doctest.hpp"

#include <adit/limits.hpp>

using namespace adit;
using namespace adit::policy;

namespace {

constexpr Coding all[] = {Coding::gzip, Coding::deflate, Coding::br};

Head request(std::string_view accept, std::string_view method = "GET") {
    Head head = Head::request(method, "/");
    if (!accept.empty()) head.add("Accept-Encoding", accept);
    return head;
}

// "Name: value" lines; Content-Length frames the body, else it is chunked.
Head response(int status, std::initializer_list<std::pair<std::string, std::string>> fields) {
    Head head = Head::response(status);
    head.set_framing(Framing::chunked);
    for (const auto& [name, value] : fields) {
        head.add(name, value);
        if (!iequals(name, "content-length")) continue;
        head.set_framing(Framing::length);
        head.set_content_length(std::stoull(value));
    }
    return head;
}

std::string lines_of(const Fields& fields) {
    std::string out;
    for (const Field& field : fields) out.append(field.name).append(": ").append(field.value) += '\n';
    return out;
}

} // namespace

TEST_CASE("the coding that a visitor likes most") {
    struct Row {
        std::string accept;
        std::string coding;
    };
    const Row rows[] = {
        {"", "identity"},
        {"gzip", "gzip"},
        {"GZIP", "gzip"},
        {"x-gzip", "gzip"},
        {"deflate", "deflate"},
        {"br", "br"},
        {"gzip, deflate, br, zstd", "gzip"}, // equal: the first of ours
        {"br, deflate, gzip", "gzip"},
        {"gzip;q=1.0, br; q=0.5, *;q=0", "gzip"}, // ngrok's documentation
        {"gzip;q=0.5, br;q=0.8", "br"},
        {"gzip;q=0.5 , br ; q=0.501", "br"},
        {"gzip;q=0", "identity"},
        {"gzip;q=0.000, deflate;q=0.001", "deflate"},
        {"*", "gzip"},
        {"*;q=0", "identity"},
        {"*, gzip;q=0", "deflate"},
        {"gzip;q=0.3, *", "deflate"},
        {"identity", "identity"},
        {"identity;q=0", "identity"}, // nothing else is wanted either
        {"identity;q=0, *", "gzip"},
        {"identity, gzip", "gzip"},
        {"identity, gzip;q=0.9", "identity"},
        {"identity;q=0.5, gzip;q=0.5", "gzip"},
        {"identity;q=0.5, gzip;q=0.4, br", "br"},
        {"compress, zstd, dcb", "identity"},
        {"gzip;q=2", "identity"}, // no qvalue
        {"gzip;q=0.1234", "identity"},
        {"gzip;q=-1", "identity"},
        {"gzip;q=", "identity"},
        {"gzip;q=.5", "identity"},
        {"gzip;level=9", "identity"},
        {"gzip;q=1.001", "identity"},
        {"gzip;Q=0.7", "gzip"},
        {",, gzip ,,", "gzip"},
        {";q=1", "identity"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.accept);
        CHECK(to_string(negotiate_coding(request(row.accept), all)) == row.coding);
    }
    Head two = request("br;q=0.2");
    two.add("accept-encoding", "gzip;q=0.1");
    CHECK(negotiate_coding(two, all) == Coding::br);
    CHECK(negotiate_coding(request("gzip, br"), std::array{Coding::br, Coding::gzip}) ==
          Coding::br); // ours are in order
    CHECK(negotiate_coding(request("gzip"), std::array{Coding::br}) == Coding::identity);
    CHECK(negotiate_coding(request("*"), {}) == Coding::identity);
}

TEST_CASE("the names of codings") {
    CHECK(coding_of("Br") == Coding::br);
    CHECK(coding_of("identity") == Coding::identity);
    CHECK_FALSE(coding_of("compress").has_value());
    CHECK_FALSE(coding_of("").has_value());
}

TEST_CASE("which responses are compressed") {
    struct Row {
        std::string method;
        Head head;
        CompressionVeto veto;
    };
    const std::pair<std::string, std::string> html = {"Content-Type", "text/html; charset=utf-8"};
    const auto of_type = [](const std::string& type) { return response(200, {{"Content-Type", type}}); };
    const Row rows[] = {
        {"GET", response(200, {html}), CompressionVeto::none},
        {"POST", response(404, {html}), CompressionVeto::none},
        {"GET", response(200, {}), CompressionVeto::none},
        {"HEAD", response(200, {html}), CompressionVeto::no_body},
        {"CONNECT", response(200, {html}), CompressionVeto::no_body},
        {"GET", response(101, {html}), CompressionVeto::no_body},
        {"GET", response(103, {html}), CompressionVeto::no_body},
        {"GET", response(204, {html}), CompressionVeto::no_body},
        {"GET", response(304, {html}), CompressionVeto::no_body},
        {"GET", response(200, {html, {"Content-Length", "0"}}), CompressionVeto::no_body},
        {"GET", response(200, {html, {"Content-Length", "255"}}), CompressionVeto::too_small},
        {"GET", response(200, {html, {"Content-Length", "256"}}), CompressionVeto::none},
        {"GET", response(200, {html, {"Content-Encoding", "gzip"}}), CompressionVeto::already_encoded},
        {"GET", response(200, {html, {"Content-Encoding", "zstd"}}), CompressionVeto::already_encoded},
        {"GET", response(200, {html, {"Cache-Control", "public, No-Transform"}}),
         CompressionVeto::no_transform},
        {"GET", response(200, {html, {"Cache-Control", "no-store"}, {"cache-control", "no-transform"}}),
         CompressionVeto::no_transform},
        {"GET", response(206, {html}), CompressionVeto::range},
        {"GET", response(200, {html, {"Content-Range", "bytes 0-1/5"}}), CompressionVeto::range},
        {"GET", of_type("application/json"), CompressionVeto::none},
        {"GET", of_type("application/octet-stream"), CompressionVeto::none},
        {"GET", of_type("image/svg+xml"), CompressionVeto::none},
        {"GET", of_type("font/ttf"), CompressionVeto::none},
        {"GET", of_type("text/event-stream"), CompressionVeto::none},
        {"GET", of_type("image/png"), CompressionVeto::content_type},
        {"GET", of_type("Image/JPEG"), CompressionVeto::content_type},
        {"GET", of_type("video/mp4"), CompressionVeto::content_type},
        {"GET", of_type("audio/mpeg; a=b"), CompressionVeto::content_type},
        {"GET", of_type("application/zip"), CompressionVeto::content_type},
        {"GET", of_type("application/gzip"), CompressionVeto::content_type},
        {"GET", of_type("font/woff2"), CompressionVeto::content_type},
        {"GET", of_type("application/grpc+proto"), CompressionVeto::content_type},
        {"GET", of_type("application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
         CompressionVeto::content_type},
        {"GET", of_type("application/epub+zip"), CompressionVeto::content_type},
    };
    for (const Row& row : rows) {
        CAPTURE(lines_of(row.head));
        CAPTURE(row.method);
        CHECK(compression_veto(row.method, row.head) == row.veto);
    }
}

TEST_CASE("what a response says when it is compressed") {
    Head head = response(200, {{"Content-Type", "text/html"},
                               {"Content-Length", "5000"},
                               {"ETag", "\"abc\""},
                               {"Accept-Ranges", "bytes"},
                               {"Content-MD5", "x"},
                               {"Digest", "x"},
                               {"Repr-Digest", "x"},
                               {"Content-Digest", "x"},
                               {"Vary", "Origin"}});
    const CompressionPlan plan = plan_compression(request("gzip"), head, all);
    CHECK(plan.coding == Coding::gzip);
    CHECK_FALSE(plan.flush_each_piece);
    CHECK(lines_of(head) == "Content-Type: text/html\nETag: W/\"abc\"\nVary: Origin\nContent-Encoding: gzip\n"
                            "Vary: Accept-Encoding\n");
    CHECK(head.framing() == Framing::chunked);
    CHECK_FALSE(head.content_length().has_value());
}

TEST_CASE("Vary and ETag are not doubled") {
    for (const char* vary : {"accept-encoding", "Origin, Accept-Encoding", "*"}) {
        Head head = response(200, {{"Vary", vary}, {"ETag", "W/\"a\""}});
        plan_compression(request("br"), head, all);
        CHECK(lines_of(head) == "Vary: " + std::string(vary) + "\nETag: W/\"a\"\nContent-Encoding: br\n");
    }
}

TEST_CASE("a response that stays plain keeps its head, but says if that is the visitor's wish") {
    Head unwanted = response(200, {{"Content-Length", "5000"}, {"ETag", "\"a\""}});
    const CompressionPlan plan = plan_compression(request(""), unwanted, all);
    CHECK(plan.coding == Coding::identity);
    CHECK(plan.veto == CompressionVeto::none);
    CHECK(lines_of(unwanted) == "Content-Length: 5000\nETag: \"a\"\nVary: Accept-Encoding\n");
    CHECK(unwanted.framing() == Framing::length);
    Head image = response(200, {{"Content-Type", "image/png"}});
    CHECK(plan_compression(request("gzip"), image, all).veto == CompressionVeto::content_type);
    CHECK(lines_of(image) == "Content-Type: image/png\n");
}

TEST_CASE("what comes piece by piece is flushed piece by piece") {
    Head events =
        response(200, {{"Content-Type", "text/event-stream; charset=utf-8"}, {"Content-Length", "5000"}});
    CHECK(plan_compression(request("gzip"), events, all).flush_each_piece);
    Head unknown = response(200, {{"Content-Type", "text/html"}});
    CHECK(plan_compression(request("gzip"), unknown, all).flush_each_piece);
    CHECK(unknown.framing() == Framing::chunked);
    Head until_close = response(200, {});
    until_close.set_framing(Framing::until_close);
    plan_compression(request("gzip"), until_close, all);
    CHECK(until_close.framing() == Framing::until_close);
}
