#include "base/cidr.hpp"

#include <charconv>

namespace adit::inline v0 {
namespace {

constexpr int v4_offset = 96; // an IPv4 range is a range of mapped addresses

IpAddress cleared(const IpAddress& address, int prefix) {
    std::array<std::uint8_t, 16> bytes = address.v6();
    for (int i = 0; i < 16; ++i) {
        const int kept = prefix - 8 * i;
        if (kept >= 8) continue;
        const unsigned mask = kept <= 0 ? 0u : 0xffu << (8 - kept);
        bytes[static_cast<std::size_t>(i)] =
            static_cast<std::uint8_t>(bytes[static_cast<std::size_t>(i)] & mask);
    }
    return IpAddress(bytes);
}

} // namespace

std::optional<Cidr> Cidr::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) return std::nullopt;
    const bool dotted = text.substr(0, slash).find(':') == std::string_view::npos;
    const int offset = dotted ? v4_offset : 0;
    if (slash == std::string_view::npos) return Cidr(*address, 128);
    const std::string_view digits = text.substr(slash + 1);
    int prefix = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    const bool number = !digits.empty() && digits.front() != '-' && error == std::errc() &&
                        end == digits.data() + digits.size() && (digits.size() == 1 || digits.front() != '0');
    if (!number || prefix > 128 - offset) return std::nullopt;
    return Cidr(cleared(*address, prefix + offset), prefix + offset);
}

bool Cidr::contains(const IpAddress& address) const noexcept {
    return address.is_v4() == network_.is_v4() && cleared(address, mapped_prefix_) == network_;
}

int Cidr::prefix() const noexcept { return network_.is_v4() ? mapped_prefix_ - v4_offset : mapped_prefix_; }

std::string Cidr::to_string() const { return network_.to_string() + "/" + std::to_string(prefix()); }

} // namespace adit::inline v0
