// Reads the members of one JSON object (a visitor of proto/describe.hpp). nlohmann/json stays in the one .cpp that
// includes this.
#pragma once

#include "base/base64.hpp"
#include "proto/describe.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0 {

/// Takes each member out of the object as it is read, so that the unknown ones are left over. The first error is kept;
/// what was read after it does not matter.
class ObjectReader {
public:
    using Json = nlohmann::json;

    /// `path` names the object in errors, "" or "Extra.". Both references must outlive the reader.
    ObjectReader(Json& object, std::string path, std::optional<ErrorInfo>& error)
        : object_(object), path_(std::move(path)), error_(error) {}

    template <class T>
    void always(std::string_view name, T& value) {
        value = T{};
        if (std::optional<Json> found = take(name)) read(path_ + std::string(name), *found, value);
    }
    template <class T>
    void omit_empty(std::string_view name, T& value) {
        always(name, value);
    }
    template <class T>
    void nullable(std::string_view name, std::optional<T>& value) {
        value.reset();
        if (std::optional<Json> found = take(name)) read(path_ + std::string(name), *found, value.emplace());
    }
    template <class T>
    void optional(std::string_view name, std::optional<T>& value) {
        nullable(name, value);
    }
    void bytes(std::string_view name, std::string& value) {
        always(name, value);
        std::optional<std::string> decoded = base64_decode(value);
        if (!decoded) fail(path_ + std::string(name), "base64");
        value = std::move(decoded).value_or("");
    }
    void opts(const std::string& protocol, BindOpts& value) {
        if (protocol == "http" || protocol == "https") always("Opts", value.emplace<HttpOpts>());
        else if (protocol == "tcp") always("Opts", value.emplace<TcpOpts>());
        else if (protocol == "tls") always("Opts", value.emplace<TlsOpts>());
        // Of another protocol they stay unread; decode.cpp refuses it.
    }
    void unknown(UnknownMembers& members) {
        members = object_.empty() ? UnknownMembers() : UnknownMembers(object_.dump());
    }

    /// The member with this name in any case, out of the object; nullopt if it is missing or null.
    std::optional<Json> take(std::string_view name) {
        auto found = object_.end();
        for (auto it = object_.begin(); it != object_.end(); ++it) {
            if (!same_key(it.key(), name)) continue;
            if (found != object_.end()) fail(path_ + std::string(name), "given once, not in two spellings");
            found = it;
        }
        if (found == object_.end()) return std::nullopt;
        Json value = std::move(*found);
        object_.erase(found);
        if (value.is_null()) return std::nullopt;
        return value;
    }

private:
    static char fold(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
    static bool same_key(std::string_view a, std::string_view b) {
        return a.size() == b.size() && std::ranges::equal(a, b, {}, fold, fold);
    }
    void fail(const std::string& name, std::string_view wanted) {
        if (!error_) error_ = ErrorInfo(errc::protocol_error, name + " must be " + std::string(wanted));
    }

    void read(const std::string& name, Json& json, std::string& value) {
        if (!json.is_string()) return fail(name, "a string");
        value = std::move(json.get_ref<std::string&>());
    }
    void read(const std::string& name, Json& json, bool& value) {
        if (!json.is_boolean()) return fail(name, "true or false");
        value = json.get<bool>();
    }
    void read(const std::string& name, Json& json, std::int64_t& value) {
        const bool fits = json.is_number_integer() && (!json.is_number_unsigned() || json.get<std::uint64_t>() <= int64_max);
        if (!fits) return fail(name, "an integer of 64 bits");
        value = json.get<std::int64_t>();
    }
    void read(const std::string& name, Json& json, std::uint32_t& value) {
        const bool fits = json.is_number_unsigned() && json.get<std::uint64_t>() <= std::numeric_limits<std::uint32_t>::max();
        if (!fits) return fail(name, "an integer of 32 bits, not negative");
        value = json.get<std::uint32_t>();
    }
    void read(const std::string& name, Json& json, double& value) {
        if (!json.is_number()) return fail(name, "a number");
        value = json.get<double>();
    }
    void read(const std::string& name, Json& json, std::chrono::nanoseconds& value) {
        std::int64_t count = 0;
        read(name, json, count);
        value = std::chrono::nanoseconds(count);
    }
    void read(const std::string& name, Json& json, ProxyProtocolVersion& value) {
        const std::int64_t number = json.is_number_integer() ? json.get<std::int64_t>() : -1;
        if (number < 0 || number > 2) return fail(name, "0, 1 or 2");
        value = static_cast<ProxyProtocolVersion>(number);
    }
    void read(const std::string& name, Json& json, EdgeType& value) {
        std::string text;
        read(name, json, text);
        value = text.size() == 1 && text[0] >= '1' && text[0] <= '3' ? static_cast<EdgeType>(text[0] - '0')
                                                                      : EdgeType::undefined;
    }
    void read(const std::string&, Json& json, JsonValue& value) { value = JsonValue(json.dump()); }
    void read(const std::string& name, Json& json, std::map<std::string, std::string>& values) {
        if (!json.is_object()) return fail(name, "an object");
        for (auto it = json.begin(); it != json.end(); ++it) read(name + "[]", it.value(), values[it.key()]);
    }
    template <class T>
    void read(const std::string& name, Json& json, std::vector<T>& values) {
        if (!json.is_array()) return fail(name, "an array");
        values.reserve(json.size());
        for (Json& element : json) {
            const std::string element_name = name + "[" + std::to_string(values.size()) + "]";
            read(element_name, element, values.emplace_back());
        }
    }
    template <class T>
        requires requires(ObjectReader& reader, T& message) { describe(reader, message); }
    void read(const std::string& name, Json& json, T& message) {
        if (!json.is_object()) return fail(name, "an object");
        ObjectReader inner(json, name + ".", error_);
        describe(inner, message);
    }

    static constexpr std::uint64_t int64_max = std::numeric_limits<std::int64_t>::max();

    Json& object_;
    std::string path_;
    std::optional<ErrorInfo>& error_;
};

} // namespace adit
