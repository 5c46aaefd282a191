#include "http/head_reader.hpp"

#include "http/meaning.hpp"
#include "http/scan.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <llhttp.h>

namespace adit::inline v0 {
namespace {

// A body often follows in the same buffer; at most this much of it is copied for nothing.
constexpr std::size_t collect_step = 2'048;

constexpr HttpError not_http{
    400, "This is not HTTP/1.1: no message begins like this. Check the port and the scheme."};
constexpr HttpError bare_lf{400, "A line of the head ends in LF alone; end every line with CR LF."};
constexpr HttpError bare_cr{400, "A CR without LF in the head; end every line with CR LF."};
constexpr HttpError folded{400, "A line of the head begins with a blank; write every field on one line."};
constexpr HttpError bad_field{
    400, "A header field is malformed: a name is a token followed at once by a colon, and a "
         "value has no control characters."};
constexpr HttpError bad_framing{
    400, "Content-Length or Transfer-Encoding is malformed or repeated, or both are given; "
         "send exactly one of them."};
constexpr HttpError bad_request_line{400,
                                     "The request line is malformed; write METHOD SP TARGET SP HTTP/1.1."};
constexpr HttpError bad_status_line{400, "The status line is malformed; write HTTP/1.1 SP STATUS SP REASON."};
constexpr HttpError bad_target{400, "The request target is malformed or does not suit the method."};
constexpr HttpError bad_version{505, "Only HTTP/1.1 and HTTP/1.0 are spoken on this connection."};
constexpr HttpError too_many_fields{431, "Too many header fields; send fewer of them."};
constexpr HttpError head_too_large{431, "The head is too large; send fewer or smaller cookies and fields."};
constexpr HttpError target_too_large{414, "The request target is too long; move data into the body."};

constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::string_view first_line(std::string_view block) noexcept { return block.substr(0, block.find('\r')); }

bool is_version(std::string_view text) noexcept {
    return text.size() == 8 && text.starts_with("HTTP/") && is_digit(text[5]) && text[6] == '.' &&
           is_digit(text[7]);
}

bool is_printable(std::string_view text) noexcept {
    return std::ranges::none_of(text, [](char c) {
        const auto u = static_cast<unsigned char>(c);
        return (u < 0x20 && c != '\t') || u == 0x7f;
    });
}

} // namespace

// Collects the fields that llhttp finds as offsets into the arena.
struct HeadReader::Grammar {
    Fields& fields;
    bool complete = false;

    static Grammar& of(llhttp_t* parser) noexcept { return *static_cast<Grammar*>(parser->data); }
    Fields::Span span(const char* at, std::size_t size) const noexcept {
        return {static_cast<std::uint32_t>(at - fields.arena_.data()), static_cast<std::uint32_t>(size)};
    }
    static int on_name(llhttp_t* parser, const char* at, std::size_t size) {
        if (at[size] != ':') return -1; // a blank before the colon, which llhttp may overlook
        Grammar& self = of(parser);
        self.fields.entries_.push_back({self.span(at, size), {}, FieldId::other});
        return 0;
    }
    static int on_value(llhttp_t* parser, const char* at, std::size_t size) {
        Grammar& self = of(parser);
        Fields::Span& value = self.fields.entries_.back().value;
        if (value.begin != 0) return -1; // in two pieces: then llhttp saw a line end that scan() did not
        while (size > 0 && is_blank(at[size - 1])) --size;
        value = self.span(at, size);
        return 0;
    }
    static int on_complete(llhttp_t* parser) {
        of(parser).complete = true;
        return HPE_PAUSED;
    }
    // A parser behind a start line. Start lines are read here, in fewer forms than llhttp takes; which
    // methods and targets exist is for the application to say. From here on requests, responses and trailers
    // are the same to it.
    static llhttp_t at_fields() {
        static constexpr llhttp_settings_t settings = [] {
            llhttp_settings_t s{};
            s.on_header_field = on_name;
            s.on_header_value = on_value;
            s.on_headers_complete = on_complete;
            return s;
        }();
        constexpr std::string_view start = "GET / HTTP/1.1\r\n";
        llhttp_t parser;
        llhttp_init(&parser, HTTP_REQUEST, &settings);
        llhttp_execute(&parser, start.data(), start.size());
        return parser;
    }
};

void HeadReader::reset() noexcept {
    scanned_ = head_begin_ = line_begin_ = lines_ = 0;
    begun_ = complete_ = false;
}

HeadReader::Outcome HeadReader::read(Bytes input, Head& head) {
    Outcome outcome = collect(input, head);
    if (outcome.state != State::complete) return outcome;
    outcome.error = kind_ == Kind::request ? read_request(head) : read_response(head);
    if (outcome.error) outcome.state = State::error;
    return outcome;
}

HeadReader::Outcome HeadReader::read(Bytes input, Fields& trailers) {
    Outcome outcome = collect(input, trailers);
    if (outcome.state != State::complete) return outcome;
    outcome.error = read_fields(trailers.arena_, trailers);
    if (outcome.error) {
        outcome.state = State::error;
    } else {
        trailers.remove_if([](const Field& field) { return !may_trail(field); });
    }
    return outcome;
}

HeadReader::Outcome HeadReader::collect(Bytes input, Fields& fields) {
    std::string& arena = fields.arena_;
    const std::size_t largest = limits_.bytes;
    std::size_t consumed = 0;
    while (consumed < input.size()) {
        const std::size_t before = arena.size();
        const std::size_t step = std::min({input.size() - consumed, collect_step, largest - before});
        arena.append(as_text(input.subspan(consumed, step)));
        begun_ = true;
        if (const HttpError* error = scan(arena)) return {consumed, State::error, *error};
        if (complete_) {
            arena.resize(scanned_);
            return {consumed + (scanned_ - before), State::complete, {}};
        }
        consumed += step;
        if (arena.size() >= largest) return {consumed, State::error, too_large()};
    }
    return {consumed, State::need_more, {}};
}

const HttpError& HeadReader::too_large() const noexcept {
    return kind_ == Kind::request && lines_ == 0 ? target_too_large : head_too_large;
}

// Looks at the ends and the first byte of lines only; the rest is for llhttp. When complete_, the head ends
// at scanned_.
const HttpError* HeadReader::scan(const std::string& arena) noexcept {
    const char* const data = arena.data();
    const char* const end = data + arena.size();
    const char* begin = data + line_begin_;
    const char* from = data + scanned_;
    while (begin != end && !complete_) {
        if (const HttpError* error = check_first(*begin)) return error;
        from = scan::find_line_end(from, end);
        if (from != end && *from == '\n') return &bare_lf;
        if (end - from < 2) break; // a CR at the end is looked at again with what follows it
        if (from[1] != '\n') return &bare_cr;
        const bool empty = from == begin;
        begin = from += 2;
        if (const HttpError* error = line_done(empty, static_cast<std::size_t>(begin - data))) {
            return error;
        }
    }
    line_begin_ = static_cast<std::size_t>(begin - data);
    scanned_ = static_cast<std::size_t>(from - data);
    return nullptr;
}

// Garbage is refused at its first byte, not after the head's time is up.
inline const HttpError* HeadReader::check_first(char first) const noexcept {
    if (lines_ > 0 || kind_ == Kind::trailers) return is_blank(first) ? &folded : nullptr;
    if (kind_ == Kind::response) return first == 'H' ? nullptr : &not_http;
    if (first == '\n') return &bare_lf;
    return first == '\r' || is_token({&first, 1}) ? nullptr : &not_http;
}

inline const HttpError* HeadReader::line_done(bool empty, std::size_t next) noexcept {
    const std::size_t start_lines = kind_ == Kind::trailers ? 0 : 1;
    if (!empty) return ++lines_ > limits_.fields + start_lines ? &too_many_fields : nullptr;
    if (lines_ >= start_lines) {
        complete_ = true;
        return nullptr;
    }
    if (head_begin_ > 0) return &not_http;
    head_begin_ = next; // one empty line before a request is tolerated, RFC 9112 2.2
    return nullptr;
}

HttpError HeadReader::read_request(Head& head) const {
    const std::string_view block = std::string_view(head.arena_).substr(head_begin_);
    const std::string_view line = first_line(block);
    const std::size_t method_end = line.find(' ');
    const std::size_t target_end = method_end == line.npos ? line.npos : line.find(' ', method_end + 1);
    if (target_end == line.npos) return bad_request_line; // HTTP/0.9 too
    const std::string_view method = line.substr(0, method_end);
    const std::string_view target = line.substr(method_end + 1, target_end - method_end - 1);
    const std::string_view version = line.substr(target_end + 1);
    if (!is_token(method) || !is_version(version)) return bad_request_line;
    if (version != "HTTP/1.1" && version != "HTTP/1.0") return bad_version;
    const auto parsed = parse_target(method, target);
    if (!parsed) return bad_target;

    if (const HttpError error = read_fields(block.substr(line.size() + 2), head)) return error;
    const auto begin = static_cast<std::uint32_t>(head_begin_);
    const auto method_size = static_cast<std::uint32_t>(method.size());
    head.method_ = {begin, method_size};
    head.target_ = {begin + method_size + 1, static_cast<std::uint32_t>(target.size())};
    head.version_ = version.back() == '1' ? HttpVersion::http11 : HttpVersion::http10;
    return understand_request(head, *parsed);
}

HttpError HeadReader::read_response(Head& head) const {
    constexpr std::size_t status_at = 9;  // behind "HTTP/1.1 "
    constexpr std::size_t reason_at = 13; // behind "HTTP/1.1 200 "
    const std::string_view line = first_line(head.arena_);
    if (line.size() < reason_at - 1 || !is_version(line.substr(0, 8)) || line[8] != ' ')
        return bad_status_line;
    if (!line.starts_with("HTTP/1.1") && !line.starts_with("HTTP/1.0")) return bad_version;
    const std::string_view status = line.substr(status_at, 3);
    if (!std::ranges::all_of(status, is_digit) || status[0] == '0') return bad_status_line;
    if (line.size() > reason_at - 1 && line[reason_at - 1] != ' ') return bad_status_line;
    if (!is_printable(line)) return bad_status_line;

    if (const HttpError error = read_fields(std::string_view(head.arena_).substr(line.size() + 2), head))
        return error;
    head.status_ = (status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0');
    if (line.size() > reason_at) {
        head.target_ = {reason_at, static_cast<std::uint32_t>(line.size() - reason_at)};
    }
    head.version_ = line[7] == '1' ? HttpVersion::http11 : HttpVersion::http10;
    return understand_response(head);
}

// `block` is in the arena of `fields`: the field lines and the empty line.
HttpError HeadReader::read_fields(std::string_view block, Fields& fields) const {
    static const llhttp_t at_fields = Grammar::at_fields();
    Grammar grammar{fields};
    llhttp_t parser = at_fields;
    parser.data = &grammar;
    const llhttp_errno_t result = llhttp_execute(&parser, block.data(), block.size());
    if (result != HPE_PAUSED || !grammar.complete) {
        const bool framing = result == HPE_INVALID_CONTENT_LENGTH ||
                             result == HPE_UNEXPECTED_CONTENT_LENGTH ||
                             result == HPE_INVALID_TRANSFER_ENCODING;
        return framing ? bad_framing : bad_field;
    }
    // llhttp must have seen what scan() saw: as many fields as lines, and the end at the end.
    const std::size_t start_lines = kind_ == Kind::trailers ? 0 : 1;
    if (fields.entries_.size() != lines_ - start_lines) return bad_field;
    for (Fields::Entry& entry : fields.entries_) {
        const std::string_view name = fields.text(entry.name);
        if (!is_token(name)) return bad_field;
        entry.id = field_id(name);
    }
    return {};
}

} // namespace adit
