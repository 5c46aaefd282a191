#include "support/tls_visitor.hpp"

#include "support/doctest.hpp"

#include <algorithm>
#include <chrono>

namespace adit_test {

using namespace adit;
using namespace std::chrono_literals;

namespace {

std::chrono::sys_seconds now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

tls::Engine client_engine(const TlsVisitorOptions& options) {
    tls::ClientOptions client;
    client.roots = *tls::TrustRoots::from_pem(options.roots_pem);
    client.alpn = options.alpn;
    client.max_version = options.max_version;
    if (options.certificate)
        client.identity = *tls::Identity::from_pem(options.certificate->certificate_pem, options.certificate->key_pem);
    const auto context = tls::ClientContext::create(std::move(client));
    REQUIRE(context.has_value());
    auto engine = tls::Engine::client(*context, options.host);
    REQUIRE(engine.has_value());
    return std::move(*engine);
}

} // namespace

TestAuthority::TestAuthority(std::string_view name) : authority_(*tls::CertificateAuthority::create(name, now())) {}

tls::IssuedCertificate TestAuthority::issue(tls::LeafRequest request, Dates dates) const {
    request.not_before = dates == Dates::not_yet ? now() + 1h : now() - 2h;
    request.not_after = dates == Dates::expired ? now() - 1h : now() + 24h;
    const auto issued = authority_.issue(request);
    REQUIRE_MESSAGE(issued.has_value(), issued.error().to_string());
    return *issued;
}

tls::IssuedCertificate TestAuthority::server(const std::string& name, Dates dates) const {
    tls::LeafRequest request;
    request.names = {name};
    return issue(std::move(request), dates);
}

tls::IssuedCertificate TestAuthority::client(const std::string& name, Dates dates) const {
    tls::LeafRequest request;
    request.client = true;
    request.common_name = name;
    return issue(std::move(request), dates);
}

TlsVisitor::TlsVisitor(Visitor visitor, const TlsVisitorOptions& options)
    : visitor_(std::move(visitor)), engine_(client_engine(options)) {}

void TlsVisitor::flush() {
    const std::string bytes(as_text(engine_.output()));
    engine_.consume_output(bytes.size());
    if (bytes.empty()) return;
    seen_ += bytes;
    visitor_.write(bytes);
}

bool TlsVisitor::fill() {
    std::error_code end;
    const std::string bytes = visitor_.read_some(end);
    seen_ += bytes;
    std::ranges::copy(as_bytes(bytes), engine_.input_space(bytes.size()).begin());
    engine_.commit_input(bytes.size());
    return !end;
}

void TlsVisitor::hello() {
    (void)engine_.handshake();
    flush();
}

std::string TlsVisitor::handshake() {
    for (;;) {
        const tls::Status status = engine_.handshake();
        flush();
        if (status == tls::Status::ok) return {};
        if (status == tls::Status::failed) return engine_.error().to_string();
        if (!fill()) return "the connection ended in the handshake";
    }
}

void TlsVisitor::write(std::string_view text) {
    REQUIRE(engine_.write(as_bytes(text)) == tls::Status::ok);
    flush();
}

std::string TlsVisitor::read(std::size_t n) {
    while (plain_.size() < n) {
        std::string piece(16'384, '\0');
        const tls::ReadResult got =
            engine_.read(MutableBytes(reinterpret_cast<std::uint8_t*>(piece.data()), piece.size()));
        plain_.append(piece, 0, got.size);
        if (got.size != 0) continue;
        REQUIRE_MESSAGE(got.status == tls::Status::want_input, "TLS ended: " << engine_.error().to_string());
        const bool more = fill();
        const bool waits = more || engine_.input_pending() != 0;
        REQUIRE_MESSAGE(waits, "the stream ended after " << plain_.size() << " of " << n << " bytes");
    }
    std::string out = plain_.substr(0, n);
    plain_.erase(0, n);
    return out;
}

std::string TlsVisitor::read_end() {
    for (bool more = true;;) {
        std::string piece(16'384, '\0');
        const tls::ReadResult got =
            engine_.read(MutableBytes(reinterpret_cast<std::uint8_t*>(piece.data()), piece.size()));
        plain_.append(piece, 0, got.size);
        if (got.status == tls::Status::closed) return "close_notify";
        if (got.status == tls::Status::failed) return engine_.error().to_string();
        if (got.status == tls::Status::ok) continue;
        if (!more) return "truncated";
        more = fill();
    }
}

std::string TlsVisitor::read_all() {
    CHECK(read_end() == "close_notify");
    return std::exchange(plain_, {});
}

void TlsVisitor::goodbye() {
    engine_.shutdown();
    flush();
}

void TlsVisitor::shutdown() {
    goodbye();
    visitor_.finish();
}

} // namespace adit_test
