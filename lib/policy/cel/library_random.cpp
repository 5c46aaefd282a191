// rand.double() in [0, 1), rand.int(min, max) with both ends.
#include "policy/cel/library.hpp"

#include <array>
#include <cstring>

namespace adit::inline v0::cel {

namespace {

std::uint64_t random_bits(Call& call) {
    std::array<std::uint8_t, 8> bytes{};
    call.activation().fill_random(bytes);
    std::uint64_t out = 0;
    std::memcpy(&out, bytes.data(), bytes.size());
    return out;
}

Value random_double(Call& call, Arguments) {
    if (!call.charge(20)) return Call::exhausted();
    return Value::number(static_cast<double>(random_bits(call) >> 11) * 0x1p-53);
}

Value random_int(Call& call, Arguments a) {
    const std::int64_t least = a.empty() ? 0 : a[0].as_integer();
    const std::int64_t most = a.empty() ? 1 : a[1].as_integer();
    if (least > most) return Value::error("rand.int(min, max) needs a min that is not above the max");
    const std::uint64_t span =
        static_cast<std::uint64_t>(most) - static_cast<std::uint64_t>(least) + 1; // 0: all there are
    // Numbers of the last, incomplete round would favour small results.
    const std::uint64_t usable = span == 0 ? 0 : (0 - span) % span;
    for (;;) {
        if (!call.charge(20)) return Call::exhausted();
        const std::uint64_t bits = random_bits(call);
        if (span == 0) return Value::integer(static_cast<std::int64_t>(bits));
        if (bits < usable) continue;
        return Value::integer(static_cast<std::int64_t>(static_cast<std::uint64_t>(least) + bits % span));
    }
}

} // namespace

void add_random(Library& library) {
    library.global("rand.double", {}, Type::number(), random_double);
    library.global("rand.int", {}, Type::integer(), random_int);
    library.global("rand.int", {Type::integer(), Type::integer()}, Type::integer(), random_int);
}

} // namespace adit::inline v0::cel
