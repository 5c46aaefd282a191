// One connection of a browser or a script: requests in their order, or updates of a page.
#pragma once

#include "http/parser.hpp"
#include "inspector/api.hpp"
#include "inspector/guard.hpp"
#include "inspector/task.hpp"
#include "net/socket.hpp"

#include <atomic>
#include <memory>
#include <string>

namespace adit::inline v0::inspector {

/// What all connections of an inspector share.
class Service {
public:
    Service(std::shared_ptr<Store> s, Guard g, Api a) : store(std::move(s)), guard(std::move(g)), api(std::move(a)) {}
    const std::shared_ptr<Store> store;
    const Guard guard;
    const Api api;
    std::atomic<std::size_t> live_clients = 0;
};

class Connection final : public Task {
public:
    Connection(std::shared_ptr<Service> service, net::Tcp::socket socket, std::string remote_address);

    asio::awaitable<void> run() override;
    void abort() noexcept override;
    /// There is something new for a page.
    void wake() noexcept;

private:
    asio::awaitable<bool> read_request();
    asio::awaitable<bool> step();
    asio::awaitable<bool> serve();
    asio::awaitable<void> write_answer(Answer answer, bool keep_alive);
    asio::awaitable<void> live();
    asio::awaitable<void> tell_news();
    asio::awaitable<bool> write(Bytes first, Bytes second);
    asio::awaitable<void> wait(std::chrono::steady_clock::duration time);
    static asio::awaitable<void> watch(std::shared_ptr<Connection> self);

    const std::shared_ptr<Service> service_;
    const std::shared_ptr<net::TcpStream> stream_;
    const std::string remote_address_;
    RequestParser parser_;
    ByteQueue in_; // at most one read
    std::string body_;
    std::size_t head_bytes_ = 0;
    bool complete_ = false; // the request is there
    bool gone_ = false;

    asio::steady_timer timer_; // of live()
    bool news_ = false;
    bool sleeping_ = false;
};

} // namespace adit
