// rate-limit, circuit-breaker and forward-internal.
#include "base/url.hpp"
#include "policy/rules/make.hpp"
#include "policy/scope.hpp"

#include <adit/limits.hpp>

namespace adit::inline v0::policy {
namespace {

using cel::Value;
using namespace std::chrono_literals;

class RateLimit final : public Action {
public:
    explicit RateLimit(Config& config) : enforce_(config.boolean("enforce", true)) {
        const std::string name = config.plain("name", "");
        if (name.size() >= name_max) config.fail(2215, "name", "it has more than 1,023 bytes");
        config.choice("algorithm", "sliding_window", {"sliding_window"});
        RateLimitSettings settings;
        if (!config.has("capacity")) config.fail(2203, "capacity", "it is required");
        settings.capacity = static_cast<std::uint64_t>(config.integer("capacity", 1, 1, 2'000'000'000));
        const auto rate = config.duration("rate", {}, 60s, 24h);
        if (rate % 10s != 0ms) config.fail(2215, "rate", "it has to be a multiple of 10s");
        settings.rate = std::chrono::duration_cast<std::chrono::seconds>(rate);
        std::size_t index = 0;
        for (const Node& node : config.list("bucket_key", 0, keys_max)) {
            auto program = config.compile().expression(node, config.path_of("bucket_key") + "[" + std::to_string(index++) + "]");
            if (program) keys_.push_back(Key{node.text(), std::move(*program)});
        }
        slot_ = config.compile().program.rate_limits.size();
        config.compile().program.rate_limits.push_back(settings);
    }

    Flow run(Scope& scope) const override {
        std::vector<std::string> texts;
        std::vector<std::string_view> key;
        std::string error;
        texts.reserve(keys_.size());
        key.reserve(keys_.size());
        for (const Key& each : keys_) {
            auto value = evaluate(each.program, scope, each.source, 2253);
            auto text = value ? text_of(*value) : Result<std::string>(value.error());
            if (text) {
                texts.push_back(std::move(*text));
            } else { // all requests without such a key share one bucket, so that none is without a limit
                texts.emplace_back();
                error = text.error().message();
            }
            key.push_back(texts.back());
        }
        const RateDecision decision = scope.state.native().limiters[slot_].take(key, scope.now.steady);
        if (scope.wants_results()) {
            std::string joined;
            for (const std::string& text : texts) joined.append(joined.empty() ? "" : ",").append(text);
            scope.set_result(ResultId::rate_limit,
                             {Value::string(std::move(joined)), Value::boolean(!decision.allowed),
                              error.empty() ? Value() : make_error_value("ERR_NGROK_2253", error)});
        }
        if (decision.allowed || !enforce_) return Flow::next;
        scope.page(0, 429, "Too many requests; try again later.");
        scope.outcome.page.head.add("Retry-After", std::to_string(decision.retry_after.count()));
        return Flow::stop;
    }

private:
    static constexpr std::size_t name_max = 1'024, keys_max = 10; // behaviour C.2
    struct Key {
        std::string source;
        cel::Program program;
    };
    bool enforce_;
    std::vector<Key> keys_;
    std::size_t slot_ = 0;
};

class BreakCircuit final : public Action {
public:
    explicit BreakCircuit(Config& config) : enforce_(config.boolean("enforce", true)) {
        CircuitBreakerSettings settings;
        settings.error_threshold = config.number("error_threshold", 0.5, 0, 1);
        settings.volume_threshold = static_cast<std::uint32_t>(config.integer("volume_threshold", 10, 1, 1'000'000'000));
        settings.window_duration = config.duration("window_duration", 10s, 1s, 120s);
        settings.tripped_duration = config.duration("tripped_duration", 10s, 1s, 120s);
        config.integer("num_buckets", 10, 10, 10);
        if (!config.failed()) {
            auto tried = CircuitBreaker::create(settings);
            if (!tried) config.fail(2215, "error_threshold", tried.error().message());
        }
        slot_ = config.compile().program.breakers.size();
        config.compile().program.breakers.push_back(settings);
    }

    Flow run(Scope& scope) const override {
        const CircuitBreaker::Pass pass = scope.state.native().breakers[slot_]->admit(scope.now.steady);
        if (pass.allowed) {
            scope.passes.emplace_back(slot_, pass);
            return Flow::next;
        }
        if (!enforce_) return Flow::next;
        const Flow flow = scope.refuse(3202, 503);
        scope.outcome.page.head.add("Retry-After", std::to_string(pass.retry_after.count()));
        return flow;
    }

private:
    bool enforce_;
    std::size_t slot_ = 0;
};

class ForwardInternal final : public Action {
public:
    ForwardInternal(Config& config, bool& ends)
        : url_(config.text("url", true)),
          continue_(config.choice("on_error", "halt", {"halt", "continue"}) == "continue"),
          protocol_(config.compile().options.protocol) {
        config.choice("binding", "internal", {"internal"});
        ends = !continue_;
        if (config.failed() || !url_.is_literal()) return;
        const auto url = check(url_.literal());
        if (!url) config.fail(2203, "url", url.error().message());
    }

    Flow run(Scope& scope) const override {
        auto text = url_.text(scope);
        auto url = text ? check(*text) : Result<EndpointUrl>(text.error());
        if (!url) {
            tell(scope, text ? *text : std::string(), "ERR_NGROK_2238", url.error().message());
            return continue_ ? Flow::next : scope.fail(ErrorInfo(ngrok_error(2238), url.error().message()));
        }
        scope.outcome = Outcome();
        scope.outcome.kind = Outcome::Kind::forward;
        scope.outcome.url = url->to_string();
        scope.outcome.may_continue = continue_;
        return Flow::stop;
    }

    static void tell(Scope& scope, const std::string& url, std::string_view code, std::string_view message) {
        if (scope.wants_results())
            scope.set_result(ResultId::forward_internal, {Value::string(url), make_error_value(code, message)});
    }

private:
    Result<EndpointUrl> check(const std::string& text) const {
        auto url = EndpointUrl::parse(text);
        if (!url) return url;
        if (auto internal = check_internal(*url); !internal) return internal.error();
        const auto is_http = [](UrlScheme scheme) { return scheme == UrlScheme::http || scheme == UrlScheme::https; };
        const bool same = is_http(protocol_) ? is_http(url->scheme()) : !is_http(url->scheme());
        if (!same) {
            return ErrorInfo(ngrok_error(2203), "traffic of a " + std::string(to_string(protocol_)) +
                                                    " endpoint cannot be forwarded to " + url->to_string());
        }
        return url;
    }

    Template url_;
    bool continue_;
    UrlScheme protocol_;
};

} // namespace

std::unique_ptr<const Action> make_rate_limit(Config& config, bool&) { return std::make_unique<RateLimit>(config); }

std::unique_ptr<const Action> make_circuit_breaker(Config& config, bool&) { return std::make_unique<BreakCircuit>(config); }

std::unique_ptr<const Action> make_forward_internal(Config& config, bool& ends) {
    return std::make_unique<ForwardInternal>(config, ends);
}

} // namespace adit
