// What inspector_page_test.py needs: an edge, a session, a forwarder to the upstream of the script, and an inspector. Prints
// "INSPECTOR_URL EDGE_HTTP_PORT" and ends with its standard input.
//
//   inspector-page-host UPSTREAM_URL
#include <adit/adit.hpp>
#include <adit/edge.hpp>

#include <cstdio>
#include <string>

int main(int, char** argv) {
    auto edge = adit::edge::Server::start(adit::edge::ServerOptions().authtoken("page-token"));
    auto session = adit::Session::connect(
        adit::SessionOptions().server(edge.agent_address()).roots_pem(edge.ca_pem()).authtoken("page-token"));
    auto forwarder = session.forward(adit::Endpoint("http://page.localhost").name("page"), adit::Upstream(argv[1]));
    auto inspector = adit::Inspector::start(session, adit::InspectorOptions().address("127.0.0.1:0"));
    std::printf("%s %d\n", inspector.url().c_str(), static_cast<int>(edge.http_port()));
    std::fflush(stdout);
    while (std::getchar() != EOF) {}
}
