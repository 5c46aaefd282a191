// Which identity answers for which server name; may change while connections are being accepted.
#pragma once

#include "tls/context.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0::tls {

/// Exact names win over wildcards ("*.example.com", one label deep), these over the default. Thread-safe:
/// readers take a snapshot, writers put a new one in its place, so that a handshake never sees half a change.
class ADIT_INTERNAL CertStore {
public:
    using IdentityPtr = std::shared_ptr<const Identity>;
    /// A name or wildcard, and who answers for it.
    using Entry = std::pair<std::string, IdentityPtr>;

    CertStore();
    ~CertStore();
    CertStore(const CertStore&) = delete;
    CertStore& operator=(const CertStore&) = delete;

    /// Under all its DNS names; replaces what was there under these.
    void add(const IdentityPtr& identity);
    /// Under this name only. A null identity removes the name.
    void set(std::string_view name, IdentityPtr identity);
    /// For clients that send no name or one that nothing matches; null: these are refused.
    void set_default(IdentityPtr identity);
    /// Everything at once: a reload.
    void replace(const std::vector<Entry>& entries, IdentityPtr fallback);

    /// The match or the default; null if there is neither.
    IdentityPtr select(std::string_view server_name) const;
    /// The match only.
    IdentityPtr find(std::string_view server_name) const;
    /// Names and wildcards known, the default not counted.
    std::size_t size() const;

private:
    struct Table;
    std::shared_ptr<const Table> snapshot() const;
    template <class Change>
    void change(Change&& edit);

    // Held for a pointer copy only; std::atomic<shared_ptr> confuses TSan with g++ 12.
    mutable std::mutex mutex_;
    std::mutex writer_;
    std::shared_ptr<const Table> table_;
};

/// For ServerOptions::select.
ADIT_INTERNAL IdentitySelector selector_of(std::shared_ptr<const CertStore> store);

} // namespace adit::inline v0::tls
