#include "edge/visitor_tls.hpp"

#include <algorithm>

namespace adit::inline v0::edge {
namespace {

constexpr std::size_t step = 4'096; // a ClientHello with a post-quantum key share is about 1,800 bytes

} // namespace

asio::awaitable<tls::ClientHelloReader::State> read_client_hello(std::shared_ptr<net::TcpStream> stream, ByteQueue& seen,
                                                                 tls::ClientHelloReader& reader) {
    net::IoResult got;
    // No memory is held for a visitor who only connects.
    got = co_await stream->wait_readable();
    while (got.ok() && reader.state() == tls::ClientHelloReader::State::need_more) {
        const MutableBytes space = seen.prepare(step);
        got = co_await stream->read_some(space.first(step));
        if (!got.ok()) break;
        seen.commit(got.size());
        reader.feed(space.first(got.size()));
    }
    co_return reader.state();
}

bool looks_like_http(Bytes bytes) noexcept {
    const auto is_upper = [](std::uint8_t c) { return c >= 'A' && c <= 'Z'; };
    const auto end = std::ranges::find_if_not(bytes, is_upper);
    const auto letters = end - bytes.begin();
    return letters >= 3 && (end == bytes.end() || *end == ' ');
}

} // namespace adit
