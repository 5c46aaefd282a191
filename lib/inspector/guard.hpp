// Who may use the inspector: programs of this machine, and its own page. Not the pages of other sites, which a browser here
// lets speak to loopback, under their own name (CSRF) or under one that they own and point here (DNS rebinding).
#pragma once

#include "base/result.hpp"
#include "http/message.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::inspector {

class Guard {
public:
    /// `address`: the own one, without brackets.
    Guard(std::string address, std::uint16_t port, std::vector<std::string> allowed_hosts)
        : address_(std::move(address)), port_(port), allowed_(std::move(allowed_hosts)) {}

    /// errc::refused; the message says why. `api`: not the page.
    Result<void> check(const Head& request, bool api) const;

private:
    bool is_own(std::string_view host) const;

    const std::string address_;
    const std::uint16_t port_;
    const std::vector<std::string> allowed_;
};

/// GET, HEAD: changes nothing.
bool is_safe(std::string_view method) noexcept;

} // namespace adit
