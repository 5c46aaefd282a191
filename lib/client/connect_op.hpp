// One connect() on its way: the first try of the session's first leg; at most one completion.
#pragma once

#include "client/session_impl.hpp"

#include <memory>
#include <mutex>

namespace adit::inline v0::detail {

class ConnectOp : public std::enable_shared_from_this<ConnectOp> {
public:
    using Handler = AnyHandler<void(std::error_code, Session)>;

    /// `lease`: held if `executor` is the background thread's.
    static void start(const asio::any_io_executor& executor, Background::Lease lease, const SessionOptions& options,
                      ErrorInfo* error, Handler handler);

    ConnectOp(std::shared_ptr<SessionImpl> session, ErrorInfo* error, Handler handler)
        : session_(std::move(session)), error_(error), handler_(std::move(handler)) {}

private:
    void finish(const ErrorInfo& error);

    const std::shared_ptr<SessionImpl> session_;
    std::mutex mutex_;
    ErrorInfo* error_;
    Handler handler_;
};

} // namespace adit
