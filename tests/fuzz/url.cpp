// Endpoint URLs, host names and host:port: one spelling, which is read as itself.
#include "fuzz/fuzz.hpp"

#include "base/url.hpp"

using namespace adit;

namespace {

bool same(const HostPort& a, const HostPort& b) { return a.host == b.host && a.port == b.port; }

void check_url(std::string_view text) {
    const auto url = EndpointUrl::parse(text);
    if (!url) {
        FUZZ_CHECK(!url.error().message().empty());
        return;
    }
    const std::string spelling = url->to_string();
    const auto again = EndpointUrl::parse(spelling);
    FUZZ_CHECK(again);
    FUZZ_CHECK(*again == *url);
    fuzz::check_same(again->to_string(), spelling, "the spelling of a spelling");
    FUZZ_CHECK(url->port() != default_port(url->scheme()) || url->scheme() == UrlScheme::tcp);
    if (check_public(*url)) FUZZ_CHECK(url->host().empty() || url->host().find('.') != std::string::npos);
    if (check_internal(*url)) FUZZ_CHECK(url->is_internal());
}

void check_host(std::string_view text) {
    for (const bool wildcard : {false, true}) {
        const auto host = normalize_host(text, wildcard);
        if (!host) continue;
        const auto again = normalize_host(*host, wildcard);
        FUZZ_CHECK(again);
        fuzz::check_same(*again, *host, "the normal form of a normal form");
        FUZZ_CHECK(!host->empty() && host->size() <= 253 && host_matches(*host, *host));
        for (const char c : *host) {
            const bool known = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
                               c == ':' || (wildcard && c == '*');
            FUZZ_CHECK(known);
        }
        // Below a wildcard, and not the other way.
        if (!wildcard) FUZZ_CHECK(host_matches("*." + *host, "x." + *host) && !host_matches("*." + *host, *host));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::Exact exact(Bytes{data, size});
    check_url(exact.text());
    check_host(exact.text());
    const auto parts = split_host_port(exact.text());
    if (parts && parts->port) {
        const auto again = split_host_port(join_host_port(parts->host, *parts->port));
        FUZZ_CHECK(again);
        FUZZ_CHECK(same(*again, *parts));
    }
    return 0;
}
