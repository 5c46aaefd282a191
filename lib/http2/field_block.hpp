// Heads and trailers as nghttp2 takes them. With session_impl.hpp the only header that knows it: for this layer alone.
#pragma once

#include "http2/session.hpp"

#include <nghttp2/nghttp2.h>
#include <string_view>
#include <vector>

namespace adit::inline v0::http2 {

/// Belongs to a connection of HTTP/1.1 and does not exist in HTTP/2 (RFC 9113 8.2.2).
bool is_connection_specific(const Field& field) noexcept;

/// Collects views of names and values; nghttp2 copies them and makes the names lower-case.
class FieldBlock {
public:
    void clear() noexcept { fields_.clear(); }
    void add(std::string_view name, std::string_view value) {
        fields_.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                           reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
                           NGHTTP2_NV_FLAG_NONE});
    }
    /// All but what is connection-specific. `with_host` false: Host is said by :authority. `tunnel`: nor what
    /// HTTP/1.1 needs to open one.
    void add(const Fields& fields, bool with_host, bool tunnel = false);

    const nghttp2_nv* data() const noexcept { return fields_.data(); }
    std::size_t size() const noexcept { return fields_.size(); }

private:
    std::vector<nghttp2_nv> fields_;
};

} // namespace adit
