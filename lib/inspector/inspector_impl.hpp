// The state behind Inspector: the listening socket, and who is connected.
#pragma once

#include <adit/inspector.hpp>

#include "client/session_impl.hpp"
#include "inspector/connection.hpp"
#include "inspector/recorder.hpp"
#include "inspector/store.hpp"

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <string>

namespace adit::inline v0::detail {

/// Thread-safe.
class InspectorImpl final : public std::enable_shared_from_this<InspectorImpl> {
public:
    static Result<std::shared_ptr<InspectorImpl>> start(std::shared_ptr<SessionImpl> session, const InspectorOptions& options);

    const std::string& url() const noexcept { return url_; }
    bool is_open() const;
    void close() noexcept;

private:
    using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, asio::any_io_executor>;
    using Tasks = std::list<std::weak_ptr<inspector::Task>>;

    explicit InspectorImpl(std::shared_ptr<SessionImpl> session);

    Result<void> listen(const asio::ip::tcp::endpoint& address);
    void accept_next();
    void accepted(std::error_code ec, net::Tcp::socket socket);
    bool begin(const std::shared_ptr<inspector::Task>& task, std::size_t& count, std::size_t max);
    Result<std::uint64_t> replay(std::shared_ptr<ForwarderImpl> forwarder, const inspector::Exchange& original,
                                 std::uint64_t original_number, inspector::Message request, std::string_view remote_address);
    void changed();
    void wake_pages();

    const std::shared_ptr<SessionImpl> session_;
    const asio::any_io_executor strand_;
    std::string url_;
    std::shared_ptr<inspector::Store> store_;
    std::shared_ptr<inspector::Recorder> recorder_;
    std::shared_ptr<inspector::Service> service_;
    std::atomic<bool> wake_posted_ = false;

    mutable std::mutex mutex_;
    Acceptor acceptor_;            // with the mutex held
    asio::steady_timer again_;     // likewise; after a failed accept
    Tasks tasks_;
    std::size_t connections_ = 0, replays_ = 0;
    bool open_ = false;
};

} // namespace adit
