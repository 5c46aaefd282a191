// The recordings of official clients in tests/transcripts, as the messages they carry.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace adit_test {

/// One RPC message, or the head of a proxied connection.
class RecordedMessage {
public:
    RecordedMessage() = default;
    bool from_client = false;
    std::size_t session = 0;  ///< index of the TCP connection in the recording
    std::uint32_t stream = 0; ///< muxado stream id
    std::uint32_t type = 0;   ///< the stream's type: RequestType
    std::string json;
};

/// All of one scenario, "02_tcp_minimal", in order. Throws std::runtime_error if it cannot be read.
std::vector<RecordedMessage> recorded_messages(std::string_view scenario);

/// The names of all scenarios that are in the tree, sorted, without the matrix of required fields.
std::vector<std::string> recorded_scenarios();

/// The text of a file in tests/transcripts.
std::string transcript_file(std::string_view name);

} // namespace adit_test
