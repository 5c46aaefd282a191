// Functions of expressions that look at the request or the response (behaviour C.4): getReqHeader() and its like.
#pragma once

#include "policy/cel/environment.hpp"

namespace adit::inline v0::policy {

/// getReqHeader, hasReqHeader, getReqCookie, hasReqCookie, getQueryParam, hasQueryParam. Those that get a header or a
/// parameter answer the list of its values, empty if there is none; a cookie is the first of its name, null if there is none.
void add_request_functions(cel::Environment& environment);
/// getResHeader, hasResHeader, getResCookie, hasResCookie.
void add_response_functions(cel::Environment& environment);

} // namespace adit
