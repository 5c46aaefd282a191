// Headers, cookies, query parameters and media types as values of expressions, read when they are asked for.
#pragma once

#include "http/fields.hpp"
#include "policy/cel/environment.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0::policy {

/// Names in small letters -> list of values. `fields` must stay as they are while the value is used.
cel::Value headers_value(const Fields& fields);
/// The values of one header.
cel::Value header_values(const Fields& fields, std::string_view name);
/// The elements of a header that is a list, without blanks around them; an empty list if it is absent.
cel::Value list_header_value(const Fields& fields, std::string_view name);

/// Name -> list of {name, value} of Cookie.
cel::Value request_cookies_value(const Fields& request);
/// Name -> list of {name, value, domain, path, ...} of Set-Cookie.
cel::Value response_cookies_value(const Fields& response);
/// The first of that name, null if there is none.
cel::Value request_cookie(const Fields& request, std::string_view name);
cel::Value response_cookie(const Fields& response, std::string_view name);
const cel::ObjectType& request_cookie_type();
const cel::ObjectType& response_cookie_type();

/// "application/json" of "application/json; charset=utf-8".
std::string_view media_type(std::string_view content_type) noexcept;
/// The parameters behind it: names in small letters, values without quotes.
cel::Value media_type_parameters(std::string_view content_type);

/// Name -> list of values of a query without "?", decoded.
cel::Value query_value(std::string_view query);
/// The values of one parameter.
std::vector<std::string> query_values(std::string_view query, std::string_view name);

/// %xx and, in queries, "+" decoded; what is no escape stays.
std::string percent_decode(std::string_view text, bool plus);

} // namespace adit
