#include <adit/inspector.hpp>

#include "client/handle.hpp"
#include "inspector/inspector_impl.hpp"

#include <utility>

namespace adit::inline v0 {

Inspector::Inspector() noexcept = default;
Inspector::Inspector(const Inspector&) noexcept = default;
Inspector::Inspector(Inspector&&) noexcept = default;
Inspector& Inspector::operator=(const Inspector&) noexcept = default;
Inspector& Inspector::operator=(Inspector&&) noexcept = default;
Inspector::~Inspector() = default;
Inspector::Inspector(std::shared_ptr<detail::InspectorImpl> impl) noexcept : impl_(std::move(impl)) {}

Inspector Inspector::start(const Session& session, const InspectorOptions& options) {
    ErrorInfo error;
    Inspector inspector = start(session, options, error);
    if (error) throw SystemError(error);
    return inspector;
}

Inspector Inspector::start(const Session& session, const InspectorOptions& options, std::error_code& ec) {
    ErrorInfo error;
    Inspector inspector = start(session, options, error);
    ec = error.code();
    return inspector;
}

Inspector Inspector::start(const Session& session, const InspectorOptions& options, ErrorInfo& error) {
    error = ErrorInfo();
    if (!session.impl_) {
        error = ErrorInfo(errc::session_closed, "this handle has no session");
        return {};
    }
    // Not a handle of the session: it does not keep it open.
    auto started = detail::InspectorImpl::start(session.impl_->shared_from_this(), options);
    if (started) return Inspector(make_handle(std::move(*started)));
    error = started.error();
    return {};
}

bool Inspector::is_open() const noexcept { return impl_ && impl_->is_open(); }
std::string Inspector::url() const { return impl_ ? impl_->url() : std::string(); }

void Inspector::close() noexcept {
    if (impl_) impl_->close();
}

} // namespace adit
