#include "proto/proxy_protocol.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <vector>

#include <arpa/inet.h>

namespace adit::inline v0 {
namespace {

constexpr std::string_view signature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::string_view v1_start = "PROXY ";
constexpr std::size_t v2_fixed = 16;

constexpr unsigned char command_local = 0x20; // version 2 in the upper half
constexpr unsigned char command_proxy = 0x21;
constexpr unsigned char family_none = 0x0;
constexpr unsigned char family_v4 = 0x1;
constexpr unsigned char family_v6 = 0x2;
constexpr unsigned char family_unix = 0x3;

constexpr unsigned char tlv_crc32c = 0x03;
constexpr std::size_t tlv_fixed = 3;
constexpr std::size_t checksum_size = 4;

bool both_v4(const ProxiedEnds& ends) {
    return ends.source.address.is_v4() && ends.destination.address.is_v4();
}

// IPv4 in its mapped form, unlike IpAddress::to_string().
std::string v6_text(const IpAddress& address) {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    ::inet_ntop(AF_INET6, address.v6().data(), buffer.data(), buffer.size());
    return buffer.data();
}

std::string encode_v1(const std::optional<ProxiedEnds>& ends) {
    if (!ends) return "PROXY UNKNOWN\r\n";
    const bool four = both_v4(*ends);
    const auto text = [four](const IpAddress& address) {
        return four ? address.to_string() : v6_text(address);
    };
    return std::string(four ? "PROXY TCP4 " : "PROXY TCP6 ") + text(ends->source.address) + " " +
           text(ends->destination.address) + " " + std::to_string(ends->source.port) + " " +
           std::to_string(ends->destination.port) + "\r\n";
}

void append_u16(std::string& out, std::size_t value) {
    out += static_cast<char>(value >> 8 & 0xff);
    out += static_cast<char>(value & 0xff);
}

template <class Address>
void append_all(std::string& out, const Address& bytes) {
    for (const std::uint8_t byte : bytes) out += static_cast<char>(byte);
}

std::string encode_v2(const std::optional<ProxiedEnds>& ends) {
    std::string out(signature);
    out += static_cast<char>(ends ? command_proxy : command_local);
    if (!ends) return out + std::string(3, '\0'); // family and length 0
    const bool four = both_v4(*ends);
    out += four ? '\x11' : '\x21'; // family, and STREAM in the lower half
    append_u16(out, four ? 12 : 36);
    for (const IpEndpoint* end : {&ends->source, &ends->destination}) {
        if (four)
            append_all(out, end->address.v4());
        else
            append_all(out, end->address.v6());
    }
    append_u16(out, ends->source.port);
    append_u16(out, ends->destination.port);
    return out;
}

ErrorInfo bad(std::string_view why) { return {errc::protocol_error, "PROXY protocol: " + std::string(why)}; }

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    const bool leading_zero = text.size() > 1 && text.front() == '0';
    if (text.empty() || leading_zero || error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return port;
}

std::vector<std::string_view> split(std::string_view text, std::size_t most) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t at = text.find(' ');
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos || parts.size() > most) return parts;
        text.remove_prefix(at + 1);
    }
}

std::optional<IpAddress> parse_address(std::string_view text, bool four) {
    if ((text.find(':') == std::string_view::npos) != four) return std::nullopt;
    return IpAddress::parse(text);
}

std::size_t u16_at(std::string_view bytes, std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])) << 8 |
           static_cast<unsigned char>(bytes[i + 1]);
}

// CRC-32C (RFC 4960 appendix B), a bit at a time: a header is short.
std::uint32_t crc32c(std::string_view bytes) {
    std::uint32_t crc = 0xffff'ffff;
    for (const char c : bytes) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82f6'3b78 : crc >> 1;
    }
    return ~crc;
}

// The checksum is that of the whole header with zeros in its own place.
bool checksum_fits(const std::string& head, std::size_t value_at) {
    std::string zeroed = head;
    std::uint32_t said = 0;
    for (std::size_t i = value_at; i < value_at + checksum_size; ++i) {
        said = said << 8 | static_cast<unsigned char>(zeroed[i]);
        zeroed[i] = '\0';
    }
    return crc32c(zeroed) == said;
}

// From `at` to the end of the header: each is a type, a length of two bytes, and as many bytes. What is wrong, or "".
std::string_view check_tlvs(const std::string& head, std::size_t at) {
    bool checked = false;
    while (at < head.size()) {
        if (head.size() - at < tlv_fixed) return "the lengths of the TLVs do not fit";
        const std::size_t size = u16_at(head, at + 1);
        if (size > head.size() - at - tlv_fixed) return "the lengths of the TLVs do not fit";
        if (static_cast<unsigned char>(head[at]) == tlv_crc32c) {
            if (checked || size != checksum_size) return "the checksum is there twice, or has not four bytes";
            if (!checksum_fits(head, at + tlv_fixed)) return "the checksum is wrong";
            checked = true;
        }
        at += tlv_fixed + size;
    }
    return {};
}

} // namespace

std::string encode_proxy_protocol(ProxyProtocolVersion version, const std::optional<ProxiedEnds>& ends) {
    switch (version) {
    case ProxyProtocolVersion::none: return "";
    case ProxyProtocolVersion::v1: return encode_v1(ends);
    case ProxyProtocolVersion::v2: return encode_v2(ends);
    }
    return "";
}

Result<std::size_t> ProxyProtocolReader::feed(Bytes bytes) {
    std::size_t used = 0;
    while (used < bytes.size() && !done_) {
        const Result<void> taken = take(bytes[used++]);
        if (!taken) return taken.error();
    }
    return used;
}

Result<void> ProxyProtocolReader::take(std::uint8_t byte) {
    head_ += static_cast<char>(byte);
    if (version_ == ProxyProtocolVersion::v1) return take_v1(byte);
    if (version_ == ProxyProtocolVersion::v2) return take_v2();
    if (head_ == v1_start)
        version_ = ProxyProtocolVersion::v1;
    else if (head_ == signature)
        version_ = ProxyProtocolVersion::v2;
    else if (!v1_start.starts_with(head_) && !signature.starts_with(head_))
        return bad("no header at the start");
    return {};
}

Result<void> ProxyProtocolReader::take_v1(std::uint8_t byte) {
    if (byte == '\n') {
        if (!head_.ends_with("\r\n")) return bad("the line does not end in CR LF");
        return parse_v1_line(std::string_view(head_).substr(0, head_.size() - 2));
    }
    if (head_.size() >= v1_max) return bad("the line is longer than 107 bytes");
    if (head_[head_.size() - 2] == '\r') return bad("a CR inside the line");
    return {};
}

Result<void> ProxyProtocolReader::parse_v1_line(std::string_view line) {
    const std::vector<std::string_view> parts = split(line, 6);
    done_ = true;
    if (parts[1] == "UNKNOWN") return {}; // the specification: ignore the rest of the line
    const bool four = parts[1] == "TCP4";
    if (!four && parts[1] != "TCP6") return bad("the protocol is not TCP4, TCP6 or UNKNOWN");
    if (parts.size() != 6) return bad("the line has not two addresses and two ports");
    const auto source = parse_address(parts[2], four);
    const auto destination = parse_address(parts[3], four);
    if (!source || !destination) return bad("an address is not valid");
    const auto source_port = parse_port(parts[4]);
    const auto destination_port = parse_port(parts[5]);
    if (!source_port || !destination_port) return bad("a port is not valid");
    ends_ = ProxiedEnds(IpEndpoint(*source, *source_port), IpEndpoint(*destination, *destination_port));
    return {};
}

Result<void> ProxyProtocolReader::take_v2() {
    if (head_.size() < v2_fixed) return {};
    if (head_.size() == v2_fixed) {
        v2_size_ = v2_fixed + u16_at(head_, 14);
        if (v2_size_ > v2_limit_)
            return ErrorInfo(errc::limit_exceeded, "PROXY protocol: the header is longer than " +
                                                       std::to_string(v2_limit_) + " bytes");
        const auto command = static_cast<unsigned char>(head_[12]);
        if (command != command_local && command != command_proxy) return bad("an unknown version or command");
    }
    if (head_.size() < v2_size_) return {};
    done_ = true;
    return parse_v2_addresses();
}

Result<void> ProxyProtocolReader::parse_v2_addresses() {
    if (static_cast<unsigned char>(head_[12]) == command_local) return {}; // a health check: no visitor
    const auto family = static_cast<unsigned char>(static_cast<unsigned char>(head_[13]) >> 4);
    const unsigned transport = static_cast<unsigned char>(head_[13]) & 0xfu;
    if (family > family_unix || transport > 2) return bad("an unknown address family or transport");
    if (family == family_none || transport == 0) return {}; // UNSPEC: whatever follows is to be ignored
    if (transport != 1) return bad("the transport is not a stream");
    const std::size_t address_size = family == family_v4 ? 4 : family == family_v6 ? 16 : 108;
    const std::size_t size = 2 * address_size + (family == family_unix ? 0 : 4);
    const std::string_view body = std::string_view(head_).substr(v2_fixed);
    if (body.size() < size) return bad("the header is too short for its addresses");
    if (const std::string_view wrong = check_tlvs(head_, v2_fixed + size); !wrong.empty()) return bad(wrong);
    if (family == family_unix) return {};
    const auto address = [&body, family](std::size_t at) {
        std::array<std::uint8_t, 16> six{};
        std::array<std::uint8_t, 4> four{};
        if (family == family_v6) {
            std::copy_n(body.begin() + static_cast<std::ptrdiff_t>(at), 16, six.begin());
            return IpAddress(six);
        }
        std::copy_n(body.begin() + static_cast<std::ptrdiff_t>(at), 4, four.begin());
        return IpAddress(four);
    };
    const auto port = [&body](std::size_t at) { return static_cast<std::uint16_t>(u16_at(body, at)); };
    ends_ = ProxiedEnds(IpEndpoint(address(0), port(2 * address_size)),
                        IpEndpoint(address(address_size), port(2 * address_size + 2)));
    return {};
}

} // namespace adit::inline v0
