#include "http/writer.hpp"

#include "http/meaning.hpp"
#include "http/scan.hpp"
#include "http/target.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace adit::inline v0 {
namespace {

constexpr std::string_view line_end = "\r\n";

// Writes into room that was counted beforehand.
class Cursor {
public:
    explicit Cursor(char* at) noexcept : at_(at) {}
    void put(std::string_view text) noexcept {
        std::memcpy(at_, text.data(), text.size());
        at_ += text.size();
    }

private:
    char* at_;
};

// Room at the end of a sink, which the sink keeps only if it is committed.
template <class Sink>
class Room;

template <>
class Room<std::string> {
public:
    Room(std::string& out, std::size_t size) : out_(out), before_(out.size()) { out_.resize(before_ + size); }
    Room(const Room&) = delete;
    Room& operator=(const Room&) = delete;
    ~Room() {
        if (!committed_) out_.resize(before_);
    }
    char* data() noexcept { return out_.data() + before_; }
    void commit() noexcept { committed_ = true; }

private:
    std::string& out_;
    std::size_t before_;
    bool committed_ = false;
};

template <>
class Room<ByteQueue> {
public:
    Room(ByteQueue& out, std::size_t size) : out_(out), room_(out.prepare(size).first(size)) {}
    char* data() noexcept { return reinterpret_cast<char*>(room_.data()); }
    void commit() noexcept { out_.commit(room_.size()); }

private:
    ByteQueue& out_;
    MutableBytes room_;
};

Result<void> refuse(std::string_view what) {
    return ErrorInfo(errc::protocol_error, "refused to write an HTTP head: " + std::string(what));
}

// What can be made by hand. That no line end comes out of any part is seen on the bytes that were written.
Result<void> check(const Head& head) {
    if (head.is_request()) {
        if (!is_token(head.method())) return refuse("the method is not a token");
        if (!parse_target(head.method(), head.target())) return refuse("the target has none of the forms of one");
    } else if (head.status() < 100 || head.status() > 999) {
        return refuse("the status is not a number of three digits");
    }
    unsigned framings = 0;
    unsigned hosts = 0;
    for (const Field& field : head) {
        if (field.id == FieldId::content_length || field.id == FieldId::transfer_encoding) ++framings;
        if (field.id == FieldId::host) ++hosts;
    }
    if (framings > 1) return refuse("it has more than one Content-Length or Transfer-Encoding");
    if (!head.is_request() || hosts == 0) return {};
    if (hosts > 1) return refuse("it has more than one Host");
    return is_authority(head.host()) ? Result<void>() : refuse("the Host is no host name or address");
}

std::size_t size_of(const Fields& fields) noexcept {
    std::size_t size = line_end.size();
    for (const Field& field : fields) size += field.name.size() + field.value.size() + 4;
    return size;
}

void put_fields(Cursor& to, const Fields& fields) noexcept {
    for (const Field& field : fields) {
        to.put(field.name);
        to.put(": ");
        to.put(field.value);
        to.put(line_end);
    }
    to.put(line_end);
}

std::size_t size_of(const Head& head) noexcept {
    const std::size_t line = head.is_request()
                                 ? head.method().size() + head.target().size() + 12
                                 : head.reason().size() + 15; // "GET / HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\n"
    return line + size_of(static_cast<const Fields&>(head));
}

void put_start_line(Cursor& to, const Head& head) noexcept {
    const std::string_view version = head.version() == HttpVersion::http10 ? "HTTP/1.0" : "HTTP/1.1";
    if (head.is_request()) {
        to.put(head.method());
        to.put(" ");
        to.put(head.target());
        to.put(" ");
        to.put(version);
    } else {
        const int status = head.status();
        const std::array<char, 5> digits = {' ', static_cast<char>('0' + status / 100),
                                            static_cast<char>('0' + status / 10 % 10),
                                            static_cast<char>('0' + status % 10), ' '};
        to.put(version);
        to.put({digits.data(), digits.size()});
        to.put(head.reason());
    }
    to.put(line_end);
}

template <class Sink>
Result<void> write(Sink& out, const Head& head) {
    if (Result<void> checked = check(head); !checked) return checked;
    const std::size_t size = size_of(head);
    Room<Sink> room(out, size);
    Cursor to(room.data());
    put_start_line(to, head);
    put_fields(to, head);
    const std::size_t line_ends = 2 * (head.size() + 2);
    if (scan::count_breaks(room.data(), size) != line_ends) return refuse("a part of it has a CR, LF or NUL");
    room.commit();
    return {};
}

template <class Sink>
void write_data(Sink& out, Bytes data) {
    if (data.empty()) return; // an empty chunk would end the body
    char line[chunk_size_max];
    const std::size_t line_size = format_chunk_size(line, data.size());
    Room<Sink> room(out, line_size + data.size() + line_end.size());
    Cursor to(room.data());
    to.put({line, line_size});
    to.put(as_text(data));
    to.put(line_end);
    room.commit();
}

template <class Sink>
void write_end(Sink& out, const Fields& trailers) {
    Fields kept;
    if (!trailers.empty()) {
        kept = trailers;
        kept.remove_if([](const Field& field) { return !may_trail(field) || !is_single_line(field.value); });
    }
    constexpr std::string_view last = "0\r\n";
    Room<Sink> room(out, last.size() + size_of(kept));
    Cursor to(room.data());
    to.put(last);
    put_fields(to, kept);
    room.commit();
}

} // namespace

Result<void> write_head(ByteQueue& out, const Head& head) { return write(out, head); }
Result<void> write_head(std::string& out, const Head& head) { return write(out, head); }

std::size_t format_chunk_size(char (&line)[chunk_size_max], std::uint64_t size) noexcept {
    char* const end = std::to_chars(line, line + chunk_size_max - line_end.size(), size, 16).ptr;
    std::copy(line_end.begin(), line_end.end(), end);
    return static_cast<std::size_t>(end - line) + line_end.size();
}

void write_chunk(ByteQueue& out, Bytes data) { write_data(out, data); }
void write_chunk(std::string& out, Bytes data) { write_data(out, data); }
void write_last_chunk(ByteQueue& out, const Fields& trailers) { write_end(out, trailers); }
void write_last_chunk(std::string& out, const Fields& trailers) { write_end(out, trailers); }

} // namespace adit
