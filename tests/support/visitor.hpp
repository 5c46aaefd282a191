// A visitor of an edge: a blocking TCP or TLS client that reads HTTP answers with a reader of its own, so that a fault of
// lib/http cannot hide itself. Every wait fails the test after 20 s.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::tls {
class Engine;
class ServerContext;
}

namespace adit_test {

/// An HTTP answer as it came over the wire.
class HttpAnswer {
public:
    int status = 0;
    std::string version;                                     ///< "HTTP/1.1"
    std::vector<std::pair<std::string, std::string>> fields; ///< names in lower case
    std::string body;                                        ///< without chunk framing
    bool chunked = false;
    bool complete = false; ///< false: the connection ended first

    /// "" if there is none; several are joined by ", ".
    std::string field(std::string_view name) const;
};

/// What a TLS visitor says and accepts.
class TlsOptions {
public:
    TlsOptions(std::string_view name, std::string_view roots) : sni(name), roots_pem(roots) {}
    std::string sni; ///< name in the handshake and in the certificate; an IP address sends no SNI
    std::string roots_pem;
    std::vector<std::string> alpn;
};

class NetVisitor {
public:
    static NetVisitor plain(std::uint16_t port);
    /// The handshake must succeed.
    static NetVisitor tls(std::uint16_t port, const TlsOptions& options);
    /// The same on a connection that plain() made and that said nothing yet.
    void start_tls(const TlsOptions& options);
    /// The reason why it failed, "" if it did not.
    static std::string tls_failure(std::uint16_t port, const TlsOptions& options);
    /// The other end: a connection that a server accepted.
    static NetVisitor accepted(int fd) { return NetVisitor(fd); }
    /// Ends TLS on one of these; the reason why it failed, "" if it did not.
    std::string accept_tls(const std::shared_ptr<const adit::tls::ServerContext>& context);
    NetVisitor(NetVisitor&&) noexcept;
    NetVisitor& operator=(NetVisitor&&) noexcept;
    ~NetVisitor();

    void send(std::string_view bytes);
    /// As much as the other side takes without waiting; returns how much that was. Plain connections only.
    std::size_t send_some_now(std::string_view bytes);
    /// At least one byte; "" at the end of the stream, `reset` says how it was.
    std::string read_some();
    /// Exactly so many.
    std::string read(std::size_t n);
    std::string read_until(std::string_view end);
    /// To the end of the stream.
    std::string read_all();
    /// Waits for the end of the stream without any further byte.
    bool ended();
    /// The end was a reset or a cut TLS connection, not an orderly one.
    bool cut() const noexcept { return cut_; }
    /// Something can be read within that time.
    bool readable_within(std::chrono::milliseconds time);

    /// The next answer; `to_head`: it has no body. Interim answers are answers too.
    HttpAnswer answer(bool to_head = false);
    /// send() and answer().
    HttpAnswer get(std::string_view path, std::string_view host, std::string_view more_fields = {});

    void shutdown_write();
    /// Closes so that the other side sees a reset.
    void reset();
    void close();
    /// Its own address, "127.0.0.1:51234".
    std::string address() const;
    /// What was agreed in the TLS handshake, "" for nothing.
    std::string alpn() const;
    /// SHA-256 of the certificate that the peer showed.
    std::string peer_fingerprint() const;
    /// How many bytes the kernel takes from the peer without anybody reading. Before the first read.
    void set_receive_buffer(int bytes);

private:
    explicit NetVisitor(int fd);
    bool fill();
    void flush();
    std::string handshake();
    void read_chunked_body(HttpAnswer& answer);

    int fd_ = -1;
    std::unique_ptr<adit::tls::Engine> engine_;
    std::string in_; // plain text that was received and not taken
    bool end_ = false;
    bool cut_ = false;
};

} // namespace adit_test
