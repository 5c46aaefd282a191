// The small agent that ngrok's users expect, for any edge, on the public SDK alone: local services become reachable on URLs.
//
//   examples/run agent http 8080                         also: http https://localhost:8443, http unix:/run/app.sock
//   examples/run agent tcp 22                            and: tls 443
//   examples/run agent --config ngrok.yml                ngrok's configuration, version 2 or 3: everything in it, or
//   examples/run agent --config ngrok.yml start web ssh  what is named; also: start --all, config check
//   examples/run agent diagnose                          the way to the edge, step by step
//
// Where the edge is and who we are: --server, --root-ca and --authtoken, or ADIT_SERVER, ADIT_ROOTS and ADIT_AUTHTOKEN (else
// NGROK_AUTHTOKEN), or the file; in this order. Ctrl-C takes the endpoints offline, lets connections end, and exits 0; a second
// one ends it at once. Exit status: 1 for what cannot work, 2 for what was not understood.
#include "agent/agent.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <nlohmann/json.hpp>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

namespace {

using agent::Problem;
using agent::Settings;
using agent::Tunnel;

constexpr int unusable = 1, not_understood = 2;

/// An option that may be given again and takes one value each time.
void add_list(CLI::App& app, const std::string& names, std::vector<std::string>& to, const std::string& help) {
    app.add_option(names, to, help)->allow_extra_args(false);
}

void add_common(CLI::App& app, Tunnel& t) {
    app.add_option("address", t.upstream, "PORT, HOST:PORT or URL of the local service")->required();
    app.add_option("--url", t.url, "where it shall be reachable; what it leaves out the edge chooses");
    app.add_option("--name", t.name, "of the endpoint");
    app.add_option("--description", t.description, "of the endpoint");
    app.add_option("--metadata", t.metadata, "of the endpoint");
    add_list(app, "--binding", t.bindings, "public, internal or kubernetes");
    app.add_flag("--pooling-enabled", t.pooling, "share the URL with other endpoints that allow it");
    app.add_option("--traffic-policy-file", t.traffic_policy_file, "YAML or JSON for the edge");
    add_list(app, "--cidr-allow", t.allow_cidrs, "network that may connect; repeatable");
    add_list(app, "--cidr-deny", t.deny_cidrs, "network that may not; repeatable");
    app.add_option("--proxy-protocol,--upstream-proxy-protocol,--proxy-proto", t.proxy_protocol,
                   "1 or 2: a PROXY header in front of each connection");
    app.add_flag("--upstream-tls-verify,!--no-upstream-tls-verify", t.verify_upstream,
                 "check the certificate of an https or tls upstream (the default)");
    app.add_flag_callback("--inspect", [&t] { t.inspect = true; }, "show HTTP requests on a page of this machine, see --web-addr");
    app.add_option("--upstream-tls-verify-cas", t.upstream_cas, "PEM file of its roots, instead of the system's");
}

void add_login(CLI::App& app, const std::string& prefix, agent::Login& login) {
    app.add_option(prefix + "-client-id", login.client_id);
    app.add_option(prefix + "-client-secret", login.client_secret);
    add_list(app, prefix + "-allow-email", login.emails, "repeatable");
    add_list(app, prefix + "-allow-domain", login.domains, "repeatable");
    add_list(app, prefix + "-scope", login.scopes, "repeatable");
}

void add_http(CLI::App& app, Tunnel& t) {
    app.add_option("--domain,--hostname", t.hostname, "as --url, without a scheme");
    add_list(app, "--scheme", t.schemes, "https (default) or http; both make two endpoints");
    app.add_option("--upstream-protocol,--app-protocol", t.app_protocol, "http1 (default) or http2");
    app.add_option("--host-header", t.host_header, "rewrite (to the upstream's own), preserve (default), or a value");
    add_list(app, "--basic-auth", t.basic_auth, "USER:PASSWORD that may pass; repeatable");
    app.add_option("--oauth", t.oauth.provider, "sign in with google, github, ...");
    add_login(app, "--oauth", t.oauth);
    app.add_option("--oidc", t.oidc.provider, "sign in with this issuer (URL)");
    add_login(app, "--oidc", t.oidc);
    app.add_option("--verify-webhook", t.webhook_provider, "only what this provider signed");
    app.add_option("--verify-webhook-secret", t.webhook_secret);
    add_list(app, "--ua-filter-allow", t.allow_user_agents, "RE2 expression; repeatable");
    add_list(app, "--ua-filter-deny", t.deny_user_agents, "RE2 expression; repeatable");
    add_list(app, "--request-header-add", t.add_request_headers, "'Name: value'; repeatable");
    add_list(app, "--request-header-remove", t.remove_request_headers, "name; repeatable");
    add_list(app, "--response-header-add", t.add_response_headers, "'Name: value'; repeatable");
    add_list(app, "--response-header-remove", t.remove_response_headers, "name; repeatable");
    app.add_flag("--compression", t.compression, "compress for visitors that ask for it");
    app.add_flag("--websocket-tcp-converter", t.websocket_tcp, "WebSocket messages arrive as bytes");
    app.add_option("--circuit-breaker", t.circuit_breaker, "ratio of 5xx, 0 to 1, from which on visitors get 503");
    add_list(app, "--mutual-tls-cas", t.mutual_tls_cas, "PEM file: visitors need a certificate of these; repeatable");
}

void add_tls(CLI::App& app, Tunnel& t) {
    app.add_option("--domain,--hostname", t.hostname, "as --url, without a scheme");
    app.add_option("--terminate-at", t.terminate_at, "upstream (TLS passes untouched), agent (the default with --crt) or edge");
    app.add_option("--crt", t.certificate, "PEM file: TLS ends here, or at the edge, with this certificate chain");
    app.add_option("--key", t.key, "PEM file of its key; stays here unless --terminate-at=edge");
    add_list(app, "--mutual-tls-cas", t.mutual_tls_cas, "PEM file: visitors need a certificate of these; repeatable");
}

Settings read_configs(const std::vector<std::string>& paths) {
    Settings settings;
    for (const auto& path : paths) agent::read_config(path, settings);
    const std::string usual = agent::default_config_path();
    if (paths.empty() && !usual.empty() && std::filesystem::exists(usual)) agent::read_config(usual, settings);
    return settings;
}

const std::string& first_of(const std::string& one, const std::string& two) { return one.empty() ? two : one; }

/// Where there is a terminal and nothing else writes to it.
bool wants_screen(const std::string& console, const std::string& log) {
    if (console != "iftty" && console != "true" && console != "false")
        throw Problem("console_ui \"" + console + "\": write iftty, true or false");
    if (console == "false" || log == "stdout") return false;
    if (log == "stderr" && ::isatty(STDERR_FILENO) == 1) return false;
    return console == "true" || ::isatty(STDOUT_FILENO) == 1;
}

int run(const std::vector<Tunnel>& tunnels, const Settings& flags, const Settings& file) {
    std::vector<agent::Plan> plans;
    for (const Tunnel& tunnel : tunnels) {
        for (auto& plan : agent::make_plans(tunnel)) plans.push_back(std::move(plan));
    }
    if (plans.empty()) throw Problem("there is nothing to start: the configuration has neither endpoints nor tunnels");
    std::signal(SIGPIPE, SIG_IGN); // who reads our lines may leave
    const std::string target = first_of(flags.log, file.log);
    auto screen = wants_screen(file.console, target) ? std::make_unique<agent::Screen>(STDOUT_FILENO) : nullptr;
    const std::string format = first_of(first_of(flags.log_format, file.log_format), ::isatty(STDOUT_FILENO) == 1 ? "term" : "logfmt");
    agent::Log log(first_of(target, screen ? "false" : "stdout"), format, first_of(first_of(flags.log_level, file.log_level), "info"));
    for (const auto& key : file.ignored) log.write(agent::Level::warn, "this key has no effect here", {{"key", key}});

    asio::io_context ui(1), net(1);
    auto work = asio::make_work_guard(net);
    agent::Agent agent(ui, net, agent::make_session_options(flags, file), std::move(plans),
                       agent::make_inspector_options(tunnels, flags, file), file.remote_management, log, screen.get());
    agent.start();
    std::thread thread([&net] { net.run(); });
    ui.run();
    net.stop();
    thread.join();
    ui.restart(); // completions that came meanwhile hold parts of the session, which must not outlive `net`
    ui.poll();
    screen.reset();
    if (!agent.last_words().empty()) std::fprintf(stderr, "agent: %s\n", agent::printable(agent.last_words()).c_str());
    return agent.status();
}

int diagnose(const adit::SessionOptions& options, const std::string& report) {
    const adit::Diagnosis found = adit::Session::diagnose(options);
    std::istringstream lines(found.to_string()); // which has texts of the edge
    for (std::string line; std::getline(lines, line);) std::puts(agent::printable(line).c_str());
    if (!report.empty()) {
        auto steps = nlohmann::json::array();
        for (const auto& step : found.steps()) {
            steps.push_back({{"step", adit::to_string(step.kind())},
                             {"ok", !step.error()},
                             {"microseconds", step.time().count()},
                             {"result", step.error() ? step.error().to_string() : step.found()}});
        }
        std::ofstream out(report);
        out << nlohmann::json({{"ok", found.ok()}, {"steps", steps}}).dump(2, ' ', true, nlohmann::json::error_handler_t::replace) << '\n';
        out.close();
        if (!out) throw Problem(report + ": cannot be written");
    }
    if (found.steps().empty() && found.error()) throw Problem(found.error().to_string());
    return found.ok() ? 0 : unusable;
}

} // namespace

int main(int argc, char** argv) {
    Settings flags;
    Tunnel http, tcp, tls;
    tcp.proto = "tcp";
    tls.proto = "tls";
    std::vector<std::string> configs, names;
    std::string report;
    bool all = false;

    CLI::App app{"Puts local services on the internet through an edge"};
    app.require_subcommand(0, 1);
    app.fallthrough();
    add_list(app, "--config", configs, "ngrok's configuration file; repeatable, later ones win");
    app.add_option("--authtoken", flags.authtoken, "the credential");
    app.add_option("--server,--connect-url", flags.server, "the edge: HOST or HOST:PORT");
    app.add_option("--root-ca,--connect-cas", flags.roots, "PEM file of the edge's roots, or \"host\": the system's (default)");
    app.add_option("--server-name", flags.server_name, "the name in the edge's certificate, if it is not that of --server");
    app.add_option("--proxy-url", flags.proxy, "outgoing proxy: http, https, socks5 or socks5h");
    app.add_option("--web-addr", flags.web_address, "where that page is, and that there is one: 127.0.0.1:4040 unless said; false: none");
    app.add_option("--log", flags.log, "stdout, stderr, false or a file; without it stdout, unless that is a terminal");
    app.add_option("--log-level", flags.log_level, "debug, info (default), warn or error");
    app.add_option("--log-format", flags.log_format, "term, logfmt or json");

    auto* http_command = app.add_subcommand("http", "a web server, behind an https URL");
    add_common(*http_command, http);
    add_http(*http_command, http);
    auto* tcp_command = app.add_subcommand("tcp", "any TCP service, behind a port of the edge");
    add_common(*tcp_command, tcp);
    tcp_command->add_option("--remote-addr", tcp.remote_address, "HOST:PORT at the edge");
    auto* tls_command = app.add_subcommand("tls", "a TLS service, found by its name");
    add_common(*tls_command, tls);
    add_tls(*tls_command, tls);
    auto* start = app.add_subcommand("start", "endpoints and tunnels of the configuration");
    start->add_option("names", names, "which ones");
    start->add_flag("--all", all, "all of them");
    auto* diagnosis = app.add_subcommand("diagnose", "tries the way to the edge, without a token");
    diagnosis->add_option("--write-report", report, "JSON file for the result");
    auto* config = app.add_subcommand("config", "the configuration file")->require_subcommand(1);
    auto* check = config->add_subcommand("check", "reads it and says what is wrong");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : not_understood;
    }
    try {
        const Settings file = read_configs(configs);
        if (http_command->parsed()) return run({http}, flags, file);
        if (tcp_command->parsed()) return run({tcp}, flags, file);
        if (tls_command->parsed()) return run({tls}, flags, file);
        if (diagnosis->parsed()) return diagnose(agent::make_session_options(flags, file), report);
        if (check->parsed()) {
            for (const Tunnel& tunnel : file.pick({})) agent::make_plans(tunnel);
            agent::make_session_options(flags, file);
            std::puts("the configuration is valid");
            return 0;
        }
        if (start->parsed() && names.empty() && !all) throw Problem("start what? Name endpoints of the configuration, or say --all");
        if (!start->parsed() && configs.empty()) {
            std::fputs(app.help().c_str(), stderr);
            return not_understood;
        }
        return run(file.pick(all ? std::vector<std::string>() : names), flags, file);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "agent: %s\n", agent::printable(error.what()).c_str());
        return unusable;
    }
}
