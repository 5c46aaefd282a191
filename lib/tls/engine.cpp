#include "tls/engine.hpp"

#include "tls/context_native.hpp"
#include "tls/memory_bio.hpp"
#include "tls/tls_error.hpp"
#include "tls/x509.hpp"

#include <openssl/pool.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <climits>
#include <new>
#include <utility>

namespace adit::inline v0::tls {
namespace {

constexpr std::size_t record_plain_max = 16'384;
constexpr std::size_t record_overhead_max =
    64; // header, explicit nonce or inner type, tag: TLS 1.2 and 1.3 stay below
constexpr std::size_t host_max = 253;

bool is_host_name(std::string_view host) noexcept {
    if (host.empty() || host.size() > host_max || host.front() == '.' || host.front() == '-') return false;
    if (host.find("..") != std::string_view::npos) return false;
    return std::all_of(host.begin(), host.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
    });
}

// The first of the TLS library on this thread's queue: one of the cipher's may lie below it. Empties the
// queue.
std::uint32_t first_error() noexcept {
    std::uint32_t first = 0;
    while (const std::uint32_t packed = ERR_get_error()) {
        if (first == 0) first = packed;
        if (ERR_GET_LIB(packed) == ERR_LIB_SSL) return packed;
    }
    return first;
}

std::string_view text_or_empty(const char* text) noexcept {
    return text == nullptr ? std::string_view() : text;
}

} // namespace

struct Engine::State {
    MemoryBio pipe; // must outlive ssl
    Notes notes;
    std::shared_ptr<const ClientContext> client;
    std::shared_ptr<const ServerContext> server;
    bssl::UniquePtr<SSL> ssl;
    ErrorInfo error;
    bool failed = false;
    bool done = false;      // the handshake
    bool peer_done = false; // close_notify came
    bool shut = false;      // close_notify went

    void attach(SSL_CTX* ctx) {
        ssl.reset(SSL_new(ctx));
        if (ssl == nullptr || SSL_set_app_data(ssl.get(), &notes) != 1) throw std::bad_alloc();
        SSL_set_shed_handshake_config(ssl.get(), 1); // kilobytes that nobody needs after the handshake
        BIO* bio = new_memory_bio(pipe);
        SSL_set_bio(ssl.get(), bio, bio);
    }

    Status fail(ErrorInfo info) {
        ERR_clear_error();
        failed = true;
        error = std::move(info);
        return Status::failed;
    }

    // What a call that returned `result` <= 0 means.
    Status judge(int result) {
        switch (SSL_get_error(ssl.get(), result)) {
        case SSL_ERROR_WANT_READ: return Status::want_input;
        case SSL_ERROR_ZERO_RETURN:
            if (!done)
                return fail(ErrorInfo(make_error_code(errc::tls_handshake_failed),
                                      "the peer closed during the handshake"));
            peer_done = true;
            return Status::closed;
        default: break;
        }
        Failure failure;
        failure.packed = first_error();
        failure.server = server != nullptr;
        failure.handshake = !done;
        failure.notes = &notes;
        return fail(explain(failure));
    }
};

Engine::Engine(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Result<Engine> Engine::client(std::shared_ptr<const ClientContext> context, std::string_view host) {
    const std::vector<std::uint8_t> address = x509::ip_bytes(host);
    if (address.empty() && host.ends_with('.')) host.remove_suffix(1);
    if (address.empty() && !is_host_name(host)) {
        return ErrorInfo(make_error_code(errc::invalid_option),
                         "the server's host must be a DNS name or an IP address", std::string(host));
    }
    auto state = std::make_unique<State>();
    const ClientOptions& options = context->native().options;
    state->notes.server_name = std::string(host);
    state->attach(context->native().ctx.get());
    state->client = std::move(context);
    SSL* ssl = state->ssl.get();
    SSL_set_connect_state(ssl);
    X509_VERIFY_PARAM* param = SSL_get0_param(ssl);
    if (options.clock)
        X509_VERIFY_PARAM_set_time(param, static_cast<time_t>(options.clock().time_since_epoch().count()));
    X509_VERIFY_PARAM_set_hostflags(
        param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT); // names count in subjectAltName only
    const std::string& name = state->notes.server_name;
    const bool set = address.empty() ? SSL_set_tlsext_host_name(ssl, name.c_str()) == 1 &&
                                           X509_VERIFY_PARAM_set1_host(param, name.data(), name.size()) == 1
                                     : X509_VERIFY_PARAM_set1_ip(param, address.data(), address.size()) == 1;
    if (!set) throw std::bad_alloc();
    return Engine(std::move(state));
}

Engine Engine::server(std::shared_ptr<const ServerContext> context) {
    auto state = std::make_unique<State>();
    const ServerOptions& options = context->native().options;
    state->attach(context->native().ctx.get());
    state->server = std::move(context);
    SSL_set_accept_state(state->ssl.get());
    if (options.clock && options.client_auth != ClientAuth::none) {
        X509_VERIFY_PARAM_set_time(SSL_get0_param(state->ssl.get()),
                                   static_cast<time_t>(options.clock().time_since_epoch().count()));
    }
    return Engine(std::move(state));
}

MutableBytes Engine::input_space(std::size_t hint) { return state_->pipe.input.prepare(hint); }
void Engine::commit_input(std::size_t n) noexcept { state_->pipe.input.commit(n); }
std::size_t Engine::input_pending() const noexcept {
    return state_->pipe.input.size() + static_cast<std::size_t>(SSL_pending(state_->ssl.get()));
}
Bytes Engine::output() const noexcept { return state_->pipe.output.view(); }
void Engine::consume_output(std::size_t n) noexcept { state_->pipe.output.consume(n); }
bool Engine::handshake_done() const noexcept { return state_->done; }
const ErrorInfo& Engine::error() const noexcept { return state_->error; }

void Engine::release_buffers() noexcept {
    state_->pipe.input.release_if_empty();
    state_->pipe.output.release_if_empty();
}

Status Engine::handshake() {
    State& state = *state_;
    if (state.failed) return Status::failed;
    if (state.done) return Status::ok;
    ERR_clear_error();
    const int result = SSL_do_handshake(state.ssl.get());
    if (result != 1) return state.judge(result);
    state.done = true;
    return Status::ok;
}

ReadResult Engine::read(MutableBytes out) {
    State& state = *state_;
    if (state.failed) return {Status::failed, 0};
    if (!state.done) return {Status::want_input, 0};
    if (state.peer_done) return {Status::closed, 0};
    ERR_clear_error();
    std::size_t filled = 0;
    while (filled < out.size()) {
        const int room = static_cast<int>(std::min<std::size_t>(out.size() - filled, INT_MAX));
        const int n = SSL_read(state.ssl.get(), out.data() + filled, room);
        if (n <= 0) return {state.judge(n), filled};
        filled += static_cast<std::size_t>(n);
    }
    return {Status::ok, filled};
}

Status Engine::write(Bytes plain) {
    State& state = *state_;
    if (state.failed) return Status::failed;
    if (!state.done) return Status::want_input;
    if (plain.empty()) return Status::ok;
    const std::size_t records = plain.size() / record_plain_max + 1;
    state.pipe.output.prepare(plain.size() +
                              records * record_overhead_max); // once, instead of growing record by record
    ERR_clear_error();
    while (!plain.empty()) {
        // A multiple of a record, so that a write beyond what an int holds splits between records.
        const std::size_t part = std::min<std::size_t>(plain.size(), std::size_t{1} << 30);
        const int n = SSL_write(state.ssl.get(), plain.data(), static_cast<int>(part));
        if (n <= 0) return state.judge(n);
        plain = plain.subspan(static_cast<std::size_t>(n));
    }
    return Status::ok;
}

Status Engine::write(Bytes first, Bytes second) {
    if (first.empty() || second.empty()) return write(first.empty() ? second : first);
    // Only the record on the seam is put together; what is before and behind goes out from where it lies.
    const std::size_t tail = first.size() % record_plain_max;
    if (tail != first.size()) {
        const Status status = write(first.first(first.size() - tail));
        if (status != Status::ok) return status;
    }
    if (tail == 0) return write(second);
    std::array<std::uint8_t, record_plain_max> seam;
    const std::size_t head = std::min(second.size(), record_plain_max - tail);
    std::copy(first.end() - static_cast<std::ptrdiff_t>(tail), first.end(), seam.begin());
    std::copy_n(second.begin(), head, seam.begin() + static_cast<std::ptrdiff_t>(tail));
    const Status status = write(Bytes(seam.data(), tail + head));
    return status == Status::ok ? write(second.subspan(head)) : status;
}

void Engine::shutdown() {
    State& state = *state_;
    if (state.failed || !state.done || state.shut) return;
    state.shut = true;
    ERR_clear_error();
    SSL_shutdown(state.ssl.get()); // the first call only sends; waiting for the answer is read()'s
    ERR_clear_error();
}

std::string_view Engine::version() const noexcept {
    return state_->done ? text_or_empty(SSL_get_version(state_->ssl.get())) : std::string_view();
}

std::string_view Engine::cipher() const noexcept {
    const SSL_CIPHER* cipher = SSL_get_current_cipher(state_->ssl.get());
    return cipher == nullptr ? std::string_view() : text_or_empty(SSL_CIPHER_standard_name(cipher));
}

std::string_view Engine::alpn() const noexcept {
    const std::uint8_t* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(state_->ssl.get(), &name, &size);
    return as_text(Bytes(name, size));
}

std::string_view Engine::server_name() const noexcept { return state_->notes.server_name; }
bool Engine::resumed() const noexcept { return state_->done && SSL_session_reused(state_->ssl.get()) == 1; }

std::shared_ptr<const Identity> Engine::identity() const noexcept { return state_->notes.identity; }

std::optional<PeerCertificate> Engine::peer_certificate() const {
    const STACK_OF(CRYPTO_BUFFER)* chain = SSL_get0_peer_certificates(state_->ssl.get());
    if (chain == nullptr || sk_CRYPTO_BUFFER_num(chain) == 0) return std::nullopt;
    PeerCertificate peer;
    for (std::size_t i = 0; i < sk_CRYPTO_BUFFER_num(chain); ++i) {
        const CRYPTO_BUFFER* buffer = sk_CRYPTO_BUFFER_value(chain, i);
        const x509::Ptr<X509> certificate =
            x509::parse_certificate(Bytes(CRYPTO_BUFFER_data(buffer), CRYPTO_BUFFER_len(buffer)));
        if (certificate == nullptr) return std::nullopt; // the handshake would have failed on it
        if (i == 0) peer.info = x509::describe(certificate.get());
        peer.chain_pem += x509::to_pem(certificate.get());
    }
    // A complaint that was let pass counts, whatever was found after it.
    peer.verified = SSL_get_verify_result(state_->ssl.get()) == X509_V_OK && state_->notes.verify_error == X509_V_OK;
    return peer;
}

} // namespace adit::inline v0::tls
