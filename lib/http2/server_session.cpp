#include "http2/server_session.hpp"

#include "http/target.hpp"
#include "http2/session_impl.hpp"

#include <charconv>
#include <optional>

namespace adit::inline v0::http2 {
namespace {

std::optional<std::uint64_t> parse_length(std::string_view text) noexcept {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || at != end || text.size() > 18) return std::nullopt; // as http/meaning.cpp
    return value;
}

// The urgency of a Priority field (RFC 9218 4.1); the usual one if it says none.
std::uint32_t urgency_of(std::string_view value) noexcept {
    std::string_view element;
    while (next_element(value, element)) {
        if (element.size() == 3 && element.starts_with("u=") && element[2] >= '0' && element[2] <= '7') {
            return static_cast<std::uint32_t>(element[2] - '0');
        }
    }
    return NGHTTP2_EXTPRI_DEFAULT_URGENCY;
}

class ServerImpl final : public Session::Impl {
public:
    ServerImpl(ServerHandler& h, const Config& c, Time t) : Impl(Role::server, h, c, t), server_handler(h) {}

    void on_head_begin() override {
        for (std::string* text : {&method, &path, &scheme, &authority, &protocol}) text->clear();
        length.reset();
        urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY;
        begun = expects_continue = expects_other = false;
    }

    ErrorCode on_head_field(std::string_view name, std::string_view value) override {
        if (name.front() == ':') return pseudo(name, value);
        if (const ErrorCode error = begin_head(); error != ErrorCode::no_error) return error;
        if (name == "host") return host(value);
        if (name == "content-length") {
            length = parse_length(value);
            if (!length) return ErrorCode::protocol_error;
        } else if (name == "expect") {
            (iequals(value, "100-continue") ? expects_continue : expects_other) = true;
        } else if (name == "priority") {
            urgency = urgency_of(value);
        }
        return add_field(name, value) ? ErrorCode::no_error : ErrorCode::protocol_error;
    }

    ErrorCode on_head_end(Stream& stream, bool end) override {
        stream.head_received = true;
        if (head_too_large()) return refuse(stream, 431);
        if (const ErrorCode error = begin_head(); error != ErrorCode::no_error) return error;
        if (expects_other) return refuse(stream, 417);
        if (!cookies.empty() && !head.add("cookie", cookies)) return ErrorCode::protocol_error;
        const bool connect = method == "CONNECT";
        if (connect && length) return ErrorCode::protocol_error; // RFC 9110 9.3.6
        stream.tunnel = connect;
        stream.to_head = method == "HEAD";
        stream.told = true;
        head.set_content_length(length);
        head.set_framing(connect || (end && !length) ? Framing::none : length ? Framing::length : Framing::chunked);
        head.set_upgrade(connect);
        head.set_expect_continue(expects_continue && !end && !connect);
        take_turns(stream);
        server_handler.on_request(stream.id, head, {scheme, protocol, end});
        return ErrorCode::no_error;
    }

    bool respond(Stream& stream, const Head& answer, bool end) {
        int status = answer.status();
        if (status < 100 || status > 999) return false;
        if (!stream.open || stream.over || stream.head_sent || failed || ended) return false;
        const bool interim = status < 200 && status != 101;
        if (interim && end) return false;
        if (!interim) {
            const bool opens = stream.tunnel && answer.upgrade() && status < 300;
            if (!opens && (status == 101 || (stream.tunnel && status < 300))) return false;
            if (status == 101) status = 200; // RFC 8441 5
            stream.tunnel = opens;
            // These have no body, whatever is said (RFC 9110 6.4.1).
            if (!opens && (stream.to_head || status == 204 || status == 304)) end = true;
        }
        return submit(stream, status, &answer, interim, end);
    }

private:
    ErrorCode pseudo(std::string_view name, std::string_view value) {
        // nghttp2 has checked that there is one of each, before the fields, and no other.
        std::string& text = name == ":method"      ? method
                            : name == ":path"      ? path
                            : name == ":scheme"    ? scheme
                            : name == ":authority" ? authority
                                                   : protocol;
        text = value;
        return ErrorCode::no_error;
    }

    // All pseudo-header fields are there.
    ErrorCode begin_head() {
        if (begun) return ErrorCode::no_error;
        begun = true;
        if (!is_token(method)) return ErrorCode::protocol_error;
        const bool plain_connect = method == "CONNECT" && protocol.empty();
        if (plain_connect) {
            if (!is_authority(authority, true)) return ErrorCode::protocol_error;
            head.set_request(method, authority, HttpVersion::http2);
        } else {
            if (!iequals(scheme, "https") && !iequals(scheme, "http")) return ErrorCode::protocol_error;
            if (!authority.empty() && !is_authority(authority)) return ErrorCode::protocol_error;
            // Only "/..." and, of OPTIONS, "*": an absolute form would name a second host.
            const auto target = parse_target(protocol.empty() ? method : "GET", path);
            if (!target || (target->form != TargetForm::origin && target->form != TargetForm::asterisk)) {
                return ErrorCode::protocol_error;
            }
            if (!protocol.empty() && !is_token(protocol)) return ErrorCode::protocol_error;
            head.set_request(method, path, HttpVersion::http2);
        }
        if (!authority.empty()) head.add(FieldId::host, authority);
        return ErrorCode::no_error;
    }

    ErrorCode host(std::string_view value) {
        if (!is_authority(value)) return ErrorCode::protocol_error;
        if (authority.empty()) {
            head.add(FieldId::host, value);
            return ErrorCode::no_error;
        }
        return same_authority(authority, value, scheme) ? ErrorCode::no_error : ErrorCode::protocol_error;
    }

    // Every stream is "incremental": nghttp2 would send one that is not to its end before the next of the same urgency.
    void take_turns(const Stream& stream) noexcept {
        const nghttp2_extpri priority{urgency, 1};
        nghttp2_session_change_extpri_stream_priority(ng.get(), stream.id, &priority, 1);
    }

    // What the handler need not see: the visitor is answered and the stream is over.
    ErrorCode refuse(Stream& stream, int status) {
        if (!glitch()) return ErrorCode::no_error;
        stream.released = true;
        submit(stream, status, nullptr, false, true);
        return ErrorCode::no_error;
    }

    bool submit(Stream& stream, int status, const Fields* fields, bool interim, bool end) {
        const char digits[] = {static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
                               static_cast<char>('0' + status % 10)};
        block.clear();
        block.add(":status", {digits, sizeof digits});
        if (fields != nullptr) block.add(*fields, true, stream.tunnel);
        int rv = 0;
        if (interim) {
            rv = nghttp2_submit_headers(ng.get(), NGHTTP2_FLAG_NONE, stream.id, nullptr, block.data(), block.size(),
                                        nullptr);
        } else {
            const nghttp2_data_provider body = body_of(stream);
            rv = nghttp2_submit_response(ng.get(), stream.id, block.data(), block.size(), end ? nullptr : &body);
            stream.head_sent = true;
            stream.finished = end;
        }
        return rv == 0;
    }

    ServerHandler& server_handler;
    std::string method, path, scheme, authority, protocol;
    std::optional<std::uint64_t> length;
    std::uint32_t urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY;
    bool begun = false, expects_continue = false, expects_other = false;
};

} // namespace

ServerSession::ServerSession(ServerHandler& handler, Time now, const Config& config)
    : Session(std::make_unique<ServerImpl>(handler, config, now)) {}

bool ServerSession::respond(StreamId id, const Head& head, bool end) {
    Stream* const stream = impl_->find(id);
    return stream != nullptr && static_cast<ServerImpl&>(*impl_).respond(*stream, head, end);
}

} // namespace adit
