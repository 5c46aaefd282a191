// Two engines joined by memory, and certificates to give them.
#pragma once

#include "tls/certificate_authority.hpp"
#include "tls/context.hpp"
#include "tls/engine.hpp"

#include "support/doctest.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#define CHECK_HAS(text, part)                                                                                \
    CHECK_MESSAGE(std::string_view(text).find(part) != std::string_view::npos, "no \"",                      \
                  std::string_view(part), "\" in \"", text, "\"")

namespace tls_test {

using namespace adit;
using namespace adit::tls;
using namespace std::chrono_literals;

/// All certificates of the tests are judged at this time.
inline const std::chrono::sys_seconds now{std::chrono::sys_days{std::chrono::year{2025} / 6 / 15}};
inline std::chrono::sys_seconds test_clock() { return now; }

/// The value, or a test failure that says why there is none.
template <class T>
T must(Result<T> result) {
    INFO(result.error().to_string());
    REQUIRE(result.has_value());
    return std::move(*result);
}

inline CertificateAuthority& authority() {
    static CertificateAuthority made = must(CertificateAuthority::create("Test Root", now));
    return made;
}
inline CertificateAuthority& other_authority() {
    static CertificateAuthority made = must(CertificateAuthority::create("Other Root", now));
    return made;
}
inline std::shared_ptr<const Identity> identity_of(const IssuedCertificate& issued) {
    return must(Identity::from_pem(issued.certificate_pem, issued.key_pem));
}
inline std::shared_ptr<const Identity> server_identity(std::vector<std::string> names) {
    return identity_of(must(authority().issue_server(std::move(names), now)));
}
inline std::shared_ptr<const Identity> client_identity(CertificateAuthority& by, std::string name) {
    LeafRequest request;
    request.client = true;
    request.common_name = std::move(name);
    request.not_before = now - 1h;
    request.not_after = now + 1h;
    return identity_of(must(by.issue(request)));
}
inline TrustRoots trusted() { return must(TrustRoots::from_pem(authority().certificate_pem())); }

inline ServerOptions
server_options(std::shared_ptr<const Identity> identity = server_identity({"app.example.com"})) {
    ServerOptions options;
    options.select = [identity](std::string_view) { return identity; };
    options.clock = test_clock;
    return options;
}
inline ClientOptions client_options() {
    ClientOptions options;
    options.roots = trusted();
    options.clock = test_clock;
    return options;
}

/// Gives `bytes` to an engine.
inline void feed(Engine& to, Bytes bytes) {
    const MutableBytes space = to.input_space(bytes.size());
    REQUIRE(space.size() >= bytes.size());
    if (!bytes.empty()) std::memcpy(space.data(), bytes.data(), bytes.size());
    to.commit_input(bytes.size());
}
inline std::vector<std::uint8_t> take_output(Engine& from) {
    const Bytes view = from.output();
    std::vector<std::uint8_t> bytes(view.begin(), view.end());
    from.consume_output(bytes.size());
    return bytes;
}

/// A client and a server, and what came of their handshake.
struct Pair {
    Engine client;
    Engine server;
    Status client_status = Status::want_input;
    Status server_status = Status::want_input;

    Pair(Engine client_side, Engine server_side)
        : client(std::move(client_side)), server(std::move(server_side)) {}
    Pair(const ClientOptions& client_side, const ServerOptions& server_side,
         std::string_view host = "app.example.com")
        : client(must(Engine::client(must(ClientContext::create(client_side)), host))),
          server(Engine::server(must(ServerContext::create(server_side)))) {}

    /// Runs until neither has anything to say; `piece` bytes at a time.
    Pair& shake(std::size_t piece = 1 << 20) {
        client_status = client.handshake();
        for (bool moved = true; moved;) {
            moved = carry(client, server, piece, [this] { server_status = server.handshake(); });
            moved = carry(server, client, piece, [this] { client_status = client.handshake(); }) || moved;
        }
        return *this;
    }
    bool connected() const { return client_status == Status::ok && server_status == Status::ok; }

    template <class Work>
    static bool carry(Engine& from, Engine& to, std::size_t piece, Work work) {
        const std::vector<std::uint8_t> bytes = take_output(from);
        for (std::size_t i = 0; i < bytes.size(); i += piece) {
            feed(to, Bytes(bytes).subspan(i, std::min(piece, bytes.size() - i)));
            work();
        }
        return !bytes.empty();
    }
};

/// What an engine can read now, and why it stopped.
inline std::pair<std::string, Status> read_all(Engine& engine, std::size_t buffer_size = 4096) {
    std::string text;
    std::vector<std::uint8_t> buffer(buffer_size);
    for (;;) {
        const ReadResult got = engine.read(buffer);
        text += as_text(Bytes(buffer).first(got.size));
        if (got.status != Status::ok) return {text, got.status};
    }
}

/// Moves all cipher text to `to` and reads it.
inline std::pair<std::string, Status> deliver(Engine& from, Engine& to) {
    feed(to, take_output(from));
    return read_all(to);
}

/// The plain text sizes in headers of consecutive records are hidden; their cipher text sizes are not.
inline std::vector<std::size_t> record_sizes(Bytes bytes) {
    std::vector<std::size_t> sizes;
    while (bytes.size() >= 5) {
        const std::size_t size = (std::size_t{bytes[3]} << 8) | bytes[4];
        REQUIRE(bytes.size() >= 5 + size);
        sizes.push_back(size);
        bytes = bytes.subspan(5 + size);
    }
    REQUIRE(bytes.empty());
    return sizes;
}

inline std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    std::uint32_t state = 12345;
    for (char& c : text) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    return text;
}

} // namespace tls_test
