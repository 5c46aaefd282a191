#include "proto/proxy_header.hpp"

#include <algorithm>

namespace adit::inline v0 {

Result<ProxyHeader> decode_proxy_header(std::string_view json); // decode.cpp

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
        Result<ProxyHeader> header = decode_proxy_header(json_);
        if (!header) return header.error();
        header_ = *std::move(header);
        std::string().swap(json_);
    }
    return of_length + of_json;
}

} // namespace adit::inline v0
