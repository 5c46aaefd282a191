// A balancer's PROXY protocol header, versions 1 and 2: the same verdict at every cut, the bytes of the header and none behind
// them, and ends that are written as a header which says the same.
#include "fuzz/fuzz.hpp"

#include "proto/proxy_protocol.hpp"

using namespace adit;

namespace {

/// "error" or "pending", or what was read; and how many bytes belong to it.
std::string verdict(const fuzz::Pieces& pieces, std::size_t& used) {
    ProxyProtocolReader reader(ProxyProtocolReader::v2_max);
    used = 0;
    for (const std::string_view piece : pieces) {
        if (reader.done()) break;
        const fuzz::Exact exact(piece);
        const auto taken = reader.feed(exact.bytes());
        if (!taken) {
            FUZZ_CHECK(!taken.error().message().empty());
            FUZZ_CHECK(!reader.ends()); // nobody takes an address of a header that was refused
            return "error";
        }
        FUZZ_CHECK(*taken <= piece.size());
        FUZZ_CHECK(reader.done() || *taken == piece.size());
        used += *taken;
    }
    FUZZ_CHECK(used <= ProxyProtocolReader::v2_max);
    if (!reader.done()) return "pending";
    FUZZ_CHECK(reader.version() != ProxyProtocolVersion::none);
    const auto& ends = reader.ends();
    std::string text = std::to_string(static_cast<int>(reader.version())) + " " + std::to_string(used);
    return ends ? text + " " + ends->source.to_string() + " " + ends->destination.to_string() : text + " unknown";
}

std::string verdict(const fuzz::Pieces& pieces) {
    std::size_t used = 0;
    return verdict(pieces, used);
}

/// Both versions of a header that says `ends` are read as that.
void check_written(const std::optional<ProxiedEnds>& ends) {
    for (const ProxyProtocolVersion version : {ProxyProtocolVersion::v1, ProxyProtocolVersion::v2}) {
        const std::string header = encode_proxy_protocol(version, ends);
        ProxyProtocolReader reader;
        const auto taken = reader.feed(as_bytes(header));
        FUZZ_CHECK(taken && *taken == header.size() && reader.done());
        FUZZ_CHECK(reader.version() == version && reader.ends() == ends);
        FUZZ_CHECK(version != ProxyProtocolVersion::v1 || header.size() <= ProxyProtocolReader::v1_max);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes = as_text({data, size});
    fuzz::same_at_every_cut(bytes, [](const fuzz::Pieces& pieces) { return verdict(pieces); });
    std::size_t used = 0;
    const std::string whole = verdict({bytes}, used);
    if (whole == "error" || whole == "pending") return 0;
    fuzz::check_same(verdict({bytes.substr(0, used)}), whole, "the header without what follows it");
    fuzz::check_same(verdict({bytes.substr(0, used - 1)}), "pending", "the header without its last byte");
    ProxyProtocolReader reader;
    (void)reader.feed({data, size});
    check_written(reader.ends());
    return 0;
}
