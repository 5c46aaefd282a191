// What actions leave in actions.ngrok.* (behaviour C.2), and certificates as values.
#pragma once

#include "policy/facts.hpp"
#include "policy/shape.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::policy {

/// The actions that leave results in actions.ngrok.
enum class ResultId : std::uint8_t {
    add_headers,
    basic_auth,
    compress,
    forward_internal,
    log,
    rate_limit,
    redirect,
    remove_headers,
    restrict_ips,
    terminate_tls,
    url_rewrite,
    verify_webhook,
};
inline constexpr std::size_t result_count = 12;

/// A result with its fields in the order of results.cpp; `null` for what there is not to say.
cel::Value make_result(ResultId which, std::vector<cel::Value> fields);
/// The value of a result's `error` field.
cel::Value make_error_value(std::string_view code, std::string_view message);
cel::Value make_credentials_value(bool presented, std::string username, bool authorized);
/// null if there is none.
cel::Value certificate_value(const std::shared_ptr<const CertificateFacts>& certificate);
const cel::ObjectType& certificate_type();
cel::Value timestamp_value(std::chrono::system_clock::time_point time);

/// actions.ngrok: a field for each ResultId.
const Shape& results_shape();

} // namespace adit
