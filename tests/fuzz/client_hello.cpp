// The first bytes of a TLS connection: the same verdict at every cut, the records that hold the hello and nothing behind
// them, and a server name in the one spelling that routing compares.
#include "fuzz/fuzz.hpp"

#include "tls/client_hello.hpp"

using namespace adit;
using State = tls::ClientHelloReader::State;

namespace {

std::string verdict(const fuzz::Pieces& pieces) {
    tls::ClientHelloReader reader;
    for (const std::string_view piece : pieces) {
        const State before = reader.state();
        const State state = reader.feed(fuzz::Exact(piece).bytes());
        FUZZ_CHECK(state == reader.state());
        if (before != State::need_more) FUZZ_CHECK(state == before); // a verdict stays
    }
    const bool failed = reader.state() == State::bad || reader.state() == State::not_tls;
    FUZZ_CHECK(failed == !reader.error().message().empty());
    std::string text = std::to_string(static_cast<int>(reader.state())) + " ";
    // What the first bytes look like is said of those that are there.
    if (reader.state() != State::done) return text + (reader.state() == State::bad ? reader.error().message() : "");
    const tls::ClientHello& hello = reader.hello();
    text += std::to_string(reader.consumed()) + " " + hello.server_name;
    for (const std::string& protocol : hello.alpn) text += "," + protocol;
    for (const std::uint16_t version : hello.versions) text += ";" + std::to_string(version);
    return text + (hello.encrypted_hello ? " ech" : "");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes = as_text({data, size});
    fuzz::same_at_every_cut(bytes, verdict);
    tls::ClientHelloReader reader;
    if (reader.feed({data, size}) != State::done) return 0;

    const std::size_t consumed = reader.consumed();
    FUZZ_CHECK(consumed <= size);
    fuzz::check_same(verdict({bytes.substr(0, consumed)}), verdict({bytes}), "the hello without what follows it");
    tls::ClientHelloReader shorter;
    FUZZ_CHECK(shorter.feed({data, consumed - 1}) == State::need_more);
    const tls::ClientHello& hello = reader.hello();
    FUZZ_CHECK(!hello.server_name.ends_with('.'));
    for (const char c : hello.server_name) FUZZ_CHECK(c > ' ' && c < 0x7f && !(c >= 'A' && c <= 'Z'));
    for (const std::string& protocol : hello.alpn) FUZZ_CHECK(!protocol.empty() && protocol.size() <= 255);
    return 0;
}
