#include "tls/client_hello.hpp"

#include "tls/byte_reader.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace adit::inline v0::tls {
namespace {

constexpr std::uint8_t handshake_record = 22;
constexpr std::uint8_t client_hello_message = 1;
constexpr std::size_t record_payload_max = 16'384;
constexpr std::size_t message_header_size = 4;
constexpr std::size_t extensions_max = 256; // a browser sends about 20
constexpr std::size_t dns_name_max = 253;

enum Extension : std::uint16_t {
    ext_server_name = 0,
    ext_alpn = 16,
    ext_supported_versions = 43,
    ext_encrypted_client_hello = 0xfe0d,
};

// RFC 8701: reserved values that clients mix in.
bool is_grease(std::uint16_t v) noexcept { return (v & 0x0f0f) == 0x0a0a && (v >> 8) == (v & 0xff); }

std::string guess(Bytes first) {
    const std::string_view text = as_text(first);
    constexpr std::array methods = {"GET ", "POST", "HEAD", "PUT ", "DELE",
                                    "OPTI", "PATC", "CONN", "TRAC", "PRI "};
    const auto begins = [&](std::string_view word) { return text.starts_with(word); };
    if (std::any_of(methods.begin(), methods.end(), begins))
        return "plain HTTP was sent to a TLS port: use https://";
    if (begins("PROXY") || begins("\r\n\r\n"))
        return "a PROXY protocol header came, which this port does not expect";
    if (begins("SSH-")) return "SSH was spoken to a TLS port";
    if (first.size() > 2 && (first[0] & 0x80) != 0 && first[2] == client_hello_message) {
        return "an SSL 2 hello came: use TLS 1.2 or 1.3";
    }
    return "the first bytes are no TLS handshake";
}

std::string lower_name(Bytes name) {
    std::string text(as_text(name));
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    if (text.size() > 1 && text.back() == '.') text.pop_back();
    return text;
}

// RFC 6066 3, with the one name type that exists.
bool read_server_name(ByteReader in, ClientHello& hello) {
    std::optional<ByteReader> list = in.block16();
    if (!list || !in.empty() || list->empty()) return false;
    const std::optional<std::uint8_t> type = list->u8();
    const std::optional<ByteReader> name = list->block16();
    if (!type || *type != 0 || !name || !list->empty()) return false;
    const Bytes bytes = name->rest();
    if (bytes.empty() || bytes.size() > dns_name_max + 1) return false;
    const auto printable = [](std::uint8_t c) { return c > 0x20 && c < 0x7f; };
    if (!std::all_of(bytes.begin(), bytes.end(), printable)) return false;
    hello.server_name = lower_name(bytes);
    return hello.server_name.size() <= dns_name_max;
}

// RFC 7301 3.1
bool read_alpn(ByteReader in, ClientHello& hello) {
    std::optional<ByteReader> list = in.block16();
    if (!list || !in.empty() || list->empty()) return false;
    while (!list->empty()) {
        const std::optional<ByteReader> name = list->block8();
        if (!name || name->empty()) return false;
        hello.alpn.emplace_back(as_text(name->rest()));
    }
    return true;
}

// RFC 8446 4.2.1
bool read_versions(ByteReader in, ClientHello& hello) {
    std::optional<ByteReader> list = in.block8();
    if (!list || !in.empty() || list->empty()) return false;
    hello.versions.clear();
    while (!list->empty()) {
        const std::optional<std::uint16_t> version = list->u16();
        if (!version) return false;
        if (!is_grease(*version)) hello.versions.push_back(*version);
    }
    return true;
}

// Empty if well-formed, else the part that is not.
const char* read_extensions(ByteReader in, ClientHello& hello) {
    std::vector<std::uint16_t> seen;
    while (!in.empty()) {
        const std::optional<std::uint16_t> type = in.u16();
        const std::optional<ByteReader> body = in.block16();
        if (!type || !body) return "an extension runs over the end";
        if (std::find(seen.begin(), seen.end(), *type) != seen.end()) return "an extension came twice";
        if (seen.size() == extensions_max) return "there are too many extensions";
        seen.push_back(*type);
        switch (*type) {
        case ext_server_name:
            if (!read_server_name(*body, hello)) return "the server_name extension is malformed";
            break;
        case ext_alpn:
            if (!read_alpn(*body, hello)) return "the ALPN extension is malformed";
            break;
        case ext_supported_versions:
            if (!read_versions(*body, hello)) return "the supported_versions extension is malformed";
            break;
        case ext_encrypted_client_hello: hello.encrypted_hello = true; break;
        default: break;
        }
    }
    return nullptr;
}

// RFC 8446 4.1.2; null if well-formed.
const char* read_hello(Bytes body, ClientHello& hello) {
    ByteReader in(body);
    const std::optional<std::uint16_t> version = in.u16();
    const std::optional<Bytes> random = in.bytes(32);
    if (!version || !random || (*version >> 8) != 3) return "the version or random is malformed";
    const std::optional<ByteReader> session = in.block8();
    if (!session || session->rest().size() > 32) return "the session id is malformed";
    const std::optional<ByteReader> suites = in.block16();
    if (!suites || suites->empty() || suites->rest().size() % 2 != 0)
        return "the cipher suites are malformed";
    const std::optional<ByteReader> compression = in.block8();
    if (!compression || compression->empty()) return "the compression methods are malformed";
    hello.versions = {*version};
    if (in.empty()) return nullptr; // TLS 1.2 allows a hello without extensions
    const std::optional<ByteReader> extensions = in.block16();
    if (!extensions || !in.empty()) return "the extensions do not fill the message";
    return read_extensions(*extensions, hello);
}

} // namespace

ClientHelloReader::State ClientHelloReader::fail(State state, std::string message) {
    state_ = state;
    error_ = ErrorInfo(make_error_code(errc::tls_handshake_failed), std::move(message));
    hello_ = ClientHello();
    message_ = {};
    return state_;
}

ClientHelloReader::State ClientHelloReader::feed(Bytes more) {
    while (state_ == State::need_more && !more.empty()) {
        if (record_left_ == 0) {
            // The first bytes tell a stray protocol at once; look at all there is of them for the guess.
            if (consumed_ == 0 && more[0] != handshake_record) return fail(State::not_tls, guess(more));
            take_header_byte(more[0]);
            more = more.subspan(1);
            continue;
        }
        const std::size_t n = std::min(record_left_, more.size());
        message_.insert(message_.end(), more.begin(), more.begin() + static_cast<std::ptrdiff_t>(n));
        record_left_ -= n;
        consumed_ += n;
        more = more.subspan(n);
        check_message();
    }
    return state_;
}

ClientHelloReader::State ClientHelloReader::take_header_byte(std::uint8_t byte) {
    header_[header_size_++] = byte;
    ++consumed_;
    const bool first_record = consumed_ <= header_size_;
    if (header_size_ == 1 && byte != handshake_record)
        return fail(State::bad, "another record came inside the ClientHello");
    if (header_size_ == 2 && byte != 3) {
        return fail(first_record ? State::not_tls : State::bad, "the first bytes are no TLS handshake");
    }
    if (header_size_ < sizeof(header_)) return state_;
    record_left_ = (std::size_t{header_[3]} << 8) | header_[4];
    header_size_ = 0;
    if (record_left_ == 0) return fail(State::bad, "an empty handshake record came");
    if (record_left_ > record_payload_max) return fail(State::bad, "a record is larger than TLS allows");
    return state_;
}

ClientHelloReader::State ClientHelloReader::check_message() {
    if (message_[0] != client_hello_message)
        return fail(State::bad, "the first handshake message is no ClientHello");
    if (message_.size() < message_header_size) return state_;
    const std::size_t size = message_header_size + (get_u32_be(message_.data()) & 0x00ff'ffff);
    if (size > limits::client_hello_max) return fail(State::bad, "the ClientHello is larger than 64 KiB");
    if (message_.size() < size) return state_;
    // The rest of its last record is still to come, or something follows in it; neither a ClientHello allows.
    if (record_left_ != 0 || message_.size() > size)
        return fail(State::bad, "something follows the ClientHello in its record");
    const char* problem = read_hello(Bytes(message_).subspan(message_header_size), hello_);
    if (problem != nullptr)
        return fail(State::bad, std::string("the ClientHello is not well-formed: ") + problem);
    message_ = {};
    state_ = State::done;
    return state_;
}

} // namespace adit::inline v0::tls
