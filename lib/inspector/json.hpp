// The API's documents, as text.
#pragma once

#include "client/forwarder_impl.hpp"
#include "client/session_impl.hpp"
#include "inspector/recorder.hpp"
#include "inspector/store.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0::inspector {

enum class Detail : std::uint8_t {
    summary, ///< a row of a table
    raw,     ///< as ngrok's agent
    all,     ///< and bodies, curl command
};

std::string to_json(const Store& store, Entry& entry, Detail detail);
/// `requests`: documents that to_json() made. `next`: where the list goes on, "" at its end.
std::string list_json(const std::vector<std::string>& requests, std::string_view next);
/// As summaries, at most about limits::inspector_update_max bytes: what did not fit is taken out of `changes`.
std::string changes_json(const Store& store, Changes& changes);
std::string error_json(int status, std::string_view message, std::string_view error);
std::string status_json(const detail::SessionImpl& session);

enum class TunnelForm : std::uint8_t { tunnel, endpoint };
std::string tunnels_json(const std::vector<std::shared_ptr<detail::ForwarderImpl>>& forwarders, const Recorder& recorder,
                         TunnelForm form);
std::string tunnel_json(const detail::ForwarderImpl& forwarder, const Recorder& recorder, TunnelForm form);

/// What POST /api/requests/http asks for.
class ReplayOrder {
public:
    using Pairs = std::vector<std::pair<std::string, std::string>>;
    std::string id;
    std::optional<std::string> tunnel_name, method, path, body;
    std::optional<Pairs> headers, trailers;

    /// Members: id; tunnel_name, method, path: texts; headers, trailers: {"Name": "value" or ["value", ...]} or
    /// [["Name", "value"], ...]; body: text, or body_base64. Error: errc::invalid_option, the message says what is wrong.
    static Result<ReplayOrder> parse(std::string_view json);
};

} // namespace adit
