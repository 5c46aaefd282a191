// A recorded request, as it was or edited, once more to the upstream. The edge and its policies see nothing of it.
#pragma once

#include "client/forwarder_impl.hpp"
#include "http/parser.hpp"
#include "inspector/json.hpp"
#include "inspector/recorder.hpp"
#include "inspector/task.hpp"

#include <memory>
#include <string>

namespace adit::inline v0::inspector {

/// The request to send. Errors: errc::invalid_option, with what cannot be sent.
Result<Message> plan_replay(const Exchange& original, const ReplayOrder& order);

/// One under way. On its executor, which runs one handler at a time.
class Replay final : public Task {
public:
    Replay(const asio::any_io_executor& executor, std::shared_ptr<detail::ForwarderImpl> forwarder, std::string proxy_header,
           Message request, std::unique_ptr<ExchangeRecord> record)
        : Task(executor), forwarder_(std::move(forwarder)), proxy_header_(std::move(proxy_header)),
          request_(std::move(request)), record_(std::move(record)) {}

    asio::awaitable<void> run() override;
    void abort() noexcept override;

private:
    asio::awaitable<void> exchange();
    asio::awaitable<void> receive();
    /// False: there is no use in reading on.
    bool take(Bytes input);
    void fail(const ErrorInfo& why);
    static asio::awaitable<void> send(std::shared_ptr<Replay> self, std::shared_ptr<net::Stream> stream);

    const std::shared_ptr<detail::ForwarderImpl> forwarder_;
    const std::string proxy_header_;
    const Message request_;
    std::unique_ptr<ExchangeRecord> record_;
    std::shared_ptr<net::Stream> stream_;
    ResponseParser answer_;
    bool late_ = false;
    bool aborted_ = false;
};

} // namespace adit
