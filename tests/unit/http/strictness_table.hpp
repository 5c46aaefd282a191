// Requests in few words, and the payloads that proxies and servers have read in different ways.
#pragma once

#include "support/smuggling.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace http_test {

using namespace std::string_literals;

// POST / with these field lines, then the body.
inline std::string post(std::string_view lines, std::string_view body = {}) {
    return "POST / HTTP/1.1\r\nHost: a.example\r\n" + std::string(lines) + "\r\n\r\n" + std::string(body);
}
inline std::string get(std::string_view lines) {
    return "GET / HTTP/1.1\r\nHost: a.example\r\n" + std::string(lines) + "\r\n\r\n";
}
inline std::string line(std::string_view request_line) {
    return std::string(request_line) + "\r\nHost: a.example\r\n\r\n";
}
inline std::string host(std::string_view value) {
    return "GET / HTTP/1.1\r\nHost: " + std::string(value) + "\r\n\r\n";
}
inline std::string chunked(std::string_view body) { return post("Transfer-Encoding: chunked", body); }

/// The payloads of smuggling.txt that are bytes of a visitor.
inline std::vector<smuggling::Payload> all_payloads() {
    std::vector<smuggling::Payload> all = smuggling::load(ADIT_SMUGGLING_TABLE);
    std::erase_if(all, [](const smuggling::Payload& payload) { return !payload.fields.empty(); });
    return all;
}

} // namespace http_test
