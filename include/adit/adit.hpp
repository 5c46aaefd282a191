// The SDK's umbrella header.
#pragma once

#include <adit/command.hpp>
#include <adit/config.hpp>
#include <adit/connection.hpp>
#include <adit/dialer.hpp>
#include <adit/diagnosis.hpp>
#include <adit/endpoint.hpp>
#include <adit/endpoint_update.hpp>
#include <adit/error.hpp>
#include <adit/event.hpp>
#include <adit/forwarder.hpp>
#include <adit/inspector.hpp>
#include <adit/inspector_options.hpp>
#include <adit/limits.hpp>
#include <adit/listener.hpp>
#include <adit/oauth_options.hpp>
#include <adit/oidc_options.hpp>
#include <adit/peer_certificate.hpp>
#include <adit/session.hpp>
#include <adit/session_details.hpp>
#include <adit/session_options.hpp>
#include <adit/tls_server.hpp>
#include <adit/upstream.hpp>
