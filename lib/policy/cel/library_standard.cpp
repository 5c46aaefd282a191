// size(), and the searches in strings of CEL's standard.
#include "policy/cel/library.hpp"
#include "policy/cel/regex.hpp"
#include "policy/cel/utf8.hpp"

namespace adit::inline v0::cel {

namespace {

Value count(std::size_t n) { return Value::integer(static_cast<std::int64_t>(n)); }

Value size_of(Call& call, Arguments a) {
    switch (a[0].kind()) {
    case Kind::string:
        if (!call.charge_bytes(a[0].as_text().size())) return Call::exhausted();
        return count(utf8_count(a[0].as_text()));
    case Kind::bytes: return count(a[0].as_text().size());
    case Kind::list: return count(a[0].as_list().size());
    default: return count(a[0].as_map().size());
    }
}

Value contains(Call& call, Arguments a) {
    if (!call.charge_bytes(a[0].as_text().size() + a[1].as_text().size())) return Call::exhausted();
    // The library's search is quadratic at worst, so the texts' product counts.
    const std::string_view part = a[1].as_text();
    if (part.size() > 16 && !call.charge(a[0].as_text().size() / 256 * (part.size() / 16)))
        return Call::exhausted();
    return Value::boolean(a[0].as_text().find(part) != std::string_view::npos);
}

Value matches(Call& call, Arguments a) {
    if (!call.charge_bytes(4 * a[0].as_text().size())) return Call::exhausted();
    if (const auto* regex = static_cast<const Regex*>(call.prepared()))
        return Value::boolean(regex->matches(a[0].as_text()));
    // To compile a pattern costs some microseconds; whether it is in the cache changes nothing of the price.
    if (!call.charge(500 + 8 * a[1].as_text().size())) return Call::exhausted();
    const auto regex = call.regex_cache().get(a[1].as_text());
    if (!regex) return Value::error(regex.error().message());
    return Value::boolean((*regex)->matches(a[0].as_text()));
}

Result<std::shared_ptr<const Shared>> compile_regex(const Value& pattern) {
    if (!pattern.is(Kind::string)) return std::shared_ptr<const Shared>();
    auto regex = Regex::compile(pattern.as_text());
    if (!regex) return regex.error();
    return std::shared_ptr<const Shared>(std::move(*regex));
}

} // namespace

void add_standard(Library& library) {
    const Type string = Type::string();
    for (const Type& of : {string, Type::bytes(), Type::list(), Type::map(Type(), Type())}) {
        library.global("size", {of}, Type::integer(), size_of);
        library.method("size", {of}, Type::integer(), size_of);
    }
    library.method("contains", {string, string}, Type::boolean(), contains);
    library.method("startsWith", {string, string}, Type::boolean(), [](Call& call, Arguments a) {
        if (!call.charge_bytes(a[1].as_text().size())) return Call::exhausted();
        return Value::boolean(a[0].as_text().starts_with(a[1].as_text()));
    });
    library.method("endsWith", {string, string}, Type::boolean(), [](Call& call, Arguments a) {
        if (!call.charge_bytes(a[1].as_text().size())) return Call::exhausted();
        return Value::boolean(a[0].as_text().ends_with(a[1].as_text()));
    });
    library.global("matches", {string, string}, Type::boolean(), matches, compile_regex);
    library.method("matches", {string, string}, Type::boolean(), matches, compile_regex);
}

} // namespace adit::inline v0::cel
