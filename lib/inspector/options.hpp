// Reads the options of an inspector.
#pragma once

#include <adit/asio.hpp>
#include <adit/inspector_options.hpp>

#include "base/result.hpp"

namespace adit::inline v0::inspector {

/// Where to listen, and a check of all options. errc::invalid_option names the option.
Result<asio::ip::tcp::endpoint> check(const InspectorOptions& options);

} // namespace adit
