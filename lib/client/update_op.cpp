#include "client/update_op.hpp"

#include "client/session_impl.hpp"
#include "client/thrown.hpp"
#include "client/validate.hpp"
#include "net/rpc.hpp"
#include "proto/codec.hpp"

#include <utility>

namespace adit::inline v0::detail {
namespace {

constexpr auto patch_type = static_cast<std::uint32_t>(RequestType::patch_tunnel_state);

ErrorInfo check(const EndpointUpdate& update) {
    const auto over = [](const std::optional<std::string>& text, std::size_t max) { return text && text->size() > max; };
    if (over(update.name(), limits::description_max)) return too_long("name", limits::description_max);
    if (over(update.description(), limits::description_max)) return too_long("description", limits::description_max);
    if (over(update.metadata(), limits::metadata_max)) return too_long("metadata", limits::metadata_max);
    if (over(update.traffic_policy(), limits::bind_request_max)) return too_long("traffic_policy", limits::bind_request_max);
    return {};
}

std::string patch_request(const EndpointUpdate& update, const std::string& tunnel_id) {
    PatchTunnelStateRequest request;
    request.tunnel_id = tunnel_id;
    request.name = update.name();
    request.description = update.description();
    request.metadata = update.metadata();
    request.pooling_enabled = update.pooling();
    request.traffic_policy = update.traffic_policy();
    return encode(request);
}

} // namespace

void UpdateOp::start(std::shared_ptr<ListenerImpl> listener, const EndpointUpdate& update, ErrorInfo* error,
                     Handler handler) {
    auto slot = handler.slot();
    const auto op = std::make_shared<UpdateOp>(std::move(listener), update, error, std::move(handler));
    if (slot.is_connected()) {
        slot.assign([weak = std::weak_ptr<UpdateOp>(op)](asio::cancellation_type type) {
            const bool total_only = type == asio::cancellation_type::total;
            if (const auto self = weak.lock(); self && !total_only)
                self->finish(ErrorInfo(asio::error::operation_aborted, "the update was cancelled"));
        });
    }
    ErrorInfo wrong = check(update);
    if (!wrong && op->listener_->request_type() != RequestType::bind)
        wrong = ErrorInfo(errc::invalid_option, "a labelled endpoint cannot be updated: the edge's operator does that");
    if (wrong) {
        op->finish(wrong);
        return;
    }
    const asio::any_io_executor strand = op->listener_->session().strand();
    asio::co_spawn(strand, run(op), [op](const std::exception_ptr& thrown) {
        if (thrown) op->finish(describe(thrown));
    });
    op->listener_->session().ensure_completion();
}

asio::awaitable<void> UpdateOp::run(std::shared_ptr<UpdateOp> op) {
    SessionImpl& session = op->listener_->session();
    const auto end = std::chrono::steady_clock::now() + session.rpc_time();
    for (;;) {
        const Result<std::shared_ptr<Link>> link = co_await session.wait_link(end);
        const ErrorInfo ended = op->listener_->last_error();
        if (!link || ended) {
            op->finish(ended ? ErrorInfo(errc::listener_closed, ended.message(), ended.detail()) : link.error());
            co_return;
        }
        const std::shared_ptr<Link> where = session.link_of(*op->listener_);
        const std::string id = op->listener_->tunnel_id();
        if (id.empty()) {
            op->finish(ErrorInfo(errc::unavailable, "the edge gave the endpoint no id to update it by"));
            co_return;
        }
        std::string request = patch_request(op->update_, id);
        const Result<std::string> answer = co_await net::call(where->mux(), patch_type, std::move(request), session.rpc_time());
        // The same update twice is as once: asked again on the next link.
        const ErrorInfo over = session.ended();
        if (!answer && !where->mux()->is_open() && !over) continue;
        ErrorInfo error = !answer && over ? over : answer.error();
        if (answer) error = decode_empty_response(*answer).error();
        if (!error) op->listener_->updated(op->update_);
        op->finish(error);
        co_return;
    }
}

void UpdateOp::finish(const ErrorInfo& error) {
    Handler handler;
    ErrorInfo* out = nullptr;
    {
        const std::lock_guard lock(mutex_);
        handler = std::move(handler_);
        out = std::exchange(error_, nullptr);
    }
    if (!handler) return;
    if (out != nullptr) *out = error;
    handler.complete(error.code());
}

} // namespace adit
