#include "http2/client_session.hpp"

#include "http/target.hpp"
#include "http2/session_impl.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace adit::inline v0::http2 {
namespace {

class ClientImpl final : public Session::Impl {
public:
    ClientImpl(ClientHandler& h, const Config& c, Time t) : Impl(Role::client, h, c, t), client_handler(h) {}

    void on_head_begin() override {
        status = 0;
        length.reset();
        begun = false;
    }

    ErrorCode on_head_field(std::string_view name, std::string_view value) override {
        if (name.front() == ':') { // only :status; nghttp2 has checked that it is one, with three digits
            if (std::from_chars(value.data(), value.data() + value.size(), status).ec != std::errc() || status < 100) {
                return ErrorCode::protocol_error;
            }
            return ErrorCode::no_error;
        }
        begin_head();
        if (name == "content-length") {
            std::uint64_t number = 0;
            const char* const end = value.data() + value.size();
            const auto [at, error] = std::from_chars(value.data(), end, number);
            if (error != std::errc() || at != end || value.size() > 18) return ErrorCode::protocol_error;
            length = number;
        }
        return add_field(name, value) ? ErrorCode::no_error : ErrorCode::protocol_error;
    }

    ErrorCode on_head_end(Stream& stream, bool end) override {
        if (head_too_large()) return ErrorCode::enhance_your_calm;
        begin_head();
        if (!cookies.empty()) head.add("cookie", cookies);
        if (head.is_interim()) {
            if (++stream.interim > limits::http_interim_max) return ErrorCode::enhance_your_calm;
        } else {
            stream.head_received = true;
        }
        const bool bodiless = head.is_interim() || stream.to_head || status == 204 || status == 304 || end;
        const bool tunnel = stream.tunnel && status < 300 && !head.is_interim();
        head.set_content_length(length);
        head.set_upgrade(tunnel);
        if (tunnel) {
            head.set_framing(Framing::none);
        } else if (bodiless && !(end && length == 0)) {
            head.set_framing(Framing::none);
        } else {
            head.set_framing(length ? Framing::length : Framing::chunked);
        }
        if (!stream.released && !stream.over) client_handler.on_response(stream.id, head, end);
        return ErrorCode::no_error;
    }

    void on_goaway_received(StreamId last, ErrorCode code) override {
        going = true;
        client_handler.on_goaway(last, code);
    }
    void on_settings_received() override {
        settled = true;
        tell_ready();
    }
    void on_stream_gone() override { tell_ready(); }

    StreamId request(const Head& request, std::string_view scheme, bool end, std::string_view protocol) {
        if (!can_request()) {
            waiting = true;
            return 0;
        }
        const bool connect = request.method() == "CONNECT" || !protocol.empty();
        if (!protocol.empty() && (!allows_connect() || end || !is_token(protocol))) return 0;
        const std::string_view authority = request.host();
        if (!is_token(request.method()) || !is_target(request.target()) || authority.empty()) return 0;
        block.clear();
        block.add(":method", connect ? "CONNECT" : request.method());
        if (!connect || !protocol.empty()) {
            block.add(":scheme", scheme);
            block.add(":path", request.target());
        }
        block.add(":authority", authority);
        if (!protocol.empty()) block.add(":protocol", protocol);
        block.add(request, false, connect);

        Stream& stream = add_stream(0);
        const nghttp2_data_provider body = body_of(stream);
        const StreamId id =
            nghttp2_submit_request(ng.get(), nullptr, block.data(), block.size(), end ? nullptr : &body, nullptr);
        if (id <= 0) { // the ids are used up
            stream.open = false;
            going = true;
            erase(stream);
            return 0;
        }
        ids.back() = stream.id = last_id = id;
        stream.told = stream.head_sent = true;
        stream.finished = end;
        stream.tunnel = connect;
        stream.to_head = request.method() == "HEAD";
        return id;
    }

    bool can_request() const noexcept {
        if (failed || ended || going || draining) return false;
        const std::uint32_t theirs =
            nghttp2_session_get_remote_settings(ng.get(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
        // Before its SETTINGS come, a peer that allows fewer would refuse them.
        return streams.size() < std::min(theirs, config.max_streams);
    }
    bool allows_connect() const noexcept {
        return settled && nghttp2_session_get_remote_settings(ng.get(), NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
    }
    bool is_settled() const noexcept { return settled; }

private:
    void begin_head() {
        if (!begun) head.set_response(status, {}, HttpVersion::http2);
        begun = true;
    }
    void tell_ready() {
        if (!waiting || !can_request()) return;
        waiting = false;
        client_handler.on_ready();
    }

    ClientHandler& client_handler;
    std::optional<std::uint64_t> length;
    int status = 0;
    bool begun = false;
    bool settled = false; // SETTINGS of the agent came
    bool going = false;   // it said GOAWAY
    bool waiting = false; // request() found no room
};

} // namespace

ClientSession::ClientSession(ClientHandler& handler, Time now, const Config& config)
    : Session(std::make_unique<ClientImpl>(handler, config, now)) {}

StreamId ClientSession::request(const Head& head, std::string_view scheme, bool end, std::string_view protocol) {
    return static_cast<ClientImpl&>(*impl_).request(head, scheme, end, protocol);
}
bool ClientSession::can_request() const noexcept { return static_cast<const ClientImpl&>(*impl_).can_request(); }
bool ClientSession::allows_connect_protocol() const noexcept {
    return static_cast<const ClientImpl&>(*impl_).allows_connect();
}
bool ClientSession::ready() const noexcept { return static_cast<const ClientImpl&>(*impl_).is_settled(); }

} // namespace adit
