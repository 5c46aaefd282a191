// The directory of an edge without one: a list of authtokens.
#pragma once

#include <adit/edge/directory.hpp>

#include "base/result.hpp"
#include "tls/crypto.hpp"

#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace adit::inline v0::edge {

/// Keeps digests only. Refuses what has not the shape of a token with 105 (empty, or anything but letters, digits, "_" and
/// "-"), an unknown one with 107. Every bind is allowed. Thread-safe.
class TokenDirectory final : public Directory {
public:
    using Tokens = std::vector<std::pair<std::string, std::string>>; ///< token, credential ("": from its digest)

    /// The new list; errc::invalid_option leaves the old one.
    Result<void> replace(const Tokens& tokens);
    void authenticate(const AuthQuery& query, std::function<void(AuthAnswer)> answer) override;

private:
    class Entry {
    public:
        Entry(const tls::Sha256& d, std::string c) : digest(d), credential(std::move(c)) {}
        tls::Sha256 digest;
        std::string credential;
    };

    std::mutex mutex_;
    std::vector<Entry> entries_;
};

} // namespace adit
