// A chunked body: the same bytes and trailers whatever the cuts, an end that does not depend on what follows it, and the
// same body again when it is written as we write chunks.
#include "fuzz/fuzz.hpp"

#include "http/body_reader.hpp"
#include "http/writer.hpp"

namespace {

using namespace adit;

struct Decoded {
    std::string body;
    std::string trailers;
    std::size_t consumed = 0;
    int status = 0; // of the error
    bool complete = false;

    std::string text() const {
        return body + "|" + trailers + "|" + std::to_string(complete ? consumed : 0) + "|" + std::to_string(status) + "|" +
               (complete ? "complete" : "open");
    }
};

std::string describe(const Fields& fields) {
    std::string text;
    for (const Field& field : fields) text.append(field.name).append(": ").append(field.value).append("\n");
    return text;
}

Decoded decode(const fuzz::Pieces& pieces) {
    BodyReader reader;
    reader.start(Framing::chunked, 0);
    Decoded result;
    for (const std::string_view piece : pieces) {
        const fuzz::Exact exact(piece);
        for (Bytes input = exact.bytes(); !input.empty() && !result.complete && result.status == 0;) {
            const BodyReader::Outcome r = reader.read(input);
            FUZZ_CHECK(r.consumed <= input.size());
            FUZZ_CHECK(r.consumed > 0 || r.state == BodyReader::State::error);
            if (r.state == BodyReader::State::body) {
                FUZZ_CHECK(!r.body.empty() && r.body.size() <= r.consumed);
                result.body += as_text(r.body);
            }
            if (r.state == BodyReader::State::need_more) FUZZ_CHECK(r.consumed == input.size());
            result.consumed += r.consumed;
            result.complete = r.state == BodyReader::State::complete;
            if (r.state == BodyReader::State::error) result.status = r.error.status;
            input = input.subspan(r.consumed);
        }
    }
    FUZZ_CHECK(reader.done() == result.complete);
    if (result.complete) result.trailers = describe(reader.trailers());
    return result;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes = as_text({data, size});
    fuzz::same_at_every_cut(bytes, [](const fuzz::Pieces& pieces) { return decode(pieces).text(); });
    const Decoded whole = decode({bytes});
    if (!whole.complete) return 0;

    // What follows the end is another message.
    const Decoded alone = decode({bytes.substr(0, whole.consumed)});
    fuzz::check_same(alone.text(), whole.text(), "the body without what follows it");
    FUZZ_CHECK(!decode({bytes.substr(0, whole.consumed - 1)}).complete);

    // Again in chunks and with trailers of ours.
    Fields trailers;
    BodyReader reader;
    reader.start(Framing::chunked, 0);
    const fuzz::Exact exact(bytes);
    for (Bytes input = exact.bytes(); !reader.done();) input = input.subspan(reader.read(input).consumed);
    trailers = reader.trailers();
    std::string written;
    fuzz::Dice dice(bytes);
    for (const std::string_view piece : fuzz::cut(whole.body, dice, 40)) write_chunk(written, as_bytes(piece));
    write_last_chunk(written, trailers);
    const Decoded again = decode({written + "GET"});
    FUZZ_CHECK(again.complete && again.consumed == written.size());
    fuzz::check_same(again.body, whole.body, "the body in chunks of ours");
    fuzz::check_same(again.trailers, whole.trailers, "its trailers");
    return 0;
}
