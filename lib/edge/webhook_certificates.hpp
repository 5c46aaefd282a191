// The certificates that sign webhooks (SNS), by their URLs: fetched when they are first wanted, and kept.
#pragma once

#include <adit/asio.hpp>

#include "base/result.hpp"
#include "edge/oneshot.hpp"
#include "edge/options_data.hpp"
#include "tls/context.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::edge {

/// Thread-safe. One fetch of a URL at a time, for all who wait for it. Held by shared_ptr.
class WebhookCertificates final : public std::enable_shared_from_this<WebhookCertificates> {
public:
    /// PEM; null: it could not be had.
    using Text = std::shared_ptr<const std::string>;

    /// `log` gets a line for the operator about each fetch that failed; it outlives all executors that get() is called on.
    WebhookCertificates(CertificateFetching how, std::function<void(std::string_view)> log);

    /// Whether anything can be fetched: it is wanted, and there are root certificates, which are read once.
    bool available();
    /// `url`: a provider's own, checked (policy::Outcome::Kind::need_certificate). Takes at most CertificateFetching::time.
    /// On an executor that runs one handler at a time.
    asio::awaitable<Text> get(std::string url);
    /// Nobody waits any more, and nothing is fetched from now on.
    void stop();

private:
    using Clock = std::chrono::steady_clock;
    using Shot = OneShot<Text>;

    /// Visitors name what is fetched, Amazon what is there: those who invent names do not use up what the others have.
    enum class Standing : std::uint8_t {
        stranger, ///< its host gave nothing yet
        host,     ///< its host gave another certificate
        proven,   ///< it gave a certificate
    };

    struct Entry {
        std::string host;
        Standing standing = Standing::stranger; // when it was asked for
        Text text;                 // null while it is fetched, and after that failed
        Clock::time_point until{}; // it is forgotten then; max() while it is fetched
        std::vector<std::weak_ptr<Shot>> waiting;
        bool fetching() const noexcept { return until == Clock::time_point::max(); }
        bool failed() const noexcept { return !text && !fetching(); }
    };

    class Place;

    static asio::awaitable<void> fetch(std::shared_ptr<WebhookCertificates> self, asio::any_io_executor executor,
                                       std::string url);
    bool wait_for(const std::string& url, const std::shared_ptr<Shot>& shot);
    void settle(const std::string& url, Result<std::string> fetched);
    Clock::time_point keep(const Text& text, Clock::time_point now) const;
    void forget(Clock::time_point now);
    Standing standing(const std::string& url, std::string_view host) const;
    bool may_fetch(Standing standing, std::string_view host) const;
    void prove(const std::string& url, Clock::time_point now);
    std::shared_ptr<const tls::ClientContext> tls();

    const CertificateFetching how_;
    const std::function<void(std::string_view)> log_;
    std::mutex tls_mutex_;
    std::shared_ptr<const tls::ClientContext> tls_; // made when it is first needed
    std::mutex mutex_;
    std::map<std::string, Entry> entries_;
    std::map<std::string, Clock::time_point> proven_; // URLs that gave a certificate, and when; webhook_certificates_max of them
    std::size_t waiters_ = 0;
    bool stopped_ = false;
};

} // namespace adit
