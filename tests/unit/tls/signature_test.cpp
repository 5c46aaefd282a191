#include "tls/signature.hpp"

#include "base/base64.hpp"
#include "base/hex.hpp"
#include "support/doctest.hpp"

#include <string>

using namespace adit;
using namespace adit::tls;

namespace {

std::string decoded(std::string_view base64) {
    const auto bytes = base64_decode(base64);
    REQUIRE(bytes.has_value());
    return *bytes;
}

PublicKey key_of(std::string_view base64) {
    auto key = PublicKey::from_der(as_bytes(decoded(base64)));
    REQUIRE_MESSAGE(key.has_value(), key.error().to_string());
    return std::move(*key);
}

// RFC 6979 A.2.5: P-256, the message "sample", SHA-256.
constexpr std::string_view p256_key =
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk"
    "8vGyDC1+n1F3o8KU1EYimQ==";
constexpr std::string_view p256_signature =
    "MEYCIQDv1IsqrLao/RFA3ZzUXoHWnSyHe1aq+ZHDTQ6oTq83FgIhAPfLHJQtZXxB1DbHobbin2Xz6QDbua/0Bk3Eqy+EOs2o";

// RFC 8032 7.1, test 3: the message is af82.
constexpr std::string_view ed25519_key = "MCowBQYDK2VwAyEA/FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU=";
constexpr std::string_view ed25519_signature =
    "YpHWV97sJAJIJ+acOr4BowzlSKKEdDpEXjaA19taw6wY/5tTjRbykK5n92CYTcZZSnwV6XFu0o3AJ77O6h7ECg==";

// Made by OpenSSL 3.0: genpkey, req -x509, dgst -sign; of "a signed message".
constexpr std::string_view rsa_key =
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAopGk3a3XLrop8B2cDmov0oktOYrqickmIEPwOlJ2ZKNOJEeDhp2m9MbQ"
    "5XgyORCNda+9RNN7sZ9H58O88qIbElotUqFQ6a7EsbwTh3LtjFcGB7fpKsGQzSMna57a0uRcguYp2UemPz+byLtGZp7P9yWzFYBy"
    "Y3JEilcvUlQjej9Qxm3WL4YBzAVYkhgx0t7jdLV5sOoNkB63yaLmC7+55Ha3E2vqgYR8+jjZfkDz+iVhSUuVh0f7jOLVW8/qPN95"
    "oRy3YKlWLQpQBlaEVdt1JywH/KdryBfd5u9UGMjXIc+tjjYJMwWNjnD6ULi3dwjmpkEzq4G0/3/bmWtAHQ/8fwIDAQAB";
constexpr std::string_view rsa_sha256 =
    "ojWriEJQY+Q0eUqGepmfLxSoir1sSIxiXcMJZybeSwyh6+nd8rvMBKdE0s0gLreWLGD0CxRoAhqWc+77dUtLM5YXZhP7qKk0cynN"
    "VWllATAbfVgVTj4hBwri9WMw6EkZffoJ/MeXEtbgxc6KDIS6Pzfl3LCN7im9z9GbX1nQfC6ZQuzXx3nhlPOZVKXPaEbh8NxTCLBc"
    "fogczjNjqPGD2tUbPCu8SZoixtXchag5mRELe+ITf8DzufT8GfDlmyMjeucADOXlTBQvJb9UUdyvlq6NxQYKxKsPhJFtwqhoSqwC"
    "6RrBCnj+cPrVba6XeSI1IxVWl8cQmlX9Kj+o93/FMg==";
constexpr std::string_view rsa_sha1 =
    "J77JCXoRz3vO/b3DvmCPuv9dAjYxwdW0o8wGuTyeP6kNDBSjTY+gXvbL3FuK1AgZlkk/q/FbfE+Tlb+sR5Anq0xT1CXFbyeGkq1j"
    "3vAV/inIWdYwCt2NzQpRP/liTsYcnJ8BMhwdGpzcC99pzqrDyEr4OEXoO8jS21xdlf5hLj2QSE7ivspmpTHXnpRfDEPlIhJALpLH"
    "5K52JZr4WAkMq0T9+ZRm7hVi9EfUO28OoGNf9oWnRuZzzguAD4sOJCEiCbtLQCT2w9yrvCU8uaTueDRYBdMUjkhALxJ/u+71A7Hs"
    "NuSW+sE+kXFiOliwGSOoCwRidhtZSM9uRMfERAiMWA==";
constexpr std::string_view rsa_1024_key =
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC/ubgJwbBCLBNU5pr0LJTkgvOSZAjOsSmq50b9b/c8vC3G8HGrub/7GC49GKpl"
    "RqPlMPl/oQjAkWOvhdeRxLGi8GG+huWJWgws0l69ZpBTX4Sl8l6xEuPPYCDwdi8302bLq6LX0wvWcnMDYpxLhFXxfwUKQ4FTzEIW"
    "pcnrbqOZaQIDAQAB";
constexpr std::string_view rsa_certificate =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIDGzCCAgOgAwIBAgIUacHy12Xo3+uUFijZNt/63+c4n9QwDQYJKoZIhvcNAQEL\n"
    "BQAwHDEaMBgGA1UEAwwRc25zLmFtYXpvbmF3cy5jb20wIBcNMjYxMTI0MDkzNDQx\n"
    "WhgPMjEyNjEwMzEwOTM0NDFaMBwxGjAYBgNVBAMMEXNucy5hbWF6b25hd3MuY29t\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAopGk3a3XLrop8B2cDmov\n"
    "0oktOYrqickmIEPwOlJ2ZKNOJEeDhp2m9MbQ5XgyORCNda+9RNN7sZ9H58O88qIb\n"
    "ElotUqFQ6a7EsbwTh3LtjFcGB7fpKsGQzSMna57a0uRcguYp2UemPz+byLtGZp7P\n"
    "9yWzFYByY3JEilcvUlQjej9Qxm3WL4YBzAVYkhgx0t7jdLV5sOoNkB63yaLmC7+5\n"
    "5Ha3E2vqgYR8+jjZfkDz+iVhSUuVh0f7jOLVW8/qPN95oRy3YKlWLQpQBlaEVdt1\n"
    "JywH/KdryBfd5u9UGMjXIc+tjjYJMwWNjnD6ULi3dwjmpkEzq4G0/3/bmWtAHQ/8\n"
    "fwIDAQABo1MwUTAdBgNVHQ4EFgQU8wR6GR0BoLv+fcES5XhEVg0zfYEwHwYDVR0j\n"
    "BBgwFoAU8wR6GR0BoLv+fcES5XhEVg0zfYEwDwYDVR0TAQH/BAUwAwEB/zANBgkq\n"
    "hkiG9w0BAQsFAAOCAQEAJchd9F3cH6O+3YP46t21L186/oqk9tXH3bW/A20K2Dey\n"
    "9fEdGYj/G3BXaKujUznFSlgJ8m3IJm8yvu8eTDh7VNA9LLwB9Uxk4wYghudG7LYt\n"
    "2OrP7W7uDhJN5w5h5vHzh5xsmUNkiJmuKopc+EdcDriMRRob1OPYPz49+rC5s5Sw\n"
    "vdA9HDdijTdJZnzfCovVEE+SUO5DKfW10sv3vTnf/NsG66llOihZPAuyLShhcxLs\n"
    "eNjZNqUb1DStN6++gAI8/Q3Z7bvmvPV9qEhQkSTebc1m+KGht8471iNAyL7YEb9z\n"
    "tTwSWS6KZb8uHmxFBBU54Q0/H7KagE0H2EqrKrZ5Kg==\n"
    "-----END CERTIFICATE-----\n";

} // namespace

TEST_CASE("digests match their published vectors") {
    // FIPS 180 and RFC 1321 for "abc"
    CHECK(hex_encode(digest(Hash::md5, as_bytes("abc"))) == "900150983cd24fb0d6963f7d28e17f72");
    CHECK(hex_encode(digest(Hash::sha1, as_bytes("abc"))) == "a9993e364706816aba3e25717850c26c9cd0d89d");
    CHECK(hex_encode(digest(Hash::sha256, as_bytes("abc"))) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hex_encode(digest(Hash::sha384, as_bytes("abc"))) ==
          "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
    CHECK(hex_encode(digest(Hash::sha512, as_bytes("abc"))) ==
          "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
          "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST_CASE("MACs match their published vectors, in one piece or in many") {
    const std::string_view key = "Jefe", message = "what do ya want for nothing?";
    struct Row {
        Hash hash;
        std::string mac;
    };
    const Row rows[] = {
        {Hash::md5, "750c783e6ab0b503eaa86e310a5db738"},                                    // RFC 2202
        {Hash::sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},                           // RFC 2202
        {Hash::sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"}, // RFC 4231
        {Hash::sha384,
         "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"},
        {Hash::sha512, "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
                       "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
    };
    for (const Row& row : rows) {
        CHECK(hex_encode(hmac(row.hash, as_bytes(key), std::vector{as_bytes(message)})) == row.mac);
        const Bytes pieces[] = {as_bytes(message.substr(0, 5)), {}, as_bytes(message.substr(5))};
        CHECK(hex_encode(hmac(row.hash, as_bytes(key), pieces)) == row.mac);
    }
    CHECK(hex_encode(hmac(Hash::sha256, {}, {})) ==
          "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("signatures are checked, and any change makes them wrong") {
    struct Row {
        std::string_view key, signature;
        Hash hash;
        std::string message;
    };
    const Row rows[] = {
        {p256_key, p256_signature, Hash::sha256, "sample"},
        {ed25519_key, ed25519_signature, Hash::sha512, "\xaf\x82"},
        {rsa_key, rsa_sha256, Hash::sha256, "a signed message"},
        {rsa_key, rsa_sha1, Hash::sha1, "a signed message"},
    };
    for (const Row& row : rows) {
        const PublicKey key = key_of(row.key);
        const std::string signature = decoded(row.signature);
        CHECK(key.verify(row.hash, as_bytes(row.message), as_bytes(signature)));
        CHECK_FALSE(key.verify(row.hash, as_bytes(row.message + "."), as_bytes(signature)));
        CHECK_FALSE(key.verify(row.hash, as_bytes(row.message), as_bytes(signature.substr(1))));
        CHECK_FALSE(key.verify(row.hash, as_bytes(row.message), {}));
        std::string changed = signature;
        changed[changed.size() / 2] = static_cast<char>(changed[changed.size() / 2] ^ 1);
        CHECK_FALSE(key.verify(row.hash, as_bytes(row.message), as_bytes(changed)));
        for (const Row& other : rows) {
            if (other.signature != row.signature)
                CHECK_FALSE(key.verify(row.hash, as_bytes(row.message), as_bytes(decoded(other.signature))));
        }
    }
    CHECK_FALSE(
        key_of(rsa_key).verify(Hash::sha1, as_bytes("a signed message"), as_bytes(decoded(rsa_sha256))));
}

TEST_CASE("the key of a certificate") {
    const auto key = PublicKey::from_certificate(rsa_certificate);
    REQUIRE(key.has_value());
    CHECK(key->verify(Hash::sha256, as_bytes("a signed message"), as_bytes(decoded(rsa_sha256))));
    CHECK_FALSE(PublicKey::from_certificate("").has_value());
    CHECK_FALSE(PublicKey::from_certificate("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
                    .has_value());
}

TEST_CASE("what is no key, or a weak one, is refused") {
    CHECK_FALSE(PublicKey::from_der({}).has_value());
    CHECK_FALSE(PublicKey::from_der(as_bytes("key")).has_value());
    CHECK_FALSE(PublicKey::from_der(as_bytes(decoded(p256_key) + "x")).has_value());
    CHECK_FALSE(PublicKey::from_der(as_bytes(decoded(p256_key).substr(0, 80))).has_value());
    CHECK_FALSE(PublicKey::from_der(as_bytes(decoded(rsa_1024_key))).has_value());
}
