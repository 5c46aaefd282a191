#include "policy/cel/type.hpp"

namespace adit::inline v0::cel {

class Type::Parts {
public:
    Parts(Type k, Type v) : key(std::move(k)), value(std::move(v)) {}
    Type key;
    Type value;
};

Type Type::open() noexcept {
    Type out;
    out.letter_ = '?';
    return out;
}

Type Type::list(Type element) {
    Type out(Kind::list);
    if (!element.is_dyn() || element.is_open())
        out.parts_ = std::make_shared<const Parts>(Type(), std::move(element));
    return out;
}

Type Type::map(Type key, Type value) {
    Type out(Kind::map);
    if (!key.is_dyn() || !value.is_dyn() || key.is_open() || value.is_open()) {
        out.parts_ = std::make_shared<const Parts>(std::move(key), std::move(value));
    }
    return out;
}

Type Type::object(const ObjectType& fields) noexcept {
    Type out(Kind::object);
    out.fields_ = &fields;
    return out;
}

Type Type::parameter(char letter) noexcept {
    Type out(Kind::parameter);
    out.letter_ = letter;
    return out;
}

Type Type::element() const { return is(Kind::list) && parts_ ? parts_->value : Type(); }
Type Type::key() const { return is(Kind::map) && parts_ ? parts_->key : Type(); }
Type Type::value() const { return is(Kind::map) && parts_ ? parts_->value : Type(); }

std::string Type::to_string() const {
    switch (kind_) {
    case Kind::dyn: return "dyn";
    case Kind::null: return "null_type";
    case Kind::boolean: return "bool";
    case Kind::integer: return "int";
    case Kind::uint: return "uint";
    case Kind::number: return "double";
    case Kind::string: return "string";
    case Kind::bytes: return "bytes";
    case Kind::list: return "list(" + element().to_string() + ")";
    case Kind::map: return "map(" + key().to_string() + ", " + value().to_string() + ")";
    case Kind::timestamp: return "timestamp";
    case Kind::duration: return "duration";
    case Kind::type: return "type";
    case Kind::object: return fields_->name();
    case Kind::parameter: return std::string(1, letter_);
    }
    return {};
}

bool Type::operator==(const Type& other) const {
    if (kind_ != other.kind_ || letter_ != other.letter_ || fields_ != other.fields_) return false;
    return key_and_value_equal(other);
}

bool Type::key_and_value_equal(const Type& other) const {
    if (parts_ == other.parts_) return true;
    return element() == other.element() && key() == other.key() && value() == other.value();
}

std::size_t ObjectType::add(std::string name, Type type) {
    fields_.emplace_back(std::move(name), std::move(type));
    return fields_.size() - 1;
}

std::optional<std::size_t> ObjectType::find(std::string_view name) const noexcept {
    for (std::size_t i = 0; i < fields_.size(); ++i) {
        if (fields_[i].name == name) return i;
    }
    return std::nullopt;
}

} // namespace adit::inline v0::cel
