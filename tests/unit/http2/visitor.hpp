// A server session with a peer at its other end, and a handler that writes down what it is told:
//   [GET /a a.test]  a request  (abc) a part of a body  . the peer's end  {x: y} its trailers  !8 a reset  w writable
//   s sent
// each followed by the stream's number where it is not 1.
#pragma once

#include "http2/server_session.hpp"
#include "peer.hpp"

#include "support/doctest.hpp"

#include <functional>
#include <map>

namespace http2_test {

using http2::Config;
using http2::ErrorCode;
using http2::StreamId;

inline std::string on(StreamId id) { return id == 1 ? std::string() : std::to_string(id); }

class ServerLog : public http2::ServerHandler {
public:
    void on_request(StreamId id, Head& head, const http2::RequestInfo& info) override {
        log.append("[")
            .append(head.method())
            .append(" ")
            .append(head.target())
            .append(" ")
            .append(head.host())
            .append("]");
        log += on(id);
        if (info.end) log += "." + on(id);
        protocol = info.protocol;
        scheme = info.scheme;
        heads[id] = head;
        if (then) then(id);
    }
    void on_body(StreamId id, Bytes bytes) override {
        bodies[id] += as_text(bytes);
        if (!quiet) log.append("(").append(as_text(bytes)).append(")").append(on(id));
        if (eager) session->consume(id, bytes.size());
    }
    void on_end(StreamId id, Fields& trailers) override {
        for (const Field& field : trailers)
            log.append("{").append(field.name).append(": ").append(field.value).append("}");
        log += "." + on(id);
    }
    void on_reset(StreamId id, ErrorCode code) override {
        log += "!" + std::to_string(static_cast<std::uint32_t>(code)) + on(id);
        if (releases) session->release(id);
    }
    void on_writable(StreamId id) override {
        if (!quiet) log += "w" + on(id);
        if (writable) writable(id);
    }
    void on_sent(StreamId id) override {
        log += "s" + on(id);
        if (releases) session->release(id);
    }

    http2::ServerSession* session = nullptr;
    std::string log, protocol, scheme;
    std::map<StreamId, Head> heads;
    std::map<StreamId, std::string> bodies;
    std::function<void(StreamId)> then, writable;
    bool eager = true;    // consumes what it gets
    bool releases = true; // when a stream is over
    bool quiet = false;
};

class Visitor {
public:
    explicit Visitor(const Config& config = {}) : session(handler, now, config) {
        handler.session = &session;
        peer.preface();
        peer.frame(NGHTTP2_SETTINGS, ack, 0);
        run();
    }
    /// Everything goes over, in pieces of `piece` bytes.
    void run(std::size_t piece = 1 << 20) {
        const std::string bytes = peer.take();
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
            const std::string part = bytes.substr(at, piece);
            const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[part.size()]); // for AddressSanitizer
            std::memcpy(exact.get(), part.data(), part.size());
            session.receive({exact.get(), part.size()}, now);
            flush();
        }
        flush();
    }
    void flush() {
        for (Bytes out; !(out = session.output()).empty();) {
            largest_output = std::max(largest_output, out.size());
            peer.read(out);
            session.consume_output(out.size());
        }
        CHECK_FALSE(session.has_output());
    }
    std::string log() { return std::exchange(handler.log, {}); }
    std::string story() {
        std::string text = peer.story();
        peer.forget();
        return text;
    }
    bool answer(StreamId id, int status, std::string_view body) {
        Head head = Head::response(status);
        head.add("Content-Type", "text/plain");
        if (!session.respond(id, head, body.empty())) return false;
        if (!body.empty()) {
            CHECK_EQ(session.write(id, as_bytes(body)), body.size());
            session.finish(id);
        }
        return true;
    }

    http2::Time now{std::chrono::hours(1)};
    ServerLog handler;
    http2::ServerSession session;
    Peer peer;
    std::size_t largest_output = 0;
};

} // namespace http2_test
