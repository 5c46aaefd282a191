#include <adit/edge/directory.hpp>

#include "edge/token_directory.hpp"

#include "base/bytes.hpp"
#include "base/hex.hpp"
#include "base/random.hpp"
#include "base/url.hpp"

#include <algorithm>

namespace adit::inline v0::edge {
namespace {

bool has_token_shape(std::string_view token) noexcept {
    const auto fits = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    };
    return !token.empty() && std::ranges::all_of(token, fits);
}

std::string name_of(const tls::Sha256& digest) {
    return "cr_" + hex_encode(Bytes(digest).first(12));
}

} // namespace

Directory::~Directory() = default;

void Directory::authorize(const BindQuery&, std::function<void(ErrorInfo)> answer) { answer(ErrorInfo()); }

void Directory::authorize_custom_domain(const BindQuery& query, std::function<void(ErrorInfo)> answer) {
    const auto url = EndpointUrl::parse(query.url);
    const bool tcp = url && url->scheme() == UrlScheme::tcp;
    answer(ErrorInfo(ngrok_error(tcp ? 307 : 319), "the " + std::string(tcp ? "tcp host " : "name ") +
                                                       (url ? url->host() : query.url) +
                                                       " is not one of this edge; choose one below its base domain, or have "
                                                       "its operator allow this one"));
}

Result<void> TokenDirectory::replace(const Tokens& tokens) {
    std::vector<Entry> entries;
    for (const auto& [token, credential] : tokens) {
        if (!has_token_shape(token)) {
            return ErrorInfo(errc::invalid_option,
                             "an authtoken must not be empty and may have letters, digits, \"_\" and \"-\" only",
                             "authtoken");
        }
        const tls::Sha256 digest = tls::sha256(as_bytes(token));
        entries.emplace_back(digest, credential.empty() ? name_of(digest) : credential);
    }
    const std::lock_guard lock(mutex_);
    entries_ = std::move(entries);
    return {};
}

void TokenDirectory::authenticate(const AuthQuery& query, std::function<void(AuthAnswer)> answer) {
    AuthAnswer result;
    if (!has_token_shape(query.authtoken)) {
        result.error = ErrorInfo(ngrok_error(105), query.authtoken.empty()
                                                       ? "no authtoken was sent; set one"
                                                       : "the authtoken does not have the shape of one");
        answer(std::move(result));
        return;
    }
    const tls::Sha256 digest = tls::sha256(as_bytes(query.authtoken));
    std::optional<std::string> credential;
    {
        // Every entry is looked at, so that the time says nothing about them (threat T15).
        const std::lock_guard lock(mutex_);
        for (const Entry& entry : entries_) {
            if (constant_time_equal(entry.digest, digest)) credential = entry.credential;
        }
    }
    if (credential) {
        result.credential = std::move(*credential);
    } else {
        result.error = ErrorInfo(ngrok_error(107), "the authtoken is unknown to this edge");
    }
    answer(std::move(result));
}

} // namespace adit
