#include "client/rebind.hpp"

#include "client/thrown.hpp"
#include "net/rpc.hpp"

#include <algorithm>
#include <utility>

namespace adit::inline v0::detail {
namespace {

/// The edge drains or sheds load (behaviour.md D.5): it says nothing about the endpoint.
bool is_of_the_moment(const ErrorInfo& refusal) {
    return refusal.code() == ngrok_error(742) || refusal.code() == ngrok_error(743);
}

} // namespace

void Rebind::start(std::shared_ptr<SessionImpl> session, std::shared_ptr<Leg> leg, std::shared_ptr<Link> link,
                   std::vector<std::shared_ptr<ListenerImpl>> listeners, std::function<void(bool)> done) {
    const asio::any_io_executor strand = session->strand();
    const auto op = std::make_shared<Rebind>(std::move(session), std::move(leg), std::move(link), std::move(listeners),
                                             std::move(done));
    op->working_ = std::min(op->listeners_.size(), limits::rebinds_at_once);
    if (op->working_ == 0) {
        op->done_(!op->gave_up_);
        return;
    }
    const auto ended = [op](const std::exception_ptr& thrown) {
        if (thrown) { // a listener was left out
            op->gave_up_ = true;
            op->leg_->give_up_link(*op->link_, describe(thrown));
        }
        if (--op->working_ == 0) op->done_(!op->gave_up_);
    };
    const std::size_t workers = op->working_;
    for (std::size_t i = 0; i < workers; ++i) asio::co_spawn(strand, work(op), ended);
}

asio::awaitable<void> Rebind::work(std::shared_ptr<Rebind> self) {
    while (self->next_ < self->listeners_.size() && !self->link_->ended()) {
        std::shared_ptr<ListenerImpl> listener = self->listeners_[self->next_++];
        if (listener->is_open()) co_await self->bind(std::move(listener));
    }
}

asio::awaitable<void> Rebind::bind(std::shared_ptr<ListenerImpl> listener) {
    const auto type = static_cast<std::uint32_t>(listener->request_type());
    std::string request = listener->rebind_request();
    const Result<std::string> answer = co_await net::call(link_->mux(), type, std::move(request), session_->rpc_time());
    take_answer(listener, answer);
}

void Rebind::take_answer(const std::shared_ptr<ListenerImpl>& listener, const Result<std::string>& answer) {
    if (!answer) { // the link is of no use, or gone
        const ErrorInfo& why = answer.error();
        gave_up_ = true;
        leg_->give_up_link(*link_, ErrorInfo(why.code(), "the edge did not answer the bind of " + listener->what(), why.detail()));
        return;
    }
    if (link_->ended()) return; // asked again on the next one
    Bound bound;
    const Result<void> read = listener->read_rebind_answer(*answer, bound);
    if (!listener->is_open()) { // closed meanwhile: the Unbind may have been earlier than this bind
        session_->start_unbind(listener);
    } else if (read) {
        session_->rebound(*leg_, listener, bound);
    } else if (is_of_the_moment(read.error())) {
        gave_up_ = true;
        leg_->give_up_link(*link_, read.error());
    } else {
        session_->rebind_refused(*leg_, listener, read.error());
    }
}

} // namespace adit
