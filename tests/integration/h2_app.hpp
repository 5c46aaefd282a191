// An application that speaks HTTP/2: our server session over one stream that the edge opened. Every wait fails the test
// after the time that AppStream allows.
#pragma once

#include "edge_visitor_support.hpp"
#include "http2/server_session.hpp"

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace adit_test {

/// What came of one request.
class H2AppRequest {
public:
    adit::http2::StreamId id = 0;
    std::string method, target, scheme, protocol;
    std::multimap<std::string, std::string> fields;
    std::map<std::string, std::string> trailers;
    std::string body;
    bool ended = false;
    bool reset = false;

    std::string field(const std::string& name) const {
        const auto found = fields.find(name);
        return found == fields.end() ? std::string() : found->second;
    }
};

class H2App final : private adit::http2::ServerHandler {
public:
    explicit H2App(AppStream stream, const adit::http2::Config& config = {});

    /// The next request, as far as it came.
    H2AppRequest& next();
    /// Reads until `done` says so.
    void until(const std::function<bool()>& done);
    /// Reads to the end of the stream.
    void until_closed();
    /// Gives no credit for what comes from now on.
    void hold() { hold_ = true; }
    std::size_t received() const noexcept { return received_; }

    void respond(adit::http2::StreamId id, int status, const adit::Fields& fields = {}, bool end = false);
    void send(adit::http2::StreamId id, std::string_view bytes);
    void finish(adit::http2::StreamId id, const adit::Fields& trailers = {});
    void reset(adit::http2::StreamId id, adit::http2::ErrorCode code);
    void answer(adit::http2::StreamId id, std::string_view body);
    /// An opened tunnel.
    void accept(adit::http2::StreamId id);
    void drain();
    AppStream& stream() noexcept { return stream_; }

private:
    void on_request(adit::http2::StreamId id, adit::Head& head, const adit::http2::RequestInfo& info) override;
    void on_body(adit::http2::StreamId id, adit::Bytes bytes) override;
    void on_end(adit::http2::StreamId id, adit::Fields& trailers) override;
    void on_reset(adit::http2::StreamId id, adit::http2::ErrorCode code) override;
    void on_writable(adit::http2::StreamId) override {}
    void on_sent(adit::http2::StreamId) override {}

    void flush();
    bool read();

    AppStream stream_;
    std::map<adit::http2::StreamId, H2AppRequest> requests_;
    std::deque<adit::http2::StreamId> fresh_;
    std::size_t received_ = 0;
    bool hold_ = false;
    adit::http2::ServerSession session_;
};

} // namespace adit_test
