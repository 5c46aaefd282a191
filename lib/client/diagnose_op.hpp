// One diagnose() on its way: the steps to an edge one by one, without authentication.
#pragma once

#include <adit/diagnosis.hpp>

#include "client/background.hpp"
#include "client/options_data.hpp"
#include "net/mux_session.hpp"
#include "net/tls_stream.hpp"

#include <memory>
#include <mutex>

namespace adit::inline v0::detail {

class DiagnoseOp : public std::enable_shared_from_this<DiagnoseOp> {
public:
    using Handler = AnyHandler<void(std::error_code, Diagnosis)>;

    static void start(const asio::any_io_executor& executor, Background::Lease lease, const SessionOptions& options,
                      Handler handler);

    DiagnoseOp(asio::any_io_executor strand, Background::Lease lease, const SessionOptions& options, Handler handler)
        : strand_(std::move(strand)), options_(options), lease_(std::move(lease)), handler_(std::move(handler)) {}

private:
    using Kind = DiagnosisStep::Kind;

    static asio::awaitable<void> run(std::shared_ptr<DiagnoseOp> op);
    asio::awaitable<Result<std::string>> look_up();
    asio::awaitable<Result<std::string>> connect();
    asio::awaitable<Result<std::string>> handshake();
    asio::awaitable<Result<std::string>> beat();
    asio::awaitable<Result<std::string>> ask();
    asio::awaitable<bool> step(Kind kind, asio::awaitable<Result<std::string>> work);
    void finish(std::error_code code, Diagnosis diagnosis);

    const asio::any_io_executor strand_;
    const SessionOptions options_;
    Background::Lease lease_;

    // strand only
    ServerTarget target_;
    Diagnosis diagnosis_;
    std::shared_ptr<net::TlsStream> stream_;
    std::optional<net::Tcp::socket> socket_;
    class Watch;
    std::shared_ptr<Watch> watch_;
    std::shared_ptr<net::MuxSession> mux_;
    asio::cancellation_signal stop_;

    std::mutex mutex_;
    Handler handler_;
};

} // namespace adit
