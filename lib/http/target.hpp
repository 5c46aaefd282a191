// The request target and the authority in it or in Host (RFC 9112 3.2): what they may look like, and when
// they agree.
#pragma once

#include <adit/config.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace adit::inline v0 {

enum class TargetForm : std::uint8_t { origin, absolute, authority, asterisk };

struct Target {
    TargetForm form = TargetForm::origin;
    std::string_view scheme;    ///< "http" or "https", as written; absolute form only
    std::string_view authority; ///< absolute and authority form
    std::string_view path;      ///< path and query; in absolute form perhaps "" or only a query
};

/// Not empty, and only visible ASCII without '#'. More than RFC 3986 allows, because browsers send | and { in
/// queries.
ADIT_INTERNAL bool is_target(std::string_view text) noexcept;
/// nullopt if the target has none of the four forms, or one that the method does not allow.
ADIT_INTERNAL std::optional<Target> parse_target(std::string_view method, std::string_view target) noexcept;
/// A host name, IPv4 or bracketed IPv6 address, with or without a port; no user, no escapes, no empty port.
ADIT_INTERNAL bool is_authority(std::string_view text, bool port_required = false) noexcept;
/// Same host without case, and same port, where none means the default of the scheme.
ADIT_INTERNAL bool same_authority(std::string_view a, std::string_view b, std::string_view scheme) noexcept;

} // namespace adit
