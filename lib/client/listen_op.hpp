// One listen() on its way: at most one completion, whatever comes first of answer, refusal, cancellation and loss.
#pragma once

#include "client/session_impl.hpp"

#include <memory>
#include <mutex>

namespace adit::inline v0::detail {

class ListenOp : public std::enable_shared_from_this<ListenOp> {
public:
    using Handler = SessionImpl::ListenHandler;

    static void start(std::shared_ptr<SessionImpl> session, const Endpoint::Data& endpoint, ErrorInfo* error,
                      Handler handler);

    ListenOp(std::shared_ptr<SessionImpl> session, ErrorInfo* error, Handler handler)
        : session_(std::move(session)), error_(error), handler_(std::move(handler)) {}

private:
    static asio::awaitable<void> run(std::shared_ptr<ListenOp> op);
    void too_late();
    void fail(const ErrorInfo& why);
    void take_answer(const Result<std::string>& answer, const Link& link);
    void finish(const ErrorInfo& error, std::shared_ptr<ListenerImpl> listener);

    const std::shared_ptr<SessionImpl> session_;
    BindPlan plan_;

    // strand only
    bool late_ = false;
    bool asked_ = false; // the edge, on the link of now
    bool lost_before_ = false; // asked on a link that broke before the answer
    asio::cancellation_signal stop_;

    std::mutex mutex_;
    ErrorInfo* error_;
    Handler handler_;
};

} // namespace adit
