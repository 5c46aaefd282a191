#include "policy/actions/url_rewrite.hpp"

#include "http/fields.hpp"
#include "http/target.hpp"

#include <adit/limits.hpp>

#include <re2/re2.h>

#include <algorithm>
#include <array>

namespace adit::inline v0::policy {
namespace {

constexpr int groups_max = 10; // $0 to $9

std::string lowered(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    return out;
}

// The host without the scheme's own port.
std::string_view without_default_port(std::string_view scheme, std::string_view host) noexcept {
    const std::string_view port = iequals(scheme, "https") ? ":443" : ":80";
    return host.ends_with(port) ? host.substr(0, host.size() - port.size()) : host;
}

ErrorInfo wrong(std::string what) { return {make_error_code(errc::invalid_option), std::move(what)}; }

// Calls literal(text) and group(number) for the pieces of a replacement.
template <class Literal, class Group>
void for_each_piece(std::string_view to, Literal&& literal, Group&& group) {
    while (!to.empty()) {
        const std::size_t dollar = to.find('$');
        literal(to.substr(0, dollar));
        if (dollar == std::string_view::npos) return;
        to.remove_prefix(dollar + 1);
        if (!to.empty() && to.front() >= '0' && to.front() <= '9') {
            group(to.front() - '0');
            to.remove_prefix(1);
        } else {
            literal("$");
            if (to.starts_with('$')) to.remove_prefix(1);
        }
    }
}

std::size_t next_position(std::string_view text, std::size_t at) noexcept {
    do ++at; // not inside of a UTF-8 character
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80);
    return at;
}

} // namespace

struct UrlPattern::Compiled {
    Compiled(std::string_view from, const re2::RE2::Options& options)
        : regex(re2::StringPiece(from.data(), from.size()), options) {}

    re2::RE2 regex;
};

std::string whole_url(std::string_view scheme, std::string_view host, std::string_view target) {
    std::string url = lowered(scheme);
    url.append("://").append(without_default_port(scheme, host));
    if (target.starts_with('/')) return url.append(target);
    const auto parsed = parse_target("GET", target);
    if (!parsed || parsed->form != TargetForm::absolute) return url; // "*", and what is no target
    if (!parsed->path.starts_with('/')) url += '/';
    return url.append(parsed->path);
}

Result<UrlPattern> UrlPattern::create(std::string_view from) {
    if (from.size() > limits::policy_regex_max)
        return ErrorInfo(ngrok_error(2261), "the regular expression is too long");
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(limits::policy_regex_memory);
    auto compiled = std::make_shared<Compiled>(from, options);
    if (!compiled->regex.ok())
        return ErrorInfo(ngrok_error(2261), "this is no regular expression: " + compiled->regex.error(),
                         std::string(from));
    return UrlPattern(std::move(compiled));
}

std::string UrlPattern::replacement_problem(std::string_view to) const {
    const int groups = compiled_->regex.NumberOfCapturingGroups();
    std::string problem;
    for_each_piece(
        to, [](std::string_view) {},
        [&](int number) {
            if (number > groups && problem.empty()) {
                problem = "$" + std::to_string(number) +
                          " names a group that the regular expression does not have (it has " +
                          std::to_string(groups) + ")";
            }
        });
    return problem;
}

Result<std::optional<std::string>> UrlPattern::replace(std::string_view url, std::string_view to) const {
    const re2::RE2& regex = compiled_->regex;
    const int groups = std::min(regex.NumberOfCapturingGroups() + 1, groups_max);
    const re2::StringPiece text(url.data(), url.size());
    std::array<re2::StringPiece, groups_max> matched;
    std::string out;
    std::size_t done = 0; // up to here the URL is in `out`
    bool any = false;
    for (std::size_t from = 0; from <= url.size();) {
        if (!regex.Match(text, from, url.size(), re2::RE2::UNANCHORED, matched.data(), groups)) break;
        const auto begin = static_cast<std::size_t>(matched[0].data() - url.data());
        const std::size_t end = begin + matched[0].size();
        // An empty match right behind another one is a part of it.
        if (begin == end && any && begin == done) {
            from = next_position(url, begin);
            continue;
        }
        any = true;
        out.append(url.substr(done, begin - done));
        for_each_piece(
            to, [&](std::string_view literal) { out.append(literal); },
            [&](int number) {
                if (number < groups && matched[static_cast<std::size_t>(number)].data() != nullptr)
                    out.append(matched[static_cast<std::size_t>(number)].data(),
                               matched[static_cast<std::size_t>(number)].size());
            });
        if (out.size() > limits::rewritten_url_max) break; // refused below
        done = end;
        from = begin == end ? next_position(url, end) : end;
    }
    if (!any) return std::optional<std::string>();
    out.append(url.substr(done));
    if (out.size() > limits::rewritten_url_max) {
        return ErrorInfo(make_error_code(errc::limit_exceeded), "the rewritten URL is too long");
    }
    return out == url ? std::optional<std::string>() : std::optional(std::move(out));
}

Result<RewrittenUrl> parse_rewritten(std::string_view url) {
    const std::size_t colon = url.find("://");
    RewrittenUrl out;
    out.scheme = lowered(url.substr(0, colon));
    if (colon == std::string_view::npos || (out.scheme != "http" && out.scheme != "https"))
        return wrong("the rewritten URL does not begin with http:// or https://");
    url = url.substr(colon + 3);
    url = url.substr(0, url.find('#'));
    const std::size_t end = std::min(url.find_first_of("/?"), url.size());
    if (!is_authority(url.substr(0, end))) return wrong("the rewritten URL has no valid host");
    out.authority = url.substr(0, end);
    out.target = url.substr(end);
    if (!out.target.starts_with('/')) out.target.insert(0, 1, '/');
    if (!is_target(out.target))
        return wrong("the rewritten URL has blanks or other characters that must be percent-encoded");
    return out;
}

std::string location_problem(std::string_view url) {
    if (url.empty()) return "the redirect has no URL";
    if (url.size() > limits::rewritten_url_max) return "the URL of the redirect is too long";
    const bool visible = std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 0x7f; });
    return visible ? ""
                   : "the URL of the redirect has blanks or other characters that must be percent-encoded";
}

} // namespace adit::inline v0::policy
