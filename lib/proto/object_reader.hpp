// Reads the members of one JSON object (a visitor of proto/describe.hpp). nlohmann/json stays in the one .cpp
// that includes this.
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

/// Where a value is, as text only when an error needs it: "Opts.BasicAuth.credentials[1].username".
class FieldPath {
public:
    FieldPath(const FieldPath* parent, std::string_view name) : parent_(parent), name_(name) {}
    FieldPath(const FieldPath* parent, std::size_t index) : parent_(parent), index_(index) {}

    std::string text() const {
        const std::string before = parent_ == nullptr ? "" : parent_->text();
        if (index_) return before + "[" + std::to_string(*index_) + "]";
        return before + (before.empty() || name_ == "[]" ? "" : ".") + std::string(name_);
    }

private:
    const FieldPath* parent_;
    std::string_view name_;
    std::optional<std::size_t> index_;
};

/// Takes each member out of the object as it is read, so that the unknown ones are left over. The first error
/// is kept; what was read after it does not matter.
class ObjectReader {
public:
    using Json = nlohmann::json;

    /// `path` names the object in errors; nullptr at the top. All three must outlive the reader.
    ObjectReader(Json& object, const FieldPath* path, std::optional<ErrorInfo>& error)
        : object_(object), path_(path), error_(error) {
        if (object_.size() > limits::json_members_max && !error_) error_ = too_many();
    }

    template <class T>
    void always(std::string_view name, T& value) {
        value = T{};
        if (std::optional<Json> found = take(name)) read(FieldPath(path_, name), *found, value);
    }
    template <class T>
    void omit_empty(std::string_view name, T& value) {
        always(name, value);
    }
    template <class T>
    void nullable(std::string_view name, std::optional<T>& value) {
        value.reset();
        if (std::optional<Json> found = take(name)) read(FieldPath(path_, name), *found, value.emplace());
    }
    template <class T>
    void optional(std::string_view name, std::optional<T>& value) {
        nullable(name, value);
    }
    void bytes(std::string_view name, std::string& value) {
        always(name, value);
        std::optional<std::string> decoded = base64_decode(value);
        if (!decoded) fail(FieldPath(path_, name), "base64");
        value = std::move(decoded).value_or("");
    }
    void opts(const std::string& protocol, BindOpts& value) {
        if (protocol == "http" || protocol == "https")
            always("Opts", value.emplace<HttpOpts>());
        else if (protocol == "tcp")
            always("Opts", value.emplace<TcpOpts>());
        else if (protocol == "tls")
            always("Opts", value.emplace<TlsOpts>());
        // Of another protocol they stay unread; decode.cpp refuses it.
    }
    void unknown(UnknownMembers& members) {
        members = object_.empty() ? UnknownMembers() : UnknownMembers(object_.dump());
    }

    /// The member with this name in any case, out of the object; nullopt if it is missing or null.
    std::optional<Json> take(std::string_view name) {
        if (error_) return std::nullopt;
        auto found = object_.end();
        for (auto it = object_.begin(); it != object_.end(); ++it) {
            if (!same_key(it.key(), name)) continue;
            if (found != object_.end()) fail(FieldPath(path_, name), "given once, not in two spellings");
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
    void fail(const FieldPath& path, std::string_view wanted) {
        if (!error_)
            error_ = ErrorInfo(errc::protocol_error, path.text() + " must be " + std::string(wanted));
    }

    static ErrorInfo too_many() {
        return {errc::limit_exceeded, "an object of the message has more than " +
                                          std::to_string(limits::json_members_max) + " members"};
    }

    void read(const FieldPath& path, Json& json, std::string& value) {
        if (!json.is_string()) return fail(path, "a string");
        value = std::move(json.get_ref<std::string&>());
    }
    void read(const FieldPath& path, Json& json, bool& value) {
        if (!json.is_boolean()) return fail(path, "true or false");
        value = json.get<bool>();
    }
    void read(const FieldPath& path, Json& json, std::int64_t& value) {
        const bool fits = json.is_number_integer() &&
                          (!json.is_number_unsigned() || json.get<std::uint64_t>() <= int64_max);
        if (!fits) return fail(path, "an integer of 64 bits");
        value = json.get<std::int64_t>();
    }
    void read(const FieldPath& path, Json& json, std::uint32_t& value) {
        const bool fits = json.is_number_unsigned() &&
                          json.get<std::uint64_t>() <= std::numeric_limits<std::uint32_t>::max();
        if (!fits) return fail(path, "an integer of 32 bits, not negative");
        value = json.get<std::uint32_t>();
    }
    void read(const FieldPath& path, Json& json, double& value) {
        if (!json.is_number()) return fail(path, "a number");
        value = json.get<double>();
    }
    void read(const FieldPath& path, Json& json, std::chrono::nanoseconds& value) {
        std::int64_t count = 0;
        read(path, json, count);
        value = std::chrono::nanoseconds(count);
    }
    void read(const FieldPath& path, Json& json, ProxyProtocolVersion& value) {
        const std::int64_t number = json.is_number_integer() ? json.get<std::int64_t>() : -1;
        if (number < 0 || number > 2) return fail(path, "0, 1 or 2");
        value = static_cast<ProxyProtocolVersion>(number);
    }
    void read(const FieldPath& path, Json& json, EdgeType& value) {
        std::string text;
        read(path, json, text);
        value = text.size() == 1 && text[0] >= '1' && text[0] <= '3' ? static_cast<EdgeType>(text[0] - '0')
                                                                     : EdgeType::undefined;
    }
    void read(const FieldPath&, Json& json, JsonValue& value) { value = JsonValue(json.dump()); }
    void read(const FieldPath& path, Json& json, std::map<std::string, std::string>& values) {
        if (!json.is_object()) return fail(path, "an object");
        if (json.size() > limits::json_members_max && !error_) error_ = too_many();
        if (error_) return;
        for (auto it = json.begin(); it != json.end(); ++it)
            read(FieldPath(&path, "[]"), it.value(), values[it.key()]);
    }
    template <class T>
    void read(const FieldPath& path, Json& json, std::vector<T>& values) {
        if (!json.is_array()) return fail(path, "an array");
        values.reserve(json.size());
        for (Json& element : json) {
            const FieldPath element_path(&path, values.size());
            read(element_path, element, values.emplace_back());
        }
    }
    template <class T>
        requires requires(ObjectReader& reader, T& message) { describe(reader, message); }
    void read(const FieldPath& path, Json& json, T& message) {
        if (!json.is_object()) return fail(path, "an object");
        ObjectReader inner(json, &path, error_);
        describe(inner, message);
    }

    static constexpr std::uint64_t int64_max = std::numeric_limits<std::int64_t>::max();

    Json& object_;
    const FieldPath* path_;
    std::optional<ErrorInfo>& error_;
};

} // namespace adit::inline v0
