// Who may sign in with OAuth at an endpoint.
#pragma once

#include <adit/config.hpp>

#include <memory>
#include <string_view>

namespace adit::inline v0 {

/// For Endpoint::oauth(): the edge sends a browser to an identity provider first, and lets it in when it is signed in
/// there. Chained setters; copyable, not thread-safe. A moved-from object is as a new one, without a provider.
///
///     auto login = adit::OAuthOptions("google").allow_domain("example.com");
///     auto listener = session.listen(adit::Endpoint("https://app.example.com").oauth(login));
///
/// Without allow_email() and allow_domain() everybody with an account at the provider gets in; with them, who matches
/// one of either. Each list has at most limits::module_entries_max entries of limits::module_text_max bytes, without
/// spaces. A value that cannot work is refused by listen() with errc::invalid_option, and the message names the setter,
/// as in "oauth.scope".
class ADIT_API OAuthOptions {
public:
    /// "google", "github", "microsoft" and others; which ones there are is the edge's matter.
    explicit OAuthOptions(std::string_view provider);
    OAuthOptions(const OAuthOptions&);
    OAuthOptions(OAuthOptions&&) noexcept;
    OAuthOptions& operator=(const OAuthOptions&);
    OAuthOptions& operator=(OAuthOptions&&) noexcept;
    ~OAuthOptions();

    /// The application you registered with the provider. Default: the edge's own, which may not get every scope. The
    /// secret travels to the edge inside the session's TLS.
    OAuthOptions& client(std::string_view id, std::string_view secret);
    OAuthOptions& allow_email(std::string_view address); ///< repeatable
    OAuthOptions& allow_domain(std::string_view domain); ///< repeatable; of the e-mail address
    OAuthOptions& scope(std::string_view text);          ///< repeatable

    struct Data;
    /// For the library itself.
    const Data& data() const noexcept;

private:
    Data& edit(); ///< makes a moved-from object new

    std::unique_ptr<Data> data_;
};

} // namespace adit
