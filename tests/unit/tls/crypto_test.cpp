#include "tls/base64url.hpp"
#include "base/hex.hpp"
#include "tls/crypto.hpp"

#include "support/doctest.hpp"

#include <set>

using namespace adit;
using namespace adit::tls;

TEST_CASE("digests, MACs and derived keys match their published vectors") {
    CHECK(hex_encode(sha256(as_bytes("abc"))) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"); // FIPS 180
    CHECK(hex_encode(sha256({})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(hex_encode(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"); // RFC 4231 case 2
    const std::vector<std::uint8_t> secret(22, 0x0b);
    const std::vector<std::uint8_t> salt = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    const std::vector<std::uint8_t> info = {0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9};
    CHECK(hex_encode(hkdf_sha256(secret, salt, info, 42)) == // RFC 5869 A.1
          "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    CHECK(hkdf_sha256(secret, salt, info, 0).empty());
    CHECK_THROWS(hkdf_sha256(secret, salt, info, 255 * 32 + 1));
}

TEST_CASE("random bytes differ") {
    std::set<std::array<std::uint8_t, 16>> seen;
    for (int i = 0; i < 100; ++i) {
        std::array<std::uint8_t, 16> bytes{};
        random_bytes(bytes);
        seen.insert(bytes);
    }
    CHECK(seen.size() == 100);
}

TEST_CASE("base64url round-trips every length and refuses what no encoder makes") {
    std::vector<std::uint8_t> bytes;
    for (std::size_t n = 0; n < 70; ++n) {
        const std::string text = base64url_encode(bytes);
        CHECK(text.find_first_of("+/=") == std::string::npos);
        CHECK(base64url_decode(text) == bytes);
        bytes.push_back(static_cast<std::uint8_t>(n * 37 + 200));
    }
    CHECK(base64url_encode(as_bytes("\xfb\xff")) == "-_8");
    for (const std::string_view bad :
         {"A", "AA=", "AA==", "A+AA", "A/AA", "AAAAA", "AB", "AAB", "A A", "\xc3\xa4"}) {
        INFO(bad);
        CHECK_FALSE(base64url_decode(bad).has_value());
    }
}

TEST_CASE("a sealed record opens under its key with its associated data only") {
    const Sealer sealer(Sealer::key_from_secret("correct horse", "bind tokens"));
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{300}}) {
        const std::string plain(size, 'p');
        const std::string sealed = sealer.seal(as_bytes(plain), as_bytes("credential 1"));
        CHECK(sealed.find(size > 10 ? plain.substr(0, 10) : "====") == std::string::npos);
        const auto opened = sealer.open(sealed, as_bytes("credential 1"));
        REQUIRE(opened.has_value());
        CHECK(as_text(*opened) == plain);

        CHECK_FALSE(sealer.open(sealed, as_bytes("credential 2")).has_value());
        CHECK_FALSE(sealer.open(sealed, {}).has_value());
        CHECK_FALSE(Sealer(Sealer::key_from_secret("correct horse", "cookies"))
                        .open(sealed, as_bytes("credential 1"))
                        .has_value());
        CHECK_FALSE(Sealer(Sealer::random_key()).open(sealed, as_bytes("credential 1")).has_value());
    }
    // Another node with the same secret.
    const std::string sealed = sealer.seal(as_bytes("url"), {});
    CHECK(Sealer(Sealer::key_from_secret("correct horse", "bind tokens")).open(sealed, {}).has_value());
    CHECK(sealer.seal(as_bytes("url"), {}) != sealed); // a nonce of its own each time
}

TEST_CASE("a sealed record with any one letter changed, cut or grown does not open") {
    const Sealer sealer(Sealer::random_key());
    const std::string sealed = sealer.seal(as_bytes("https://app.example.com"), as_bytes("who"));
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        std::string changed = sealed;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        const auto opened = sealer.open(changed, as_bytes("who"));
        CHECK_FALSE(opened.has_value());
        CHECK(opened.error().code() == errc::invalid_option);
        CHECK_FALSE(sealer.open(sealed.substr(0, i), as_bytes("who")).has_value());
    }
    CHECK_FALSE(sealer.open(sealed + "A", as_bytes("who")).has_value());
    CHECK_FALSE(sealer.open(sealed + "AAAA", as_bytes("who")).has_value());
    CHECK_FALSE(sealer.open(" " + sealed, as_bytes("who")).has_value());
    CHECK_FALSE(sealer.open("not a token!", as_bytes("who")).has_value());
}
