// What users give as PEM text: certificates, chains, keys and authorities. Without the word "der" on the first line the rest
// is the text; with it the rest is a certificate's bytes, which are wrapped, so that its insides are reached as well.
#include "fuzz/fuzz.hpp"

#include "tls/certificate_facts.hpp"
#include "tls/identity.hpp"
#include "tls/trust_roots.hpp"

using namespace adit;

namespace {

std::string wrapped(std::string_view der) {
    static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text = "-----BEGIN CERTIFICATE-----\n";
    const auto byte = [der](std::size_t i) { return i < der.size() ? static_cast<std::uint8_t>(der[i]) : std::uint8_t{0}; };
    for (std::size_t i = 0; i < der.size(); i += 3) {
        const auto bits = static_cast<std::uint32_t>(byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2));
        for (std::size_t k = 0; k < 4; ++k) text += i + k > der.size() ? '=' : digits[bits >> (18 - 6 * k) & 63];
        if (i % 48 == 45) text += '\n';
    }
    return text + "\n-----END CERTIFICATE-----\n";
}

std::size_t count(std::string_view text, std::string_view part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
    return found;
}

bool is_field_value(std::string_view value) {
    if (value.empty() || value.front() == ' ' || value.back() == ' ') return false;
    return std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c < 0x7f; });
}

/// What is said of a certificate is the same when it is read again, and can stand in a header field.
void check_facts(std::string_view text) {
    const auto info = tls::read_certificate(text);
    const auto facts = tls::certificate_facts(text);
    FUZZ_CHECK(info.has_value() == facts.has_value());
    if (!facts) {
        FUZZ_CHECK(!facts.error().message().empty());
        return;
    }
    FUZZ_CHECK(info->fingerprint == facts->info.fingerprint);
    FUZZ_CHECK(info->fingerprint.size() == 64);
    FUZZ_CHECK(count(facts->pem, "-----BEGIN ") == 1);
    const auto again = tls::certificate_facts(facts->pem);
    FUZZ_CHECK(again.has_value());
    fuzz::check_same(again->pem, facts->pem, "the certificate");
    FUZZ_CHECK(again->info.fingerprint == info->fingerprint);
    FUZZ_CHECK(again->extensions.size() == facts->extensions.size());
    for (const std::string& name : facts->info.dns_names) FUZZ_CHECK(name.find('\0') == name.npos);
    const auto fields = tls::certificate_fields(*facts, true);
    FUZZ_CHECK(!fields.empty() && fields.size() <= 5);
    for (const auto& [name, value] : fields) FUZZ_CHECK(is_field_value(value));
    FUZZ_CHECK(tls::certificate_fields(*facts, false).size() == 1);
    FUZZ_CHECK(tls::certificate_fields(*facts, false).front() == fields.front());
}

void check_identity(std::string_view text) {
    const auto identity = tls::Identity::from_pem(text, text);
    if (!identity) {
        FUZZ_CHECK(identity.error().code() == errc::invalid_option);
        FUZZ_CHECK(!identity.error().message().empty());
        return;
    }
    const tls::Identity& own = **identity;
    FUZZ_CHECK(own.chain_length() >= 1 && count(own.certificate_pem(), "-----BEGIN CERTIFICATE-----") == own.chain_length());
    FUZZ_CHECK(own.certificate_pem().find("PRIVATE") == std::string::npos);
    (void)own.check_dates(own.not_before());
    (void)own.check_dates(own.not_after());
    // Without its key it is none; it fits its own chain as printed.
    FUZZ_CHECK(!tls::Identity::from_pem(own.certificate_pem(), own.certificate_pem()));
    FUZZ_CHECK(tls::Identity::from_pem(own.certificate_pem(), text).has_value());
}

void check_roots(std::string_view text) {
    const auto roots = tls::TrustRoots::from_pem(text);
    FUZZ_CHECK(roots.has_value() == tls::read_certificate(text).has_value());
    if (roots) FUZZ_CHECK(roots->count() >= 1 && roots->count() <= count(text, "-----BEGIN "));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input = as_text({data, size});
    const fuzz::Words words(input);
    const fuzz::Exact text(words.has("der") ? wrapped(input) : std::string(input));
    check_facts(text.text());
    check_identity(text.text());
    check_roots(text.text());
    return 0;
}
