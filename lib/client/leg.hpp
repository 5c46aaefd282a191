// One leg of a session through all its links: it dials, is lost, waits and dials again.
#pragma once

#include "client/leg_machine.hpp"
#include "client/link_op.hpp"

#include <memory>

namespace adit::inline v0::detail {

/// On the session's strand, except for number().
class Leg : public std::enable_shared_from_this<Leg> {
public:
    Leg(const std::shared_ptr<SessionImpl>& session, std::uint32_t number, ServerTarget target,
        const LegMachine::Config& config);

    std::uint32_t number() const noexcept { return number_; }
    const ServerTarget& target() const noexcept { return target_; }
    const LegMachine& machine() const noexcept { return machine_; }
    /// The link that binds and calls may use; null while there is none.
    std::shared_ptr<Link> link() const { return machine_.is_linked() ? link_ : nullptr; }
    bool is_online() const { return machine_.state() == LegMachine::State::online; }

    void dial();
    /// From the next dial on.
    void aim_at(ServerTarget target) { target_ = std::move(target); }
    /// Every endpoint is online on `link`.
    void bound(const Link& link);
    /// The link is of no use any more: it is closed and counts as lost.
    void give_up_link(const Link& link, const ErrorInfo& why);
    void stop(const ErrorInfo& why);

    void on_link_ended(const Link& link);

private:
    void on_tried(const ErrorInfo& error, std::shared_ptr<Link> link, const AuthResponse& answer);
    void failed(const ErrorInfo& why);

    const std::weak_ptr<SessionImpl> session_;
    const std::uint32_t number_;
    ServerTarget target_;
    LegMachine machine_;
    asio::steady_timer retry_;
    std::weak_ptr<LinkOp> op_; // its coroutine owns it
    std::shared_ptr<Link> link_;
};

} // namespace adit
