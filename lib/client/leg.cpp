#include "client/leg.hpp"

#include "client/session_impl.hpp"

#include <utility>

namespace adit::inline v0::detail {

Leg::Leg(const std::shared_ptr<SessionImpl>& session, std::uint32_t number, ServerTarget target,
         const LegMachine::Config& config)
    : session_(session), number_(number), target_(std::move(target)), machine_(config), retry_(session->strand()) {}

void Leg::dial() {
    const auto session = session_.lock();
    if (!session) return;
    machine_.dial();
    if (machine_.state() != LegMachine::State::dialing) return;
    session->leg_connecting(*this);
    const auto tried = [weak = weak_from_this()](const ErrorInfo& error, std::shared_ptr<Link> link,
                                                 const AuthResponse& answer) {
        if (const auto self = weak.lock()) self->on_tried(error, std::move(link), answer);
    };
    const auto op = std::make_shared<LinkOp>(session, shared_from_this(), target_, tried);
    op_ = op;
    op->start();
}

void Leg::on_tried(const ErrorInfo& error, std::shared_ptr<Link> link, const AuthResponse& answer) {
    const auto session = session_.lock();
    if (!session || machine_.is_over()) return;
    if (error) {
        failed(error);
        return;
    }
    machine_.linked();
    link_ = std::move(link);
    session->leg_linked(*this, answer);
    if (link_ && link_->ended()) on_link_ended(*link_); // it hung up right behind its answer
}

void Leg::bound(const Link& link) {
    if (&link != link_.get() || machine_.state() != LegMachine::State::binding) return;
    machine_.bound(std::chrono::steady_clock::now());
    if (const auto session = session_.lock()) session->leg_online(*this);
}

void Leg::give_up_link(const Link& link, const ErrorInfo& why) {
    if (&link != link_.get()) return;
    const std::shared_ptr<Link> given_up = std::exchange(link_, nullptr); // now: nobody shall ask anything more of it
    given_up->mux()->abort(why);
    failed(given_up->ended() ? given_up->ended() : why);
}

void Leg::on_link_ended(const Link& link) {
    if (&link != link_.get()) return;
    const std::shared_ptr<Link> ended = std::exchange(link_, nullptr);
    failed(ended->ended());
}

void Leg::failed(const ErrorInfo& why) {
    const auto session = session_.lock();
    if (!session || machine_.is_over()) return;
    const auto now = std::chrono::steady_clock::now();
    machine_.failed(why, now);
    if (machine_.state() == LegMachine::State::waiting) {
        retry_.expires_at(machine_.retry_at());
        retry_.async_wait([weak = weak_from_this()](const std::error_code& ec) {
            const auto self = weak.lock();
            if (!ec && self) self->dial();
        });
    }
    session->leg_failed(*this, now);
}

void Leg::stop(const ErrorInfo& why) {
    machine_.stop(why);
    retry_.cancel();
    link_.reset();
    if (const auto op = op_.lock()) op->stop(why);
}

} // namespace adit
