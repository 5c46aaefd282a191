// A server as many exist: HTTP by Boost.Beast. This header includes neither Boost nor adit.
#pragma once

#include <memory>

class BeastServer {
public:
    BeastServer();
    ~BeastServer(); // ends its connections
    BeastServer(const BeastServer&) = delete;
    BeastServer& operator=(const BeastServer&) = delete;

    // Serves what is behind a connected stream socket, which it owns from here on. Thread-safe, does not block.
    void serve(int descriptor);

private:
    struct State;
    std::unique_ptr<State> state_;
};
