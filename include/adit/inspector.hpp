// A page and a JSON API on this machine that show the HTTP exchanges of a session's forwarders.
#pragma once

#include <adit/config.hpp>
#include <adit/error.hpp>
#include <adit/inspector_options.hpp>
#include <adit/session.hpp>

#include <memory>
#include <string>
#include <system_error>

namespace adit::inline v0 {

namespace detail {
class InspectorImpl;
}

/// A handle on one inspector. Copies share it; the last one to go, or close(), ends it, and so does the end of its session.
/// There is none unless a program starts one, and without one nothing is recorded.
///
///     adit::Inspector inspector = adit::Inspector::start(session, adit::InspectorOptions().address("127.0.0.1:0"));
///     std::cout << inspector.url() << '\n'; // open it in a browser
///
/// It shows what passes through forwarders from its start on: the HTTP/1.1 requests of http and https endpoints as the
/// upstream gets them, and its answers: time, duration, method, path, status, header fields, and bodies up to a bound.
/// Listeners, endpoints of other protocols and app_protocol("http2") are not recorded. Requests can be filtered, copied as a
/// curl command, and sent once more, also edited; that goes straight to the upstream, not through the edge and its policies.
///
/// The page is at url(), the API below it, that of ngrok's agent with a few members more:
///     GET    /api/requests/http        the newest first. Query: limit, before (an id), tunnel_name, path (a part, or with '*'),
///                                      method, status ("404", "5xx", "400-499", "none"; commas), min_duration, max_duration
///                                      ("250ms"), summary=true (without fields and bytes). `next_uri`: where the list goes on
///     GET    /api/requests/http/ID     one of them, with bodies and a curl command
///     POST   /api/requests/http        {"id"}: to the upstream once more; also edited by tunnel_name, method, path, headers,
///                                      trailers ({"Name": "value"} or [["Name", "value"]]), body or body_base64. 204 once it is
///                                      on its way; Location names the new exchange
///     DELETE /api/requests/http        forgets all
///     GET    /api/tunnels, /api/endpoints, either with /NAME; /api/status
///     GET    /api/events               server-sent events: what is new, as summaries
/// It shows every password and cookie that visitors send to every user of this machine, for anybody who may connect to loopback
/// may read it. From the network nobody can; requests that name another host or come from another site's page are refused.
///
/// Thread safety: distinct handles and shared handles are safe; moving, assigning and destroying one handle object is not.
///
/// Executor: everything runs on the session's executor, on a strand of its own. Its execution context must outlive the handle,
/// as that of the session.
class ADIT_API Inspector {
public:
    /// A closed inspector.
    Inspector() noexcept;
    Inspector(const Inspector&) noexcept;
    Inspector(Inspector&&) noexcept;
    Inspector& operator=(const Inspector&) noexcept;
    Inspector& operator=(Inspector&&) noexcept;
    ~Inspector();

    /// Listens, and begins to record. Never waits, so it has no asynchronous form and may be called on any thread, also in a
    /// handler of the session.
    /// Errors: errc::session_closed; errc::invalid_option, the message names the option; errc::limit_exceeded if the session
    /// has an inspector already; errc::address_in_use, else the system's, when the address cannot be listened on.
    static Inspector start(const Session& session, const InspectorOptions& options = {});
    static Inspector start(const Session& session, const InspectorOptions& options, std::error_code& ec);
    /// As above; `error` gets the texts as well.
    static Inspector start(const Session& session, const InspectorOptions& options, ErrorInfo& error);

    bool is_open() const noexcept;
    /// "http://127.0.0.1:4040"; empty for a closed handle that never was open.
    std::string url() const;

    /// Stops listening, ends its connections, forgets what was recorded. Never blocks; the port is free when it returns.
    void close() noexcept;

private:
    explicit Inspector(std::shared_ptr<detail::InspectorImpl> impl) noexcept;

    std::shared_ptr<detail::InspectorImpl> impl_;
};

} // namespace adit
