#include "client/listen_op.hpp"

#include "client/handle.hpp"
#include "client/listener_impl.hpp"
#include "client/thrown.hpp"
#include "net/deadline.hpp"
#include "net/rpc.hpp"
#include "proto/codec.hpp"

#include <algorithm>
#include <utility>

namespace adit::inline v0::detail {
namespace {

constexpr auto first_pause = std::chrono::milliseconds(20); // then doubled
constexpr auto longest_pause = std::chrono::milliseconds(640);

bool is_taken(const Result<std::string>& answer) {
    return answer && decode_empty_response(*answer).error().code() == ngrok_error(334);
}

} // namespace

void ListenOp::start(std::shared_ptr<SessionImpl> session, const Endpoint::Data& endpoint, ErrorInfo* error,
                     Handler handler) {
    auto slot = handler.slot();
    auto op = std::make_shared<ListenOp>(std::move(session), error, std::move(handler));
    if (slot.is_connected()) {
        slot.assign([weak = std::weak_ptr<ListenOp>(op)](asio::cancellation_type type) {
            const bool total_only = type == asio::cancellation_type::total;
            if (const auto self = weak.lock(); self && !total_only)
                self->finish(ErrorInfo(asio::error::operation_aborted, "the listen was cancelled"), nullptr);
        });
    }
    Result<BindPlan> plan = plan_bind(endpoint);
    if (!plan) {
        op->finish(plan.error(), nullptr);
        return;
    }
    op->plan_ = std::move(*plan);
    const Result<void> begun = op->session_->begin_listen();
    if (!begun) {
        op->finish(begun.error(), nullptr);
        return;
    }
    // On the strand, as what stops it.
    asio::post(op->session_->strand(), [op] {
        const auto ended = [op](const std::exception_ptr& thrown) {
            if (op->late_) {
                op->session_->end_late_bind();
            } else {
                op->session_->end_listen();
            }
            if (thrown) op->finish(describe(thrown), nullptr);
        };
        asio::co_spawn(op->session_->strand(), run(op), asio::bind_cancellation_slot(op->stop_.slot(), ended));
    });
}

asio::awaitable<void> ListenOp::run(std::shared_ptr<ListenOp> op) {
    const auto type = static_cast<std::uint32_t>(op->plan_.type);
    const auto time = op->session_->rpc_time();
    const auto end = std::chrono::steady_clock::now() + time;
    const net::Deadline deadline(op->session_->strand(), time, [weak = std::weak_ptr<ListenOp>(op)] {
        if (const auto self = weak.lock()) self->too_late();
    });
    asio::steady_timer pause(op->session_->strand());
    auto pause_time = first_pause;
    const auto with_late = time + limits::late_bind_time;
    for (;;) {
        const Result<std::shared_ptr<Link>> link = co_await op->session_->wait_link(end);
        if (!link) {
            op->fail(link.error());
            co_return;
        }
        op->asked_ = true;
        std::string request = op->plan_.request;
        const Result<std::string> answer = co_await net::call((*link)->mux(), type, std::move(request), with_late);
        // Lost with the link, and so is what the edge made of it: asked again on the next one.
        const bool lost = !answer && !(*link)->mux()->is_open();
        const bool again = lost || (op->lost_before_ && is_taken(answer));
        if (!again || op->late_ || op->session_->ended()) {
            op->take_answer(answer, **link);
            co_return;
        }
        op->asked_ = false;
        op->lost_before_ = true;
        if (lost) continue;
        // What was made of it on the lost leg is in the way, until that leg comes back or the edge notices as well.
        pause.expires_after(pause_time);
        pause_time = std::min(2 * pause_time, longest_pause);
        std::error_code ignored;
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        if (op->late_) co_return;
    }
}

/// The program stops waiting, we do not: an endpoint that comes online after all would be a ghost.
void ListenOp::too_late() {
    late_ = true;
    session_->end_listen();
    finish(ErrorInfo(errc::timed_out, asked_ ? "the edge did not answer the bind of " + plan_.what + " in time"
                                             : "there was no link to the edge to bind " + plan_.what + " on"),
           nullptr);
    if (!session_->begin_late_bind()) stop_.emit(asio::cancellation_type::terminal);
}

void ListenOp::fail(const ErrorInfo& why) {
    const ErrorInfo ended = session_->ended();
    finish(ended ? ended : why, nullptr);
}

void ListenOp::take_answer(const Result<std::string>& answer, const Link& link) {
    if (!answer) {
        fail(answer.error());
        return;
    }
    std::string id;
    const Result<Bound> bound = read_bind_answer(plan_, *answer, id);
    if (!bound) {
        if (!id.empty()) { // online all the same, in a form we cannot use
            Bound useless;
            useless.id = id;
            ListenerImpl::create(session_, plan_, useless, 0)->close();
        }
        finish(bound.error(), nullptr);
        return;
    }
    Result<std::shared_ptr<ListenerImpl>> listener = session_->add_listener(plan_, *bound, link);
    if (listener) {
        finish({}, std::move(*listener));
    } else {
        finish(listener.error(), nullptr);
    }
}

void ListenOp::finish(const ErrorInfo& error, std::shared_ptr<ListenerImpl> listener) {
    Handler handler;
    ErrorInfo* out = nullptr;
    {
        const std::lock_guard lock(mutex_);
        handler = std::move(handler_);
        out = std::exchange(error_, nullptr);
    }
    if (!handler) { // cancelled or timed out before: an answer is undone
        if (listener) listener->close();
        return;
    }
    if (error) session_->remember_error(error);
    if (out != nullptr) *out = error;
    if (error) {
        handler.complete(error.code(), Listener());
    } else {
        handler.complete({}, Listener(make_handle(std::move(listener))));
    }
}

} // namespace adit
