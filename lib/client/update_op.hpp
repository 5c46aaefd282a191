// One update() of a listener on its way; at most one completion.
#pragma once

#include <adit/endpoint_update.hpp>

#include "client/listener_impl.hpp"

#include <memory>
#include <mutex>

namespace adit::inline v0::detail {

class UpdateOp : public std::enable_shared_from_this<UpdateOp> {
public:
    using Handler = AnyHandler<void(std::error_code)>;

    static void start(std::shared_ptr<ListenerImpl> listener, const EndpointUpdate& update, ErrorInfo* error, Handler handler);

    UpdateOp(std::shared_ptr<ListenerImpl> listener, const EndpointUpdate& update, ErrorInfo* error, Handler handler)
        : listener_(std::move(listener)), update_(update), error_(error), handler_(std::move(handler)) {}

private:
    static asio::awaitable<void> run(std::shared_ptr<UpdateOp> op);
    void finish(const ErrorInfo& error);

    const std::shared_ptr<ListenerImpl> listener_;
    const EndpointUpdate update_;

    std::mutex mutex_;
    ErrorInfo* error_;
    Handler handler_;
};

} // namespace adit
