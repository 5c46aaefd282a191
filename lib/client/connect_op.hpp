// One connect() on its way: name, TCP, TLS, authentication, within one time; at most one completion.
#pragma once

#include "client/options_data.hpp"
#include "client/session_impl.hpp"
#include "tls/context.hpp"

#include <memory>
#include <mutex>
#include <string>

namespace adit::inline v0::detail {

class ConnectOp : public std::enable_shared_from_this<ConnectOp> {
public:
    using Handler = AnyHandler<void(std::error_code, Session)>;

    /// `lease`: held if `executor` is the background thread's.
    static void start(const asio::any_io_executor& executor, Background::Lease lease, const SessionOptions& options,
                      ErrorInfo* error, Handler handler);

    ConnectOp(std::shared_ptr<SessionImpl> session, const SessionOptions& options, ErrorInfo* error, Handler handler)
        : session_(std::move(session)), options_(options), deadline_(session_->strand()), error_(error),
          handler_(std::move(handler)) {}

private:
    enum class Step : std::uint8_t { dial, tls, authentication };

    void begin();
    static asio::awaitable<void> run(std::shared_ptr<ConnectOp> op);
    asio::awaitable<Result<void>> link();
    asio::awaitable<Result<void>> authenticate();
    Result<std::shared_ptr<const tls::ClientContext>> tls_context() const;
    std::string auth_request() const;
    ErrorInfo took_too_long() const;
    void abandon(const ErrorInfo& why);
    bool finish(const ErrorInfo& error);

    const std::shared_ptr<SessionImpl> session_;
    const SessionOptions options_;

    ServerTarget target_; // set before the first turn
    // strand only
    Step step_ = Step::dial;
    bool abandoned_ = false;
    std::shared_ptr<net::MuxSession> mux_;
    asio::steady_timer deadline_;
    asio::cancellation_signal stop_;

    std::mutex mutex_;
    ErrorInfo* error_;
    Handler handler_;
};

} // namespace adit
