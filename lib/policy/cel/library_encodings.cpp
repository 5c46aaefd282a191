// base64, basic_auth, json.
#include "policy/cel/library.hpp"

#include "base/base64.hpp"
#include "policy/cel/json.hpp"
#include "policy/cel/utf8.hpp"

namespace adit::inline v0::cel {

namespace {

Value encode_base64(Call& call, Arguments a) {
    if (!call.charge_bytes(2 * a[0].as_text().size())) return Call::exhausted();
    return Value::string(base64_encode(a[0].as_text()));
}

// Padding may be missing, as many senders leave it out.
Value decode_base64(Call& call, Arguments a) {
    if (!call.charge_bytes(2 * a[0].as_text().size())) return Call::exhausted();
    std::string text(a[0].as_text());
    while (text.size() % 4 != 0 && text.size() % 4 != 1) text.push_back('=');
    std::optional<std::string> decoded = base64_decode(text);
    return decoded ? Value::bytes(std::move(*decoded)) : Value::error("this is no base64");
}

Value decode_base64_text(Call& call, Arguments a) {
    Value bytes = decode_base64(call, a);
    if (bytes.is_error()) return bytes;
    if (!utf8_valid(bytes.as_text()))
        return Value::error("what the base64 stands for is no text: use base64.decode() for bytes");
    return Value::string(std::string(bytes.as_text()));
}

Value basic_auth(Call& call, Arguments a) {
    if (!call.charge_bytes(2 * (a[0].as_text().size() + a[1].as_text().size()))) return Call::exhausted();
    return Value::string("Basic " +
                         base64_encode(std::string(a[0].as_text()) + ":" + std::string(a[1].as_text())));
}

Value from_json(Call& call, Arguments a) { return decode_json(a[0].as_text(), call.budget()); }
Value to_json(Call& call, Arguments a) { return encode_json(a[0], call.budget()); }

} // namespace

void add_encodings(Library& library) {
    const Type string = Type::string(), bytes = Type::bytes();
    library.global("base64.encode", {bytes}, string, encode_base64);
    library.global("base64.encode", {string}, string, encode_base64);
    library.global("base64.decode", {string}, bytes, decode_base64);
    library.method("encodeBase64", {string}, string, encode_base64);
    library.method("decodeBase64", {string}, string, decode_base64_text);
    library.global("basic_auth.encode", {string, string}, string, basic_auth);
    library.global("json.decode", {string}, Type(), from_json);
    library.global("json.encode", {Type::parameter('A')}, string, to_json);
    library.method("decodeJson", {string}, Type(), from_json);
    library.method("encodeJson", {Type::parameter('A')}, string, to_json);
    library.method("isJson", {string}, Type::boolean(), [](Call& call, Arguments a) {
        if (!call.charge_bytes(4 * a[0].as_text().size())) return Call::exhausted();
        return Value::boolean(is_json(a[0].as_text()));
    });
}

} // namespace adit::inline v0::cel
