// The table tests/unit/http/smuggling.txt: what visitors send to be read in two ways, and all that may come out of it. The
// format is told at its head.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace smuggling {

struct Payload {
    std::string threat;  ///< "T1"
    std::string section; ///< "T1 hosts"
    std::string name;
    std::string visitor;               ///< what it sends; empty for fields
    std::vector<std::string> fields;   ///< instead: a request as HTTP/2 gives it, "name: value"
    std::optional<std::string> answer; ///< of the application, as soon as the head is there
    bool answer_ends = false;          ///< and then the application's stream ends
    // What comes of it.
    std::string outcome;               ///< of the parser, in the notation of tests/unit/http/http_log.hpp
    std::vector<std::string> upstream; ///< complete requests
    std::string partial;               ///< what goes upstream of a request that stays incomplete
    std::string statuses;              ///< of the answers that the visitor gets, if the application says 200 to all
    std::string down;                  ///< the visitor gets this of `answer`; "(502)": a page of the edge
    bool closed = false;               ///< and then the connection is closed
};

std::vector<Payload> load(const std::string& path);
/// The text of the table, with its head from the one at `path`.
std::string rewrite(const std::string& path, const std::vector<Payload>& payloads);

} // namespace smuggling
