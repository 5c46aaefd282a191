// The actions that end a request or a connection with an answer, or without one.
#include "policy/actions/header_edit.hpp"
#include "policy/actions/url_rewrite.hpp"
#include "policy/rules/make.hpp"
#include "policy/scope.hpp"

#include <algorithm>

namespace adit::inline v0::policy {
namespace {

/// Of an answer: a status and the headers that a policy gives it.
class Answer {
public:
    void read_headers(Config& config) {
        headers_ = config.text_map("headers", 0, 10);
        for (const auto& [name, value] : headers_) {
            const std::string problem = added_header_problem(name);
            if (!problem.empty()) config.fail(2203, "headers", problem);
        }
    }

    /// False: the answer is in the scope already, for a value could not be made.
    bool fill(Scope& scope, Head& head, Flow& failed) const {
        HeaderList made;
        made.reserve(headers_.size());
        for (const auto& [name, value] : headers_) {
            auto text = value.text(scope);
            if (!text) {
                failed = scope.fail(text.error());
                return false;
            }
            made.emplace_back(name, std::move(*text));
        }
        add_headers(head, made);
        return true;
    }

private:
    std::vector<std::pair<std::string, Template>> headers_;
};

class Deny final : public Action {
public:
    explicit Deny(int status) : status_(status) {}
    Flow run(Scope& scope) const override {
        if (!scope.is_http()) return scope.close();
        return scope.answer(Head::response(status_), {});
    }

private:
    int status_;
};

class CloseConnection final : public Action {
public:
    Flow run(Scope& scope) const override { return scope.close(); }
};

/// What a body without a Content-Type most likely is.
std::string_view guess_content_type(std::string_view body) noexcept {
    const std::size_t first = body.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return "text/plain; charset=utf-8";
    const std::string_view rest = body.substr(first, body.find_last_not_of(" \t\r\n") - first + 1);
    if ((rest.front() == '{' && rest.back() == '}') || (rest.front() == '[' && rest.back() == ']')) return "application/json";
    if (iequals(rest.substr(0, 9), "<!doctype") || iequals(rest.substr(0, 5), "<html")) return "text/html; charset=utf-8";
    return "text/plain; charset=utf-8";
}

class CustomResponse final : public Action {
public:
    explicit CustomResponse(Config& config)
        : status_(static_cast<int>(config.integer("status_code", 200, 200, 599))), body_(config.text("body", false)) {
        headers_.read_headers(config);
    }
    Flow run(Scope& scope) const override {
        Flow failed = Flow::stop;
        auto body = body_.text(scope);
        if (!body) return scope.fail(body.error());
        Head head = Head::response(status_);
        if (!headers_.fill(scope, head, failed)) return failed;
        if (!body->empty() && !head.has("content-type")) head.add("content-type", guess_content_type(*body));
        return scope.answer(std::move(head), std::move(*body));
    }

private:
    int status_;
    Template body_;
    Answer headers_;
};

} // namespace

std::unique_ptr<const Action> make_deny(Config& config, bool& ends) {
    ends = true;
    return std::make_unique<Deny>(static_cast<int>(config.integer("status_code", 403, 200, 599)));
}

std::unique_ptr<const Action> make_close_connection(Config&, bool& ends) {
    ends = true;
    return std::make_unique<CloseConnection>();
}

std::unique_ptr<const Action> make_custom_response(Config& config, bool& ends) {
    ends = true;
    return std::make_unique<CustomResponse>(config);
}

// --- redirect and url-rewrite

namespace {

/// `from` and `to` of both: a regular expression over the whole URL, and what takes its place.
class UrlChange {
public:
    explicit UrlChange(Config& config) : from_(config.text("from", false)), to_(config.text("to", true)) {
        if (config.failed() || from_.is_empty() || !from_.is_literal()) return;
        auto pattern = UrlPattern::create(from_.literal());
        if (!pattern) {
            config.fail(2261, "from", pattern.error().message());
            return;
        }
        pattern_ = std::move(*pattern);
        if (!to_.is_literal()) return;
        const std::string problem = pattern_->replacement_problem(to_.literal());
        if (!problem.empty()) config.fail(2203, "to", problem);
    }

    /// The new URL; nullopt if the action is skipped.
    Result<std::optional<std::string>> apply(const Scope& scope) const {
        auto to = to_.text(scope);
        if (!to) return to.error();
        if (from_.is_empty()) return *to == scope.url() ? std::optional<std::string>() : std::move(*to);
        if (pattern_) return limited(pattern_->replace(scope.url(), *to));
        auto from = from_.text(scope);
        if (!from) return from.error();
        auto pattern = UrlPattern::create(*from);
        if (!pattern) return ErrorInfo(ngrok_error(2238), pattern.error().message());
        return limited(pattern->replace(scope.url(), *to));
    }

private:
    static Result<std::optional<std::string>> limited(Result<std::optional<std::string>> made) {
        if (made) return made;
        return ErrorInfo(ngrok_error(3900), made.error().message());
    }

    Template from_, to_;
    std::optional<UrlPattern> pattern_;
};

void tell(Scope& scope, ResultId which, const std::string& url, std::string_view error) {
    if (!scope.wants_results()) return;
    scope.set_result(which, {cel::Value::list({cel::Value::string(scope.url())}), cel::Value::string(url),
                             error.empty() ? cel::Value() : make_error_value("ERR_NGROK_2238", error)});
}

class Redirect final : public Action {
public:
    explicit Redirect(Config& config)
        : change_(config), status_(static_cast<int>(config.integer("status_code", 302, 300, 399))) {
        headers_.read_headers(config);
    }
    Flow run(Scope& scope) const override {
        Flow failed = Flow::stop;
        auto url = change_.apply(scope);
        if (!url) return scope.fail(url.error());
        if (!*url) return Flow::next;
        const std::string problem = location_problem(**url);
        tell(scope, ResultId::redirect, **url, problem);
        if (!problem.empty()) return scope.fail(ErrorInfo(ngrok_error(2238), problem));
        Head head = Head::response(status_);
        if (!headers_.fill(scope, head, failed)) return failed;
        head.set("location", **url);
        return scope.answer(std::move(head), {});
    }

private:
    UrlChange change_;
    int status_;
    Answer headers_;
};

class UrlRewrite final : public Action {
public:
    explicit UrlRewrite(Config& config) : change_(config) {}
    Flow run(Scope& scope) const override {
        auto url = change_.apply(scope);
        if (!url) return scope.fail(url.error());
        if (!*url) return Flow::next;
        auto parts = parse_rewritten(**url);
        tell(scope, ResultId::url_rewrite, **url, parts ? std::string_view() : parts.error().message());
        if (!parts) return scope.fail(ErrorInfo(ngrok_error(2238), parts.error().message()));
        scope.keep_original_url();
        if (!scope.request->set_target(parts->target))
            return scope.fail(ErrorInfo(ngrok_error(2238), "the new target cannot stand in a request"));
        if (!iequals(scope.request->host(), parts->authority)) scope.request->set("Host", parts->authority);
        scope.request_changed();
        return Flow::next;
    }

private:
    UrlChange change_;
};

} // namespace

std::unique_ptr<const Action> make_redirect(Config& config, bool&) { return std::make_unique<Redirect>(config); }

std::unique_ptr<const Action> make_url_rewrite(Config& config, bool&) { return std::make_unique<UrlRewrite>(config); }

} // namespace adit
