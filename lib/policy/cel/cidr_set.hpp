// Many ranges of addresses, asked whether one of them has an address.
#pragma once

#include "base/cidr.hpp"
#include "policy/cel/value.hpp"

#include <vector>

namespace adit::inline v0::cel {

/// Finds by one bisection for each length of prefix that occurs, so that 10,000 ranges cost about as much
/// as 10.
class CidrSet final : public Shared {
public:
    void add(const Cidr& range);
    /// After the last add().
    void finish();
    bool contains(const IpAddress& address) const noexcept;

private:
    class Level {
    public:
        bool v4 = false;
        int prefix = 0;
        std::vector<IpAddress> networks;
    };
    std::vector<Level> levels_;
};

} // namespace adit::inline v0::cel
