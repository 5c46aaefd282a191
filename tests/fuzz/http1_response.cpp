// Bytes of an application that answers two requests. First line: the words GET, HEAD or CONNECT, upgrade, close (the
// stream ends behind the bytes).
#include "fuzz/fuzz.hpp"

#include "http/writer.hpp"
#include "unit/http/http_log.hpp"

using namespace adit;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view bytes = as_text({data, size});
    const fuzz::Words words(bytes);
    const std::vector<http_test::Asked> asked = {{words.one_of({"HEAD", "CONNECT", "GET"}), words.has("upgrade")}, {}};
    const bool closed = words.has("close");
    fuzz::same_at_every_cut(bytes, [&](const fuzz::Pieces& pieces) {
        return http_test::run_responses(asked, pieces, closed);
    });

    // The first head, written again as it is, is the same head.
    ResponseParser parser;
    parser.expect(asked[0].method, asked[0].upgrade);
    const fuzz::Exact exact(bytes);
    if (parser.parse(exact.bytes()).state != ParseState::head_complete) return 0;
    const Head& head = parser.head();
    std::string written;
    FUZZ_CHECK(write_head(written, head));
    ResponseParser again;
    again.expect(asked[0].method, asked[0].upgrade);
    const fuzz::Exact copy(written);
    const ParseResult reread = again.parse(copy.bytes());
    FUZZ_CHECK(reread.state == ParseState::head_complete && reread.consumed == written.size());
    const Head& other = again.head();
    FUZZ_CHECK(other.status() == head.status() && other.reason() == head.reason());
    FUZZ_CHECK(other.version() == head.version() && other.size() == head.size());
    FUZZ_CHECK(other.framing() == head.framing() && other.content_length() == head.content_length());
    FUZZ_CHECK(other.keep_alive() == head.keep_alive() && other.upgrade() == head.upgrade());
    return 0;
}
