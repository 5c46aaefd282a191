// Endpoints that are online, and the table in which visitors' names and ports are looked up.
#pragma once

#include "base/result.hpp"
#include "base/url.hpp"
#include "edge/endpoint_policy.hpp"
#include "proto/messages.hpp"
#include "proto/proxy_protocol.hpp"
#include "tls/context.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace adit::inline v0::edge {

class AgentSession;

/// One endpoint on one session. Made when a bind succeeds and immutable from then on but for `online`; whoever serves a
/// visitor holds it by shared_ptr<const EndpointRecord>, also after it went offline.
class EndpointRecord {
public:
    EndpointRecord() = default;
    /// A copy with other texts, or in a pool, or with another policy.
    EndpointRecord(const EndpointRecord& other, const PatchTunnelStateRequest& change, PolicyPtr fresh);
    EndpointRecord(const EndpointRecord&) = delete;
    EndpointRecord& operator=(const EndpointRecord&) = delete;

    UrlScheme protocol() const noexcept { return url.scheme(); }
    /// Below ".internal": only other endpoints of the same account reach it, no visitor.
    bool internal() const noexcept { return url.is_internal(); }

    std::string id;      ///< "ep_..."; stays the same when the agent binds it again with its token
    std::string bind_id; ///< the agent's handle on it, in proxy headers and StopTunnel
    /// Normalised; the host may start with "*.". http, https and tls without a port (they are found by name), tcp with one;
    /// internal ones with any.
    EndpointUrl url;
    std::string url_text; ///< as the agent and the access log show it: with the port if visitors have to type one
    std::string credential;
    std::string account; ///< whose pools and ".internal" names these are; the credential if the directory names none
    std::string client_id;
    std::string session_id;
    ProxyProtocolVersion proxy_protocol = ProxyProtocolVersion::none;
    std::string app_protocol; ///< "", "http1" or "http2": what the agent's application speaks
    /// tls and tcp endpoints: TLS ends at the edge, with `tls_context`, and the agent gets plain bytes.
    bool terminate_tls = false;
    /// Of EndpointTls, or TlsContexts::terminated. Set if terminate_tls; for https only if the endpoint wants TLS in its own
    /// way: then a connection of another context must not reach it (threats T9, T10).
    std::shared_ptr<const tls::ServerContext> tls_context;
    PolicyPtr policy;     ///< null: none
    bool labeled = false; ///< bound by labels: proxy headers name an edge type (agent-protocol 4)
    bool pooled = false;  ///< shares its URL with other pooled endpoints of the same account
    std::string forwards_to;
    std::string name, description, metadata;
    std::weak_ptr<AgentSession> session;
    std::uint64_t epoch = 0; ///< of the registry's lease
    bool random = false;     ///< the edge chose the host or port
    /// False once it was unbound, stopped or its session ended: take no new visitor for it.
    mutable std::atomic<bool> online{true};
};

using EndpointPtr = std::shared_ptr<const EndpointRecord>;

/// Whether both answer at the same address: members of a pool, legs of one agent. Internal names are an account's own.
bool same_address(const EndpointRecord& a, const EndpointRecord& b) noexcept;
/// Whether one address may have both: pooled ones of an account, and the legs of one agent (agent-protocol 1.1).
bool may_share(const EndpointRecord& a, const EndpointRecord& b) noexcept;

/// Who answers for which name or port. Thread-safe; a lookup takes a shared lock for one to three hash lookups and
/// allocates nothing.
///
/// https and tls endpoints share the HTTPS port, and with it one name space: "https://a" and "tls://a" exclude each other.
/// Internal endpoints are in none of these: each account has a name space of its own for them, by scheme, host and port.
class EndpointTable {
public:
    /// The endpoint of the HTTP port for a Host; `host` normalised (normalize_host). Null if there is none. Exact names
    /// win over wildcards, longer wildcards over shorter ones. Of the members of a pool and the legs of an agent, the next
    /// two in turn are compared and the one whose session has fewer streams is given, so one that no longer ends its
    /// streams (half-open, overloaded) is left alone.
    EndpointPtr find_http(std::string_view host) const;
    /// The endpoint of the HTTPS port for a server name (or the Host of a request there): look at protocol() for whether
    /// TLS ends here (https, or tls with terminate_tls) or the bytes go through.
    EndpointPtr find_tls(std::string_view host) const;
    /// The endpoint of a TCP port.
    EndpointPtr find_tcp(std::uint16_t port) const;
    /// The one of these that `protocol` calls for; `https` gives https endpoints only, `tls` tls endpoints only.
    EndpointPtr find(UrlScheme protocol, std::string_view host, std::uint16_t port = 0) const;
    /// The internal endpoint that an account's own endpoints reach by `url` (forward-internal): the same scheme and port, its
    /// name or the longest wildcard above it. Null if there is none, or `url` is not internal.
    EndpointPtr find_internal(std::string_view account, const EndpointUrl& url) const;

    /// ngrok_error(334), naming the URL, if it is taken by an endpoint that does not share it: see may_share().
    Result<void> add(EndpointPtr record);
    /// Also marks it offline. Unknown records are ignored. True if it was the last of its name or port.
    bool remove(const EndpointPtr& record);
    /// Puts `fresh` in the place of `old`, which has the same address, and marks the old one offline. False if it is gone.
    bool replace(const EndpointPtr& old, EndpointPtr fresh);
    /// All that have the name or port of `record`.
    std::vector<EndpointPtr> members(const EndpointRecord& record) const;
    /// All that are online, in no order.
    std::vector<EndpointPtr> snapshot() const;
    std::size_t size() const;

private:
    /// One or two to choose from, once the lock is given back.
    class Pick {
    public:
        Pick() = default;
        explicit Pick(EndpointPtr only) : first(std::move(only)) {}
        Pick(EndpointPtr a, EndpointPtr b) : first(std::move(a)), second(std::move(b)) {}
        EndpointPtr choose() &&;
        EndpointPtr first, second;
    };
    struct Slot {
        std::vector<EndpointPtr> members;
        mutable std::atomic<std::uint32_t> next{0};
        Pick pick() const;
    };
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
    };
    using Names = std::unordered_map<std::string, Slot, Hash, std::equal_to<>>;
    /// The names of one port. A wildcard is kept under what follows its "*.".
    struct NameSpace {
        Names exact;
        Names wildcards;
        Pick find(std::string_view host) const;
        /// The same in one of several spaces, told apart by what stands in front of the names.
        Pick find(const std::string& prefix, std::string_view host) const;
    };
    /// Where a record is kept: a name in one of the name spaces, or (without one) a port.
    struct Place {
        NameSpace EndpointTable::*space = nullptr;
        Names NameSpace::*names = nullptr;
        std::string key;
        std::uint16_t port = 0;
    };

    static Place place_of(const EndpointRecord& record);
    Slot& slot_at(const Place& place);
    template <class Table>
    static auto find_slot(Table& table, const Place& place) -> decltype(&table.tcp_.find(0)->second);

    mutable std::shared_mutex mutex_;
    NameSpace http_;
    NameSpace tls_;
    NameSpace internal_;
    std::unordered_map<std::uint16_t, Slot> tcp_;
};

} // namespace adit
