// The functions that every environment has, a group a file.
#pragma once

#include "policy/cel/environment.hpp"

#include <initializer_list>
#include <string>
#include <vector>

namespace adit::inline v0::cel {

using Arguments = std::span<const Value>;

/// Adds functions with less words.
class Library {
public:
    explicit Library(Environment& environment) noexcept : environment_(environment) {}

    /// name(...)
    void global(std::string name, std::initializer_list<Type> parameters, Type result, Callback call,
                Prepare work = nullptr) {
        environment_.add(Function(std::move(name), parameters, std::move(result), call).prepare(work));
    }
    /// x.name(...)
    void method(std::string name, std::initializer_list<Type> parameters, Type result, Callback call,
                Prepare work = nullptr) {
        environment_.add(
            Function(std::move(name), parameters, std::move(result), call).receiver().prepare(work));
    }

private:
    Environment& environment_;
};

void add_library(Environment& environment);
void add_conversions(Library& library);
void add_standard(Library& library);
void add_times(Library& library);
void add_strings(Library& library);
void add_formatting(Library& library);
void add_lists(Library& library);
void add_encodings(Library& library);
void add_hashes(Library& library);
void add_urls(Library& library);
void add_network(Library& library);
void add_random(Library& library);

} // namespace adit::inline v0::cel
