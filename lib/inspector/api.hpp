// What a request to the inspector is answered.
#pragma once

#include "client/session_impl.hpp"
#include "inspector/json.hpp"
#include "inspector/query.hpp"
#include "inspector/recorder.hpp"
#include "inspector/store.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0::inspector {

class Answer {
public:
    Answer() = default;
    Answer(int s, std::string text) : status(s), body(std::move(text)) {}
    static Answer error(int status, std::string_view message, std::string_view error);

    int status = 200;
    std::string_view type = "application/json";
    std::string body;
    std::string allow, location; ///< those fields; "": none
    bool live = false;           ///< instead of a body, updates until somebody goes
    bool page = false;           ///< the body is the page
};

class Api {
public:
    /// Sends a request once more; gives the number of the new exchange. errc::limit_exceeded: too many are under way.
    using StartReplay = std::function<Result<std::uint64_t>(std::shared_ptr<detail::ForwarderImpl> forwarder,
                                                            const Exchange& original, std::uint64_t original_number,
                                                            Message request, std::string_view remote_address)>;

    Api(std::shared_ptr<Store> store, std::shared_ptr<Recorder> recorder, std::shared_ptr<detail::SessionImpl> session,
        StartReplay start_replay)
        : store_(std::move(store)), recorder_(std::move(recorder)), session_(std::move(session)),
          start_replay_(std::move(start_replay)) {}

    /// `body`: of the request. HEAD is answered as GET.
    Answer handle(const Head& request, const std::string& body, std::string_view remote_address) const;

private:
    Answer exchanges(std::string_view method, const Query& query, const std::string& body, std::string_view remote) const;
    Answer list(const Query& query) const;
    Answer exchange(std::string_view method, std::string_view id) const;
    Answer replay(const std::string& body, std::string_view remote_address) const;
    Answer tunnels(std::string_view method, std::string_view rest, TunnelForm form) const;
    std::vector<std::shared_ptr<detail::ForwarderImpl>> online() const;
    std::shared_ptr<detail::ForwarderImpl> find_tunnel(std::string_view name) const;

    const std::shared_ptr<Store> store_;
    const std::shared_ptr<Recorder> recorder_;
    const std::shared_ptr<detail::SessionImpl> session_;
    const StartReplay start_replay_;
};

} // namespace adit
