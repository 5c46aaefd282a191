// Puts listeners online again on a new link.
#pragma once

#include "client/listener_impl.hpp"
#include "client/session_impl.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace adit::inline v0::detail {

/// Sends the binds in the listeners' order, limits::rebinds_at_once under way. On the strand.
class Rebind : public std::enable_shared_from_this<Rebind> {
public:
    /// `done` is called once, also when the link ended meanwhile; false: the link was given up.
    static void start(std::shared_ptr<SessionImpl> session, std::shared_ptr<Leg> leg, std::shared_ptr<Link> link,
                      std::vector<std::shared_ptr<ListenerImpl>> listeners, std::function<void(bool)> done);

    Rebind(std::shared_ptr<SessionImpl> session, std::shared_ptr<Leg> leg, std::shared_ptr<Link> link,
           std::vector<std::shared_ptr<ListenerImpl>> listeners, std::function<void(bool)> done)
        : session_(std::move(session)), leg_(std::move(leg)), link_(std::move(link)), listeners_(std::move(listeners)),
          done_(std::move(done)) {}

private:
    static asio::awaitable<void> work(std::shared_ptr<Rebind> self);
    asio::awaitable<void> bind(std::shared_ptr<ListenerImpl> listener);
    void take_answer(const std::shared_ptr<ListenerImpl>& listener, const Result<std::string>& answer);

    const std::shared_ptr<SessionImpl> session_;
    const std::shared_ptr<Leg> leg_;
    const std::shared_ptr<Link> link_;
    const std::vector<std::shared_ptr<ListenerImpl>> listeners_;
    const std::function<void(bool)> done_;
    std::size_t next_ = 0;
    std::size_t working_ = 0;
    bool gave_up_ = false;
};

} // namespace adit
