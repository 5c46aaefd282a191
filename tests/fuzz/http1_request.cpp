// Bytes of a visitor: how they are cut makes no difference, a message ends where it says, and a head that is written
// again is the same head.
#include "fuzz/fuzz.hpp"

#include "http/writer.hpp"
#include "unit/http/http_log.hpp"

namespace {

using namespace adit;

// Every head in the input, written again as it is: the same fields, and nothing else.
void check_heads(std::string_view bytes) {
    const fuzz::Exact exact(bytes);
    Bytes input = exact.bytes();
    RequestParser parser;
    for (;;) {
        const ParseResult r = parser.parse(input);
        FUZZ_CHECK(r.consumed <= input.size());
        input = input.subspan(r.consumed);
        if (r.state == ParseState::error) {
            FUZZ_CHECK(r.error.status >= 400 && r.error.status < 600 && !r.error.text.empty());
            FUZZ_CHECK(!parser.body_done() && !parser.idle() && !parser.finish());
        }
        if (r.state == ParseState::error || r.state == ParseState::need_more || r.state == ParseState::upgrade) return;
        if (r.state == ParseState::message_complete) FUZZ_CHECK(parser.body_done());
        if (r.state != ParseState::head_complete) continue;

        const Head& head = parser.head();
        std::string written;
        FUZZ_CHECK(write_head(written, head));
        RequestParser again;
        const fuzz::Exact copy(written);
        const ParseResult reread = again.parse(copy.bytes());
        FUZZ_CHECK(reread.state == ParseState::head_complete && reread.consumed == written.size());
        const Head& other = again.head();
        FUZZ_CHECK(other.method() == head.method() && other.target() == head.target());
        FUZZ_CHECK(other.version() == head.version() && other.host() == head.host());
        FUZZ_CHECK(other.framing() == head.framing() && other.content_length() == head.content_length());
        FUZZ_CHECK(other.keep_alive() == head.keep_alive() && other.upgrade() == head.upgrade());
        FUZZ_CHECK(other.expect_continue() == head.expect_continue() && other.size() == head.size());
        for (std::size_t i = 0; i < head.size(); ++i) {
            FUZZ_CHECK(other[i].name == head[i].name && other[i].value == head[i].value && other[i].id == head[i].id);
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes = as_text({data, size});
    fuzz::same_at_every_cut(bytes, http_test::run_requests);
    check_heads(bytes);
    return 0;
}
