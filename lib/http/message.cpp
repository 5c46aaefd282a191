#include "http/message.hpp"

#include "http/target.hpp"

namespace adit::inline v0 {

Head Head::request(std::string_view method, std::string_view target, HttpVersion version) {
    Head head;
    head.set_request(method, target, version);
    return head;
}

Head Head::response(int status, std::string_view reason, HttpVersion version) {
    Head head;
    head.set_response(status, reason, version);
    return head;
}

void Head::set_request(std::string_view method, std::string_view target, HttpVersion version) {
    clear();
    method_ = store(method);
    target_ = store(target);
    version_ = version;
}

void Head::set_response(int status, std::string_view reason, HttpVersion version) {
    clear();
    status_ = status;
    target_ = store(reason.empty() ? reason_phrase(status) : reason);
    version_ = version;
}

bool Head::set_target(std::string_view target) {
    if (!is_target(target)) return false;
    target_ = store(target);
    return true;
}

void Head::reset_meaning() noexcept {
    method_ = target_ = {};
    content_length_ = 0;
    status_ = 0;
    version_ = HttpVersion::http11;
    framing_ = Framing::none;
    has_length_ = upgrade_ = expect_continue_ = false;
    keep_alive_ = true;
}

void Head::clear() noexcept {
    Fields::clear();
    reset_meaning();
}

void Head::release() noexcept {
    Fields::release();
    reset_meaning();
}

std::string_view reason_phrase(int status) noexcept {
    switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 103: return "Early Hints";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 451: return "Unavailable For Legal Reasons";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 508: return "Loop Detected";
    default: return {};
    }
}

} // namespace adit
