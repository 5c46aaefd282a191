// hash.sha256("text"), "text".sha256(), with "hex" (the default) or "base64" as a last argument.
#include "policy/cel/checksum.hpp"
#include "policy/cel/library.hpp"

#include "base/base64.hpp"
#include "base/hex.hpp"
#include "tls/signature.hpp"

namespace adit::inline v0::cel {

namespace {

template <class Integer>
std::string big_endian(Integer value) {
    std::string out(sizeof(value), '\0');
    for (std::size_t i = out.size(); i-- > 0; value = static_cast<Integer>(value >> 8))
        out[i] = static_cast<char>(value & 0xFF);
    return out;
}

template <class Make>
Value hashed(Call& call, Arguments a, Make make) {
    const bool base64 = a.size() > 1 && a[1].as_text() == "base64";
    if (a.size() > 1 && !base64 && a[1].as_text() != "hex")
        return Value::error("a hash is written as \"hex\" or \"base64\"");
    if (!call.charge(20) || !call.charge_bytes(2 * a[0].as_text().size())) return Call::exhausted();
    const std::string bytes = make(a[0].as_text());
    return Value::string(base64 ? base64_encode(bytes) : hex_encode(as_bytes(bytes)));
}

template <tls::Hash kind>
Value digest(Call& call, Arguments a) {
    return hashed(call, a, [](std::string_view text) { return std::string(as_text(tls::digest(kind, as_bytes(text)))); });
}

template <auto function>
Value checksum(Call& call, Arguments a) {
    return hashed(call, a, [](std::string_view text) { return big_endian(function(text)); });
}

} // namespace

void add_hashes(Library& library) {
    const auto add = [&](const std::string& name, Callback call) {
        const Type string = Type::string();
        for (const Type& of : {string, Type::bytes()}) {
            library.global("hash." + name, {of}, string, call);
            library.global("hash." + name, {of, string}, string, call);
            library.method(name, {of}, string, call);
            library.method(name, {of, string}, string, call);
        }
    };
    add("md5", digest<tls::Hash::md5>);
    add("sha1", digest<tls::Hash::sha1>);
    add("sha256", digest<tls::Hash::sha256>);
    add("sha512", digest<tls::Hash::sha512>);
    add("crc32", checksum<crc32>);
    add("crc64", checksum<crc64>);
    add("xxhash64", checksum<xxhash64>);
}

} // namespace adit::inline v0::cel
