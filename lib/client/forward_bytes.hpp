// A visitor's bytes to the upstream as they are, and back.
#pragma once

#include "client/forwarder_impl.hpp"

namespace adit::inline v0 {

/// Counts what passes through another stream, while it passes.
class CountingStream final : public net::Stream {
public:
    CountingStream(std::shared_ptr<net::Stream> upstream, std::shared_ptr<detail::ForwarderImpl> owner)
        : upstream_(std::move(upstream)), owner_(std::move(owner)) {}

    asio::any_io_executor executor() override { return upstream_->executor(); }
    asio::awaitable<net::IoResult> wait_readable() override { return upstream_->wait_readable(); }
    asio::awaitable<net::IoResult> read_some(MutableBytes buffer) override;
    asio::awaitable<net::IoResult> write(Bytes first, Bytes second) override;
    asio::awaitable<net::IoResult> shutdown_write() override { return upstream_->shutdown_write(); }
    bool is_write_open() const noexcept override { return upstream_->is_write_open(); }
    void abort() noexcept override { upstream_->abort(); }
    void close() noexcept override { upstream_->close(); }

private:
    const std::shared_ptr<net::Stream> upstream_;
    const std::shared_ptr<detail::ForwarderImpl> owner_;
};

class ForwardBytes final : public ForwardedConnection {
public:
    using ForwardedConnection::ForwardedConnection;
    asio::awaitable<void> run() override;
    void abort() noexcept override;

private:
    /// The upstream cannot be reached.
    asio::awaitable<void> refuse(ErrorInfo why);

    std::shared_ptr<net::Stream> upstream_;
    bool aborted_ = false;
};

/// Reads and drops what the visitor still sends, for a bounded time: closing at once would reset the connection while an
/// answer is on its way.
asio::awaitable<void> discard_visitor(std::shared_ptr<net::SharedStream> visitor, asio::any_io_executor executor);

} // namespace adit
