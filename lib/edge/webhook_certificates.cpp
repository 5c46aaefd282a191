#include "edge/webhook_certificates.hpp"

#include "edge/certificate_fetch.hpp"
#include "tls/identity.hpp"
#include "tls/trust_roots.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <utility>

namespace adit::inline v0::edge {

/// Of one who waits, counted from wait_for() on.
class WebhookCertificates::Place {
public:
    explicit Place(WebhookCertificates& of) noexcept : of_(of) {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
        const std::lock_guard lock(of_.mutex_);
        --of_.waiters_;
    }

private:
    WebhookCertificates& of_;
};

namespace {

/// Of a URL that the policy checked.
std::string_view host_of(std::string_view url) noexcept {
    url.remove_prefix(std::string_view("https://").size());
    return url.substr(0, url.find('/'));
}

} // namespace

WebhookCertificates::WebhookCertificates(CertificateFetching how, std::function<void(std::string_view)> log)
    : how_(std::move(how)), log_(std::move(log)) {}

bool WebhookCertificates::available() { return how_.on && tls() != nullptr; }

/// Hundreds of roots: edges without such a policy do not read them.
std::shared_ptr<const tls::ClientContext> WebhookCertificates::tls() {
    const std::lock_guard lock(tls_mutex_);
    if (tls_) return tls_;
    Result<tls::TrustRoots> roots =
        how_.roots_pem.empty() ? tls::TrustRoots::system() : tls::TrustRoots::from_pem(how_.roots_pem);
    if (!roots) {
        log_("certificates that sign webhooks cannot be fetched: " + roots.error().to_string());
        return nullptr; // not kept: the machine may get its certificates yet
    }
    tls::ClientOptions options;
    options.roots = std::move(*roots);
    auto made = tls::ClientContext::create(std::move(options));
    if (made) tls_ = std::move(*made);
    return tls_;
}

asio::awaitable<WebhookCertificates::Text> WebhookCertificates::get(std::string url) {
    const auto self = shared_from_this();
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    const auto shot = std::make_shared<Shot>();
    const bool to_fetch = wait_for(url, shot);
    const Place place(*self);
    if (to_fetch) {
        asio::co_spawn(executor, fetch(self, executor, url), [self, url](const std::exception_ptr& thrown) {
            if (thrown) self->settle(url, Result<std::string>(errc::unavailable)); // out of memory
        });
    }
    const std::optional<Text> got = co_await shot->wait(how_.time);
    co_return got.value_or(nullptr);
}

/// True: it has to be fetched. What is known already is told at once.
bool WebhookCertificates::wait_for(const std::string& url, const std::shared_ptr<Shot>& shot) {
    const Clock::time_point now = Clock::now();
    const std::lock_guard lock(mutex_);
    ++waiters_;
    const auto found = entries_.find(url);
    if (found != entries_.end() && found->second.fetching()) {
        if (stopped_ || waiters_ > limits::webhook_certificate_waiters_max) {
            shot->give_up();
        } else {
            found->second.waiting.push_back(shot);
        }
        return false;
    }
    if (found != entries_.end() && now < found->second.until) {
        shot->set(found->second.text);
        return false;
    }
    forget(now);
    const std::string_view host = host_of(url);
    const Standing its = standing(url, host);
    if (stopped_ || !how_.on || !may_fetch(its, host)) {
        shot->give_up();
        return false;
    }
    Entry& entry = entries_[url];
    entry.host = host;
    entry.standing = its;
    entry.until = Clock::time_point::max();
    entry.waiting.push_back(shot);
    return true;
}

asio::awaitable<void> WebhookCertificates::fetch(std::shared_ptr<WebhookCertificates> self, asio::any_io_executor executor,
                                                 std::string url) {
    Result<std::string> fetched = ErrorInfo(errc::unavailable, "there are no root certificates");
    const auto tls = self->tls();
    if (tls) fetched = co_await fetch_certificate(executor, tls, url, self->how_.address, self->how_.time);
    self->settle(url, std::move(fetched));
}

void WebhookCertificates::settle(const std::string& url, Result<std::string> fetched) {
    Text text;
    if (fetched) text = std::make_shared<const std::string>(std::move(*fetched));
    const Clock::time_point now = Clock::now();
    const Clock::time_point until = text ? keep(text, now) : now;
    if (until <= now) {
        text = nullptr;
        log_("the certificate at " + url + ", which signs webhooks, could not be had: " +
             (fetched ? "it is no certificate that is valid" : fetched.error().to_string()));
    }
    std::vector<std::weak_ptr<Shot>> waiting;
    {
        const std::lock_guard lock(mutex_);
        forget(now);
        if (text) prove(url, now);
        Entry& entry = entries_[url];
        waiting = std::exchange(entry.waiting, {});
        entry.text = text;
        entry.until = text ? until : now + limits::webhook_certificate_pause;
    }
    for (const auto& each : waiting) {
        if (const auto shot = each.lock()) shot->set(text);
    }
}

/// Until when it may be used; `now` if it may not. Whom it is of, and its dates for each message, is the policy's business.
WebhookCertificates::Clock::time_point WebhookCertificates::keep(const Text& text, Clock::time_point now) const {
    const auto info = tls::read_certificate(*text);
    if (!info) return now;
    const auto today = std::chrono::system_clock::now();
    if (today < info->not_before || info->not_after <= today) return now;
    // Compared in seconds: a date of the year 9999 does not fit the clock's nanoseconds.
    const auto left = info->not_after - std::chrono::floor<std::chrono::seconds>(today);
    return now + std::min<std::chrono::seconds>(left, limits::webhook_certificate_life);
}

/// What is over; and for a further one, what ends first of those that are kept.
void WebhookCertificates::forget(Clock::time_point now) {
    std::erase_if(entries_, [now](const auto& each) { return each.second.until <= now; });
    const auto kept = [](const auto& each) { return each.second.text != nullptr; };
    if (static_cast<std::size_t>(std::ranges::count_if(entries_, kept)) < limits::webhook_certificates_max) return;
    const auto rank = [&kept](const auto& each) { return kept(each) ? each.second.until : Clock::time_point::max(); };
    entries_.erase(std::ranges::min_element(entries_, {}, rank));
}

WebhookCertificates::Standing WebhookCertificates::standing(const std::string& url, std::string_view host) const {
    if (proven_.contains(url)) return Standing::proven;
    const auto same = [host](const auto& each) { return host_of(each.first) == host; };
    return std::ranges::any_of(proven_, same) ? Standing::host : Standing::stranger;
}

/// Visitors choose what is fetched: not without end, where it leads to nothing.
bool WebhookCertificates::may_fetch(Standing standing, std::string_view host) const {
    std::size_t fetches = 0, failures = 0;
    for (const auto& [url, entry] : entries_) {
        if (entry.standing != standing) continue;
        if (entry.fetching()) ++fetches;
        if (entry.failed() && (standing == Standing::stranger || entry.host == host)) ++failures;
    }
    if (fetches >= limits::webhook_certificate_fetches_max) return false;
    switch (standing) {
    case Standing::stranger: return failures < limits::webhook_certificate_failures_max;
    case Standing::host: return failures < limits::webhook_certificate_host_failures_max;
    case Standing::proven: break; // there are only so many
    }
    return true;
}

void WebhookCertificates::prove(const std::string& url, Clock::time_point now) {
    proven_[url] = now;
    if (proven_.size() > limits::webhook_certificates_max)
        proven_.erase(std::ranges::min_element(proven_, {}, &decltype(proven_)::value_type::second));
}

void WebhookCertificates::stop() {
    std::vector<std::weak_ptr<Shot>> waiting;
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        for (auto& [url, entry] : entries_) {
            waiting.insert(waiting.end(), entry.waiting.begin(), entry.waiting.end());
            entry.waiting.clear();
        }
    }
    for (const auto& each : waiting) {
        if (const auto shot = each.lock()) shot->give_up();
    }
}

} // namespace adit
