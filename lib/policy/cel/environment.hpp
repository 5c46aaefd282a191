// What expressions may name: variables with types, and functions. And what gives them at run time.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "policy/cel/type.hpp"
#include "policy/cel/value.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::cel {

class RegexCache;

/// What is left of the cost limit of one evaluation. Once a charge was more than that, the evaluation ends
/// with errc::limit_exceeded, whatever functions and operators answer.
class Budget {
public:
    explicit Budget(std::uint64_t units) noexcept : left_(units) {}

    /// Takes `units` steps or elements; false if there are not as many: then stop at once.
    bool charge(std::uint64_t units) noexcept {
        if (units > left_) {
            left_ = 0;
            spent_ = true;
            return false;
        }
        left_ -= units;
        return true;
    }
    /// The same for bytes that are read or made: 16 of them cost one unit.
    bool charge_bytes(std::uint64_t bytes) noexcept { return charge(bytes / 16 + 1); }
    bool spent() const noexcept { return spent_; }
    std::uint64_t left() const noexcept { return left_; }

private:
    std::uint64_t left_;
    bool spent_ = false;
};

/// What a program is evaluated against: the values of the variables that its environment declares. The host
/// derives its own; functions of the host get it back by Call::activation().
class Activation {
public:
    Activation() = default;
    Activation(const Activation&) = delete;
    Activation& operator=(const Activation&) = delete;
    virtual ~Activation() = default;

    /// `index` is what Environment::declare() returned. May borrow from the activation. Asked each time an
    /// expression names the variable, so it should be quick: give lists and maps as views.
    virtual Value variable(std::size_t index) const = 0;
    /// For rand.*. By default from adit::fill_random().
    virtual void fill_random(MutableBytes out) const;
};

/// What a function is given besides its arguments.
class Call {
public:
    Call(const Activation& activation, Budget& budget, const Shared* prepared,
         RegexCache& regex_cache) noexcept
        : activation_(activation), budget_(budget), prepared_(prepared), regex_cache_(regex_cache) {}

    /// The one that evaluate() was given: a host casts it to its own class.
    const Activation& activation() const noexcept { return activation_; }
    Budget& budget() noexcept { return budget_; }
    bool charge(std::uint64_t units) noexcept { return budget_.charge(units); }
    bool charge_bytes(std::uint64_t bytes) noexcept { return budget_.charge_bytes(bytes); }
    /// The answer of a function whose charge was refused.
    static Value exhausted();
    /// What the function's Prepare made of its last argument; nullptr if that is known at run time only.
    const Shared* prepared() const noexcept { return prepared_; }
    /// Of the program, for patterns that are known at run time only.
    RegexCache& regex_cache() const noexcept { return regex_cache_; }

private:
    const Activation& activation_;
    Budget& budget_;
    const Shared* prepared_;
    RegexCache& regex_cache_;
};

/// Carries a function out. The arguments have the kinds that the signature names (dyn: any, never error).
/// Answers Value::error() if it cannot; must be pure but for the activation, charge what it touches, and be
/// thread-safe.
using Callback = Value (*)(Call& call, std::span<const Value> arguments);
/// Works a constant last argument up while the program is compiled (a regular expression, a list of ranges).
/// An error is the compiler's.
using Prepare = Result<std::shared_ptr<const Shared>> (*)(const Value& last);

/// A signature of a function and what carries it out.
class Function {
public:
    /// "getReqHeader", or "trim" with `receiver` for "x".trim(), or "json.encode" for a function with a
    /// dotted name. With `receiver` the first parameter stands before the dot.
    Function(std::string name, std::vector<Type> parameters, Type result, Callback call)
        : name_(std::move(name)), parameters_(std::move(parameters)), result_(std::move(result)),
          callback_(call) {}
    Function& receiver() {
        receiver_ = true;
        return *this;
    }
    Function& prepare(Prepare work) {
        prepare_ = work;
        return *this;
    }

    const std::string& name() const noexcept { return name_; }
    const std::vector<Type>& parameters() const noexcept { return parameters_; }
    const Type& result() const noexcept { return result_; }
    Callback callback() const noexcept { return callback_; }
    bool is_receiver() const noexcept { return receiver_; }
    Prepare prepare() const noexcept { return prepare_; }

private:
    std::string name_;
    std::vector<Type> parameters_;
    Type result_;
    Callback callback_;
    bool receiver_ = false;
    Prepare prepare_ = nullptr;
};

/// What expressions of one place (a phase, an event filter) may name. Copyable; not changed by compiling.
/// Programs do not refer to it once they are compiled.
class Environment {
public:
    class Variable {
    public:
        std::string name;
        Type type;
        std::size_t index = 0;
    };

    /// With CEL's standard functions and those of behaviour C.4 that need no request.
    Environment();

    /// Declares a variable, "req" or "time.now" (a dotted name is one variable). Returns its index, counted
    /// from 0 in the order of declaration.
    std::size_t declare(std::string name, Type type);
    /// Adds a function; several of one name are told apart by their parameters.
    void add(Function function);

    const Variable* find_variable(std::string_view name) const noexcept;
    /// All signatures of that name and form; empty if there is none.
    std::span<const std::shared_ptr<const Function>> find_functions(std::string_view name,
                                                                    bool receiver) const noexcept;
    /// Whether a variable or global function has a name that starts with `name` and a dot.
    bool is_namespace(std::string_view name) const noexcept;
    std::size_t variable_count() const noexcept { return count_; }

private:
    using Overloads = std::map<std::string, std::vector<std::shared_ptr<const Function>>, std::less<>>;

    std::map<std::string, Variable, std::less<>> variables_;
    Overloads global_;
    Overloads receiver_;
    std::size_t count_ = 0;
};

} // namespace adit::inline v0::cel
