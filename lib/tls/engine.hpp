// One TLS connection over memory: cipher text in and out, plain text in and out, no socket.
//
//   socket -> input_space()/commit_input() -> handshake(), read()  -> plain text
//   socket <- output()/consume_output()    <- handshake(), write() <- plain text
//
// The owner's loop: after every call that may produce output (handshake, read, write, shutdown) send output()
// if it is not empty, also when the call said `failed` (an alert is in it); on want_input receive more and
// call again.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "tls/context.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace adit::inline v0::tls {

enum class Status {
    ok,         ///< done as asked
    want_input, ///< all input is used up; more is needed to go on
    closed,     ///< the peer ended its side with close_notify: a clean end of data
    failed,     ///< error() says why; nothing but sending output() makes sense any more
};

/// What read() did: `size` bytes are in the buffer, whatever the status.
struct ReadResult {
    Status status; ///< ok: the buffer is full and there may be more; else why it stopped
    std::size_t size;
};

/// What the peer showed of itself.
struct PeerCertificate {
    CertificateInfo info;
    std::string chain_pem; ///< as sent, leaf first
    bool verified = false; ///< chains to our roots (and, for a server, covers the name)
};

/// Not thread-safe. Movable; a moved-from engine may only be destroyed or assigned to.
class ADIT_INTERNAL Engine {
public:
    /// `host`: a DNS name (sent as SNI, verified against dNSName) or an IP literal, brackets allowed (no SNI,
    /// verified against iPAddress). errc::invalid_option if it is neither.
    static Result<Engine> client(std::shared_ptr<const ClientContext> context, std::string_view host);
    /// A ClientHello that was already read is simply the first input.
    static Engine server(std::shared_ptr<const ServerContext> context);

    Engine(Engine&&) noexcept;
    Engine& operator=(Engine&&) noexcept;
    ~Engine();

    /// At least `hint` writable bytes; 128 to 256 KiB under load is the fast path, 4 KiB when idle.
    MutableBytes input_space(std::size_t hint);
    void commit_input(std::size_t n) noexcept;
    /// Bytes that read() can work on without more input: cipher text not processed, and plain text of an
    /// opened record that did not fit into the last buffer. Not 0: call read() before waiting for the
    /// transport.
    std::size_t input_pending() const noexcept;

    /// ok once complete (also when called again), want_input or failed. Call it first on a client: it makes
    /// the ClientHello. When it says ok, read() may have something already.
    Status handshake();
    bool handshake_done() const noexcept;

    /// Opens records into `out` until it is full or the input is used up. An end of the transport before
    /// `closed` is a truncation, which only the caller can see and has to report.
    ReadResult read(MutableBytes out);
    /// Seals all of `plain` into full records behind output(). The caller bounds: write only while output()
    /// is small. want_input before the handshake is complete, failed after shutdown().
    Status write(Bytes plain);
    /// The same for both in turn, records filled across the seam: a head and its body leave as one record.
    Status write(Bytes first, Bytes second);
    /// Queues close_notify, once; nothing before the handshake is complete. Reading goes on.
    void shutdown();

    Bytes output() const noexcept;
    void consume_output(std::size_t n) noexcept;

    /// Gives empty buffers back; call it when the connection is idle.
    void release_buffers() noexcept;

    /// Why `failed` was returned; empty before. Verification failures are errc::certificate_untrusted, _name,
    /// _expired; a failed handshake errc::tls_handshake_failed with the alert's name in the detail and what
    /// it usually means in the message; a client whose certificate is refused or missing
    /// errc::client_certificate_refused, in TLS 1.3 after its handshake; later failures errc::tls_error.
    const ErrorInfo& error() const noexcept;

    // Facts, valid once the handshake is complete.
    std::string_view version() const noexcept; ///< "TLSv1.2", "TLSv1.3"; empty before
    std::string_view cipher() const noexcept;  ///< RFC name, such as "TLS_AES_128_GCM_SHA256"
    std::string_view alpn() const noexcept;    ///< empty: none agreed
    /// Server: the name the client asked for, lower case (known from ClientHello on). Client: the host asked
    /// for.
    std::string_view server_name() const noexcept;
    bool resumed() const noexcept;
    std::optional<PeerCertificate> peer_certificate() const;
    /// Server: who we were in this handshake; null before.
    std::shared_ptr<const Identity> identity() const noexcept;

private:
    struct State;
    explicit Engine(std::unique_ptr<State> state) noexcept;
    std::unique_ptr<State> state_;
};

} // namespace adit::inline v0::tls
