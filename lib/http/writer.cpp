#include "http/writer.hpp"

#include "http/meaning.hpp"

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

char* grow(std::string& out, std::size_t size) {
    const std::size_t before = out.size();
    out.resize(before + size);
    return out.data() + before;
}
char* grow(ByteQueue& out, std::size_t size) {
    char* const room = reinterpret_cast<char*>(out.prepare(size).data());
    out.commit(size);
    return room;
}

Result<void> refuse(std::string_view what) {
    return ErrorInfo(errc::protocol_error, "refused to write an HTTP head: " + std::string(what));
}

// Names are tokens in every Fields object, so only what may have been made by hand is looked at again.
Result<void> check(const Head& head) {
    if (head.is_request()) {
        if (!is_token(head.method())) { return refuse("the method is not a token"); }
        if (!is_target(head.target())) { return refuse("the target is empty or has characters that end it"); }
    } else {
        if (head.status() < 100 || head.status() > 999) { return refuse("the status is not a number of three digits"); }
        if (!is_single_line(head.reason())) { return refuse("the reason phrase has a line end"); }
    }
    bool has_length = false;
    bool has_coding = false;
    for (const Field& field : head) {
        if (!is_single_line(field.name) || !is_single_line(field.value)) { return refuse("a field has a line end"); }
        if (field.id == FieldId::content_length && std::exchange(has_length, true)) {
            return refuse("Content-Length is repeated");
        }
        if (field.id == FieldId::transfer_encoding && std::exchange(has_coding, true)) {
            return refuse("Transfer-Encoding is repeated");
        }
    }
    if (has_length && has_coding) { return refuse("it has both Content-Length and Transfer-Encoding"); }
    return {};
}

std::size_t size_of(const Fields& fields) noexcept {
    std::size_t size = line_end.size();
    for (const Field& field : fields) { size += field.name.size() + field.value.size() + 4; }
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

template <class Sink>
Result<void> write(Sink& out, const Head& head) {
    if (Result<void> checked = check(head); !checked) { return checked; }
    const std::string_view version = head.version() == HttpVersion::http10 ? "HTTP/1.0" : "HTTP/1.1";
    if (head.is_request()) {
        const std::size_t line = head.method().size() + head.target().size() + version.size() + 4;
        Cursor to(grow(out, line + size_of(head)));
        to.put(head.method());
        to.put(" ");
        to.put(head.target());
        to.put(" ");
        to.put(version);
        to.put(line_end);
        put_fields(to, head);
        return {};
    }
    const std::array<char, 5> status = {' ', static_cast<char>('0' + head.status() / 100),
                                        static_cast<char>('0' + head.status() / 10 % 10),
                                        static_cast<char>('0' + head.status() % 10), ' '};
    Cursor to(grow(out, version.size() + status.size() + head.reason().size() + line_end.size() + size_of(head)));
    to.put(version);
    to.put({status.data(), status.size()});
    to.put(head.reason());
    to.put(line_end);
    put_fields(to, head);
    return {};
}

template <class Sink>
void write_data(Sink& out, Bytes data) {
    if (data.empty()) { return; } // an empty chunk would end the body
    char line[chunk_size_max];
    const std::size_t line_size = format_chunk_size(line, data.size());
    Cursor to(grow(out, line_size + data.size() + line_end.size()));
    to.put({line, line_size});
    to.put(as_text(data));
    to.put(line_end);
}

template <class Sink>
void write_end(Sink& out, const Fields& trailers) {
    Fields kept;
    if (!trailers.empty()) {
        kept = trailers;
        kept.remove_if([](const Field& field) { return !may_trail(field) || !is_single_line(field.value); });
    }
    constexpr std::string_view last = "0\r\n";
    Cursor to(grow(out, last.size() + size_of(kept)));
    to.put(last);
    put_fields(to, kept);
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
