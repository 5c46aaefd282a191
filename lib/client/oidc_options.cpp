#include <adit/oidc_options.hpp>

#include "client/options_data.hpp"

namespace adit::inline v0 {

OidcOptions::OidcOptions(std::string_view issuer, std::string_view client_id, std::string_view client_secret)
    : data_(std::make_unique<Data>()) {
    data_->opts.issuer_url = issuer;
    data_->opts.client_id = client_id;
    data_->opts.client_secret = client_secret;
}
OidcOptions::OidcOptions(const OidcOptions& other) : data_(std::make_unique<Data>(other.data())) {}
OidcOptions::OidcOptions(OidcOptions&&) noexcept = default;
OidcOptions& OidcOptions::operator=(const OidcOptions& other) {
    if (this != &other) data_ = std::make_unique<Data>(other.data());
    return *this;
}
OidcOptions& OidcOptions::operator=(OidcOptions&&) noexcept = default;
OidcOptions::~OidcOptions() = default;

const OidcOptions::Data& OidcOptions::data() const noexcept {
    static const Data defaults;
    return data_ ? *data_ : defaults;
}

OidcOptions::Data& OidcOptions::edit() {
    if (!data_) data_ = std::make_unique<Data>();
    return *data_;
}

OidcOptions& OidcOptions::allow_email(std::string_view address) {
    edit().opts.allow_emails.emplace_back(address);
    return *this;
}

OidcOptions& OidcOptions::allow_domain(std::string_view domain) {
    edit().opts.allow_domains.emplace_back(domain);
    return *this;
}

OidcOptions& OidcOptions::scope(std::string_view text) {
    edit().opts.scopes.emplace_back(text);
    return *this;
}

} // namespace adit
