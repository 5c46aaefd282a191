#include <adit/error.hpp>

#include "base/hex.hpp"
#include "base/ngrok_errors.hpp"

#include <array>

namespace adit::inline v0 {
namespace {

const char* text_of(errc e) {
    switch (e) {
    case errc::no_server: return "no server named: set SessionOptions::server(\"host:port\") or ADIT_SERVER";
    case errc::invalid_option: return "an option has a value that cannot work";
    case errc::unsupported_url: return "the endpoint URL is not supported";
    case errc::session_closed: return "the session was closed";
    case errc::session_lost: return "the link to the edge was lost";
    case errc::listener_closed: return "the listener was closed";
    case errc::connection_closed: return "the connection was closed";
    case errc::connection_reset: return "the peer gave up this connection";
    case errc::protocol_error: return "the peer broke the agent protocol";
    case errc::heartbeat_timeout: return "the peer did not answer a heartbeat in time";
    case errc::auth_timeout: return "the authentication was not answered in time";
    case errc::timed_out: return "the deadline passed";
    case errc::would_deadlock: return "a blocking call on the thread that would have to complete it";
    case errc::limit_exceeded: return "a limit was reached";
    case errc::tls_handshake_failed: return "the TLS handshake failed";
    case errc::certificate_untrusted: return "the certificate does not chain to a trusted root";
    case errc::certificate_name: return "the certificate is for another host";
    case errc::certificate_expired: return "the certificate is expired or not yet valid";
    case errc::tls_error: return "a TLS record could not be read or written";
    case errc::address_in_use: return "the name or port is taken";
    case errc::refused: return "the peer refused";
    case errc::unavailable: return "the peer cannot serve this now";
    case errc::stream_truncated: return "the TLS stream ended without close_notify";
    case errc::client_certificate_refused: return "the server requires a client certificate, or refuses ours";
    }
    return "unknown adit error";
}

bool is_closed(errc e) {
    return e == errc::session_closed || e == errc::listener_closed || e == errc::connection_closed;
}
bool is_timeout(errc e) {
    return e == errc::timed_out || e == errc::auth_timeout || e == errc::heartbeat_timeout;
}
bool is_permanent(errc e) {
    switch (e) {
    case errc::no_server:
    case errc::invalid_option:
    case errc::unsupported_url:
    case errc::would_deadlock:
    case errc::certificate_untrusted:
    case errc::certificate_name:
    case errc::certificate_expired:
    case errc::client_certificate_refused: return true;
    default: return is_closed(e);
    }
}

bool matches(errc e, condition c) {
    switch (c) {
    case condition::permanent: return is_permanent(e);
    case condition::retryable: return !is_permanent(e);
    case condition::authentication: return false;
    case condition::closed: return is_closed(e);
    case condition::timeout: return is_timeout(e);
    }
    return false;
}

class AditCategory final : public std::error_category {
public:
    const char* name() const noexcept override { return "adit"; }
    std::string message(int value) const override { return text_of(static_cast<errc>(value)); }
};

class NgrokCategory final : public std::error_category {
public:
    const char* name() const noexcept override { return "ngrok"; }
    std::string message(int value) const override {
        std::string text = "ERR_NGROK_" + std::to_string(value);
        if (const NgrokErrorEntry* entry = find_ngrok_error(value)) text += ": " + std::string(entry->text);
        return text;
    }
};

class ConditionCategory final : public std::error_category {
public:
    const char* name() const noexcept override { return "adit.condition"; }
    std::string message(int value) const override {
        switch (static_cast<condition>(value)) {
        case condition::permanent: return "trying again without a change cannot help";
        case condition::retryable: return "trying again later may help";
        case condition::authentication: return "the credential was refused";
        case condition::closed: return "closed by this program";
        case condition::timeout: return "a deadline passed";
        }
        return "unknown condition";
    }
    bool equivalent(const std::error_code& code, int value) const noexcept override {
        const auto wanted = static_cast<condition>(value);
        if (!code) return false;
        if (code.category() == adit_category()) return matches(static_cast<errc>(code.value()), wanted);
        if (code.category() == ngrok_category()) {
            const NgrokErrorEntry* entry = find_ngrok_error(code.value());
            const bool retry = entry == nullptr || entry->retry != Retry::never;
            if (wanted == condition::permanent) return !retry;
            if (wanted == condition::retryable) return retry;
            return wanted == condition::authentication && entry != nullptr && entry->authentication;
        }
        if (wanted == condition::timeout) return code == std::errc::timed_out;
        return wanted == condition::retryable;
    }
};

} // namespace

const std::error_category& adit_category() noexcept {
    static const AditCategory category;
    return category;
}
const std::error_category& ngrok_category() noexcept {
    static const NgrokCategory category;
    return category;
}
const std::error_category& condition_category() noexcept {
    static const ConditionCategory category;
    return category;
}

std::string ErrorInfo::to_string() const {
    std::string text = message_;
    if (!text.empty()) text += ": ";
    text += code_.message();
    if (detail_.empty()) return text;
    text += " (\"";
    for (const char c : detail_) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7f && c != '"' && c != '\\') {
            text += c;
        } else if (c == '\n') {
            text += "\\n";
        } else {
            append_hex(text.append("\\x"), byte);
        }
    }
    return text + "\")";
}

SystemError::SystemError(ErrorInfo info) : std::system_error(info.code(), info.to_string()), info_(std::move(info)) {}
SystemError::~SystemError() = default;

} // namespace adit
