// HTTP Basic authentication (RFC 7617; behaviour C.2 basic-auth, threat T14).
#pragma once

#include "base/result.hpp"
#include "http/fields.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::policy {

/// The user and password of a request, read once; whatever routes by it, checks it or tells it uses this
/// object. Only Authorization counts (never Proxy-Authorization), and only if there is exactly one, so that
/// nobody can read another.
class BasicCredential {
public:
    BasicCredential() = default; ///< none
    static BasicCredential from(const Fields& request);

    /// A well-formed one came: "Basic" and base64 of "user:password", no control characters, bounded.
    bool presented() const noexcept { return presented_; }
    const std::string& username() const noexcept { return username_; }
    const std::string& password() const noexcept { return password_; }

private:
    bool presented_ = false;
    std::string username_;
    std::string password_;
};

/// The pairs that are let in, kept as digests. Thread-safe after construction.
class BasicAuthUsers {
public:
    struct Pair {
        std::string username;
        std::string password;
    };
    /// "user:password" each, cut at the first colon.
    static Result<BasicAuthUsers> create(std::span<const std::string> credentials);
    /// 1 to 10 pairs (2203 else); user 1 to 128 bytes without colon (359), password 8 to 128 bytes (360), no
    /// control characters. Errors give the number of the pair, never its text.
    static Result<BasicAuthUsers> create(std::span<const Pair> pairs);

    /// Takes the same time for a right one, a wrong password and an unknown user.
    bool check(const BasicCredential& credential) const;

private:
    std::vector<std::array<std::uint8_t, 32>> digests_;
};

/// Empty if it can be a realm (visible ASCII, blanks, limits::basic_auth_realm_max characters at most), else
/// what is wrong.
std::string realm_problem(std::string_view realm);
/// The value of WWW-Authenticate: Basic realm="...", charset="UTF-8".
std::string basic_challenge(std::string_view realm);

} // namespace adit::inline v0::policy
