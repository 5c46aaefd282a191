// A visitor that speaks HTTP/2: our client session over a blocking TLS connection. Every wait fails the test after 20 s.
#pragma once

#include "http2/client_session.hpp"
#include "support/visitor.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace adit_test {

/// What came for one request.
class H2Answer {
public:
    int status = 0; ///< of the last head; 0: none came
    std::string body;
    std::map<std::string, std::string> fields, trailers;
    int interim = 0;
    bool ended = false;
    bool head_alone = false; ///< the head said that nothing follows
    bool reset = false;
    adit::http2::ErrorCode code = adit::http2::ErrorCode::no_error; ///< of a reset
};

class H2Visitor final : private adit::http2::ClientHandler {
public:
    H2Visitor(std::uint16_t port, std::string_view name, std::string_view roots_pem,
              const adit::http2::Config& config = {});

    /// Sends the head. Not `end`: send() and finish() follow.
    adit::http2::StreamId request(const adit::Head& head, bool end = true, std::string_view protocol = {});
    adit::http2::StreamId get(std::string_view path);
    /// Waits for the credit that it needs.
    void send(adit::http2::StreamId id, std::string_view bytes);
    void finish(adit::http2::StreamId id) { session_.finish(id), flush(); }
    void reset(adit::http2::StreamId id);
    /// Bytes of no session.
    void drip(std::string_view bytes) { net_.send(bytes); }
    /// Takes no body bytes until it is called again with true: no credit goes back.
    void take(bool on) { take_ = on; }
    /// Reads until `done` says so.
    H2Answer& until(adit::http2::StreamId id, const std::function<bool(const H2Answer&)>& done);
    H2Answer& whole(adit::http2::StreamId id);
    /// Until the edge has closed the connection.
    void until_closed();
    bool goaway() const noexcept { return goaway_; }
    adit::http2::ClientSession& session() noexcept { return session_; }
    adit::Head head(std::string_view method, std::string_view path) const;

private:
    void on_response(adit::http2::StreamId id, adit::Head& head, bool end) override;
    void on_body(adit::http2::StreamId id, adit::Bytes bytes) override;
    void on_end(adit::http2::StreamId id, adit::Fields& trailers) override;
    void on_reset(adit::http2::StreamId id, adit::http2::ErrorCode code) override;
    void on_writable(adit::http2::StreamId) override {}
    void on_sent(adit::http2::StreamId) override {}
    void on_ready() override {}
    void on_goaway(adit::http2::StreamId, adit::http2::ErrorCode) override { goaway_ = true; }

    void flush();
    bool read();

    std::string name_;
    NetVisitor net_;
    std::map<adit::http2::StreamId, H2Answer> answers_;
    bool take_ = true;
    bool goaway_ = false;
    adit::http2::ClientSession session_;
};

} // namespace adit_test
