#include "http/fields.hpp"

#include "http/scan.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <iterator>

namespace adit::inline v0 {
namespace {

// What a usual head needs, at once.
constexpr std::size_t first_entries = 16;
constexpr std::size_t first_arena = 512;

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// RFC 9110 5.6.2: 0 for a tchar, so that a whole name is judged by one OR over its bytes.
constexpr auto not_in_token = [] {
    std::array<std::uint8_t, 256> table{};
    table.fill(1);
    for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789"
                                         "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")) {
        table[static_cast<unsigned char>(c)] = 0;
    }
    return table;
}();

bool has_prefix(std::string_view name, std::string_view prefix) noexcept {
    return name.size() > prefix.size() && iequals(name.substr(0, prefix.size()), prefix);
}

struct KnownName {
    std::string_view name;
    FieldId id;
};
// In the order of length, which is what rules out most of them.
constexpr KnownName known_names[] = {
    {"TE", FieldId::te},
    {"Host", FieldId::host},
    {"Proxy", FieldId::proxy},
    {"Expect", FieldId::expect},
    {"Trailer", FieldId::trailer},
    {"Upgrade", FieldId::upgrade},
    {"CDN-Loop", FieldId::cdn_loop},
    {"Forwarded", FieldId::forwarded},
    {"X-Real-IP", FieldId::x_real_ip},
    {"Connection", FieldId::connection},
    {"Keep-Alive", FieldId::keep_alive},
    {"Client-Cert", FieldId::client_cert},
    {"Authorization", FieldId::authorization},
    {"Content-Length", FieldId::content_length},
    {"HTTP2-Settings", FieldId::http2_settings},
    {"X-Forwarded-For", FieldId::x_forwarded_for},
    {"ngrok-error-code", FieldId::ngrok_error},
    {"Proxy-Connection", FieldId::proxy_connection},
    {"X-Forwarded-Host", FieldId::x_forwarded_host},
    {"Client-Cert-Chain", FieldId::client_cert_chain},
    {"Transfer-Encoding", FieldId::transfer_encoding},
    {"X-Forwarded-Proto", FieldId::x_forwarded_proto},
    {"Proxy-Authenticate", FieldId::proxy_authenticate},
    {"Proxy-Authorization", FieldId::proxy_authorization},
    {"ngrok-skip-browser-warning", FieldId::ngrok_skip},
};
constexpr std::size_t longest_known = 26;

// For each length, where its names begin in the table; [length + 1] is where they end.
constexpr auto first_of_length = [] {
    std::array<std::uint8_t, longest_known + 2> first{};
    std::uint8_t index = 0;
    for (std::size_t length = 0; length < first.size(); ++length) {
        while (index < std::size(known_names) && known_names[index].name.size() < length) ++index;
        first[length] = index;
    }
    return first;
}();
static_assert(first_of_length[longest_known + 1] == std::size(known_names));

constexpr std::uint64_t letter_bit(char c) noexcept {
    const char small = lower(c);
    return small >= 'a' && small <= 'z' ? std::uint64_t{1} << (small - 'a') : 0;
}
// For each length, the letters that known names of it begin with.
constexpr auto initials_of_length = [] {
    std::array<std::uint64_t, longest_known + 1> initials{};
    for (const KnownName& known : known_names) initials[known.name.size()] |= letter_bit(known.name.front());
    return initials;
}();
constexpr std::uint64_t prefix_initials = letter_bit('x') | letter_bit('n');

constexpr auto name_of = [] {
    std::array<std::string_view, static_cast<std::size_t>(FieldId::x_real_ip) + 1> names{};
    for (const KnownName& known : known_names) names[static_cast<std::size_t>(known.id)] = known.name;
    return names;
}();

} // namespace

FieldId field_id(std::string_view name) noexcept {
    if (name.empty()) return FieldId::other;
    const std::uint64_t initial = letter_bit(name.front());
    const std::size_t size = name.size();
    if (size <= longest_known && (initials_of_length[size] & initial) != 0) {
        for (std::size_t i = first_of_length[size]; i < first_of_length[size + 1]; ++i) {
            if (iequals(known_names[i].name, name)) return known_names[i].id;
        }
    }
    if ((prefix_initials & initial) == 0) return FieldId::other;
    if (has_prefix(name, "x-forwarded-")) return FieldId::x_forwarded;
    return has_prefix(name, "ngrok-") ? FieldId::ngrok : FieldId::other;
}

bool iequals(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
    }
    return true;
}

bool is_token(std::string_view text) noexcept {
    unsigned bad = text.empty() ? 1 : 0;
    for (const char c : text) bad |= not_in_token[static_cast<unsigned char>(c)];
    return bad == 0;
}

bool is_single_line(std::string_view text) noexcept {
    return scan::count_breaks(text.data(), text.size()) == 0;
}

bool next_element(std::string_view& list, std::string_view& element) noexcept {
    if (list.empty()) return false;
    const std::size_t comma = list.find(',');
    element = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    const std::size_t first = element.find_first_not_of(" \t");
    element = first == std::string_view::npos
                  ? std::string_view()
                  : element.substr(first, element.find_last_not_of(" \t") + 1 - first);
    return true;
}

std::optional<std::string_view> Fields::find(std::string_view name) const noexcept {
    for (const Entry& e : entries_) {
        if (iequals(text(e.name), name)) return text(e.value);
    }
    return std::nullopt;
}

std::optional<std::string_view> Fields::find(FieldId id) const noexcept {
    for (const Entry& e : entries_) {
        if (e.id == id) return text(e.value);
    }
    return std::nullopt;
}

std::size_t Fields::count(std::string_view name) const noexcept {
    std::size_t found = 0;
    for (const Entry& e : entries_) {
        if (iequals(text(e.name), name)) ++found;
    }
    return found;
}

bool Fields::lists(FieldId id, std::string_view token) const noexcept {
    for (const Entry& e : entries_) {
        if (e.id != id) continue;
        std::string_view element;
        for (std::string_view rest = text(e.value); next_element(rest, element);) {
            if (iequals(element, token)) return true;
        }
    }
    return false;
}

bool Fields::add(std::string_view name, std::string_view value) {
    if (!is_token(name) || !is_single_line(value)) return false;
    append(name, value, field_id(name));
    return true;
}

bool Fields::add(FieldId id, std::string_view value) {
    const std::string_view name = name_of[static_cast<std::size_t>(id)];
    if (name.empty() || !is_single_line(value)) return false;
    append(name, value, id);
    return true;
}

void Fields::append(std::string_view name, std::string_view value, FieldId id) {
    reserve_for(name, value);
    if (entries_.capacity() == 0) entries_.reserve(first_entries);
    const Span name_span = store(name);
    entries_.push_back({name_span, store(value), id});
}

bool Fields::set(std::string_view name, std::string_view value) {
    if (!is_token(name) || !is_single_line(value)) return false;
    const auto same = [&](const Entry& e) { return iequals(text(e.name), name); };
    const auto first = std::find_if(entries_.begin(), entries_.end(), same);
    if (first == entries_.end()) return add(name, value);
    entries_.erase(std::remove_if(first + 1, entries_.end(), same), entries_.end());
    first->value = store(value);
    return true;
}

std::size_t Fields::remove(std::string_view name) noexcept {
    return std::erase_if(entries_, [&](const Entry& e) { return iequals(text(e.name), name); });
}

void Fields::clear() noexcept {
    arena_.clear();
    entries_.clear();
}

void Fields::release() noexcept {
    std::string().swap(arena_);
    std::vector<Entry>().swap(entries_);
}

Fields::Span Fields::store(std::string_view piece) {
    const Span span{static_cast<std::uint32_t>(arena_.size()), static_cast<std::uint32_t>(piece.size())};
    arena_.append(piece); // std::string takes care of a piece of itself
    return span;
}

void Fields::reserve_for(std::string_view& a, std::string_view& b) {
    const std::size_t needed = arena_.size() + a.size() + b.size();
    if (needed <= arena_.capacity()) return;
    const auto inside = [this](std::string_view v) {
        return std::less_equal<>()(arena_.data(), v.data()) &&
               std::less_equal<>()(v.data() + v.size(), arena_.data() + arena_.size());
    };
    const bool move_a = inside(a);
    const bool move_b = inside(b);
    const char* const before = arena_.data();
    const std::ptrdiff_t at_a = move_a ? a.data() - before : 0;
    const std::ptrdiff_t at_b = move_b ? b.data() - before : 0;
    arena_.reserve(std::max({needed, 2 * arena_.capacity(), first_arena}));
    if (move_a) a = {arena_.data() + at_a, a.size()};
    if (move_b) b = {arena_.data() + at_b, b.size()};
}

} // namespace adit
