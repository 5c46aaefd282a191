// A second, deliberately plain codec for muxado frames: what the tests say to a session and read from it. It
// shares no code with lib/muxado/frame.cpp beyond the numbers.
#pragma once

#include "muxado/session.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace adit::test {

using Buffer = std::vector<std::uint8_t>;
using muxado::Session;
using muxado::StreamId;

struct Frame {
    std::uint32_t length = 0;
    unsigned type = 0;
    unsigned flags = 0;
    std::uint32_t id = 0;
    Buffer body;

    std::uint32_t number(std::size_t at = 0) const {
        return body.size() < at + 4 ? 0
                                    : std::uint32_t{body[at]} << 24 | std::uint32_t{body[at + 1]} << 16 |
                                          std::uint32_t{body[at + 2]} << 8 | body[at + 3];
    }
    bool data() const { return type == 1; }
    bool wndinc() const { return type == 2; }

    /// "DATA SYN|FIN 3 +5", "RST 3 code 4", "WNDINC 3 by 100", "GOAWAY last 3 code 1 +0".
    std::string text() const {
        const auto on = std::to_string(id);
        switch (type) {
        case 0: return "RST " + on + " code " + std::to_string(number());
        case 1: {
            const char* names[] = {"", "FIN ", "SYN ", "SYN|FIN "};
            return "DATA " + std::string(names[flags & 3]) + on + " +" + std::to_string(body.size());
        }
        case 2: return "WNDINC " + on + " by " + std::to_string(number());
        case 3:
            return "GOAWAY last " + std::to_string(number()) + " code " + std::to_string(number(4)) + " +" +
                   std::to_string(length - 8);
        default: return "TYPE " + std::to_string(type) + " " + on;
        }
    }
};

/// Cuts a byte stream into frames, whatever its pieces.
class FrameReader {
public:
    void add(Bytes bytes) { pending_.insert(pending_.end(), bytes.begin(), bytes.end()); }
    std::optional<Frame> next() {
        if (pending_.size() - at_ < 8) return std::nullopt;
        const std::uint8_t* p = pending_.data() + at_;
        Frame f;
        f.length = std::uint32_t{p[0]} << 16 | std::uint32_t{p[1]} << 8 | p[2];
        if (pending_.size() - at_ - 8 < f.length) return std::nullopt;
        f.type = p[3] >> 4;
        f.flags = p[3] & 0xF;
        f.id = std::uint32_t{p[4]} << 24 | std::uint32_t{p[5]} << 16 | std::uint32_t{p[6]} << 8 | p[7];
        f.body.assign(p + 8, p + 8 + f.length);
        at_ += 8 + f.length;
        if (at_ > (1u << 20)) {
            pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(at_));
            at_ = 0;
        }
        return f;
    }
    std::size_t pending() const { return pending_.size() - at_; }

private:
    Buffer pending_;
    std::size_t at_ = 0;
};

inline Buffer header(std::uint32_t length, unsigned type, unsigned flags, std::uint32_t id) {
    auto b = [](std::uint32_t v, int shift) { return static_cast<std::uint8_t>(v >> shift); };
    return {b(length, 16), b(length, 8), b(length, 0), static_cast<std::uint8_t>(type << 4 | flags),
            b(id, 24),     b(id, 16),    b(id, 8),     b(id, 0)};
}
inline Buffer number(std::uint32_t v) {
    return {static_cast<std::uint8_t>(v >> 24), static_cast<std::uint8_t>(v >> 16),
            static_cast<std::uint8_t>(v >> 8), static_cast<std::uint8_t>(v)};
}
inline Buffer operator+(Buffer a, const Buffer& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}
inline Buffer bytes(std::string_view text) { return {text.begin(), text.end()}; }
inline Buffer zeros(std::size_t n) { return Buffer(n); }

inline constexpr unsigned fin = 1, syn = 2;
inline Buffer frame(unsigned type, unsigned flags, std::uint32_t id, const Buffer& body) {
    return header(static_cast<std::uint32_t>(body.size()), type, flags, id) + body;
}
inline Buffer data(std::uint32_t id, const Buffer& body, unsigned flags = 0) {
    return frame(1, flags, id, body);
}
inline Buffer open(std::uint32_t id, std::uint32_t type, const Buffer& first = {}) {
    return data(id, number(type) + first, syn);
}
inline Buffer rst(std::uint32_t id, std::uint32_t code) { return frame(0, 0, id, number(code)); }
inline Buffer wndinc(std::uint32_t id, std::uint32_t n) { return frame(2, 0, id, number(n)); }
inline Buffer goaway(std::uint32_t last, std::uint32_t code, const Buffer& debug = {}) {
    return frame(3, 0, 0, number(last) + number(code) + debug);
}

/// Everything the session has to say now.
inline Buffer drain(Session& session, std::size_t piece = 65'536) {
    Buffer all, buffer(piece);
    while (session.has_output()) {
        const std::size_t n = session.produce(buffer);
        if (n == 0) break;
        all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(n));
    }
    return all;
}
inline std::vector<Frame> frames(Bytes all) {
    FrameReader reader;
    reader.add(all);
    std::vector<Frame> out;
    while (auto f = reader.next()) out.push_back(std::move(*f));
    return out;
}
inline std::vector<Frame> sent(Session& session) { return frames(drain(session)); }

/// "RST 3 code 4, WNDINC 5 by 10"
inline std::string texts(const std::vector<Frame>& list) {
    std::string all;
    for (const auto& f : list) all += (all.empty() ? "" : ", ") + f.text();
    return all;
}
inline std::string said(Session& session) { return texts(sent(session)); }

/// "opened 3 type 0, readable 3, reset 3 code 4, closed"
inline std::string events(Session& session) {
    using muxado::EventType;
    std::string all;
    while (auto e = session.poll_event()) {
        if (!all.empty()) all += ", ";
        const auto id = std::to_string(e->id), value = std::to_string(e->value);
        switch (e->type) {
        case EventType::stream_opened: all += "opened " + id + " type " + value; break;
        case EventType::readable: all += "readable " + id; break;
        case EventType::writable: all += "writable " + id; break;
        case EventType::reset: all += "reset " + id + " code " + value; break;
        case EventType::openable: all += "openable"; break;
        case EventType::heartbeat: all += "heartbeat"; break;
        case EventType::goaway: all += "goaway code " + value; break;
        case EventType::closed: all += "closed"; break;
        }
    }
    return all;
}

inline std::string read_all(Session& session, StreamId id) {
    std::string all;
    Buffer buffer(10'000);
    while (const std::size_t n = session.read(id, buffer))
        all.append(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(n));
    return all;
}

inline const muxado::Time t0 = muxado::Time{} + std::chrono::hours(1);

/// A session whose random values are 1, 2, 3, ...
inline muxado::Config config(muxado::Role role) {
    muxado::Config c(role);
    c.authenticated = true;
    c.random = [n = std::uint32_t{0}](MutableBytes out) mutable {
        ++n;
        for (std::size_t i = 0; i < out.size(); ++i)
            out[i] = static_cast<std::uint8_t>(n >> (8 * (out.size() - 1 - i)));
    };
    return c;
}

} // namespace adit::test
