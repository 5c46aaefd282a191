#include "policy/functions.hpp"

#include "policy/http_values.hpp"
#include "policy/scope.hpp"

namespace adit::inline v0::policy {
namespace {

using cel::Call;
using cel::Type;
using cel::Value;
using Arguments = std::span<const Value>;

const Scope& scope_of(Call& call) noexcept { return static_cast<const Scope&>(call.activation()); }

/// The head that a function looks at, its reading paid for; nullptr if that was too much.
const Head* request_of(Call& call) {
    const Head* head = scope_of(call).request;
    return call.charge(head->size()) ? head : nullptr;
}
const Head* response_of(Call& call) {
    const Head* head = scope_of(call).response;
    return call.charge(head->size()) ? head : nullptr;
}

using HeadOf = const Head* (*)(Call& call);

template <HeadOf head_of>
Value get_header(Call& call, Arguments arguments) {
    const Head* head = head_of(call);
    return head != nullptr ? header_values(*head, arguments[0].as_text()) : Call::exhausted();
}
template <HeadOf head_of>
Value has_header(Call& call, Arguments arguments) {
    const Head* head = head_of(call);
    return head != nullptr ? Value::boolean(head->has(arguments[0].as_text())) : Call::exhausted();
}

using CookieOf = Value (*)(const Fields& fields, std::string_view name);

template <HeadOf head_of, CookieOf cookie_of>
Value get_cookie(Call& call, Arguments arguments) {
    const Head* head = head_of(call);
    return head != nullptr ? cookie_of(*head, arguments[0].as_text()) : Call::exhausted();
}
template <HeadOf head_of, CookieOf cookie_of>
Value has_cookie(Call& call, Arguments arguments) {
    const Head* head = head_of(call);
    return head != nullptr ? Value::boolean(!cookie_of(*head, arguments[0].as_text()).is_null()) : Call::exhausted();
}

Value get_query(Call& call, Arguments arguments) {
    const Scope& scope = scope_of(call);
    if (!call.charge_bytes(scope.request->target().size())) return Call::exhausted();
    const auto found = scope.query_params().as_map().find(arguments[0]);
    return found ? *found : Value::list(std::vector<Value>());
}
Value has_query(Call& call, Arguments arguments) {
    const Scope& scope = scope_of(call);
    if (!call.charge_bytes(scope.request->target().size())) return Call::exhausted();
    return Value::boolean(scope.query_params().as_map().find(arguments[0]).has_value());
}

void add(cel::Environment& environment, const char* name, Type result, cel::Callback callback) {
    environment.add(cel::Function(name, {Type::string()}, std::move(result), callback));
}

} // namespace

void add_request_functions(cel::Environment& environment) {
    const Type strings = Type::list(Type::string());
    add(environment, "getReqHeader", strings, &get_header<request_of>);
    add(environment, "hasReqHeader", Type::boolean(), &has_header<request_of>);
    add(environment, "getReqCookie", Type::object(request_cookie_type()), &get_cookie<request_of, request_cookie>);
    add(environment, "hasReqCookie", Type::boolean(), &has_cookie<request_of, request_cookie>);
    add(environment, "getQueryParam", strings, &get_query);
    add(environment, "hasQueryParam", Type::boolean(), &has_query);
}

void add_response_functions(cel::Environment& environment) {
    add(environment, "getResHeader", Type::list(Type::string()), &get_header<response_of>);
    add(environment, "hasResHeader", Type::boolean(), &has_header<response_of>);
    add(environment, "getResCookie", Type::object(response_cookie_type()), &get_cookie<response_of, response_cookie>);
    add(environment, "hasResCookie", Type::boolean(), &has_cookie<response_of, response_cookie>);
}

} // namespace adit
