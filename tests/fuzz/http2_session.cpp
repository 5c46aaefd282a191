// A peer's bytes into a session of HTTP/2: what the handler is told does not depend on the cuts; with an application
// that answers, echoes and gives up at random, memory and streams stay within their bounds, every frame that leaves
// is one that may, and nothing is left when all was dropped. First byte: bit 0 the role, bit 1 small bounds, bit 2
// the peer's greeting is there.
#include "fuzz/fuzz.hpp"

#include "http2/client_session.hpp"
#include "http2/server_session.hpp"

#include <map>
#include <memory>
#include <set>
#include <variant>

using namespace adit;
using http2::StreamId;

namespace {

constexpr std::string_view magic = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::string_view settings("\0\0\0\4\0\0\0\0\0", 9);
constexpr std::string_view settings_ack("\0\0\0\4\1\0\0\0\0", 9);

http2::Config config_of(std::uint8_t choice) {
    http2::Config config;
    if ((choice & 2) == 0) return config;
    config.max_streams = 4;
    config.header_list_max = 512;
    config.stream_window = 1'000;
    config.session_window = 70'000;
    config.stream_queue = 500;
    config.session_queue = 600;
    config.output_max = 1'000;
    config.resets = {8, 1};
    config.glitches = {40, 10};
    return config;
}

// What both roles' handlers have in common, as text.
class Told : public http2::ServerHandler, public http2::ClientHandler {
public:
    void on_request(StreamId id, Head& head, const http2::RequestInfo& info) override {
        FUZZ_CHECK(streams.emplace(id, std::string()).second);
        FUZZ_CHECK(head.version() == HttpVersion::http2 && !head.method().empty() && !head.target().empty());
        FUZZ_CHECK(head.count("host") == 1 && head.count("cookie") <= 1);
        text += "request " + std::to_string(id) + " " + std::string(head.method()) + " " + std::string(head.target()) +
                "\n";
        fields(head);
        if (info.end) ended.insert(id);
    }
    void on_response(StreamId id, Head& head, bool end) override {
        FUZZ_CHECK(streams.contains(id) && !ended.contains(id) && !over.contains(id));
        FUZZ_CHECK(head.status() >= 100 && head.status() <= 999 && head.status() != 101);
        text += "response " + std::to_string(id) + " " + std::to_string(head.status()) + "\n";
        fields(head);
        if (end) ended.insert(id);
    }
    void body(StreamId id, Bytes bytes) {
        FUZZ_CHECK(streams.contains(id) && !ended.contains(id) && !over.contains(id) && !bytes.empty());
        streams[id] += as_text(bytes);
        unconsumed[id] += bytes.size();
    }
    void end(StreamId id, const Fields& trailers) {
        FUZZ_CHECK(streams.contains(id) && ended.insert(id).second && !over.contains(id));
        text += "end " + std::to_string(id) + "\n";
        fields(trailers);
    }
    void reset(StreamId id) { // which of two errors in one DATA frame is seen first depends on the cuts
        FUZZ_CHECK(streams.contains(id) && over.insert(id).second);
        text += "reset " + std::to_string(id) + "\n";
    }
    void on_ready() override {}
    void on_goaway(StreamId, http2::ErrorCode) override { text += "goaway\n"; }

    void fields(const Fields& list) {
        for (const Field& field : list) {
            FUZZ_CHECK(is_token(field.name) && is_single_line(field.value));
            for (const FieldId id :
                 {FieldId::connection, FieldId::transfer_encoding, FieldId::upgrade, FieldId::keep_alive}) {
                FUZZ_CHECK(field.id != id);
            }
            text += " " + std::string(field.name) + ": " + std::string(field.value) + "\n";
        }
    }

    void on_body(StreamId id, Bytes bytes) override { body(id, bytes); }
    void on_end(StreamId id, Fields& trailers) override { end(id, trailers); }
    void on_reset(StreamId id, http2::ErrorCode) override { reset(id); }
    void on_writable(StreamId id) override { FUZZ_CHECK(streams.contains(id) && !over.contains(id)); }
    void on_sent(StreamId id) override {
        FUZZ_CHECK(streams.contains(id) && sent.insert(id).second && !over.contains(id));
    }

    std::string text;
    std::map<StreamId, std::string> streams; // until release(), with their bodies
    std::map<StreamId, std::size_t> unconsumed;
    std::set<StreamId> ended, over, sent;
};

// Whole frames, each within its bound, and none behind a GOAWAY with an error.
class Frames {
public:
    void add(Bytes bytes) {
        bytes_ += as_text(bytes);
        if (skip_ > 0) {
            const std::size_t n = std::min(skip_, bytes_.size());
            FUZZ_CHECK(std::string_view(bytes_).substr(0, n) == magic.substr(magic.size() - skip_, n));
            bytes_.erase(0, n);
            skip_ -= n;
        }
        while (bytes_.size() >= 9) {
            const std::uint8_t* const at = as_bytes(bytes_).data();
            const std::size_t size = get_u32_be(at) >> 8;
            if (bytes_.size() < 9 + size) break;
            const std::uint8_t type = at[3];
            FUZZ_CHECK(!last_ && size <= 16'384 && type != 5);
            if (type == 7) last_ = get_u32_be(at + 9 + 4) != 0;
            if (type == 8) FUZZ_CHECK(get_u32_be(at + 9) != 0);
            bytes_.erase(0, 9 + size);
        }
    }
    bool whole() const { return bytes_.empty(); }
    void expect_magic() { skip_ = magic.size(); }

private:
    std::string bytes_;
    std::size_t skip_ = 0;
    bool last_ = false;
};

class Fixture {
public:
    explicit Fixture(std::uint8_t choice) : config(config_of(choice)), client((choice & 1) != 0) {
        const http2::Time start{std::chrono::hours(1)};
        if (client) {
            auto made = std::make_unique<http2::ClientSession>(told, start, config);
            Head get = Head::request("GET", "/");
            get.add("Host", "a");
            for (int i = 0; i < 3; ++i) {
                const StreamId id = made->request(get, "https", i != 1);
                FUZZ_CHECK(id > 0);
                told.streams.emplace(id, std::string());
            }
            session = std::move(made);
            frames.expect_magic();
        } else {
            session = std::make_unique<http2::ServerSession>(told, start, config);
        }
    }
    http2::Session& operator*() { return *base(); }
    http2::Session* operator->() { return base(); }
    http2::Session* base() {
        return std::visit([](auto& s) -> http2::Session* { return s.get(); }, session);
    }
    void output() {
        const Bytes out = base()->output();
        FUZZ_CHECK(out.size() <= config.output_max + 65'536);
        frames.add(out);
        base()->consume_output(out.size());
    }

    const http2::Config config;
    const bool client;
    Told told;
    Frames frames;
    std::variant<std::unique_ptr<http2::ServerSession>, std::unique_ptr<http2::ClientSession>> session;
};

std::string greeting(std::uint8_t choice) {
    if ((choice & 4) == 0) return {};
    return ((choice & 1) == 0 ? std::string(magic) : std::string()).append(settings).append(settings_ack);
}

// An application that only listens.
std::string told_of(std::uint8_t choice, const fuzz::Pieces& pieces) {
    const http2::Time now{std::chrono::hours(1)};
    Fixture f(choice);
    f.output();
    f->receive(as_bytes(greeting(choice)), now);
    for (const std::string_view piece : pieces) f->receive(fuzz::Exact(piece).bytes(), now);
    while (f->has_output()) f.output();
    std::string text = f.told.text;
    for (const auto& [id, body] : f.told.streams) { // of what goes wrong within a frame, more or less was told before
        if (!f.told.over.contains(id)) text += std::to_string(id) + " " + body + "\n";
    }
    return text + std::to_string(static_cast<unsigned>(f->error()));
}

void lively(std::uint8_t choice, std::string_view bytes) {
    fuzz::Dice dice(bytes);
    http2::Time now{std::chrono::hours(1)};
    Fixture f(choice);
    f.output();
    f->receive(as_bytes(greeting(choice)), now);
    const auto one = [&](StreamId id) {
        Told& told = f.told;
        const std::string& body = told.streams[id];
        switch (dice.below(8)) {
        case 0:
        case 1:
            if (auto* server = std::get_if<std::unique_ptr<http2::ServerSession>>(&f.session)) {
                Head head = Head::response(dice.below(5) == 0 ? 103 : 200);
                head.set_upgrade(dice.below(2) == 0);
                head.add("X-A", "b");
                (*server)->respond(id, head, !head.is_interim() && dice.below(3) == 0);
            }
            break;
        case 2: {
            const std::string some(1 + dice.below(2'000), 'x');
            FUZZ_CHECK(f->write(id, as_bytes(some)) <= some.size());
            FUZZ_CHECK(f->write(id, as_bytes(body)) <= body.size());
            break;
        }
        case 3: f->finish(id); break;
        case 4: {
            const std::size_t n = dice.below(told.unconsumed[id] + 1);
            told.unconsumed[id] -= n;
            f->consume(id, n);
            break;
        }
        case 5: {
            Fields trailers;
            trailers.add("x-t", "u");
            f->finish(id, trailers);
            break;
        }
        case 6:
            if (dice.below(4) == 0) told.over.insert(id), f->reset(id, http2::ErrorCode::cancel);
            break;
        default:
            if (dice.below(3) != 0 && !told.over.contains(id) && !told.sent.contains(id)) break;
            f->release(id);
            told.streams.erase(id);
        }
    };
    for (const std::string_view piece : fuzz::cut(bytes, dice, 64)) {
        f->receive(fuzz::Exact(piece).bytes(), now);
        now += std::chrono::milliseconds(dice.below(50));
        std::set<StreamId> ids;
        for (const auto& [id, body] : f.told.streams) ids.insert(id);
        for (const StreamId id : ids) one(id);
        if (dice.below(2) == 0) f.output();
        if (dice.below(200) == 0) f->drain();
        const http2::Counters c = f->counters();
        FUZZ_CHECK(c.streams <= f.config.max_streams);
        FUZZ_CHECK(c.queued <= f.config.session_queue + c.streams * 16'384);
        FUZZ_CHECK(c.unconsumed <= f.config.session_window);
    }
    while (f->has_output()) f.output();
    FUZZ_CHECK(f.frames.whole() && (!f->failed() || f->finished()));
    f->transport_closed();
    for (const auto& [id, body] : f.told.streams) f->release(id);
    const http2::Counters c = f->counters();
    FUZZ_CHECK(f->idle() && f->finished() && c.streams == 0 && c.queued == 0 && c.unconsumed == 0);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::uint8_t choice = data[0];
    const std::string_view bytes = as_text({data + 1, size - 1});
    fuzz::same_at_every_cut(bytes, [&](const fuzz::Pieces& pieces) { return told_of(choice, pieces); });
    lively(choice, bytes);
    return 0;
}
