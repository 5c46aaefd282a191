#include "policy/actions/basic_auth.hpp"

#include "base/base64.hpp"
#include "base/random.hpp"
#include "tls/crypto.hpp"

#include <adit/limits.hpp>

#include <algorithm>

namespace adit::inline v0::policy {
namespace {

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool has_control(std::string_view text) noexcept { return std::any_of(text.begin(), text.end(), is_control); }

// A user has no colon, so one text stands for one pair.
tls::Sha256 digest_of(std::string_view username, std::string_view password) {
    std::string pair(username);
    pair.append(1, ':').append(password);
    return tls::sha256(as_bytes(pair));
}

std::string_view without_blanks(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(' ');
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

} // namespace

BasicCredential BasicCredential::from(const Fields& request) {
    BasicCredential credential;
    if (request.count("authorization") != 1) return credential;
    std::string_view value = *request.find("authorization");
    const std::size_t space = value.find(' ');
    if (space == std::string_view::npos || !iequals(value.substr(0, space), "basic")) return credential;
    value = without_blanks(value.substr(space));
    if (value.size() > limits::basic_auth_credential_max) return credential;
    const auto pair = base64_decode(value);
    if (!pair || has_control(*pair)) return credential;
    const std::size_t colon = pair->find(':');
    if (colon == std::string::npos) return credential;
    credential.presented_ = true;
    credential.username_ = pair->substr(0, colon);
    credential.password_ = pair->substr(colon + 1);
    return credential;
}

Result<BasicAuthUsers> BasicAuthUsers::create(std::span<const std::string> credentials) {
    std::vector<Pair> pairs;
    for (const std::string& text : credentials) {
        const std::size_t colon = text.find(':');
        if (colon == std::string::npos) {
            return ErrorInfo(ngrok_error(2203), "credential " + std::to_string(pairs.size() + 1) +
                                                    " has no colon: write user:password");
        }
        pairs.push_back({text.substr(0, colon), text.substr(colon + 1)});
    }
    return create(pairs);
}

Result<BasicAuthUsers> BasicAuthUsers::create(std::span<const Pair> pairs) {
    if (pairs.empty() || pairs.size() > limits::basic_auth_users_max) {
        return ErrorInfo(ngrok_error(2203),
                         "there must be 1 to " + std::to_string(limits::basic_auth_users_max) +
                             " credentials, and there are " + std::to_string(pairs.size()));
    }
    BasicAuthUsers users;
    for (const auto& [username, password] : pairs) {
        const auto refuse = [&](int number, const std::string& what) {
            return ErrorInfo(ngrok_error(number),
                             "credential " + std::to_string(users.digests_.size() + 1) + ": " + what);
        };
        if (username.empty() || username.size() > limits::basic_auth_user_max)
            return refuse(359, "a user has 1 to " + std::to_string(limits::basic_auth_user_max) + " bytes");
        if (username.find(':') != std::string::npos || has_control(username))
            return refuse(359, "a user has no colon and no control characters");
        if (password.size() < limits::basic_auth_password_min ||
            password.size() > limits::basic_auth_password_max) {
            return refuse(360, "a password has " + std::to_string(limits::basic_auth_password_min) + " to " +
                                   std::to_string(limits::basic_auth_password_max) + " bytes");
        }
        if (has_control(password)) return refuse(360, "a password has no control characters");
        users.digests_.push_back(digest_of(username, password));
    }
    return users;
}

bool BasicAuthUsers::check(const BasicCredential& credential) const {
    if (!credential.presented()) return false;
    const tls::Sha256 presented = digest_of(credential.username(), credential.password());
    bool found = false;
    for (const auto& known : digests_) found |= constant_time_equal(known, presented); // all of them, always
    return found;
}

std::string realm_problem(std::string_view realm) {
    if (realm.size() > limits::basic_auth_realm_max)
        return "a realm has at most " + std::to_string(limits::basic_auth_realm_max) + " characters";
    const bool ascii = std::all_of(realm.begin(), realm.end(), [](char c) { return c >= ' ' && c <= '~'; });
    return ascii ? std::string() : "a realm has visible ASCII characters and blanks only";
}

std::string basic_challenge(std::string_view realm) {
    std::string value = "Basic realm=\"";
    for (const char c : realm) {
        if (c == '"' || c == '\\') value += '\\'; // RFC 9110 5.6.4
        value += c;
    }
    return value + "\", charset=\"UTF-8\"";
}

} // namespace adit::inline v0::policy
