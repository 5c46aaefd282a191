// Who owns which URL. One edge keeps it in memory; a cluster puts a shared store behind the same interface.
#pragma once

#include <adit/config.hpp>
#include <adit/error.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace adit::inline v0::edge {

/// A claim on a URL ("https://app.example.com", "tcp://edge.example.com:22000"; only tcp and internal ones have a port).
class Claim {
public:
    std::string url;
    /// What the claim is exclusive in. Mostly the URL; but tls and https endpoints of one host share a port of the edge and
    /// exclude each other, so "tls://app.example.com" has the key "https://app.example.com", and a port is one port whatever
    /// host its URL names. The key of an internal endpoint has its account in it: such names are an account's own.
    std::string key;
    std::string owner;       ///< node and session: who serves it
    std::string credential;  ///< who may take it over
    std::string account;     ///< who may share it
    std::string endpoint_id; ///< "ep_..."
    bool pooled = false;     ///< shares the URL with other pooled claims
};

/// What a successful claim gives: `epoch` grows with every claim of the key and fences out former owners.
class Lease {
public:
    std::uint64_t epoch = 0;
    std::chrono::seconds time{0}; ///< renew before it passes; zero: holds until released
};

/// Asynchronous, thread-safe. Every callback is called exactly once, from any thread, possibly inside the call.
class ADIT_API Registry {
public:
    virtual ~Registry();
    /// Refused with ngrok_error(334) if another owner holds the key, unless both are of one URL, and either of one credential
    /// and the same endpoint, or of one account and both pooled.
    virtual void claim(const Claim& claim, std::function<void(ErrorInfo, Lease)> done) = 0;
    /// `claim.pooled` may differ from what it was: it holds from then on. Switched off while another endpoint shares the key
    /// it is refused with ngrok_error(334), and the lease goes on as it was.
    virtual void renew(const Claim& claim, std::uint64_t epoch, std::function<void(ErrorInfo, Lease)> done) = 0;
    /// Unknown claims and old epochs are ignored.
    virtual void release(const Claim& claim, std::uint64_t epoch) = 0;

    /// The registry of a single edge.
    static std::shared_ptr<Registry> in_memory();
};

} // namespace adit
