// What is known of a visitor's connection before its first request.
#pragma once

#include <adit/asio.hpp>

#include "edge/tls_facts.hpp"

#include <memory>
#include <string>

namespace adit::inline v0::edge {

class Settings;

class VisitorFacts {
public:
    VisitorFacts() = default;
    /// What follows from the two ends of a connection.
    VisitorFacts(const Settings& settings, const asio::ip::tcp::endpoint& visitor, const asio::ip::tcp::endpoint& edge);
    asio::ip::tcp::endpoint remote, local;
    std::string remote_text;     ///< "203.0.113.9:51234"
    std::string client_ip;       ///< "203.0.113.9"
    std::string server_name;     ///< SNI; empty if there was none
    std::shared_ptr<const TlsFacts> tls; ///< null unless TLS ended here
    bool https = false;
    bool trusted_proxy = false;
};

} // namespace adit
