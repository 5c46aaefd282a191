// Waiting for an answer from somewhere else, for the files of AgentSession: it is given up when the session ends.
#pragma once

#include "edge/agent_session.hpp"

namespace adit::inline v0::edge {

template <class T>
std::shared_ptr<OneShot<T>> AgentSession::make_shot() {
    auto shot = std::make_shared<OneShot<T>>();
    answers_.add(shot);
    return shot;
}

} // namespace adit
