// Who may sign in with OpenID Connect at an endpoint.
#pragma once

#include <adit/config.hpp>

#include <memory>
#include <string_view>

namespace adit::inline v0 {

/// For Endpoint::oidc(): as OAuthOptions, with an identity provider of your own that speaks OpenID Connect. Chained
/// setters; copyable, not thread-safe. A moved-from object is as a new one, without an issuer.
///
///     auto login = adit::OidcOptions("https://id.example.com", client_id, client_secret).allow_domain("example.com");
///
/// Without allow_email() and allow_domain() everybody with an account there gets in; with them, who matches one of
/// either. The bounds are those of OAuthOptions; a message names the setter, as in "oidc.issuer".
class ADIT_API OidcOptions {
public:
    /// `issuer`: an https:// URL without user, query and fragment (OpenID Connect Discovery 1.0, 3). The client is the
    /// application you registered there; neither id nor secret is empty.
    OidcOptions(std::string_view issuer, std::string_view client_id, std::string_view client_secret);
    OidcOptions(const OidcOptions&);
    OidcOptions(OidcOptions&&) noexcept;
    OidcOptions& operator=(const OidcOptions&);
    OidcOptions& operator=(OidcOptions&&) noexcept;
    ~OidcOptions();

    OidcOptions& allow_email(std::string_view address); ///< repeatable
    OidcOptions& allow_domain(std::string_view domain); ///< repeatable; of the e-mail address
    OidcOptions& scope(std::string_view text);          ///< repeatable; "openid" need not be named

    struct Data;
    /// For the library itself.
    const Data& data() const noexcept;

private:
    Data& edit(); ///< makes a moved-from object new

    std::unique_ptr<Data> data_;
};

} // namespace adit
