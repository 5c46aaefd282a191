// Lists and maps that hold their elements.
#pragma once

#include "policy/cel/value.hpp"

namespace adit::inline v0::cel {

class PlainList final : public List {
public:
    explicit PlainList(std::vector<Value> elements) : elements_(std::move(elements)) {}

    std::size_t size() const override { return elements_.size(); }
    Value at(std::size_t index) const override { return elements_[index]; }

private:
    std::vector<Value> elements_;
};

/// Iterates in the order of its entries; finds by bisection.
class PlainMap final : public Map {
public:
    explicit PlainMap(std::vector<std::pair<Value, Value>> entries);

    std::size_t size() const override { return entries_.size(); }
    std::optional<Value> find(const Value& key) const override;
    std::vector<Value> keys() const override;
    /// Whether two of the entries had equal keys.
    bool had_doubles() const noexcept { return doubles_; }

private:
    void remove_doubles();

    std::vector<std::pair<Value, Value>> entries_;
    std::vector<std::uint32_t> order_; // of entries_, by key; unused for fewer than two
    bool doubles_ = false;
};

} // namespace adit::inline v0::cel
