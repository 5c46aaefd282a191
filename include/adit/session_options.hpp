// What a Session needs to know to reach an edge.
#pragma once

#include <adit/command.hpp>
#include <adit/config.hpp>
#include <adit/dialer.hpp>
#include <adit/error.hpp>
#include <adit/event.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace adit::inline v0 {

/// Options of one session; chained setters, every default visible here. Copyable, not thread-safe. A moved-from object is
/// as a new one.
///
///     auto options = adit::SessionOptions().server("edge.example.com:443").authtoken(token).roots_file("ca.pem");
///
/// A value that cannot work is refused by connect() with errc::invalid_option, and the message names the option.
class ADIT_API SessionOptions {
public:
    SessionOptions();
    SessionOptions(const SessionOptions&);
    SessionOptions(SessionOptions&&) noexcept;
    SessionOptions& operator=(const SessionOptions&);
    SessionOptions& operator=(SessionOptions&&) noexcept;
    ~SessionOptions();

    /// Reads ADIT_SERVER, ADIT_AUTHTOKEN (else NGROK_AUTHTOKEN) and ADIT_ROOTS (a PEM file), and what
    /// proxy_from_env() reads. What is not set stays unset.
    static SessionOptions from_env();

    /// The preset for ngrok's own service: server connect.ngrok-agent.com:443, and no growth of receive windows. Its root
    /// certificate is private: `root_pem` is the text of the one that ngrok's SDKs carry.
    static SessionOptions ngrok(std::string_view root_pem);

    /// The edge's agent address, "host", "host:port" or "[v6]:port"; the port defaults to 443. There is no default
    /// server: without one, connect fails with errc::no_server.
    SessionOptions& server(std::string_view host_and_port);
    /// The credential. Without one the edge decides; most answer ERR_NGROK_105.
    SessionOptions& authtoken(std::string_view token);

    /// The roots that the edge's certificate must chain to. Default: roots_system(). The last call wins. The system's are
    /// read once in a program's life; a file is read by each connect, must be a regular one and has at most
    /// limits::pem_file_max bytes.
    SessionOptions& roots_system();
    SessionOptions& roots_file(std::string_view path);
    SessionOptions& roots_pem(std::string_view pem_text);
    /// The name to verify and to send as SNI; default: the host of server().
    SessionOptions& server_name(std::string_view name);

    /// The certificate chain, leaf first, and its private key (not encrypted) that are shown to an edge that asks for one.
    /// If it requires one and gets none, or refuses it, connect fails with errc::client_certificate_refused.
    SessionOptions& client_certificate(std::string_view certificate_pem, std::string_view key_pem);

    /// Reach the edge through a proxy: "http://[user:password@]host[:port]" (CONNECT; port 80 if none is given),
    /// "https://..." (the same inside of TLS to the proxy; 443), "socks5://..." (the edge's name is looked up here; 1080)
    /// or "socks5h://..." (by the proxy). Without a scheme it is http. User and password are percent-encoded and appear in
    /// no message. TLS with the edge runs inside: the proxy sees the edge's name, and no more. "" (default): no proxy.
    SessionOptions& proxy(std::string_view url);
    /// As curl: the proxy of https_proxy, HTTPS_PROXY, all_proxy or ALL_PROXY, the first that is set; none if none is, or
    /// if no_proxy, else NO_PROXY, exempts the edge's host: a list of names (each with all below it), IP addresses and
    /// CIDRs, or "*". localhost and loopback addresses are always exempt. The environment is read by this call. Of proxy()
    /// and this the last call wins.
    SessionOptions& proxy_from_env();
    /// The roots for the certificate of an https:// proxy. Default: the system's.
    SessionOptions& proxy_roots_pem(std::string_view pem_text);

    /// Supplies the connection itself, for each connect anew; the library adds TLS. With a proxy it is asked for the
    /// connection to the proxy. See <adit/dialer.hpp>.
    SessionOptions& dialer(Dialer dialer);

    /// Connect from this network interface (its name; where the kernel allows: Linux 5.7, or CAP_NET_RAW) or from this
    /// local IP address. Not with dialer(). Default: as the routing table says.
    SessionOptions& bind_interface(std::string_view name_or_address);

    /// Free text the edge shows with the session; at most limits::metadata_max bytes.
    SessionOptions& metadata(std::string_view text);
    /// Who we are: put in front of "adit/<version>" in the user agent. Characters that cannot stand there are replaced.
    SessionOptions& client_info(std::string_view name, std::string_view version, std::string_view comment = {});

    /// How often the link is checked (default 10 s) and how long an answer may take beyond that (default 15 s); each at
    /// least 100 ms and at most 24 h. A peer that does not answer in interval + tolerance is a lost link.
    SessionOptions& heartbeat_interval(std::chrono::milliseconds interval);
    SessionOptions& heartbeat_tolerance(std::chrono::milliseconds tolerance);

    /// For name, TCP, TLS and authentication together; at most 24 h. Default 30 s.
    SessionOptions& connect_timeout(std::chrono::milliseconds time);

    /// Grant a stream more receive window while it flows. An edge that never saw more than 256 KiB on a stream may be
    /// confused by it, so unless this was called it is on for all but ngrok's own service: ngrok(...), and servers (or
    /// server_names) in ngrok-agent.com and ngrok.com.
    SessionOptions& window_growth(bool on);

    /// After a loss the session dials again: after at most limits::reconnect_delay, doubled with each failure up to
    /// limits::reconnect_delay_max, with full jitter; every listener comes back with its URL. Off: the first loss ends the
    /// session with errc::session_lost. Default: on.
    SessionOptions& reconnect(bool on);

    /// What happens to the session, as it happens. Default: none.
    SessionOptions& on_event(EventHandler handler);
    /// What to do when the edge's operator asks this program to stop, restart or update. Default: none, and the edge is
    /// told so.
    SessionOptions& on_stop(CommandHandler handler);
    SessionOptions& on_restart(CommandHandler handler);
    SessionOptions& on_update(CommandHandler handler);

    struct Data;
    /// For the library itself.
    const Data& data() const noexcept;

private:
    Data& edit(); ///< makes a moved-from object new

    std::unique_ptr<Data> data_;
};

} // namespace adit
