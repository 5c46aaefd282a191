// Messages of the agent protocol. First line: the message's name. What is read and written again is read as the same.
#include "fuzz/fuzz.hpp"

#include "proto/codec.hpp"

using namespace adit;

namespace {

template <class Decode>
void check(std::string_view json, Decode decode) {
    const auto message = decode(json);
    if (!message) {
        FUZZ_CHECK(static_cast<bool>(message.error().code()));
        return;
    }
    const std::string written = encode(*message);
    FUZZ_CHECK(is_utf8(written));
    const auto again = decode(written);
    FUZZ_CHECK(again);
    fuzz::check_same(encode(*again), written, "the message written twice");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input = as_text({data, size});
    const fuzz::Words words(input);
    const fuzz::Exact exact(input);
    const std::string_view json = exact.text();
    if (words.has("auth")) check(json, decode_auth_request);
    if (words.has("bind")) check(json, decode_bind_request);
    if (words.has("label")) check(json, decode_start_tunnel_with_label_request);
    if (words.has("unbind")) check(json, decode_unbind_request);
    if (words.has("srv-info")) check(json, decode_srv_info_request);
    if (words.has("patch")) check(json, decode_patch_tunnel_state_request);
    if (words.has("stop")) check(json, decode_stop_request);
    if (words.has("restart")) check(json, decode_restart_request);
    if (words.has("update")) check(json, decode_update_request);
    if (words.has("stop-tunnel")) check(json, decode_stop_tunnel_request);
    if (words.has("auth-answer")) check(json, decode_auth_response);
    if (words.has("bind-answer")) check(json, decode_bind_response);
    if (words.has("label-answer")) check(json, decode_start_tunnel_with_label_response);
    if (words.has("srv-info-answer")) check(json, decode_srv_info_response);
    if (words.has("empty-answer")) check(json, decode_empty_response);
    return 0;
}
