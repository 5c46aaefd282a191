// What official clients really sent (tests/transcripts): their bytes decode into exactly the frames that
// were listed when they were recorded, and a session that plays the edge gets the same streams with the
// same bytes out of them.
#include "muxado/session.hpp"

#include "support/doctest.hpp"
#include "support/transcript.hpp"
#include "unit/muxado/wire.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <sstream>

using namespace adit;
using namespace adit::test;
using Json = nlohmann::json;
using muxado::Role;

namespace {

enum class Listed { all, prefix, some };

struct Recording {
    const char* scenario;
    int sessions = 1; ///< files NAME.client.hex, NAME.1.client.hex, ...
    Listed listed =
        Listed::all; ///< how much of the bytes the list covers: long recordings were listed in part
    const char* list = ".json";
};

const Recording recordings[] = {
    {"00_session_minimal"},
    {"01_session_full"},
    {"02_tcp_minimal"},
    {"03_tcp_full"},
    {"04_http_minimal"},
    {"05_http_scheme_http"},
    {"06_http_full"},
    {"07_http_traffic_policy"},
    {"08_http_legacy_policy"},
    {"09_http_basic_auth"},
    {"10_http_oauth"},
    {"11_tls_minimal"},
    {"12_tls_full"},
    {"13_labeled"},
    {"14_listener_close"},
    {"15_session_close"},
    {"16_proxy_proto_v1"},
    {"17_commands"},
    {"18_commands_unhandled"},
    {"19_stop_tunnel"},
    {"20_server_heartbeat"},
    {"21_auth_error"},
    {"22_bind_error"},
    {"23_upstream_refused"},
    {"24_http_upstream_refused"},
    {"25_unknown_stream_type"},
    {"26_proxy_unknown_id"},
    {"30_heartbeat_cadence"},
    {"31_heartbeat_unanswered"},
    {"32_reconnect", 2},
    {"33_edge_goaway", 2},
    {"34_large_to_client", 1, Listed::prefix, ".frames"},
    {"35_window_limit_from_client", 1, Listed::all, ".frames"},
    {"36_flow_violation_by_edge", 1, Listed::prefix},
    {"37_edge_rst_midstream"},
    {"38_half_close_from_edge"},
    {"39_many_streams", 2, Listed::some},
    {"40_http_forward_url_https_upstream"},
    {"41_auth_redirect_version2"},
    {"60_ngrok_v2_agent"},
    {"61_ngrok_v2_tcp"},
    {"62_ngrok_v2_tls"},
    {"63_ngrok_v2_heartbeat_unanswered", 2},
    {"64_ngrok_v2_window", 1, Listed::all, ".frames"},
};

Buffer from_hex(std::string_view hex) {
    auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    Buffer out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        out.push_back(static_cast<std::uint8_t>(digit(hex[i]) << 4 | digit(hex[i + 1])));
    return out;
}

Buffer client_bytes(const Recording& recording, int session) {
    const std::string number = session == 0 ? "" : "." + std::to_string(session);
    std::istringstream file(adit_test::transcript_file(recording.scenario + number + ".client.hex"));
    Buffer all;
    for (std::string line; std::getline(file, line);)
        if (!line.starts_with('#')) all = std::move(all) + from_hex(line);
    return all;
}

std::vector<Json> listed_frames(const Recording& recording, int session) {
    const Json json =
        Json::parse(adit_test::transcript_file(std::string(recording.scenario) + recording.list));
    std::vector<Json> list;
    for (const auto& f : json.at("sessions").at(static_cast<std::size_t>(session)).at("frames"))
        if (f.value("dir", "") == "C>S") list.push_back(f);
    return list;
}

/// Empty if `f` is the frame of the list, else what differs.
std::string difference(const Frame& f, const Json& listed) {
    static const std::map<std::string, unsigned> types = {
        {"RST", 0}, {"DATA", 1}, {"WNDINC", 2}, {"GOAWAY", 3}};
    const std::string flags = listed.at("flags");
    unsigned bits = flags.find("FIN") != std::string::npos ? fin : 0;
    if (flags.find("SYN") != std::string::npos) bits |= syn;
    if (f.type != types.at(listed.at("type"))) return "type";
    if (f.flags != bits) return "flags";
    if (f.id != listed.at("stream")) return "stream";
    if (f.length != listed.at("len")) return "length";
    if (listed.contains("increment") && f.number() != listed.at("increment")) return "increment";
    if (listed.contains("error") && f.number(f.type == 3 ? 4 : 0) != listed.at("error")) return "error";
    if (listed.contains("last") && f.number() != listed.at("last")) return "last";
    if (listed.contains("msg") &&
        Buffer(f.body.begin() + 8, f.body.end()) != bytes(listed.at("msg").get<std::string>()))
        return "text";
    const std::string key = listed.contains("hex") ? "hex" : "hex_head";
    if (listed.contains(key)) {
        const Buffer body = from_hex(listed.at(key).get<std::string>());
        if (key == "hex" && body.size() != f.body.size() && body.size() < 4'096) return "size";
        if (!std::equal(body.begin(), body.end(), f.body.begin())) return "bytes";
    }
    return "";
}

std::vector<Frame> decode(const Buffer& bytes) {
    std::vector<Frame> list;
    for (std::size_t at = 0; at != bytes.size();) {
        REQUIRE(bytes.size() - at >= muxado::frame_header_size);
        const auto h = muxado::get_frame_header(bytes.data() + at);
        at += muxado::frame_header_size;
        REQUIRE(bytes.size() - at >= h.length);
        const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
        list.push_back(
            {h.length, static_cast<unsigned>(h.type), h.flags, h.id, Buffer(begin, begin + h.length)});
        at += h.length;
    }
    return list;
}

} // namespace

TEST_CASE("recorded client bytes decode into exactly the listed frames") {
    std::size_t total = 0;
    for (const auto& recording : recordings) {
        for (int session = 0; session < recording.sessions; ++session) {
            CAPTURE(recording.scenario);
            CAPTURE(session);
            const auto got = decode(client_bytes(recording, session));
            const auto list = listed_frames(recording, session);
            REQUIRE_FALSE(list.empty());
            const Listed listed = session == 0 ? recording.listed : Listed::all;
            if (listed == Listed::all) REQUIRE(got.size() == list.size());
            if (listed == Listed::prefix) REQUIRE(got.size() >= list.size());
            std::size_t at = 0;
            for (std::size_t i = 0; i < list.size(); ++i, ++at) {
                CAPTURE(i);
                while (listed == Listed::some && at < got.size() && !difference(got[at], list[i]).empty())
                    ++at;
                REQUIRE(at < got.size());
                REQUIRE(difference(got[at], list[i]) == "");
            }
            total += got.size();
        }
    }
    CHECK(total > 4'000);
}

TEST_CASE("an edge session gets the recorded streams and bytes out, whatever the split") {
    for (const auto& recording : recordings) {
        for (int number = 0; number < recording.sessions; ++number) {
            const Buffer in = client_bytes(recording, number);
            std::map<StreamId, Buffer> expected; // the application's: heartbeats are not its business
            std::map<StreamId, std::uint32_t> types;
            StreamId opened_by_edge = 0;
            bool ends = false;
            for (const auto& f : decode(in)) {
                ends = ends || f.type == 3;
                if (f.id % 2 == 0) opened_by_edge = std::max(opened_by_edge, f.id);
                if (!f.data()) continue;
                if ((f.flags & syn) != 0 && f.body.size() >= 4) types[f.id] = f.number();
                const std::ptrdiff_t skip =
                    (f.flags & syn) != 0 ? std::min<std::ptrdiff_t>(4, std::ptrdiff_t(f.body.size())) : 0;
                auto& stream = expected[f.id];
                stream.insert(stream.end(), f.body.begin() + skip, f.body.end());
            }
            for (const std::size_t piece : {in.size(), std::size_t{1}, std::size_t{1'460}}) {
                CAPTURE(recording.scenario);
                CAPTURE(number);
                CAPTURE(piece);
                auto c = config(Role::server);
                c.max_local_streams = 2'000;
                Session session(c);
                while (opened_by_edge != 0) {
                    const auto id = session.open(3);
                    if (*id >= opened_by_edge) break;
                }
                std::map<StreamId, Buffer> got;
                Buffer buffer(4'096);
                for (std::size_t at = 0; at < in.size(); at += piece) {
                    session.receive(Bytes(in).subspan(at, std::min(piece, in.size() - at)), t0);
                    while (const auto event = session.poll_event()) {
                        if (event->type != muxado::EventType::readable) continue;
                        while (const std::size_t n = session.read(event->id, buffer))
                            got[event->id].insert(got[event->id].end(), buffer.begin(),
                                                  buffer.begin() + std::ptrdiff_t(n));
                    }
                    drain(session);
                }
                for (const auto& [id, body] : expected) {
                    CAPTURE(id);
                    if (types.contains(id) && types.at(id) == muxado::heartbeat_stream_type) continue;
                    CHECK(got[id] == body);
                    if (types.contains(id) && session.stats(id))
                        CHECK(session.stats(id)->type == types.at(id));
                }
                CHECK(session.error().has_value() == ends);
                if (ends) CHECK(session.error()->code() == errc::session_lost);
            }
        }
    }
}
