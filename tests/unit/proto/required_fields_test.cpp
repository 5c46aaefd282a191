// The matrix of what the official Rust client needs to find, measured with the real client
// (tests/transcripts/50_required_fields.json): whatever it fails without, our encoders always write.
#include "proto/codec.hpp"
#include "proto/proxy_header.hpp"

#include "support/doctest.hpp"
#include "support/transcript.hpp"

#include <nlohmann/json.hpp>

#include <map>

using namespace adit;
using Json = nlohmann::json;

namespace {

Json bind_answer(const char* protocol) {
    const auto request = decode_bind_request(std::string(R"({"Proto":")") + protocol + "\"}");
    return Json::parse(encode(BindResponse(*request, "id1", "tcp://x:1", "tok")));
}

// What an edge that says as little as possible sends.
std::map<std::string, Json> smallest_messages() {
    AuthResponse auth;
    auth.client_id = "sess_1";
    StartTunnelWithLabelResponse labeled;
    labeled.id = "x";
    return {
        {"AuthResp", Json::parse(encode(auth))},
        {"BindResp(tcp)", bind_answer("tcp")},
        {"BindResp(http)", bind_answer("http")},
        {"BindResp(tls)", bind_answer("tls")},
        {"LabeledResp", Json::parse(encode(labeled))},
        {"UnbindResp", Json::parse(encode(EmptyResponse()))},
        {"ProxyHeader", Json::parse(encode(ProxyHeader()).substr(8))},
    };
}

bool worked(const std::string& client) {
    return client.starts_with("ok") || client.starts_with("echo=\"payload\"");
}

Json::json_pointer pointer(std::string path) {
    for (char& c : path)
        if (c == '.') c = '/';
    return Json::json_pointer("/" + path);
}

} // namespace

TEST_CASE("what the official client needs to find is always written") {
    const std::map<std::string, Json> messages = smallest_messages();
    const Json matrix = Json::parse(adit_test::transcript_file("50_required_fields.json"));
    int required = 0;
    int rows = 0;
    for (const Json& row : matrix) {
        const auto name = row.at("case").get<std::string>();
        CAPTURE(name);
        ++rows;
        const std::string message = name.substr(0, name.find(' '));
        REQUIRE(messages.contains(message));
        constexpr std::string_view without = " without ";
        const std::size_t at = name.find(without);
        if (at == std::string::npos || worked(row.at("client").get<std::string>())) continue;
        ++required;
        const Json::json_pointer path = pointer(name.substr(at + without.size()));
        REQUIRE(messages.at(message).contains(path));
        CHECK_FALSE(messages.at(message).at(path).is_null());
    }
    CHECK(rows == 87);
    CHECK(required == 23);
}

TEST_CASE("the types are those that the official client takes") {
    const std::map<std::string, Json> messages = smallest_messages();
    CHECK(messages.at("AuthResp").at("Version").is_string());
    CHECK(messages.at("AuthResp").at("Extra").is_object());
    CHECK(messages.at("AuthResp").at("Extra").at("SessionDuration").is_number_integer());
    for (const std::string_view bind : {"BindResp(tcp)", "BindResp(http)", "BindResp(tls)"}) {
        CAPTURE(bind);
        CHECK(messages.at(std::string(bind)).at("Opts").at("ProxyProto").is_number_integer());
        CHECK(messages.at(std::string(bind)).at("Extra").at("Token").is_string());
        CHECK(messages.at(std::string(bind)).at("Opts").at("URL") == "tcp://x:1");
    }
    CHECK(messages.at("BindResp(http)").at("Opts").at("HostHeaderRewrite").is_boolean());
    CHECK(messages.at("BindResp(tls)").at("Opts").at("MutualTLSAtAgent").is_boolean());
    CHECK(messages.at("UnbindResp").is_object());
    CHECK(messages.at("LabeledResp").at("Id") == "x");
    CHECK(messages.at("ProxyHeader").at("EdgeType") == "0");
    CHECK(messages.at("ProxyHeader").at("PassthroughTLS").is_boolean());
}

TEST_CASE("a labelled answer always has its Id") {
    // The row "LabeledResp {}" of the matrix fails in the client; ours holds the key even if the id is empty.
    CHECK(encode(StartTunnelWithLabelResponse()) == R"({"Id":""})");
}
