#include "client/connect_op.hpp"

#include "client/handle.hpp"

#include <utility>

namespace adit::inline v0::detail {

void ConnectOp::start(const asio::any_io_executor& executor, Background::Lease lease, const SessionOptions& options,
                      ErrorInfo* error, Handler handler) {
    auto slot = handler.slot();
    const auto session = SessionImpl::create(executor, std::move(lease), options);
    const auto op = std::make_shared<ConnectOp>(session, error, std::move(handler));
    if (slot.is_connected()) {
        slot.assign([weak = std::weak_ptr<ConnectOp>(op)](asio::cancellation_type type) {
            const bool total_only = type == asio::cancellation_type::total;
            if (const auto self = weak.lock(); self && !total_only)
                self->finish(ErrorInfo(asio::error::operation_aborted, "the connect was cancelled"));
        });
    }
    Result<ServerTarget> target = check(options.data());
    if (!target) {
        op->finish(target.error());
        return;
    }
    // On the strand, as everything that stops it: neither the time nor a cancellation comes between.
    asio::post(session->strand(), [op, target = std::move(*target)]() mutable {
        op->session_->begin(std::move(target), [op](const ErrorInfo& tried) { op->finish(tried); });
    });
}

void ConnectOp::finish(const ErrorInfo& error) {
    Handler handler;
    ErrorInfo* out = nullptr;
    {
        const std::lock_guard lock(mutex_);
        handler = std::move(handler_);
        out = std::exchange(error_, nullptr);
    }
    if (!handler) return;
    if (error) session_->fail(error);
    if (out != nullptr) *out = error;
    handler.complete(error.code(), Session(make_handle(session_)));
    session_->ensure_completion();
}

} // namespace adit
