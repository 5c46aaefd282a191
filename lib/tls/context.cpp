#include "tls/context_native.hpp"
#include "tls/crypto.hpp"
#include "tls/identity_native.hpp"
#include "tls/trust_roots_native.hpp"
#include "tls/x509.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <cctype>
#include <ctime>
#include <new>

namespace adit::inline v0::tls {
namespace {

// Only ECDHE with AEAD. Suites in brackets are equal to us: the client, which knows whether it has AES in
// hardware, picks.
constexpr const char* tls12_suites = "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305|"
                                     "ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:"
                                     "[ECDHE-ECDSA-AES256-GCM-SHA384|ECDHE-RSA-AES256-GCM-SHA384]";
constexpr const char* server_groups = "X25519:P-256";
// In TLS 1.2 the client's list is also that of the curves a certificate may be on (RFC 8422 5.1.1).
constexpr const char* client_groups = "X25519:P-256:P-384";
// No SHA-1.
constexpr std::uint16_t signatures[] = {
    SSL_SIGN_ECDSA_SECP256R1_SHA256, SSL_SIGN_RSA_PSS_RSAE_SHA256, SSL_SIGN_RSA_PKCS1_SHA256,
    SSL_SIGN_ECDSA_SECP384R1_SHA384, SSL_SIGN_RSA_PSS_RSAE_SHA384, SSL_SIGN_RSA_PKCS1_SHA384,
    SSL_SIGN_RSA_PSS_RSAE_SHA512,    SSL_SIGN_RSA_PKCS1_SHA512,    SSL_SIGN_ED25519,
};
constexpr std::size_t client_ca_names_max = 64; // in CertificateRequest; with more, it goes out without any

ErrorInfo invalid(std::string message) {
    return ErrorInfo(make_error_code(errc::invalid_option), std::move(message));
}

std::uint16_t number_of(Version version) noexcept {
    return version == Version::tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

// Returns what is wrong, or "".
std::string alpn_problem(const std::vector<std::string>& names, std::string& wire) {
    for (const std::string& name : names) {
        if (name.empty() || name.size() > 255) return "alpn: a protocol name must have 1 to 255 bytes";
        wire += static_cast<char>(name.size());
        wire += name;
    }
    return wire.size() > 0xffff ? "alpn: too many protocol names" : "";
}

bssl::UniquePtr<SSL_CTX> new_context(Version min, Version max, const char* groups) {
    bssl::UniquePtr<SSL_CTX> ctx(SSL_CTX_new(TLS_method()));
    if (ctx == nullptr || SSL_CTX_set_min_proto_version(ctx.get(), number_of(min)) != 1 ||
        SSL_CTX_set_max_proto_version(ctx.get(), number_of(max)) != 1 ||
        SSL_CTX_set_strict_cipher_list(ctx.get(), tls12_suites) != 1 ||
        SSL_CTX_set1_curves_list(ctx.get(), groups) != 1 ||
        SSL_CTX_set_verify_algorithm_prefs(ctx.get(), signatures, std::size(signatures)) != 1) {
        throw std::bad_alloc();
    }
    SSL_CTX_set_session_cache_mode(ctx.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx.get(), SSL_MODE_NO_AUTO_CHAIN);
    return ctx;
}

void set_identity(SSL* ssl, SSL_CTX* ctx, const Identity& identity) {
    const Identity::Native& native = identity.native();
    std::vector<CRYPTO_BUFFER*> chain;
    for (const auto& buffer : native.chain) chain.push_back(buffer.get());
    const int done =
        ssl != nullptr
            ? SSL_set_chain_and_key(ssl, chain.data(), chain.size(), native.key.get(), nullptr)
            : SSL_CTX_set_chain_and_key(ctx, chain.data(), chain.size(), native.key.get(), nullptr);
    if (done != 1) throw std::bad_alloc(); // key and leaf were checked when the identity was made
}

// Notes which certificate failed and why; the verdict itself stays BoringSSL's.
int note_verdict(int ok, X509_STORE_CTX* store) {
    if (ok == 1) return ok;
    const SSL* ssl =
        static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    Notes& notes = notes_of(ssl);
    try {
        notes.verify_error = X509_STORE_CTX_get_error(store);
        if (const X509* bad = X509_STORE_CTX_get_current_cert(store))
            notes.bad_certificate = x509::describe(bad);
    } catch (...) {
        note_exception(notes);
    }
    return ok;
}

int on_verify(int ok, X509_STORE_CTX* store) { return note_verdict(ok, store); }

// Notes the same, and lets the client in.
int on_verify_any(int ok, X509_STORE_CTX* store) {
    note_verdict(ok, store);
    return 1;
}

// Called when the server asks for a certificate; what is shown is set with the context.
int on_certificate_asked(SSL* ssl, void* argument) {
    notes_of(ssl).bare = argument == nullptr;
    return 1;
}

void trust(SSL_CTX* ctx, const TrustRoots& roots) {
    if (roots.native() == nullptr) return;
    X509_STORE* store = roots.native()->store.get();
    X509_STORE_up_ref(store);
    SSL_CTX_set_cert_store(ctx, store);
    X509_VERIFY_PARAM* param = SSL_CTX_get0_param(ctx);
    // What is listed is trusted, root or not, and a shorter way to it wins over what the peer sent.
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
}

int on_server_name(SSL* ssl, int* alert, void* argument) {
    const auto& native = *static_cast<const ServerContext::Native*>(argument);
    Notes& notes = notes_of(ssl);
    try {
        const char* asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        notes.server_name = asked == nullptr ? "" : asked;
        for (char& c : notes.server_name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        if (notes.server_name.ends_with('.')) notes.server_name.pop_back();
        const std::shared_ptr<const Identity> identity = native.options.select(notes.server_name);
        if (identity == nullptr) {
            notes.name_refused = true;
            *alert = SSL_AD_UNRECOGNIZED_NAME;
            return SSL_TLSEXT_ERR_ALERT_FATAL;
        }
        set_identity(ssl, nullptr, *identity);
        notes.identity = identity;
        // Part of every ticket: one that was made for another name or context leads to a full handshake.
        const Sha256 scope = sha256(as_bytes(native.ticket_scope + notes.server_name));
        if (SSL_set_session_id_context(ssl, scope.data(), scope.size()) != 1) throw std::bad_alloc();
        return SSL_TLSEXT_ERR_OK;
    } catch (...) {
        note_exception(notes);
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
}

int on_alpn(SSL*, const std::uint8_t** out, std::uint8_t* out_size, const std::uint8_t* offered,
            unsigned offered_size, void* argument) {
    const std::string& ours = static_cast<const ServerContext::Native*>(argument)->alpn;
    std::uint8_t* chosen = nullptr;
    const int found =
        SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const std::uint8_t*>(ours.data()),
                              static_cast<unsigned>(ours.size()), offered, offered_size);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// The contexts' Native, for callbacks without an argument.
int native_index() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

const ServerContext::Native& server_native(const SSL* ssl) {
    return *static_cast<const ServerContext::Native*>(
        SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), native_index()));
}

std::chrono::sys_seconds ticket_time(const ServerOptions& options) {
    if (options.clock) return options.clock();
    return std::chrono::sys_seconds(std::chrono::seconds(std::time(nullptr)));
}

std::size_t ticket_overhead(SSL*) { return TicketKeys::overhead; }

int seal_ticket(SSL* ssl, std::uint8_t* out, std::size_t* out_size, std::size_t out_max,
                const std::uint8_t* in, std::size_t in_size) try {
    const ServerOptions& options = server_native(ssl).options;
    const std::vector<std::uint8_t> ticket = options.tickets->seal(
        Bytes(in, in_size), ticket_time(options), as_bytes(server_native(ssl).ticket_scope));
    if (ticket.size() > out_max) return 0;
    std::copy(ticket.begin(), ticket.end(), out);
    *out_size = ticket.size();
    return 1;
} catch (...) {
    return 0;
}

ssl_ticket_aead_result_t open_ticket(SSL* ssl, std::uint8_t* out, std::size_t* out_size, std::size_t out_max,
                                     const std::uint8_t* in, std::size_t in_size) try {
    const ServerOptions& options = server_native(ssl).options;
    const std::optional<std::vector<std::uint8_t>> plain =
        options.tickets->open(
        Bytes(in, in_size), ticket_time(options), as_bytes(server_native(ssl).ticket_scope));
    if (!plain || plain->size() > out_max) return ssl_ticket_aead_ignore_ticket;
    std::copy(plain->begin(), plain->end(), out);
    *out_size = plain->size();
    return ssl_ticket_aead_success;
} catch (...) {
    return ssl_ticket_aead_ignore_ticket;
}

constexpr SSL_TICKET_AEAD_METHOD ticket_method = {ticket_overhead, seal_ticket, open_ticket};

// Resumption skips the client's certificate. So what is asked of clients is a part of what a ticket is bound
// to: one made where nothing was asked opens no door where a certificate is required, though the context has
// the same name.
std::string ticket_scope(const ServerOptions& options) {
    std::string scope =
        options.session_context + '\0' + static_cast<char>('0' + static_cast<int>(options.client_auth));
    if (options.client_auth != ClientAuth::none && !options.client_roots.empty()) {
        for (const auto& root : options.client_roots.native()->certificates)
            scope += x509::describe(root.get()).fingerprint;
    }
    return scope + '\0';
}

void set_tickets(ServerContext::Native& native) {
    SSL_CTX* ctx = native.ctx.get();
    native.ticket_scope = ticket_scope(native.options);
    if (native.options.tickets == nullptr) {
        SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
        return;
    }
    SSL_CTX_set_ticket_aead_method(ctx, &ticket_method);
    const auto lifetime = static_cast<std::uint32_t>(native.options.tickets->lifetime().count());
    SSL_CTX_set_timeout(ctx, lifetime);
    SSL_CTX_set_session_psk_dhe_timeout(ctx, lifetime);
}

void set_client_auth(ServerContext::Native& native) {
    const ClientAuth auth = native.options.client_auth;
    if (auth == ClientAuth::none) return;
    SSL_CTX* ctx = native.ctx.get();
    const bool required = auth == ClientAuth::require || auth == ClientAuth::require_any;
    const bool any = auth == ClientAuth::request_any || auth == ClientAuth::require_any;
    SSL_CTX_set_verify(ctx, required ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER,
                       any ? on_verify_any : on_verify);
    SSL_CTX_set_max_cert_list(ctx, limits::client_certificates_max);
    trust(ctx, native.options.client_roots);
    if (native.options.client_roots.empty() || native.options.client_roots.count() > client_ca_names_max) return;
    for (const auto& root : native.options.client_roots.native()->certificates) {
        if (SSL_CTX_add_client_CA(ctx, root.get()) != 1) throw std::bad_alloc();
    }
}

} // namespace

ClientContext::ClientContext(std::unique_ptr<const Native> native) noexcept : native_(std::move(native)) {}
ClientContext::~ClientContext() = default;

Result<std::shared_ptr<const ClientContext>> ClientContext::create(ClientOptions options) {
    if (options.min_version > options.max_version) return invalid("min_version is above max_version");
    if (options.verify && options.roots.empty()) {
        return invalid("no trusted roots: give TrustRoots::system(), a file or PEM text");
    }
    std::string alpn;
    if (std::string problem = alpn_problem(options.alpn, alpn); !problem.empty())
        return invalid(std::move(problem));
    auto native = std::make_unique<Native>();
    native->ctx = new_context(options.min_version, options.max_version, client_groups);
    native->options = std::move(options);
    SSL_CTX* ctx = native->ctx.get();
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    if (!alpn.empty() &&
        SSL_CTX_set_alpn_protos(ctx, reinterpret_cast<const std::uint8_t*>(alpn.data()),
                                static_cast<unsigned>(alpn.size())) != 0) { // 0 is success here
        throw std::bad_alloc();
    }
    trust(ctx, native->options.roots);
    SSL_CTX_set_verify(ctx, native->options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, on_verify);
    if (native->options.identity != nullptr) set_identity(nullptr, ctx, *native->options.identity);
    SSL_CTX_set_cert_cb(ctx, on_certificate_asked, const_cast<Identity*>(native->options.identity.get()));
    return std::shared_ptr<const ClientContext>(new ClientContext(std::move(native)));
}

ServerContext::ServerContext(std::unique_ptr<const Native> native) noexcept : native_(std::move(native)) {}
ServerContext::~ServerContext() = default;
ClientAuth ServerContext::client_auth() const noexcept { return native_->options.client_auth; }

Result<std::shared_ptr<const ServerContext>> ServerContext::create(ServerOptions options) {
    if (options.min_version > options.max_version) return invalid("min_version is above max_version");
    if (!options.select) return invalid("a server needs `select`, which picks its certificate");
    const bool verifies = options.client_auth == ClientAuth::request || options.client_auth == ClientAuth::require;
    if (verifies && options.client_roots.empty()) {
        return invalid("client_auth needs client_roots: whose certificates to accept");
    }
    auto native = std::make_unique<Native>();
    if (std::string problem = alpn_problem(options.alpn, native->alpn); !problem.empty())
        return invalid(std::move(problem));
    native->ctx = new_context(options.min_version, options.max_version, server_groups);
    native->options = std::move(options);
    SSL_CTX* ctx = native->ctx.get();
    SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
    if (SSL_CTX_set_ex_data(ctx, native_index(), native.get()) != 1) throw std::bad_alloc();
    SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
    SSL_CTX_set_tlsext_servername_arg(ctx, native.get());
    if (!native->alpn.empty()) SSL_CTX_set_alpn_select_cb(ctx, on_alpn, native.get());
    set_tickets(*native);
    set_client_auth(*native);
    return std::shared_ptr<const ServerContext>(new ServerContext(std::move(native)));
}

} // namespace adit::inline v0::tls
