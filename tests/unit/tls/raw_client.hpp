// A client on BoringSSL itself, for what our own client never does: keeping session tickets.
#pragma once

#include "tls_pair.hpp"

#include <openssl/base.h>
#ifndef OPENSSL_IS_BORINGSSL
#error "these are OpenSSL's headers"
#endif
#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <string>

namespace tls_test {

class RawClient {
public:
    enum class Outcome { full, resumed, failed };

    explicit RawClient(std::string host) : host_(std::move(host)), ctx_(SSL_CTX_new(TLS_method())) {
        SSL_CTX_set_session_cache_mode(ctx_.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_set_ex_data(ctx_.get(), index(), this);
        SSL_CTX_sess_set_new_cb(ctx_.get(), [](SSL* ssl, SSL_SESSION* session) {
            auto& self = *static_cast<RawClient*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), index()));
            if (self.frozen_) return 0;
            self.session_.reset(session);
            return 1;
        });
    }
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    void set_host(std::string host) { host_ = std::move(host); }
    /// Keeps the ticket it has, whatever comes.
    void freeze() { frozen_ = true; }
    bool has_ticket() const { return session_ != nullptr && SSL_SESSION_has_ticket(session_.get()) == 1; }

    /// One connection: handshake, a byte each way, so that tickets arrive.
    Outcome connect(const std::shared_ptr<const ServerContext>& context) {
        Engine server = Engine::server(context);
        const bssl::UniquePtr<SSL> ssl(SSL_new(ctx_.get()));
        BIO* in = BIO_new(BIO_s_mem());
        BIO* out = BIO_new(BIO_s_mem());
        BIO_set_mem_eof_return(in, -1);
        SSL_set_bio(ssl.get(), in, out);
        SSL_set_connect_state(ssl.get());
        SSL_set_tlsext_host_name(ssl.get(), host_.c_str());
        // BoringSSL's clock is the system's here, the server's the test's: a ticket must not look expired to
        // the client.
        if (session_ != nullptr) {
            SSL_SESSION_set_time(session_.get(), static_cast<std::uint64_t>(std::time(nullptr)));
            SSL_set_session(ssl.get(), session_.get());
        }
        for (int round = 0; round < 10; ++round) {
            const bool done = SSL_do_handshake(ssl.get()) == 1;
            if (done && server.handshake_done()) break;
            exchange(server, in, out);
        }
        if (!server.handshake_done() || SSL_in_init(ssl.get()) != 0) return Outcome::failed;
        if (server.write(as_bytes("x")) != Status::ok) return Outcome::failed;
        exchange(server, in, out);
        char byte = 0;
        if (SSL_read(ssl.get(), &byte, 1) != 1 || byte != 'x') return Outcome::failed;
        const bool resumed = SSL_session_reused(ssl.get()) == 1;
        if (resumed != server.resumed()) return Outcome::failed;
        return resumed ? Outcome::resumed : Outcome::full;
    }

private:
    static int index() {
        static const int made = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
        return made;
    }
    static void exchange(Engine& server, BIO* in, BIO* out) {
        const std::uint8_t* data = nullptr;
        std::size_t size = 0;
        BIO_mem_contents(out, &data, &size);
        feed(server, Bytes(data, size));
        BIO_reset(out);
        server.handshake();
        const std::vector<std::uint8_t> answer = take_output(server);
        BIO_write(in, answer.data(), static_cast<int>(answer.size()));
    }

    std::string host_;
    bssl::UniquePtr<SSL_CTX> ctx_;
    bssl::UniquePtr<SSL_SESSION> session_;
    bool frozen_ = false;
};

} // namespace tls_test
