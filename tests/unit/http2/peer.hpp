// The other side of an HTTP/2 session, frame by frame, so that it can do everything wrong. It packs and unpacks heads
// with nghttp2's HPACK and knows nothing else of the protocol.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <memory>
#include <nghttp2/nghttp2.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace http2_test {

using namespace adit;

inline constexpr std::uint8_t end_stream = 1, end_headers = 4, ack = 1, padded = 8;

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Frame {
    std::uint8_t type = 0, flags = 0;
    std::int32_t id = 0;
    std::string payload;
    Pairs fields; // of HEADERS
    std::uint32_t code() const { // of RST_STREAM and GOAWAY
        const std::size_t at = type == NGHTTP2_GOAWAY ? 4 : 0;
        return payload.size() < at + 4 ? ~0u : get_u32_be(as_bytes(payload).data() + at);
    }
    std::string_view field(std::string_view name) const {
        for (const auto& [n, v] : fields) {
            if (n == name) return v;
        }
        return {};
    }
    bool ends() const { return (flags & end_stream) != 0 && (type == NGHTTP2_DATA || type == NGHTTP2_HEADERS); }
};

inline std::string number(std::uint32_t value) {
    std::uint8_t bytes[4];
    put_u32_be(bytes, value);
    return std::string(as_text(bytes));
}

class Peer {
public:
    Peer() {
        nghttp2_hd_deflate_new(&deflater_, 4'096);
        nghttp2_hd_inflate_new(&inflater_);
    }
    Peer(const Peer&) = delete;
    ~Peer() {
        nghttp2_hd_deflate_del(deflater_);
        nghttp2_hd_inflate_del(inflater_);
    }

    // --- what is sent

    void bytes(std::string_view text) { sent_ += text; }
    void frame(std::uint8_t type, std::uint8_t flags, std::int32_t id, std::string_view payload = {}) {
        const auto size = static_cast<std::uint32_t>(payload.size());
        sent_ += number(size << 8 | type);
        sent_ += static_cast<char>(flags);
        sent_ += number(static_cast<std::uint32_t>(id));
        sent_ += payload;
    }
    /// `id`, `value` pairs.
    void settings(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& entries = {}) {
        std::string payload;
        for (const auto& [id, value] : entries) payload.append(number(id).substr(2)).append(number(value));
        frame(NGHTTP2_SETTINGS, 0, 0, payload);
    }
    void preface() {
        bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        settings();
    }
    std::string pack(const Pairs& fields, std::uint8_t flags = NGHTTP2_NV_FLAG_NONE) {
        std::vector<nghttp2_nv> nva;
        for (const auto& [name, value] : fields) {
            nva.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                           reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
                           flags});
        }
        std::string block(nghttp2_hd_deflate_bound(deflater_, nva.data(), nva.size()), '\0');
        const ssize_t n = nghttp2_hd_deflate_hd(deflater_, reinterpret_cast<std::uint8_t*>(block.data()), block.size(),
                                                nva.data(), nva.size());
        block.resize(static_cast<std::size_t>(n));
        return block;
    }
    void headers(std::int32_t id, const Pairs& fields, std::uint8_t flags = end_headers | end_stream) {
        frame(NGHTTP2_HEADERS, flags, id, pack(fields));
    }
    void get(std::int32_t id, const std::string& path = "/", Pairs more = {}) {
        headers(id, request("GET", path, std::move(more)));
    }
    void post(std::int32_t id, const std::string& path = "/", Pairs more = {}) {
        headers(id, request("POST", path, std::move(more)), end_headers);
    }
    void data(std::int32_t id, std::string_view body, std::uint8_t flags = 0) { frame(NGHTTP2_DATA, flags, id, body); }
    void reset(std::int32_t id, std::uint32_t code = NGHTTP2_CANCEL) { frame(NGHTTP2_RST_STREAM, 0, id, number(code)); }
    void window(std::int32_t id, std::uint32_t more) { frame(NGHTTP2_WINDOW_UPDATE, 0, id, number(more)); }
    static Pairs request(const std::string& method, const std::string& path, Pairs more = {}) {
        Pairs fields = {{":method", method}, {":scheme", "https"}, {":path", path}, {":authority", "a.test"}};
        for (auto& field : more) fields.push_back(std::move(field));
        return fields;
    }
    std::string take() { return std::exchange(sent_, {}); }

    // --- what came

    void read(Bytes bytes) {
        got_ += as_text(bytes);
        while (got_.size() >= 9) {
            const std::uint8_t* const head = as_bytes(got_).data();
            const std::size_t size = get_u32_be(head) >> 8;
            if (got_.size() < 9 + size) break;
            Frame f{head[3],
                    head[4],
                    static_cast<std::int32_t>(get_u32_be(head + 5) & 0x7fffffff),
                    got_.substr(9, size),
                    {}};
            got_.erase(0, 9 + size);
            if (f.type == NGHTTP2_HEADERS) unpack(f);
            frames.push_back(std::move(f));
        }
    }
    bool between_frames() const { return got_.empty(); }

    std::vector<Frame> frames;

    const Frame* last(std::uint8_t type, std::int32_t id = 0) const {
        for (std::size_t i = frames.size(); i-- > 0;) {
            if (frames[i].type == type && frames[i].id == id) return &frames[i];
        }
        return nullptr;
    }
    std::string body(std::int32_t id) const {
        std::string all;
        for (const Frame& f : frames) {
            if (f.type == NGHTTP2_DATA && f.id == id) all += f.payload;
        }
        return all;
    }
    std::size_t count(std::uint8_t type) const {
        std::size_t n = 0;
        for (const Frame& f : frames) n += f.type == type ? 1 : 0;
        return n;
    }
    /// In order: "200[1]" a head, "D5[1]" DATA of 5 bytes, "." END_STREAM, "R8[1]" RST_STREAM, "G11" GOAWAY, "{x:
    /// y}[1]" trailers. Nothing of SETTINGS, PING and WINDOW_UPDATE.
    std::string story() const {
        std::string text;
        for (const Frame& f : frames) {
            const std::string on = "[" + std::to_string(f.id) + "]";
            const std::size_t before = text.size();
            if (f.type == NGHTTP2_HEADERS && !f.field(":status").empty()) {
                text.append(f.field(":status")).append(on);
            } else if (f.type == NGHTTP2_HEADERS) {
                text += '{';
                for (const auto& [n, v] : f.fields) text.append(n).append(": ").append(v);
                text.append("}").append(on);
            } else if (f.type == NGHTTP2_DATA) {
                text.append("D").append(std::to_string(f.payload.size())).append(on);
            } else if (f.type == NGHTTP2_RST_STREAM) {
                text.append("R").append(std::to_string(f.code())).append(on);
            } else if (f.type == NGHTTP2_GOAWAY) {
                text.append("G").append(std::to_string(f.code()));
            }
            if (f.ends()) text += '.';
            if (text.size() > before) text += ' ';
        }
        if (!text.empty()) text.pop_back();
        return text;
    }
    void forget() { frames.clear(); }

private:
    void unpack(Frame& f) {
        const std::uint8_t* in = as_bytes(f.payload).data();
        std::size_t left = f.payload.size();
        if ((f.flags & NGHTTP2_FLAG_PRIORITY) != 0) in += 5, left -= 5;
        for (;;) {
            nghttp2_nv nv;
            int flags = 0;
            const ssize_t n = nghttp2_hd_inflate_hd2(inflater_, &nv, &flags, in, left, 1);
            if (n < 0) return;
            in += n;
            left -= static_cast<std::size_t>(n);
            if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
                f.fields.emplace_back(std::string(reinterpret_cast<char*>(nv.name), nv.namelen),
                                      std::string(reinterpret_cast<char*>(nv.value), nv.valuelen));
            }
            if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
        }
        nghttp2_hd_inflate_end_headers(inflater_);
    }

    nghttp2_hd_deflater* deflater_ = nullptr;
    nghttp2_hd_inflater* inflater_ = nullptr;
    std::string sent_, got_;
};

} // namespace http2_test
