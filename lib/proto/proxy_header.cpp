#include "proto/proxy_header.hpp"

#include <algorithm>

namespace adit::inline v0 {

Result<ProxyHeader> decode_proxy_header(std::string_view json); // decode.cpp

namespace {

/// Reads what is in front of it of a JSON text, or nothing.
class Scanner {
public:
    explicit Scanner(std::string_view text) : text_(text) {}

    bool is_at_end() const noexcept { return text_.empty(); }
    bool take(std::string_view token) {
        if (!text_.starts_with(token)) return false;
        text_.remove_prefix(token.size());
        return true;
    }
    /// A string of plain ASCII without escapes.
    bool take_string(std::string_view& value) {
        if (!take("\"")) return false;
        const auto end = std::ranges::find_if(text_, [](char c) { return c < ' ' || c > '~' || c == '"' || c == '\\'; });
        value = text_.substr(0, static_cast<std::size_t>(end - text_.begin()));
        text_.remove_prefix(value.size());
        return take("\"");
    }

private:
    std::string_view text_;
};

/// The header as edges write it: the five members in their order and spelling. Reading it as any JSON would be most of
/// what a connection costs its agent. nullopt: for the decoder that takes everything.
std::optional<ProxyHeader> decode_usual(std::string_view text) {
    Scanner json(text);
    std::string_view id, client_addr, protocol, edge_type;
    const bool usual = json.take(R"({"Id":)") && json.take_string(id) && !id.empty() &&
                       json.take(R"(,"ClientAddr":)") && json.take_string(client_addr) &&
                       json.take(R"(,"Proto":)") && json.take_string(protocol) &&
                       json.take(R"(,"EdgeType":)") && json.take_string(edge_type) && edge_type.size() == 1 &&
                       edge_type >= "0" && edge_type <= "3" && json.take(R"(,"PassthroughTLS":)");
    if (!usual) return std::nullopt;
    ProxyHeader header;
    header.passthrough_tls = json.take("true");
    if (!header.passthrough_tls && !json.take("false")) return std::nullopt;
    if (!json.take("}") || !json.is_at_end()) return std::nullopt;
    header.id = id;
    header.client_addr = client_addr;
    header.protocol = protocol;
    header.edge_type = static_cast<EdgeType>(edge_type[0] - '0');
    return header;
}

} // namespace

Result<void> ProxyHeaderReader::take_length() {
    std::uint64_t length = 0;
    for (unsigned i = 0; i < 8; ++i) length |= std::uint64_t{length_bytes_[i]} << (8 * i);
    if (length == 0 || (length >> 63) != 0)
        return ErrorInfo(errc::protocol_error, "the length of the proxy header is not positive");
    if (length > limits::proxy_header_max)
        return ErrorInfo(errc::limit_exceeded, "the proxy header is longer than " +
                                                   std::to_string(limits::proxy_header_max) + " bytes");
    length_ = static_cast<std::size_t>(length);
    return {};
}

Result<std::size_t> ProxyHeaderReader::feed(Bytes bytes) {
    const std::size_t of_length = std::min(bytes.size(), length_bytes_.size() - length_seen_);
    if (of_length > 0) {
        std::copy_n(bytes.begin(), of_length,
                    length_bytes_.begin() + static_cast<std::ptrdiff_t>(length_seen_));
        length_seen_ += of_length;
        if (length_seen_ < length_bytes_.size()) return of_length;
        const Result<void> taken = take_length();
        if (!taken) return taken.error();
    }
    const std::size_t of_json = std::min(bytes.size() - of_length, length_ - json_.size());
    json_ += as_text(bytes.subspan(of_length, of_json));
    if (length_ != 0 && json_.size() == length_) {
        header_ = decode_usual(json_);
        if (!header_) {
            Result<ProxyHeader> header = decode_proxy_header(json_);
            if (!header) return header.error();
            header_ = *std::move(header);
        }
        std::string().swap(json_);
    }
    return of_length + of_json;
}

} // namespace adit::inline v0
