// Types of CEL as the type checker sees them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::cel {

class ObjectType;

/// A type, cheap to copy, immutable. `dyn` is what is known at run time only: it goes with everything.
class Type {
public:
    enum class Kind : std::uint8_t {
        dyn,
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
        object,
        parameter,
    };

    /// dyn
    Type() noexcept {}
    static Type dyn() noexcept { return Type(); }
    /// dyn that gives way to whatever it is joined with: what an empty list holds.
    static Type open() noexcept;
    static Type null() noexcept { return Type(Kind::null); }
    static Type boolean() noexcept { return Type(Kind::boolean); }
    static Type integer() noexcept { return Type(Kind::integer); }
    static Type uint() noexcept { return Type(Kind::uint); }
    static Type number() noexcept { return Type(Kind::number); }
    static Type string() noexcept { return Type(Kind::string); }
    static Type bytes() noexcept { return Type(Kind::bytes); }
    static Type timestamp() noexcept { return Type(Kind::timestamp); }
    static Type duration() noexcept { return Type(Kind::duration); }
    /// The type of a type, as of type(1).
    static Type type() noexcept { return Type(Kind::type); }
    static Type list() noexcept { return Type(Kind::list); } // of dyn
    static Type list(Type element);
    static Type map(Type key, Type value);
    /// A map with known fields; anything else asked of it is an error of the compiler.
    static Type object(const ObjectType& fields) noexcept;
    /// In the signature of a function: the same type wherever the same letter stands.
    static Type parameter(char letter) noexcept;

    Kind kind() const noexcept { return kind_; }
    bool is(Kind kind) const noexcept { return kind_ == kind; }
    bool is_dyn() const noexcept { return kind_ == Kind::dyn; }
    bool is_open() const noexcept { return kind_ == Kind::dyn && letter_ != 0; }
    /// Of a list (dyn for others).
    Type element() const;
    /// Of a map (dyn for others).
    Type key() const;
    Type value() const;
    /// Of an object.
    const ObjectType* fields() const noexcept { return fields_; }
    char letter() const noexcept { return letter_; }

    /// "int", "list(string)", "map(string, dyn)", the name of an object.
    std::string to_string() const;
    bool operator==(const Type& other) const;

private:
    class Parts;
    bool key_and_value_equal(const Type& other) const;
    explicit Type(Kind kind) noexcept : kind_(kind) {}

    Kind kind_ = Kind::dyn;
    char letter_ = 0;
    std::shared_ptr<const Parts> parts_;
    const ObjectType* fields_ = nullptr;
};

/// The fields of an object, numbered as they are added. Must outlive the types, values and environments that
/// name it; not changed once used. With `text` its values are strings that have these fields.
class ObjectType {
public:
    explicit ObjectType(std::string name, bool text = false) : name_(std::move(name)), text_(text) {}
    ObjectType(const ObjectType&) = delete;
    ObjectType& operator=(const ObjectType&) = delete;

    /// Returns the number of the field.
    std::size_t add(std::string name, Type type);
    std::optional<std::size_t> find(std::string_view name) const noexcept;
    std::size_t size() const noexcept { return fields_.size(); }
    const std::string& field_name(std::size_t index) const { return fields_[index].name; }
    const Type& field_type(std::size_t index) const { return fields_[index].type; }
    /// As the expressions call it: "req", "conn.client_ip".
    const std::string& name() const noexcept { return name_; }
    bool is_text() const noexcept { return text_; }

private:
    class Field {
    public:
        Field(std::string n, Type t) : name(std::move(n)), type(std::move(t)) {}
        std::string name;
        Type type;
    };

    std::string name_;
    bool text_;
    std::vector<Field> fields_;
};

} // namespace adit::inline v0::cel
