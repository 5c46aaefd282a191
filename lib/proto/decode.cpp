#include "proto/codec.hpp"
#include "proto/json_end.hpp"
#include "proto/object_reader.hpp"
#include "proto/rpc_error.hpp"

#include <algorithm>
#include <exception>

namespace adit::inline v0 {
namespace {

enum class Kind { request, answer };

// Bounds first: the parser below sees nothing larger or deeper than the limits.
Result<void> check_bounds(std::string_view text) {
    if (text.size() > limits::rpc_message_max)
        return ErrorInfo(errc::limit_exceeded,
                         "the message is longer than " + std::to_string(limits::rpc_message_max) + " bytes");
    JsonEnd end;
    const Result<std::size_t> used = end.feed(as_bytes(text));
    if (!used) return used.error();
    if (!end.done()) return ErrorInfo(errc::protocol_error, "the message is not a whole JSON object");
    return {};
}

template <class T>
Result<T> read_object(std::string_view text, Kind kind) {
    ObjectReader::Json json = ObjectReader::Json::parse(text.begin(), text.end(), nullptr, false);
    if (!json.is_object()) return ErrorInfo(errc::protocol_error, "the message is not valid JSON");
    std::optional<ErrorInfo> error;
    ObjectReader reader(json, nullptr, error);
    if (kind == Kind::answer) {
        std::string refusal;
        reader.always("Error", refusal);
        if (!refusal.empty()) return parse_rpc_error(refusal);
    }
    T message;
    describe(reader, message);
    if (error) return *std::move(error);
    return message;
}

template <class T>
Result<T> decode(std::string_view text, Kind kind) {
    try {
        const Result<void> bounded = check_bounds(text);
        if (!bounded) return bounded.error();
        return read_object<T>(text, kind);
    } catch (const std::exception& error) {
        // None is known; but a decoder may not throw, whatever its libraries do.
        return ErrorInfo(errc::protocol_error, std::string("the message cannot be read: ") + error.what());
    }
}

ErrorInfo lacks(std::string_view name) {
    return {errc::protocol_error, "the answer lacks " + std::string(name)};
}

bool is_known(std::string_view protocol) {
    return protocol == "http" || protocol == "https" || protocol == "tcp" || protocol == "tls";
}

// Less than the protocol's own window makes no sense; whoever says so is taken to have said nothing.
void raise_window(std::optional<AditExtension>& adit) {
    if (adit) adit->window = std::max(adit->window, limits::initial_window);
}

} // namespace

Result<AuthRequest> decode_auth_request(std::string_view json) {
    Result<AuthRequest> message = decode<AuthRequest>(json, Kind::request);
    if (message) raise_window(message->extra.adit);
    return message;
}

Result<BindRequest> decode_bind_request(std::string_view json) {
    Result<BindRequest> message = decode<BindRequest>(json, Kind::request);
    if (message && !is_known(message->protocol))
        return ErrorInfo(ngrok_error(332), "Proto must be http, https, tcp or tls", message->protocol);
    return message;
}

Result<StartTunnelWithLabelRequest> decode_start_tunnel_with_label_request(std::string_view json) {
    return decode<StartTunnelWithLabelRequest>(json, Kind::request);
}

Result<UnbindRequest> decode_unbind_request(std::string_view json) {
    return decode<UnbindRequest>(json, Kind::request);
}

Result<SrvInfoRequest> decode_srv_info_request(std::string_view json) {
    return decode<SrvInfoRequest>(json, Kind::request);
}

Result<PatchTunnelStateRequest> decode_patch_tunnel_state_request(std::string_view json) {
    return decode<PatchTunnelStateRequest>(json, Kind::request);
}

Result<StopRequest> decode_stop_request(std::string_view json) {
    return decode<StopRequest>(json, Kind::request);
}

Result<RestartRequest> decode_restart_request(std::string_view json) {
    return decode<RestartRequest>(json, Kind::request);
}

Result<UpdateRequest> decode_update_request(std::string_view json) {
    return decode<UpdateRequest>(json, Kind::request);
}

Result<StopTunnelRequest> decode_stop_tunnel_request(std::string_view json) {
    return decode<StopTunnelRequest>(json, Kind::request);
}

Result<AuthResponse> decode_auth_response(std::string_view json) {
    Result<AuthResponse> message = decode<AuthResponse>(json, Kind::answer);
    if (message && message->client_id.empty()) return lacks("ClientId");
    if (message) raise_window(message->extra.adit);
    return message;
}

Result<BindResponse> decode_bind_response(std::string_view json) {
    Result<BindResponse> message = decode<BindResponse>(json, Kind::answer);
    if (message && message->id.empty()) return lacks("Id");
    if (message && message->url.empty()) return lacks("URL");
    if (message && !is_known(message->protocol))
        return ErrorInfo(errc::protocol_error, "Proto must be http, https, tcp or tls", message->protocol);
    return message;
}

Result<StartTunnelWithLabelResponse> decode_start_tunnel_with_label_response(std::string_view json) {
    Result<StartTunnelWithLabelResponse> message = decode<StartTunnelWithLabelResponse>(json, Kind::answer);
    if (message && message->id.empty()) return lacks("Id");
    return message;
}

Result<SrvInfoResponse> decode_srv_info_response(std::string_view json) {
    return decode<SrvInfoResponse>(json, Kind::answer);
}

Result<EmptyResponse> decode_empty_response(std::string_view json) {
    return decode<EmptyResponse>(json, Kind::answer);
}

Result<ProxyHeader> decode_proxy_header(std::string_view json) {
    Result<ProxyHeader> header = decode<ProxyHeader>(json, Kind::request);
    if (header && header->id.empty()) return ErrorInfo(errc::protocol_error, "the proxy header lacks Id");
    return header;
}

} // namespace adit::inline v0
