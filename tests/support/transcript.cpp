#include "support/transcript.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>

namespace adit_test {
namespace {

using Json = nlohmann::json;

std::string bytes_of(const Json& frame) {
    const std::string hex = frame.value("hex", "");
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return bytes;
}

std::uint32_t take_type(std::string& bytes) {
    std::uint32_t type = 0;
    for (std::size_t i = 0; i < 4; ++i) type = type << 8 | static_cast<unsigned char>(bytes.at(i));
    bytes.erase(0, 4);
    return type;
}

// The first JSON of each direction of a stream; what follows a proxy header are the connection's own bytes.
class Stream {
public:
    std::uint32_t type = 0;
    bool seen[2] = {false, false};
};

} // namespace

std::string transcript_file(std::string_view name) {
    std::ifstream file(std::filesystem::path(ADIT_TRANSCRIPTS) / name, std::ios::binary);
    if (!file) throw std::runtime_error("no transcript " + std::string(name));
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> recorded_scenarios() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(ADIT_TRANSCRIPTS)) {
        const std::string name = entry.path().stem().string();
        if (entry.path().extension() == ".json" && !name.starts_with("50_")) names.push_back(name);
    }
    std::ranges::sort(names);
    return names;
}

std::vector<RecordedMessage> recorded_messages(std::string_view scenario) {
    const Json recording = Json::parse(transcript_file(std::string(scenario) + ".json"));
    std::vector<RecordedMessage> messages;
    std::size_t session = 0;
    for (const Json& connection : recording.at("sessions")) {
        std::map<std::uint32_t, Stream> streams;
        for (const Json& frame : connection.at("frames")) {
            if (frame.value("type", "") != "DATA") continue;
            const auto id = frame.at("stream").get<std::uint32_t>();
            const bool from_client = frame.at("dir") == "C>S";
            std::string bytes = bytes_of(frame);
            const bool opens = frame.value("flags", "").find("SYN") != std::string::npos;
            if (opens && bytes.size() >= 4) streams[id].type = take_type(bytes);
            Stream& stream = streams[id];
            if (stream.type == 3 && opens && bytes.size() > 8) bytes.erase(0, 8);
            if (stream.type == 3 && from_client) continue;
            bool& seen = stream.seen[from_client ? 1 : 0];
            if (seen || !bytes.starts_with('{')) continue;
            seen = true;
            RecordedMessage message;
            message.from_client = from_client;
            message.session = session;
            message.stream = id;
            message.type = stream.type;
            message.json = bytes;
            messages.push_back(message);
        }
        ++session;
    }
    return messages;
}

} // namespace adit_test
