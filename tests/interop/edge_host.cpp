// The edge as a process that a script drives: ports and CA on the first line, then one command a line on standard input and
// one answer a line on standard output. It ends when standard input does.
//
//   interop-edge [OPTION VALUE]...   options: see configure()
//   sessions | endpoints | disconnect ID | stop ID | restart ID | update ID VERSION | stop-endpoint ID CODE MESSAGE...
#include <adit/edge.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>

namespace {

using adit::edge::Server;
using adit::edge::ServerOptions;

std::string file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

ServerOptions configure(int argc, char** argv) {
    ServerOptions options;
    std::string ca, ca_key;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string name = argv[i], value = argv[i + 1];
        if (name == "--token") options.authtoken(value, "cred_" + value);
        else if (name == "--base-domain") options.base_domain(value);
        else if (name == "--agent") options.agent_address(value);
        else if (name == "--https") options.https_address(value);
        else if (name == "--http") options.http_address(value);
        else if (name == "--seal-key") options.seal_key(value);
        else if (name == "--threads") options.threads(static_cast<unsigned>(std::stoul(value)));
        else if (name == "--ca") ca = file(value);
        else if (name == "--ca-key") ca_key = file(value);
        else if (name == "--route") { // URL,key=value
            const auto comma = value.find(','), equals = value.find('=', comma);
            options.route_labels(value.substr(0, comma),
                                 {{value.substr(comma + 1, equals - comma - 1), value.substr(equals + 1)}});
        } else if (name == "--sessions-per-credential") options.sessions_per_credential(std::stoul(value));
        else if (name == "--window-growth") options.window_growth(value == "on");
        else throw std::invalid_argument("unknown option " + name);
    }
    if (!ca.empty()) options.certificate_authority(ca, ca_key);
    options.on_log([](std::string_view level, std::string_view line) {
        std::fprintf(stderr, "%.*s %.*s\n", static_cast<int>(level.size()), level.data(), static_cast<int>(line.size()),
                     line.data());
    });
    return options;
}

std::string one_line(std::string text) {
    for (char& c : text) {
        if (c == '\n' || c == '\r') c = ' ';
    }
    return text;
}

std::string answer(Server& server, const std::string& line) {
    std::istringstream words(line);
    std::string command, id, rest;
    words >> command >> id;
    std::ostringstream out;
    if (command == "sessions") {
        for (const auto& s : server.sessions()) out << s.id << ' ' << s.client_id << ' ' << s.streams << ' ';
        return "ok " + out.str();
    }
    if (command == "endpoints") {
        for (const auto& e : server.endpoints()) out << e.id << ' ' << e.url << ' ' << e.session_id << ' ';
        return "ok " + out.str();
    }
    adit::ErrorInfo error(adit::errc::invalid_option, "unknown command " + command);
    if (command == "disconnect") error = server.disconnect(id);
    if (command == "stop") error = server.stop_agent(id);
    if (command == "restart") error = server.restart_agent(id);
    if (command == "update") {
        words >> rest;
        error = server.update_agent(id, rest, false);
    }
    if (command == "stop-endpoint") {
        int code = 0;
        words >> code;
        std::getline(words >> std::ws, rest);
        error = server.stop_endpoint(id, rest, code);
    }
    return error ? "error " + one_line(error.to_string()) : "ok";
}

} // namespace

int main(int argc, char** argv) {
    try {
        Server server = Server::start(configure(argc, argv));
        std::cout << "ready " << server.agent_port() << ' ' << server.https_port() << ' ' << server.http_port() << '\n'
                  << server.ca_pem() << "end" << std::endl;
        for (std::string line; std::getline(std::cin, line);) std::cout << answer(server, line) << std::endl;
        server.stop();
    } catch (const std::exception& error) {
        std::cerr << "interop-edge: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
