#include "base/ksuid.hpp"

#include <algorithm>

namespace adit::inline v0 {
namespace {

constexpr std::int64_t epoch = 1'400'000'000;
constexpr std::size_t length = 27;
constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

} // namespace

std::string ksuid(std::chrono::system_clock::time_point time, const std::array<std::uint8_t, 16>& random) {
    const std::int64_t seconds =
        std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
    std::array<std::uint32_t, 5> number{}; // 160 bits, the most significant word first
    number[0] = static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds - epoch, 0, 0xffff'ffff));
    for (std::size_t i = 0; i < 4; ++i) number[i + 1] = get_u32_be(random.data() + 4 * i);

    std::string text(length, '0');
    for (std::size_t i = length; i > 0; --i) {
        std::uint64_t rest = 0;
        for (std::uint32_t& word : number) {
            const std::uint64_t value = rest << 32 | word;
            word = static_cast<std::uint32_t>(value / 62);
            rest = value % 62;
        }
        text[i - 1] = digits[rest];
    }
    return text;
}

std::string make_id(std::string_view prefix, std::chrono::system_clock::time_point now,
                    const RandomSource& random) {
    std::array<std::uint8_t, 16> bytes{};
    random(bytes);
    return std::string(prefix) + ksuid(now, bytes);
}

} // namespace adit::inline v0
