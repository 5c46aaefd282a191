#include "proto/codec.hpp"
#include "proto/rpc_error.hpp"

#include "support/doctest.hpp"

using namespace adit;

TEST_CASE("a refusal's text is taken apart (agent-protocol 3.3)") {
    struct Row {
        std::string_view text;
        int number; // 0: errc::refused
        std::string_view detail;
    };
    constexpr Row table[] = {
        {"just text", 0, "just text"},
        {"The authtoken is unknown.\n\nERR_NGROK_107", 107, "The authtoken is unknown."},
        {"The authtoken is unknown.\r\n\r\nERR_NGROK_107\r\n", 107, "The authtoken is unknown."},
        {"failed to start tunnel: online\r\n\r\nERR_NGROK_334\r\n", 334, "failed to start tunnel: online"},
        {"one\n\ntwo\n  three  \nERR_NGROK_1", 1, "one\ntwo\nthree"},
        {"ERR_NGROK_108", 108, ""},
        {"ERR_NGROK_108\nlimited", 108, "limited"},
        {"  ERR_NGROK_108\t\nlimited", 108, "limited"},
        {"limited, see ERR_NGROK_108 in the manual", 108, "limited, see ERR_NGROK_108 in the manual"},
        {"see ERR_NGROK_1 too\nERR_NGROK_2", 2, "see ERR_NGROK_1 too"},
        {"ERR_NGROK_2\nERR_NGROK_3", 2, ""},
        {"ERR_NGROK_\nx", 0, "ERR_NGROK_\nx"},
        {"ERR_NGROK_-5", 0, "ERR_NGROK_-5"},
        {"ERR_NGROK_0", 0, "ERR_NGROK_0"},
        {"ERR_NGROK_99999999999999", 0, "ERR_NGROK_99999999999999"},
        {"\n\r\n", 0, ""},
    };
    for (const Row& row : table) {
        CAPTURE(row.text);
        const ErrorInfo info = parse_rpc_error(row.text);
        if (row.number == 0)
            CHECK(info.code() == errc::refused);
        else
            CHECK(info.code() == ngrok_error(row.number));
        CHECK(info.detail() == row.detail);
    }
}

TEST_CASE("a refusal's text is message, blank line, code") {
    CHECK(format_rpc_error(334, "https://a.example.com is online") ==
          "https://a.example.com is online\n\nERR_NGROK_334");
    CHECK(format_rpc_error(334, "") == "the endpoint is already online\n\nERR_NGROK_334");
    CHECK(format_rpc_error(987654, "") == "the request was refused\n\nERR_NGROK_987654");
    CHECK(format_rpc_error(0, "no handler") == "no handler");
    CHECK(format_rpc_error(9026, "ERR_NGROK_2201: line 3: no such action\nas ERR_NGROK_2203") ==
          "error 2201: line 3: no such action\nas error 2203\n\nERR_NGROK_9026");
    CHECK_FALSE(format_rpc_error(0, "").empty());
}

TEST_CASE("a refusal goes through JSON and comes back") {
    const std::string text = encode_error(334, "\"a\"\nb");
    CHECK(text == R"({"Error":"\"a\"\nb\n\nERR_NGROK_334"})");
    const Result<BindResponse> answer = decode_bind_response(text);
    CHECK(answer.error().code() == ngrok_error(334));
    CHECK(answer.error().detail() == "\"a\"\nb");

    CHECK(encode_error(ErrorInfo(ngrok_error(107), "unknown token", "secret of the peer")) ==
          encode_error(107, "unknown token"));
    CHECK(decode_auth_response(encode_error(ErrorInfo(errc::limit_exceeded))).error().code() ==
          errc::refused);
}

TEST_CASE("any answer may be a refusal, and an empty Error is none") {
    const std::string_view refusal = R"({"error":"no\n\nERR_NGROK_333"})";
    CHECK(decode_auth_response(refusal).error().code() == ngrok_error(333));
    CHECK(decode_bind_response(refusal).error().code() == ngrok_error(333));
    CHECK(decode_start_tunnel_with_label_response(refusal).error().code() == ngrok_error(333));
    CHECK(decode_srv_info_response(refusal).error().code() == ngrok_error(333));
    CHECK(decode_empty_response(refusal).error().code() == ngrok_error(333));
    CHECK(decode_empty_response(R"({"Error":""})").has_value());
    CHECK(decode_empty_response(R"({"Error":null})").has_value());
    CHECK(decode_empty_response(R"({})").has_value());
    CHECK(decode_empty_response(R"({"Error":7})").error().code() == errc::protocol_error);
    CHECK(decode_empty_response("null").error().code() == errc::protocol_error);
    CHECK(decode_empty_response("").error().code() == errc::protocol_error);
}
