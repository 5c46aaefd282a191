// Objects of expressions whose fields are answered by functions of the scope.
#pragma once

#include "policy/cel/environment.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace adit::inline v0::policy {

struct Scope;

/// The fields of an object, each answered by a function of the scope.
class Shape {
public:
    using Get = cel::Value (*)(const Scope& scope);
    struct Field {
        const char* name;
        cel::Type type;
        Get get;
    };
    Shape(std::string name, std::vector<Field> fields, bool text = false);

    cel::ObjectType type;
    std::vector<Get> gets;
};

class ShapeView final : public cel::Object {
public:
    ShapeView(const Shape& shape, const Scope& scope) noexcept : cel::Object(shape.type), shape_(shape), scope_(scope) {}
    cel::Value field(std::size_t index) const override { return shape_.gets[index](scope_); }
    cel::Value value() const { return cel::Value::borrowed(*this); }

private:
    const Shape& shape_;
    const Scope& scope_;
};

/// An object whose values are at hand.
class Record final : public cel::Object {
public:
    /// `fields` in the order of the type; what is missing is null.
    Record(const cel::ObjectType& type, std::vector<cel::Value> fields) : cel::Object(type), fields_(std::move(fields)) {
        fields_.resize(type.size());
    }
    cel::Value field(std::size_t index) const override { return fields_[index]; }

private:
    std::vector<cel::Value> fields_;
};

inline cel::Value record(const cel::ObjectType& type, std::vector<cel::Value> fields) {
    return cel::Value::map(std::unique_ptr<const cel::Map>(std::make_unique<Record>(type, std::move(fields))));
}

} // namespace adit
