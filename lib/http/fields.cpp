#include "http/fields.hpp"

#include "http/scan.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <iterator>

namespace adit::inline v0 {
namespace {

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
    {"te", FieldId::te},
    {"host", FieldId::host},
    {"proxy", FieldId::proxy},
    {"expect", FieldId::expect},
    {"trailer", FieldId::trailer},
    {"upgrade", FieldId::upgrade},
    {"forwarded", FieldId::forwarded},
    {"x-real-ip", FieldId::x_real_ip},
    {"connection", FieldId::connection},
    {"keep-alive", FieldId::keep_alive},
    {"content-length", FieldId::content_length},
    {"http2-settings", FieldId::http2_settings},
    {"x-forwarded-for", FieldId::x_forwarded_for},
    {"ngrok-error-code", FieldId::ngrok_error},
    {"proxy-connection", FieldId::proxy_connection},
    {"x-forwarded-host", FieldId::x_forwarded_host},
    {"transfer-encoding", FieldId::transfer_encoding},
    {"x-forwarded-proto", FieldId::x_forwarded_proto},
    {"proxy-authenticate", FieldId::proxy_authenticate},
    {"proxy-authorization", FieldId::proxy_authorization},
    {"ngrok-skip-browser-warning", FieldId::ngrok_skip},
};
constexpr std::size_t longest_known = 26;

// For each length, where its names begin in the table; [length + 1] is where they end.
constexpr auto first_of_length = [] {
    std::array<std::uint8_t, longest_known + 2> first{};
    std::uint8_t index = 0;
    for (std::size_t length = 0; length < first.size(); ++length) {
        while (index < std::size(known_names) && known_names[index].name.size() < length) { ++index; }
        first[length] = index;
    }
    return first;
}();
static_assert(first_of_length[longest_known + 1] == std::size(known_names));

} // namespace

FieldId field_id(std::string_view name) noexcept {
    if (name.empty()) { return FieldId::other; }
    const char initial = lower(name.front());
    if (name.size() <= longest_known) {
        for (std::size_t i = first_of_length[name.size()]; i < first_of_length[name.size() + 1]; ++i) {
            const KnownName& known = known_names[i];
            if (known.name.front() == initial && iequals(known.name, name)) { return known.id; }
        }
    }
    if (initial == 'x' && has_prefix(name, "x-forwarded-")) { return FieldId::x_forwarded; }
    if (initial == 'n' && has_prefix(name, "ngrok-")) { return FieldId::ngrok; }
    return FieldId::other;
}

bool iequals(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) { return false; }
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (a[i] != b[i] && lower(a[i]) != lower(b[i])) { return false; }
    }
    return true;
}

bool is_token(std::string_view text) noexcept {
    unsigned bad = text.empty() ? 1 : 0;
    for (const char c : text) { bad |= not_in_token[static_cast<unsigned char>(c)]; }
    return bad == 0;
}

bool is_single_line(std::string_view text) noexcept { return scan::count_breaks(text.data(), text.size()) == 0; }

bool next_element(std::string_view& list, std::string_view& element) noexcept {
    if (list.empty()) { return false; }
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
        if (iequals(text(e.name), name)) { return text(e.value); }
    }
    return std::nullopt;
}

std::optional<std::string_view> Fields::find(FieldId id) const noexcept {
    for (const Entry& e : entries_) {
        if (e.id == id) { return text(e.value); }
    }
    return std::nullopt;
}

std::size_t Fields::count(std::string_view name) const noexcept {
    std::size_t found = 0;
    for (const Entry& e : entries_) {
        if (iequals(text(e.name), name)) { ++found; }
    }
    return found;
}

bool Fields::lists(FieldId id, std::string_view token) const noexcept {
    for (const Entry& e : entries_) {
        if (e.id != id) { continue; }
        std::string_view element;
        for (std::string_view rest = text(e.value); next_element(rest, element);) {
            if (iequals(element, token)) { return true; }
        }
    }
    return false;
}

bool Fields::add(std::string_view name, std::string_view value) {
    if (!is_token(name) || !is_single_line(value)) { return false; }
    reserve_for(name, value);
    const FieldId id = field_id(name);
    const Span name_span = store(name);
    entries_.push_back({name_span, store(value), id});
    return true;
}

bool Fields::set(std::string_view name, std::string_view value) {
    if (!is_token(name) || !is_single_line(value)) { return false; }
    const auto same = [&](const Entry& e) { return iequals(text(e.name), name); };
    const auto first = std::find_if(entries_.begin(), entries_.end(), same);
    if (first == entries_.end()) { return add(name, value); }
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
    if (needed <= arena_.capacity()) { return; }
    const auto inside = [this](std::string_view v) {
        return std::less_equal<>()(arena_.data(), v.data()) &&
               std::less_equal<>()(v.data() + v.size(), arena_.data() + arena_.size());
    };
    const bool move_a = inside(a);
    const bool move_b = inside(b);
    const char* const before = arena_.data();
    const std::ptrdiff_t at_a = move_a ? a.data() - before : 0;
    const std::ptrdiff_t at_b = move_b ? b.data() - before : 0;
    arena_.reserve(std::max(needed, 2 * arena_.capacity()));
    if (move_a) { a = {arena_.data() + at_a, a.size()}; }
    if (move_b) { b = {arena_.data() + at_b, b.size()}; }
}

} // namespace adit
