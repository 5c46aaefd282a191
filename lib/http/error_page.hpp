// Every answer that the edge makes itself comes from here: status, ngrok-error-code, and a sentence that says
// what to do, as HTML, JSON or text.
#pragma once

#include "http/head_reader.hpp"
#include "http/message.hpp"

namespace adit::inline v0 {

enum class PageFormat : std::uint8_t { text, html, json };

/// By the Accept field of the request (RFC 9110 12.5.1), its q-values and ranges: JSON or HTML if one of them is preferred,
/// else text.
ADIT_INTERNAL PageFormat page_format(std::string_view accept) noexcept;

struct ErrorPage {
    int number = 0;          ///< n of ERR_NGROK_n; 0: a plain HTTP error without a code
    int status = 0;          ///< 0: as the table of lib/base/ngrok_errors.hpp says
    std::string_view host;   ///< which endpoint was asked for; may be empty. Escaped here
    std::string_view detail; ///< more text, for instance of the agent; may be empty. Escaped here
    PageFormat format = PageFormat::text;
    HttpVersion version = HttpVersion::http11;
    bool keep_alive = false; ///< else Connection: close
    bool to_head = false;    ///< an answer to HEAD: the head says the length, the body is empty
};

struct Page {
    Head head;
    std::string body;
};

/// A page for ERR_NGROK_n, or for a plain status. All have `ngrok-error-code` where there is a number, and are not to be
/// stored. JSON is one object, whose members are always there:
///     {"error_code": "ERR_NGROK_3200",     "" for a plain status
///      "status_code": 404,
///      "msg": "No endpoint is online for this host. Check the spelling ...",   what happened, and what to do
///      "details": {"host": "app.example.com", "detail": "..."}}                each only if there is one
/// HTML has one style element and nothing else that a browser would load or run; Content-Security-Policy says so.
ADIT_INTERNAL Page make_error_page(const ErrorPage& page);
/// For bytes that are no acceptable request; always closes.
ADIT_INTERNAL Page make_error_page(const HttpError& error, PageFormat format = PageFormat::text,
                                   bool to_head = false);

} // namespace adit
