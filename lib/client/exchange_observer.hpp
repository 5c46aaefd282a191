// Who looks at the HTTP exchanges of a session's forwarders. The forwarders know these interfaces alone; lib/inspector
// implements them.
#pragma once

#include <adit/error.hpp>

#include "base/bytes.hpp"
#include "http/message.hpp"

#include <chrono>
#include <memory>
#include <string_view>

namespace adit::inline v0 {

namespace detail {
class ForwarderImpl;
}

/// One exchange as it goes on, on the strand of its connection. Destroyed when it is over, or cut. Nothing here throws: a
/// record that cannot be kept is no reason to end a connection.
class ExchangeRecord {
public:
    ExchangeRecord() = default;
    ExchangeRecord(const ExchangeRecord&) = delete;
    ExchangeRecord& operator=(const ExchangeRecord&) = delete;
    virtual ~ExchangeRecord();

    virtual void request_body(Bytes piece) noexcept = 0;
    virtual void request_end(const Fields& trailers) noexcept = 0;
    /// The final one, or 101, as the upstream sent it.
    virtual void response_head(const Head& head) noexcept = 0;
    virtual void response_body(Bytes piece) noexcept = 0;
    virtual void response_end(const Fields& trailers) noexcept = 0;
    /// From here on the bytes are not HTTP.
    virtual void upgraded() noexcept = 0;
    /// `number`: of the ERR_NGROK page that the visitor gets, 0 if it has none.
    virtual void failed(int number, const ErrorInfo& why) noexcept = 0;
};

/// Where an exchange came from.
class ExchangeOrigin {
public:
    ExchangeOrigin(std::shared_ptr<detail::ForwarderImpl> f, std::string_view address, std::string_view header)
        : forwarder(std::move(f)), remote_address(address), proxy_header(header) {}
    std::shared_ptr<detail::ForwarderImpl> forwarder;
    std::string_view remote_address;
    std::string_view proxy_header; ///< that the upstream gets in front of the connection
};

/// Thread-safe.
class ExchangeObserver {
public:
    virtual ~ExchangeObserver();
    /// A request as the upstream gets it. Null: not recorded.
    virtual std::unique_ptr<ExchangeRecord> begin(const ExchangeOrigin& origin, const Head& request) noexcept = 0;
    /// A visitor's connection, of whatever protocol, ended.
    virtual void connection_over(const std::shared_ptr<detail::ForwarderImpl>& forwarder,
                                 std::chrono::steady_clock::duration time) noexcept = 0;
    virtual void session_over() noexcept = 0;
};

} // namespace adit
