#include "inspector/exchange.hpp"

#include "http/writer.hpp"

namespace adit::inline v0::inspector {
namespace {

constexpr std::size_t field_overhead = 24; // four offsets and an id
constexpr std::size_t exchange_overhead = 1'024;

std::size_t size_of(const Fields& fields) noexcept {
    std::size_t size = 0;
    for (const Field& field : fields) size += field.name.size() + field.value.size() + field_overhead;
    return size;
}

std::size_t size_of(const Message& message) noexcept {
    return message.head.method().size() + message.head.target().size() + size_of(message.head) + message.body.capacity() +
           size_of(message.trailers);
}

} // namespace

std::string Message::raw() const {
    std::string out;
    if (!write_head(out, head)) return out; // cannot be: it was read, or was written before
    if (!head.chunked()) {
        out += body;
        return out;
    }
    write_chunk(out, as_bytes(body));
    if (complete && !truncated()) write_last_chunk(out, trailers);
    return out;
}

std::string_view to_string(State state) noexcept {
    switch (state) {
    case State::pending: return "pending";
    case State::complete: return "complete";
    case State::upgraded: return "upgraded";
    case State::failed: return "failed";
    }
    return "";
}

std::size_t Exchange::memory() const noexcept {
    return exchange_overhead + size_of(request) + size_of(response) + remote_address.size() + proxy_header.size() + error.size();
}

} // namespace adit
