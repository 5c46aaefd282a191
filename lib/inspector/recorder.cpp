#include "inspector/recorder.hpp"

#include "client/forwarder_impl.hpp"

#include <algorithm>
#include <utility>

namespace adit::inline v0::inspector {
namespace {

using Clock = std::chrono::steady_clock;

/// A record may be lost for want of memory, and with it no more than the record.
template <class Function>
void without_throwing(Function&& function) noexcept {
    try {
        function();
    } catch (...) {
    }
}

class Record final : public ExchangeRecord {
public:
    Record(std::shared_ptr<Recorder> recorder, std::shared_ptr<Store> store, EntryPtr entry,
           const detail::ForwarderImpl* forwarder)
        : recorder_(std::move(recorder)), store_(std::move(store)), entry_(std::move(entry)), forwarder_(forwarder) {}

    ~Record() override {
        change(true, [](Exchange& exchange) {
            if (exchange.state == State::pending) {
                exchange.state = State::failed;
                exchange.error = "it was cut: the visitor left, or the connection ended";
            }
        });
        recorder_->exchange_over(forwarder_, Clock::now() - began_);
    }

    void request_body(Bytes piece) noexcept override {
        change(false, [&](Exchange& exchange) { append(exchange.request, piece); });
    }
    void request_end(const Fields& trailers) noexcept override {
        change(false, [&](Exchange& exchange) { end(exchange.request, trailers); });
    }
    void response_head(const Head& head) noexcept override {
        change(true, [&](Exchange& exchange) {
            exchange.response.head = head;
            exchange.answered = true;
        });
    }
    void response_body(Bytes piece) noexcept override {
        change(false, [&](Exchange& exchange) { append(exchange.response, piece); });
    }
    void response_end(const Fields& trailers) noexcept override {
        change(false, [&](Exchange& exchange) { // who looks is told when it is over, right now
            end(exchange.response, trailers);
            exchange.state = State::complete;
        });
    }
    void upgraded() noexcept override {
        change(true, [](Exchange& exchange) {
            exchange.response.complete = true;
            exchange.state = State::upgraded;
        });
    }
    void failed(int number, const ErrorInfo& why) noexcept override {
        change(false, [&](Exchange& exchange) {
            exchange.state = State::failed;
            exchange.error_number = number;
            exchange.error = why.to_string();
        });
    }

private:
    template <class Function>
    void change(bool tell, Function&& function) noexcept {
        if (!entry_) return;
        without_throwing([&] {
            entry_->with([&](Exchange& exchange) {
                exchange.duration = Clock::now() - began_;
                function(exchange);
            });
            if (!store_->changed(*entry_, tell)) entry_.reset(); // forgotten: its memory goes as well
        });
    }
    void append(Message& message, Bytes piece) const {
        message.body_size += piece.size();
        const std::size_t room = recorder_->max_body() - std::min(recorder_->max_body(), message.body.size());
        message.body.append(as_text(piece.first(std::min(room, piece.size()))));
    }
    static void end(Message& message, const Fields& trailers) {
        message.trailers = trailers;
        message.complete = true;
    }

    const std::shared_ptr<Recorder> recorder_;
    const std::shared_ptr<Store> store_;
    EntryPtr entry_; // null: forgotten meanwhile
    const detail::ForwarderImpl* const forwarder_; // to find its counters, not to touch it
    const Clock::time_point began_ = Clock::now();
};

} // namespace

std::string tunnel_name(const detail::ForwarderImpl& forwarder) {
    return forwarder.plan().name.empty() ? forwarder.listener().id() : forwarder.plan().name;
}

Recorder::Endpoint::Endpoint(const std::shared_ptr<detail::ForwarderImpl>& f)
    : forwarder(f), name(std::make_shared<const std::string>(tunnel_name(*f))),
      url(std::make_shared<const std::string>(f->listener().url())), stats(Clock::now()) {}

Recorder::Recorder(std::shared_ptr<Store> store, std::size_t max_body, std::function<void()> ended)
    : store_(std::move(store)), max_body_(max_body), ended_(std::move(ended)) {}

Recorder::~Recorder() = default;

std::unique_ptr<ExchangeRecord> Recorder::begin(const ExchangeOrigin& origin, const Head& request) noexcept {
    std::uint64_t number = 0;
    return begin_replay(origin, request, 0, number);
}

std::unique_ptr<ExchangeRecord> Recorder::begin_replay(const ExchangeOrigin& origin, const Head& request,
                                                       std::uint64_t replay_of, std::uint64_t& number) noexcept {
    std::unique_ptr<ExchangeRecord> record;
    without_throwing([&] {
        Exchange exchange;
        exchange.start = std::chrono::system_clock::now();
        exchange.forwarder = origin.forwarder;
        exchange.remote_address = origin.remote_address;
        exchange.proxy_header = origin.proxy_header;
        exchange.request.head = request;
        exchange.replay_of = replay_of;
        {
            const std::lock_guard lock(mutex_);
            Endpoint& of = endpoint(origin.forwarder);
            of.stats.requests.mark(Clock::now());
            exchange.tunnel_name = of.name;
            exchange.tunnel_url = of.url;
        }
        EntryPtr entry = store_->add(std::move(exchange));
        number = entry->number;
        record = std::make_unique<Record>(shared_from_this(), store_, std::move(entry), origin.forwarder.get());
    });
    return record;
}

/// With the mutex held.
Recorder::Endpoint& Recorder::endpoint(const std::shared_ptr<detail::ForwarderImpl>& forwarder) {
    const auto found = endpoints_.find(forwarder.get());
    if (found != endpoints_.end()) {
        if (found->second.forwarder.lock() == forwarder) return found->second;
        endpoints_.erase(found);
    }
    std::erase_if(endpoints_, [](const auto& each) { return each.second.forwarder.expired(); });
    return endpoints_.emplace(forwarder.get(), Endpoint(forwarder)).first->second;
}

void Recorder::exchange_over(const detail::ForwarderImpl* forwarder, Clock::duration time) noexcept {
    without_throwing([&] {
        const std::lock_guard lock(mutex_);
        const auto found = endpoints_.find(forwarder);
        if (found != endpoints_.end()) found->second.stats.request_times.add(time);
    });
}

void Recorder::connection_over(const std::shared_ptr<detail::ForwarderImpl>& forwarder, Clock::duration time) noexcept {
    without_throwing([&] {
        const std::lock_guard lock(mutex_);
        EndpointStats& stats = endpoint(forwarder).stats;
        stats.connections.mark(Clock::now());
        stats.connection_times.add(time);
    });
}

void Recorder::session_over() noexcept {
    without_throwing([this] { ended_(); });
}

EndpointStats Recorder::stats(const detail::ForwarderImpl& forwarder) const {
    const std::lock_guard lock(mutex_);
    const auto found = endpoints_.find(&forwarder);
    return found == endpoints_.end() ? EndpointStats(Clock::now()) : found->second.stats;
}

} // namespace adit
