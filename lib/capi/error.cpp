#include "capi/guard.hpp"

#include "client/thrown.hpp"

#include <algorithm>
#include <cerrno>
#include <exception>

#include <netdb.h>

namespace adit::inline v0::capi {
namespace {

static_assert(sizeof(adit_error) == 1280 && sizeof(adit_peer) == 192 && sizeof(adit_forwarder_counters) == 48,
              "the structs are part of the ABI");
static_assert(static_cast<int>(errc::no_server) == ADIT_E_NO_SERVER &&
                  static_cast<int>(errc::session_closed) == ADIT_E_SESSION_CLOSED &&
                  static_cast<int>(errc::listener_closed) == ADIT_E_LISTENER_CLOSED &&
                  static_cast<int>(errc::heartbeat_timeout) == ADIT_E_HEARTBEAT_TIMEOUT &&
                  static_cast<int>(errc::limit_exceeded) == ADIT_E_LIMIT_EXCEEDED &&
                  static_cast<int>(errc::tls_error) == ADIT_E_TLS_ERROR &&
                  static_cast<int>(errc::client_certificate_refused) == ADIT_E_CLIENT_CERTIFICATE_REFUSED,
              "the codes of C are those of C++");

int resolver_number(const std::error_code& code) {
    if (code.category() == asio::error::get_addrinfo_category()) return code.value(); // Asio's values are EAI_...
    if (code == asio::error::host_not_found_try_again) return EAI_AGAIN;
    return code == asio::error::no_recovery ? EAI_FAIL : EAI_NONAME;
}

void set_code(adit_error& out, const std::error_code& code) noexcept {
    const std::error_category& category = code.category();
    out.number = 0;
    if (category == adit_category()) {
        out.code = code.value();
    } else if (category == ngrok_category()) {
        out.code = ADIT_E_NGROK;
        out.number = code.value();
    } else if (category == std::system_category() || category == std::generic_category() ||
               category == asio::error::get_system_category()) { // Asio has its own
        out.code = ADIT_E_SYSTEM;
        out.number = code.value();
    } else if (category == asio::error::get_addrinfo_category() || category == asio::error::get_netdb_category()) {
        out.code = ADIT_E_RESOLVER;
        out.number = resolver_number(code);
    } else {
        out.code = ADIT_E_OTHER;
    }
    out.flags = (code == condition::permanent ? ADIT_PERMANENT : 0) |
                (code == condition::retryable ? ADIT_RETRYABLE : 0) |
                (code == condition::authentication ? ADIT_AUTHENTICATION : 0) |
                (code == condition::closed ? ADIT_CLOSED : 0) | (code == condition::timeout ? ADIT_TIMEOUT : 0);
    out.reserved = 0;
}

} // namespace

void copy_text(std::string_view text, char* buffer, std::size_t size) noexcept {
    if (size == 0) return;
    std::size_t length = std::min(text.size(), size - 1);
    if (length < text.size()) { // not into a character
        while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) --length;
    }
    text.copy(buffer, length);
    buffer[length] = '\0';
}

int report_success(adit_error* error) noexcept {
    if (error != nullptr) {
        error->code = ADIT_OK;
        error->number = 0;
        error->flags = error->reserved = 0;
        error->message[0] = error->detail[0] = '\0';
    }
    return ADIT_OK;
}

int report(adit_error* error, const ErrorInfo& info) noexcept {
    if (!info) return report_success(error);
    adit_error unwanted;
    adit_error& out = error != nullptr ? *error : unwanted;
    set_code(out, info.code());
    if (error == nullptr) return out.code;
    copy_text(info.detail(), out.detail, sizeof out.detail);
    try {
        copy_text(info.to_string(), out.message, sizeof out.message);
    } catch (...) {
        copy_text(info.message(), out.message, sizeof out.message);
    }
    return out.code;
}

int report_exception(adit_error* error) noexcept {
    try {
        return report(error, describe(std::current_exception()));
    } catch (...) { // no memory even for that
        if (error == nullptr) return ADIT_E_SYSTEM;
        set_code(*error, asio::error::no_memory);
        copy_text("out of memory", error->message, sizeof error->message);
        error->detail[0] = '\0';
        return error->code;
    }
}

} // namespace adit

const char* adit_version() { return ADIT_VERSION; }
int adit_abi_version() { return ADIT_C_ABI; }

const char* adit_code_name(int code) {
    switch (code) {
#define ADIT_NAME(name)                                                                                                \
    case name: return #name
        ADIT_NAME(ADIT_OK);
        ADIT_NAME(ADIT_E_NO_SERVER);
        ADIT_NAME(ADIT_E_INVALID_OPTION);
        ADIT_NAME(ADIT_E_UNSUPPORTED_URL);
        ADIT_NAME(ADIT_E_SESSION_CLOSED);
        ADIT_NAME(ADIT_E_SESSION_LOST);
        ADIT_NAME(ADIT_E_LISTENER_CLOSED);
        ADIT_NAME(ADIT_E_CONNECTION_CLOSED);
        ADIT_NAME(ADIT_E_CONNECTION_RESET);
        ADIT_NAME(ADIT_E_PROTOCOL_ERROR);
        ADIT_NAME(ADIT_E_HEARTBEAT_TIMEOUT);
        ADIT_NAME(ADIT_E_AUTH_TIMEOUT);
        ADIT_NAME(ADIT_E_TIMED_OUT);
        ADIT_NAME(ADIT_E_WOULD_DEADLOCK);
        ADIT_NAME(ADIT_E_LIMIT_EXCEEDED);
        ADIT_NAME(ADIT_E_TLS_HANDSHAKE_FAILED);
        ADIT_NAME(ADIT_E_CERTIFICATE_UNTRUSTED);
        ADIT_NAME(ADIT_E_CERTIFICATE_NAME);
        ADIT_NAME(ADIT_E_CERTIFICATE_EXPIRED);
        ADIT_NAME(ADIT_E_TLS_ERROR);
        ADIT_NAME(ADIT_E_ADDRESS_IN_USE);
        ADIT_NAME(ADIT_E_REFUSED);
        ADIT_NAME(ADIT_E_UNAVAILABLE);
        ADIT_NAME(ADIT_E_STREAM_TRUNCATED);
        ADIT_NAME(ADIT_E_CLIENT_CERTIFICATE_REFUSED);
        ADIT_NAME(ADIT_E_NGROK);
        ADIT_NAME(ADIT_E_SYSTEM);
        ADIT_NAME(ADIT_E_RESOLVER);
#undef ADIT_NAME
    default: return "ADIT_E_OTHER";
    }
}
