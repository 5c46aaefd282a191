// Header fields in one arena: a field is four offsets, so that a head of twenty fields costs two allocations
// and none when the object is used again.
#pragma once

#include <adit/config.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0 {

/// The names that framing and the header rules look at; all others are `other`.
enum class FieldId : std::uint8_t {
    other,
    cdn_loop, ///< RFC 8586
    client_cert,       ///< RFC 9440
    client_cert_chain, ///< likewise
    authorization,
    connection,
    content_length,
    expect,
    forwarded,
    host,
    http2_settings,
    keep_alive,
    ngrok,       ///< any name that starts with "ngrok-", except the two below
    ngrok_error, ///< ngrok-error-code
    ngrok_skip,  ///< ngrok-skip-browser-warning
    proxy,
    proxy_authenticate,
    proxy_authorization,
    proxy_connection,
    te,
    trailer,
    transfer_encoding,
    upgrade,
    x_forwarded, ///< any name that starts with "x-forwarded-", except the three below
    x_forwarded_for,
    x_forwarded_host,
    x_forwarded_proto,
    x_real_ip,
};

/// Case-insensitive. Names are compared as they are: "x_real_ip" is `other` (see alias_of in
/// header_rules.cpp).
ADIT_INTERNAL FieldId field_id(std::string_view name) noexcept;
ADIT_INTERNAL bool iequals(std::string_view a, std::string_view b) noexcept;
/// RFC 9110 5.6.2: not empty and only token characters.
ADIT_INTERNAL bool is_token(std::string_view text) noexcept;
/// May stand in a field value, a target or a reason phrase: no CR, LF or NUL.
ADIT_INTERNAL bool is_single_line(std::string_view text) noexcept;
/// Takes the next element of a comma separated list from the front of `list`, without the blanks around it;
/// elements may be empty. False when the list is used up. `for (auto rest = value; next_element(rest, e);)`
ADIT_INTERNAL bool next_element(std::string_view& list, std::string_view& element) noexcept;

struct Field {
    std::string_view name; ///< as it was written
    std::string_view value;
    FieldId id;
};

/// Fields in their order, with their spelling. The views it gives are valid until the next change.
class ADIT_INTERNAL Fields {
public:
    class Iterator {
    public:
        Iterator(const Fields* fields, std::size_t index) noexcept : fields_(fields), index_(index) {}
        Field operator*() const noexcept { return (*fields_)[index_]; }
        Iterator& operator++() noexcept { return ++index_, *this; }
        bool operator==(const Iterator& other) const noexcept { return index_ == other.index_; }

    private:
        const Fields* fields_;
        std::size_t index_;
    };

    std::size_t size() const noexcept { return entries_.size(); }
    bool empty() const noexcept { return entries_.empty(); }
    Field operator[](std::size_t index) const noexcept {
        const Entry& e = entries_[index];
        return {text(e.name), text(e.value), e.id};
    }
    Iterator begin() const noexcept { return {this, 0}; }
    Iterator end() const noexcept { return {this, size()}; }

    /// The value of the first field of that name, compared without case.
    std::optional<std::string_view> find(std::string_view name) const noexcept;
    /// The same for a known name, which costs a byte compare a field. Not for `other`.
    std::optional<std::string_view> find(FieldId id) const noexcept;
    bool has(std::string_view name) const noexcept { return find(name).has_value(); }
    bool has(FieldId id) const noexcept { return find(id).has_value(); }
    std::size_t count(std::string_view name) const noexcept;
    /// Is `token` an element of the comma separated list in any field of that id?
    bool lists(FieldId id, std::string_view token) const noexcept;

    /// False, and nothing changed, if the name is not a token or the value is not a single line.
    bool add(std::string_view name, std::string_view value);
    /// The same for a known name, in its usual spelling. Not for `other` and the names that are prefixes.
    bool add(FieldId id, std::string_view value);
    /// Gives the first field of that name this value and drops the others; adds it if there is none. As
    /// add().
    bool set(std::string_view name, std::string_view value);
    /// How many were removed.
    std::size_t remove(std::string_view name) noexcept;
    template <class Predicate> // bool(const Field&)
    std::size_t remove_if(Predicate&& unwanted) {
        return std::erase_if(
            entries_, [&](const Entry& e) { return unwanted(Field{text(e.name), text(e.value), e.id}); });
    }
    /// Empty; keeps its memory for the next head.
    void clear() noexcept;
    /// Empty, and holds no memory.
    void release() noexcept;
    /// Bytes held, used or not.
    std::size_t memory() const noexcept { return arena_.capacity() + entries_.capacity() * sizeof(Entry); }

protected:
    friend class HeadReader; // parses into the arena in place
    struct Span {
        std::uint32_t begin = 0;
        std::uint32_t size = 0;
    };
    struct Entry {
        Span name;
        Span value;
        FieldId id = FieldId::other;
    };

    void append(std::string_view name, std::string_view value, FieldId id);
    std::string_view text(Span span) const noexcept { return {arena_.data() + span.begin, span.size}; }
    /// Appends to the arena; `piece` may be a view into it.
    Span store(std::string_view piece);
    /// Room for both, so that the views stay good until both are stored, even if they point into the arena.
    void reserve_for(std::string_view& a, std::string_view& b);

    std::string arena_; ///< bounded by limits::http_head_max plus what the header rules add
    std::vector<Entry> entries_;
};

} // namespace adit
