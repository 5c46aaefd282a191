// A session over IPv6: a test of its own, so that a machine without it counts as skipped.
#include "integration/client_support.hpp"

#include <cstdio>
#include <cstdlib>

using namespace adit;
using namespace adit_test;

TEST_CASE("IPv6 literals need brackets and work") {
    asio::io_context context;
    asio::ip::tcp::acceptor probe(context);
    std::error_code no_ipv6;
    probe.open(asio::ip::tcp::v6(), no_ipv6);
    if (!no_ipv6) probe.bind(asio::ip::tcp::endpoint(asio::ip::address_v6::loopback(), 0), no_ipv6);
    if (no_ipv6) {
        std::printf("skip: no IPv6 loopback here (%s)\n", no_ipv6.message().c_str());
        std::exit(77);
    }
    MockEdge edge(asio::ip::address_v6::loopback());
    ErrorInfo error;
    const Session session = Session::connect(edge.options().server("[::1]:" + std::to_string(edge.port())), error);
    CHECK_MESSAGE(!error, error.to_string());
    CHECK(session.is_open());
}
