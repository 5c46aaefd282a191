#include <adit/oauth_options.hpp>

#include "client/options_data.hpp"

namespace adit::inline v0 {

OAuthOptions::OAuthOptions(std::string_view provider) : data_(std::make_unique<Data>()) {
    data_->opts.provider = provider;
}
OAuthOptions::OAuthOptions(const OAuthOptions& other) : data_(std::make_unique<Data>(other.data())) {}
OAuthOptions::OAuthOptions(OAuthOptions&&) noexcept = default;
OAuthOptions& OAuthOptions::operator=(const OAuthOptions& other) {
    if (this != &other) data_ = std::make_unique<Data>(other.data());
    return *this;
}
OAuthOptions& OAuthOptions::operator=(OAuthOptions&&) noexcept = default;
OAuthOptions::~OAuthOptions() = default;

const OAuthOptions::Data& OAuthOptions::data() const noexcept {
    static const Data defaults;
    return data_ ? *data_ : defaults;
}

OAuthOptions::Data& OAuthOptions::edit() {
    if (!data_) data_ = std::make_unique<Data>();
    return *data_;
}

OAuthOptions& OAuthOptions::client(std::string_view id, std::string_view secret) {
    edit().opts.client_id = id;
    edit().opts.client_secret = secret;
    return *this;
}

OAuthOptions& OAuthOptions::allow_email(std::string_view address) {
    edit().opts.allow_emails.emplace_back(address);
    return *this;
}

OAuthOptions& OAuthOptions::allow_domain(std::string_view domain) {
    edit().opts.allow_domains.emplace_back(domain);
    return *this;
}

OAuthOptions& OAuthOptions::scope(std::string_view text) {
    edit().opts.scopes.emplace_back(text);
    return *this;
}

} // namespace adit
