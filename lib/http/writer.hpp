// Serialises heads and chunks. Nothing here can emit a CR, LF or NUL out of a name or a value (T2): a head
// that would is refused, and the sink is left as it was.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "http/message.hpp"

namespace adit::inline v0 {

/// Appends start line, fields and the empty line. The version written is head.version(), HTTP/1.1 for http2.
ADIT_INTERNAL Result<void> write_head(ByteQueue& out, const Head& head);
ADIT_INTERNAL Result<void> write_head(std::string& out, const Head& head);

/// Longest line that write_chunk_size makes.
inline constexpr std::size_t chunk_size_max = 18;
/// The line before a chunk's data, which is followed by "\r\n". `size` > 0: the chunk of size 0 is
/// write_last_chunk. Returns how many bytes of `line` were used.
ADIT_INTERNAL std::size_t format_chunk_size(char (&line)[chunk_size_max], std::uint64_t size) noexcept;
/// A whole chunk; nothing for an empty `data`.
ADIT_INTERNAL void write_chunk(ByteQueue& out, Bytes data);
ADIT_INTERNAL void write_chunk(std::string& out, Bytes data);
/// The end of a chunked body. Trailers that could not stand in a head are left out.
ADIT_INTERNAL void write_last_chunk(ByteQueue& out, const Fields& trailers = {});
ADIT_INTERNAL void write_last_chunk(std::string& out, const Fields& trailers = {});

} // namespace adit
