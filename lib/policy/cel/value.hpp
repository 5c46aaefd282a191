// Values of CEL: what variables hold, functions take and give, and programs evaluate to.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0::cel {

/// The kind of a value at run time. `uint` is CEL's unsigned 64-bit integer, `error` what a function answers
/// that failed: it never is a variable's value, an element or the result of a program.
enum class Kind : std::uint8_t {
    null,
    boolean,
    integer,
    uint,
    number,
    string,
    bytes,
    list,
    map,
    timestamp,
    duration,
    type,
    error,
};

/// What CEL calls the type: "int", "list", "google.protobuf.Timestamp", ...
std::string_view type_name(Kind kind) noexcept;

class List;
class Map;
class Object;
class ObjectType;
class Value;

/// Nanoseconds after the Unix epoch in two parts, from 0001-01-01T00:00:00Z to
/// 9999-12-31T23:59:59.999999999Z.
class Timestamp {
public:
    Timestamp() = default;
    Timestamp(std::int64_t s, std::int32_t n) noexcept : seconds(s), nanos(n) {}
    auto operator<=>(const Timestamp&) const = default;

    std::int64_t seconds = 0;
    std::int32_t nanos = 0; ///< 0 to 999,999,999, also before 1970
};

/// Payload that values share; counted by the values that own it. Immutable once shared between threads.
class Shared {
public:
    Shared() = default;
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;
    virtual ~Shared() = default;

private:
    friend class Value;
    mutable std::atomic<std::uint32_t> owners_{0};
};

/// 32 bytes, cheap to copy. A *borrowed* value points into memory of somebody else (the activation, the
/// program): it is good as long as that lives; owned() makes one that stands alone. A value that owns its
/// payload may be copied and dropped by several threads at once.
class Value {
public:
    /// null
    Value() noexcept : kind_(Kind::null) {}
    static Value boolean(bool v) noexcept;
    static Value integer(std::int64_t v) noexcept;
    static Value uint(std::uint64_t v) noexcept;
    static Value number(double v) noexcept;
    /// UTF-8. Text that is not is kept as it is: its wrong bytes count as one character each.
    static Value string(std::string v);
    static Value borrowed_string(std::string_view v) noexcept;
    static Value bytes(std::string v);
    static Value borrowed_bytes(std::string_view v) noexcept;
    static Value timestamp(Timestamp v) noexcept;
    /// Nanoseconds.
    static Value duration(std::int64_t nanoseconds) noexcept;
    /// A type as a value; `name` must be a text that lives for ever, such as that of type_name().
    static Value type(std::string_view name) noexcept;
    static Value list(std::vector<Value> elements);
    static Value list(std::unique_ptr<const List> view);
    static Value borrowed(const List& view) noexcept;
    /// Keys are bool, int, uint or string. Of two equal keys the last counts.
    static Value map(std::vector<std::pair<Value, Value>> entries);
    static Value map(std::unique_ptr<const Map> view);
    static Value borrowed(const Map& view) noexcept;
    /// A string that also has fields (conn.client_ip.geo). `text` must live as long as `fields`.
    static Value borrowed_string(std::string_view text, const Object& fields) noexcept;
    static Value string(std::string_view text, std::unique_ptr<const Object> fields);
    /// For the answer of a function that cannot give one: a sentence that says what is wrong.
    static Value error(std::string message);

    Value(const Value& other) noexcept;
    Value(Value&& other) noexcept;
    Value& operator=(const Value& other) noexcept;
    Value& operator=(Value&& other) noexcept;
    ~Value() { release(); }

    Kind kind() const noexcept { return kind_; }
    bool is(Kind kind) const noexcept { return kind_ == kind; }
    bool is_null() const noexcept { return kind_ == Kind::null; }
    bool is_error() const noexcept { return kind_ == Kind::error; }

    // Each of these needs the kind it is named after.
    bool as_boolean() const noexcept { return u_.boolean; }
    std::int64_t as_integer() const noexcept { return u_.integer; }
    std::uint64_t as_uint() const noexcept { return u_.uint; }
    double as_number() const noexcept { return u_.number; }
    /// Of a string, bytes, a type (its name) or an error (its message).
    std::string_view as_text() const noexcept { return {u_.text, size_}; }
    Timestamp as_timestamp() const noexcept { return {u_.integer, nanos_}; }
    /// Nanoseconds.
    std::int64_t as_duration() const noexcept { return u_.integer; }
    const List& as_list() const noexcept;
    const Map& as_map() const noexcept;
    /// The fields of an object, or of a string that has some; nullptr for anything else.
    const Object* as_object() const noexcept;

    /// A copy that borrows nothing: strings, lists and maps are copied as deep as they are. Lazy views become
    /// plain lists and maps; a string loses its fields.
    Value owned() const;

private:
    enum class Extra : std::uint8_t { none, fields };

    explicit Value(Kind kind) noexcept : kind_(kind) {}
    static Value owning_text(Kind kind, std::string v);
    void own(const Shared* shared) noexcept;
    void retain() const noexcept;
    void release() noexcept;

    Kind kind_;
    Extra extra_ = Extra::none;
    bool owns_ = false;
    std::int32_t nanos_ = 0;
    union {
        bool boolean;
        std::int64_t integer;
        std::uint64_t uint;
        double number;
        const char* text;
    } u_{};
    std::size_t size_ = 0;
    const Shared* shared_ = nullptr; // list, map, fields, or the bytes of a text
};

/// A list, perhaps one that the host makes up when it is asked (a lazy view). What a view gives may borrow
/// from the activation, but not from the view itself unless the view is borrowed too: it may be gone before
/// its elements.
class List : public Shared {
public:
    virtual std::size_t size() const = 0;
    /// `index` is below size().
    virtual Value at(std::size_t index) const = 0;
};

/// A map, perhaps a lazy view of the host's.
class Map : public Shared {
public:
    virtual std::size_t size() const = 0;
    /// Equal numbers of different kinds are the same key: 1, 1u and 1.0.
    virtual std::optional<Value> find(const Value& key) const = 0;
    /// In the order in which they are iterated.
    virtual std::vector<Value> keys() const = 0;
    /// Not null if this map has fields by number.
    virtual const Object* object() const noexcept { return nullptr; }
};

/// A map with the fields that its ObjectType names, which the compiler has found by then: a host answers by
/// number.
class Object : public Map {
public:
    /// `type` must outlive this.
    explicit Object(const ObjectType& type) noexcept : type_(&type) {}

    /// The value of the field with that number in the type (0 is the first); null if there is nothing to say.
    virtual Value field(std::size_t index) const = 0;
    /// What has() tells. By default: whether it is not null.
    virtual bool has_field(std::size_t index) const { return !field(index).is_null(); }

    const ObjectType& type() const noexcept { return *type_; }
    std::size_t size() const final;
    std::optional<Value> find(const Value& key) const final;
    std::vector<Value> keys() const final;
    const Object* object() const noexcept final { return this; }

private:
    const ObjectType* type_;
};

/// The value of the key "name" of a map, the field of an object or of a string with fields; nullopt if there
/// is none.
std::optional<Value> member(const Value& value, std::string_view name);
/// CEL's ==: numbers by value across kinds, NaN equals nothing, different kinds are not equal.
bool equal(const Value& a, const Value& b);
/// CEL's order: negative, 0, positive; nullopt if they cannot be ordered (other kinds, or NaN).
std::optional<int> compare(const Value& a, const Value& b);
/// What interpolation shows: strings as they are, bytes as text, null as nothing, lists and maps as JSON,
/// everything else as string() gives it.
std::string to_text(const Value& value);

inline Value::Value(const Value& other) noexcept
    : kind_(other.kind_), extra_(other.extra_), owns_(other.owns_), nanos_(other.nanos_), u_(other.u_),
      size_(other.size_), shared_(other.shared_) {
    retain();
}
inline Value::Value(Value&& other) noexcept
    : kind_(other.kind_), extra_(other.extra_), owns_(other.owns_), nanos_(other.nanos_), u_(other.u_),
      size_(other.size_), shared_(other.shared_) {
    other.owns_ = false;
    other.kind_ = Kind::null;
}
inline void Value::retain() const noexcept {
    if (owns_) shared_->owners_.fetch_add(1, std::memory_order_relaxed);
}
inline void Value::release() noexcept {
    if (owns_ && shared_->owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete shared_;
}
inline Value& Value::operator=(Value&& other) noexcept {
    if (this != &other) {
        release();
        kind_ = std::exchange(other.kind_, Kind::null);
        extra_ = other.extra_;
        owns_ = std::exchange(other.owns_, false);
        nanos_ = other.nanos_;
        u_ = other.u_;
        size_ = other.size_;
        shared_ = other.shared_;
    }
    return *this;
}
inline Value& Value::operator=(const Value& other) noexcept { return *this = Value(other); }

inline Value Value::boolean(bool v) noexcept {
    Value out(Kind::boolean);
    out.u_.boolean = v;
    return out;
}
inline Value Value::integer(std::int64_t v) noexcept {
    Value out(Kind::integer);
    out.u_.integer = v;
    return out;
}
inline Value Value::uint(std::uint64_t v) noexcept {
    Value out(Kind::uint);
    out.u_.uint = v;
    return out;
}
inline Value Value::number(double v) noexcept {
    Value out(Kind::number);
    out.u_.number = v;
    return out;
}
inline Value Value::duration(std::int64_t nanoseconds) noexcept {
    Value out(Kind::duration);
    out.u_.integer = nanoseconds;
    return out;
}
inline Value Value::timestamp(Timestamp v) noexcept {
    Value out(Kind::timestamp);
    out.u_.integer = v.seconds;
    out.nanos_ = v.nanos;
    return out;
}
inline Value Value::borrowed_string(std::string_view v) noexcept {
    Value out(Kind::string);
    out.u_.text = v.data();
    out.size_ = v.size();
    return out;
}
inline Value Value::borrowed_bytes(std::string_view v) noexcept {
    Value out(Kind::bytes);
    out.u_.text = v.data();
    out.size_ = v.size();
    return out;
}
inline Value Value::type(std::string_view name) noexcept {
    Value out(Kind::type);
    out.u_.text = name.data();
    out.size_ = name.size();
    return out;
}
inline const List& Value::as_list() const noexcept { return static_cast<const List&>(*shared_); }
inline const Map& Value::as_map() const noexcept { return static_cast<const Map&>(*shared_); }
inline const Object* Value::as_object() const noexcept {
    if (extra_ == Extra::fields) return static_cast<const Object*>(shared_);
    return kind_ == Kind::map ? as_map().object() : nullptr;
}

} // namespace adit::inline v0::cel
