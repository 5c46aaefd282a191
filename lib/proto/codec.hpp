// Messages <-> JSON text.
//
// encode() writes every member that an official agent needs to find (agent-protocol 3.4 to 3.7), with the
// Rust agents' spelling of the keys, and gives the unknown members back. Text that is not UTF-8 gets U+FFFD.
//
// decode_*() reads keys in any case, takes null as unset, tolerates and keeps unknown members. It refuses
// with errc::protocol_error and a message that names the field: a value of the wrong type, and a key that
// comes twice in two spellings (of one spelling the last counts, as in Go); with errc::limit_exceeded: text
// above limits::rpc_message_max, nesting above limits::json_depth_max, and an object of more than
// limits::json_members_max members. White space around the object is fine. Nothing here throws.
#pragma once

#include "base/result.hpp"
#include "proto/messages.hpp"

#include <string>
#include <string_view>

namespace adit::inline v0 {

/// RFC 3629: encode() changes nothing in it.
ADIT_INTERNAL bool is_utf8(std::string_view text) noexcept;

// Requests: both sides encode and decode them.
ADIT_INTERNAL std::string encode(const AuthRequest& message);
ADIT_INTERNAL std::string encode(const BindRequest& message);
ADIT_INTERNAL std::string encode(const StartTunnelWithLabelRequest& message);
ADIT_INTERNAL std::string encode(const UnbindRequest& message);
ADIT_INTERNAL std::string encode(const SrvInfoRequest& message);
ADIT_INTERNAL std::string encode(const PatchTunnelStateRequest& message);
ADIT_INTERNAL std::string encode(const StopRequest& message);
ADIT_INTERNAL std::string encode(const RestartRequest& message);
ADIT_INTERNAL std::string encode(const UpdateRequest& message);
ADIT_INTERNAL std::string encode(const StopTunnelRequest& message);

ADIT_INTERNAL Result<AuthRequest> decode_auth_request(std::string_view json);
/// A Proto that is none of http, https, tcp, tls: ERR_NGROK_332.
ADIT_INTERNAL Result<BindRequest> decode_bind_request(std::string_view json);
ADIT_INTERNAL Result<StartTunnelWithLabelRequest>
decode_start_tunnel_with_label_request(std::string_view json);
ADIT_INTERNAL Result<UnbindRequest> decode_unbind_request(std::string_view json);
ADIT_INTERNAL Result<SrvInfoRequest> decode_srv_info_request(std::string_view json);
ADIT_INTERNAL Result<PatchTunnelStateRequest> decode_patch_tunnel_state_request(std::string_view json);
ADIT_INTERNAL Result<StopRequest> decode_stop_request(std::string_view json);
ADIT_INTERNAL Result<RestartRequest> decode_restart_request(std::string_view json);
ADIT_INTERNAL Result<UpdateRequest> decode_update_request(std::string_view json);
ADIT_INTERNAL Result<StopTunnelRequest> decode_stop_tunnel_request(std::string_view json);

// Answers. A non-empty "Error" in one makes decode_* return parse_rpc_error() of it (proto/rpc_error.hpp): a
// code of category ngrok, or errc::refused if the text has no number.
ADIT_INTERNAL std::string encode(const AuthResponse& message);
ADIT_INTERNAL std::string encode(const BindResponse& message);
ADIT_INTERNAL std::string encode(const StartTunnelWithLabelResponse& message);
ADIT_INTERNAL std::string encode(const SrvInfoResponse& message);
ADIT_INTERNAL std::string encode(const EmptyResponse& message);
/// {"Error": "message\n\nERR_NGROK_n"}: the refusal of any request. Without `number` only the message. An
/// empty message is replaced by the text of the ERR_NGROK table.
ADIT_INTERNAL std::string encode_error(int number, std::string_view message);
/// The same from an ErrorInfo: its message, and its number if the category is ngrok. The detail stays here.
ADIT_INTERNAL std::string encode_error(const ErrorInfo& error);

/// Refuses an answer without ClientId.
ADIT_INTERNAL Result<AuthResponse> decode_auth_response(std::string_view json);
/// Refuses an answer without Id or URL.
ADIT_INTERNAL Result<BindResponse> decode_bind_response(std::string_view json);
/// Refuses an answer without Id.
ADIT_INTERNAL Result<StartTunnelWithLabelResponse>
decode_start_tunnel_with_label_response(std::string_view json);
ADIT_INTERNAL Result<SrvInfoResponse> decode_srv_info_response(std::string_view json);
/// For Unbind, PatchTunnelState and the commands.
ADIT_INTERNAL Result<EmptyResponse> decode_empty_response(std::string_view json);

} // namespace adit::inline v0
