// Reads a ClientHello without ending TLS: for routing by server name before it is known who will answer.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace adit::inline v0::tls {

/// What a ClientHello (RFC 8446 4.1.2) asks for.
struct ClientHello {
    std::string server_name;             ///< lower case, without a trailing dot; empty if none was sent
    std::vector<std::string> alpn;       ///< as offered
    std::vector<std::uint16_t> versions; ///< 0x0304, 0x0303, ... as offered, GREASE left out
    bool encrypted_hello = false;        ///< carries ECH: server_name is only the outer name
};

/// Incremental and strict. The reader copies what it needs and consumes nothing: the caller keeps every byte
/// it fed, and hands them to an Engine or to the upstream afterwards. Bound by limits::client_hello_max.
class ADIT_INTERNAL ClientHelloReader {
public:
    enum class State {
        need_more,
        done,    ///< hello() is complete
        not_tls, ///< the first bytes are no TLS handshake: error() says what they look like
        bad,     ///< TLS, but not a well-formed ClientHello, or too large: error() says where
    };

    /// The next bytes of the connection, in order, each given once. Bytes behind the ClientHello are not
    /// looked at.
    State feed(Bytes more);
    State state() const noexcept { return state_; }

    /// Bytes of the connection that were looked at: when done, the size of the records that hold the
    /// ClientHello.
    std::size_t consumed() const noexcept { return consumed_; }
    const ClientHello& hello() const noexcept { return hello_; }
    /// errc::tls_handshake_failed with a message for not_tls and bad; empty otherwise.
    const ErrorInfo& error() const noexcept { return error_; }

private:
    State take_header_byte(std::uint8_t byte);
    State check_message();
    State fail(State state, std::string message);

    State state_ = State::need_more;
    std::size_t consumed_ = 0;
    std::uint8_t header_[5] = {};
    std::size_t header_size_ = 0; // bytes of the current record's header
    std::size_t record_left_ = 0; // payload bytes of the current record still to come
    std::vector<std::uint8_t> message_;
    ClientHello hello_;
    ErrorInfo error_;
};

} // namespace adit::inline v0::tls
