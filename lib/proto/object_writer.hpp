// Writes one JSON object without spaces, member by member (a visitor of proto/describe.hpp).
#pragma once

#include "base/base64.hpp"
#include "proto/describe.hpp"

#include <charconv>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0 {

/// A string in quotes; what is not UTF-8 becomes U+FFFD, so that no peer can fail on it.
void append_json_string(std::string& out, std::string_view text);
/// A finite number in its shortest form, else 0.
void append_json_number(std::string& out, double value);

class ObjectWriter {
public:
    explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }
    void finish() { out_ += '}'; }

    template <class T>
    void always(std::string_view name, const T& value) {
        key(name);
        write(value);
    }
    template <class T>
    void omit_empty(std::string_view name, const T& value) {
        if constexpr (requires { value.empty(); }) {
            if (!value.empty()) always(name, value);
        } else {
            if (value != T{}) always(name, value);
        }
    }
    template <class T>
    void nullable(std::string_view name, const std::optional<T>& value) {
        key(name);
        if (value)
            write(*value);
        else
            out_ += "null";
    }
    template <class T>
    void optional(std::string_view name, const std::optional<T>& value) {
        if (value) always(name, *value);
    }
    void bytes(std::string_view name, const std::string& value) {
        if (!value.empty()) always(name, base64_encode(value));
    }
    void opts(const std::string&, const BindOpts& value) {
        key("Opts");
        std::visit([this](const auto& chosen) { write(chosen); }, value);
    }
    void unknown(const UnknownMembers& members) {
        if (members.empty()) return;
        comma();
        out_.append(members.json(), 1, members.json().size() - 2); // without its braces
    }

private:
    void comma() {
        if (!first_) out_ += ',';
        first_ = false;
    }
    void key(std::string_view name) {
        comma();
        append_json_string(out_, name);
        out_ += ':';
    }

    void write(const std::string& value) { append_json_string(out_, value); }
    void write(bool value) { out_ += value ? "true" : "false"; }
    void write(std::int64_t value) { out_ += std::to_string(value); }
    void write(std::uint32_t value) { out_ += std::to_string(value); }
    void write(double value) { append_json_number(out_, value); }
    void write(std::chrono::nanoseconds value) { out_ += std::to_string(value.count()); }
    void write(ProxyProtocolVersion value) { out_ += std::to_string(static_cast<int>(value)); }
    void write(EdgeType value) { append_json_string(out_, std::to_string(static_cast<int>(value))); }
    void write(const JsonValue& value) { out_ += value.json(); }
    void write(const std::map<std::string, std::string>& values) {
        ObjectWriter inner(out_);
        for (const auto& [name, value] : values) inner.always(name, value);
        inner.finish();
    }
    template <class T>
    void write(const std::vector<T>& values) {
        out_ += '[';
        bool first = true;
        for (const T& value : values) {
            if (!first) out_ += ',';
            first = false;
            write(value);
        }
        out_ += ']';
    }
    template <class T>
        requires requires(ObjectWriter& writer, const T& message) { describe(writer, message); }
    void write(const T& message) {
        ObjectWriter inner(out_);
        describe(inner, message);
        inner.finish();
    }

    std::string& out_;
    bool first_ = true;
};

} // namespace adit::inline v0
