#include "config.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <sstream>
#include <type_traits>

namespace agent {
namespace {

using Take = std::function<void(const YAML::Node&)>;
using Fields = std::vector<std::pair<std::string_view, Take>>;

/// One file on its way into Settings.
class Reader {
public:
    Reader(std::string path, Settings& settings) : path_(std::move(path)), settings_(settings) {}

    void read(const YAML::Node& root) {
        if (!root.IsMap()) fail(root, "a configuration is a map: version, agent, endpoints");
        const YAML::Node version = root["version"];
        if (!version) fail(root, "version is missing; write version: 3 (or 2)");
        const std::string number = version.Scalar();
        if (number != "2" && number != "3") fail(version, "version " + number + " is not known; write 3 or 2");
        Fields fields = {{"version", [](const YAML::Node&) {}},
                         {"tunnels", [this](const YAML::Node& node) { read_tunnels(node); }}};
        if (number == "3") {
            fields.emplace_back("agent", [this](const YAML::Node& node) { map(node, "agent", agent_fields()); });
            fields.emplace_back("endpoints", [this](const YAML::Node& node) { read_endpoints(node); });
        } else {
            std::ranges::move(agent_fields(), std::back_inserter(fields));
            fields.emplace_back("server_addr", text(settings_.server));
            fields.emplace_back("root_cas", text(settings_.roots));
            fields.emplace_back("region", ignored("region"));
            fields.emplace_back("update", ignored("update"));
        }
        map(root, "the file", fields);
    }

private:
    [[noreturn]] void fail(const YAML::Node& at, const std::string& what) const {
        throw Problem(path_ + ":" + std::to_string(at.Mark().line + 1) + ": " + what);
    }

    // Every key once, and only those that are known.
    void map(const YAML::Node& node, const std::string& where, const Fields& fields) const {
        if (!node.IsMap()) fail(node, where + " is a map of names and values");
        std::set<std::string> seen;
        for (const auto& entry : node) {
            const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "(no text)";
            const auto field = std::ranges::find(fields, key, [](const auto& one) { return one.first; });
            if (field == fields.end()) fail(entry.first, "unknown key \"" + key + "\" in " + where);
            if (!seen.insert(key).second) fail(entry.first, "\"" + key + "\" stands twice in " + where);
            if (!entry.second.IsNull()) field->second(entry.second);
        }
    }

    std::string scalar(const YAML::Node& node, const std::string& what) const {
        if (!node.IsScalar()) fail(node, what + " is expected here");
        return node.Scalar();
    }
    bool boolean(const YAML::Node& node) const {
        const std::string word = scalar(node, "true or false");
        if (word != "true" && word != "false") fail(node, "\"" + word + "\" is neither true nor false");
        return word == "true";
    }
    std::vector<std::string> words(const YAML::Node& node) const {
        if (node.IsScalar()) return {node.Scalar()};
        if (!node.IsSequence()) fail(node, "a list of texts is expected here");
        std::vector<std::string> list;
        for (const auto& entry : node) list.push_back(scalar(entry, "a text"));
        return list;
    }

    Take text(std::string& to) const {
        return [this, &to](const YAML::Node& node) { to = scalar(node, "a text"); };
    }
    Take flag(bool& to) const {
        return [this, &to](const YAML::Node& node) { to = boolean(node); };
    }
    Take list(std::vector<std::string>& to) const {
        return [this, &to](const YAML::Node& node) { to = words(node); };
    }
    Take ignored(std::string_view key) const {
        return [this, key](const YAML::Node&) { settings_.ignored.emplace_back(key); };
    }
    /// "10s", "500ms", "1m30s".
    Take time(std::optional<std::chrono::milliseconds>& to) const {
        return [this, &to](const YAML::Node& node) {
            std::istringstream in(scalar(node, "a time"));
            double total = 0, value = 0;
            while (in >> value) {
                std::string unit;
                while (in && std::isalpha(in.peek()) != 0) unit += static_cast<char>(in.get());
                static const std::map<std::string, double> units = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};
                const auto found = units.find(unit);
                if (found == units.end() || value < 0 || value > 1e6) fail(node, "write a time as in 10s, 500ms or 1m30s");
                total += value * found->second;
                if (in.eof() || in.peek() == EOF) break;
            }
            if (total <= 0 || !in) fail(node, "write a time as in 10s, 500ms or 1m30s");
            to = std::chrono::milliseconds(static_cast<long long>(total));
        };
    }

    Fields agent_fields() const {
        Settings& s = settings_;
        Fields fields = {{"authtoken", text(s.authtoken)},
                         {"connect_url", text(s.server)},
                         {"connect_cas", text(s.roots)},
                         {"connect_interface", text(s.interface)},
                         {"connect_timeout", time(s.connect_timeout)},
                         {"heartbeat_interval", time(s.heartbeat_interval)},
                         {"heartbeat_tolerance", time(s.heartbeat_tolerance)},
                         {"console_ui", text(s.console)},
                         {"log", text(s.log)},
                         {"log_level", text(s.log_level)},
                         {"log_format", text(s.log_format)},
                         {"metadata", text(s.metadata)},
                         {"proxy_url", text(s.proxy)},
                         {"web_addr", text(s.web_address)},
                         {"web_allow_hosts", list(s.web_hosts)},
                         {"inspect_db_size", number(s.inspect_bytes)},
                         {"remote_management", flag(s.remote_management)}};
        for (const std::string_view key : {"api_key", "console_ui_color", "crl_noverify", "crl_url", "dns_resolver_ips",
                                           "update_channel", "update_check"})
            fields.emplace_back(key, ignored(key));
        return fields;
    }

    void read_endpoints(const YAML::Node& node) {
        if (!node.IsSequence()) fail(node, "endpoints is a list");
        settings_.endpoints.clear();
        for (const auto& entry : node) {
            Tunnel tunnel;
            if (entry.IsMap() && entry["name"] && entry["name"].IsScalar()) tunnel.name = entry["name"].Scalar();
            const std::string where = "endpoint \"" + tunnel.name + "\"";
            const Fields upstream = {{"url", text(tunnel.upstream)},
                                     {"protocol", text(tunnel.app_protocol)},
                                     {"proxy_protocol", text(tunnel.proxy_protocol)},
                                     {"tls_verify", flag(tunnel.verify_upstream)},
                                     {"tls_verify_cas", text(tunnel.upstream_cas)}};
            const Fields termination = {{"server_certificate", text(tunnel.certificate)},
                                        {"server_private_key", text(tunnel.key)},
                                        {"mutual_tls_certificate_authorities", list(tunnel.mutual_tls_cas)}};
            map(entry, where,
                {{"name", text(tunnel.name)},
                 {"url", text(tunnel.url)},
                 {"bindings", list(tunnel.bindings)},
                 {"metadata", text(tunnel.metadata)},
                 {"description", text(tunnel.description)},
                 {"traffic_policy", policy(tunnel.traffic_policy)},
                 {"traffic_policy_file", text(tunnel.traffic_policy_file)},
                 {"pooling_enabled", flag(tunnel.pooling)},
                 {"agent_tls_termination",
                  [&](const YAML::Node& value) {
                      tunnel.terminate_at = "agent";
                      map(value, "agent_tls_termination of " + where, termination);
                  }},
                 {"upstream", [&](const YAML::Node& value) { map(value, "upstream of " + where, upstream); }}});
            if (tunnel.name.empty()) fail(entry, "an endpoint needs a name");
            if (tunnel.upstream.empty()) fail(entry, where + " needs upstream: url:");
            if (std::ranges::count(settings_.endpoints, tunnel.name, &Tunnel::name) != 0) fail(entry, where + " stands twice");
            tunnel.proto = tunnel.url.starts_with("tcp://")   ? "tcp"
                           : tunnel.url.starts_with("tls://") ? "tls"
                                                              : "http";
            settings_.endpoints.push_back(std::move(tunnel));
        }
    }

    /// The document goes to the edge as it is.
    static Take policy(std::string& to) {
        return [&to](const YAML::Node& node) { to = node.IsScalar() ? node.Scalar() : YAML::Dump(node); };
    }

    void read_tunnels(const YAML::Node& node) {
        if (!node.IsMap()) fail(node, "tunnels is a map of names and tunnels");
        for (const auto& entry : node) {
            const std::string name = scalar(entry.first, "a name");
            Tunnel& tunnel = settings_.tunnels[name]; // a later file adds to it
            tunnel.name = name;
            map(entry.second, "tunnel \"" + name + "\"", tunnel_fields(tunnel));
            if (tunnel.proto != "http" && tunnel.proto != "tcp" && tunnel.proto != "tls")
                fail(entry.first, "tunnel \"" + name + "\": proto \"" + tunnel.proto + "\" is none of http, tcp and tls");
            if (tunnel.upstream.empty()) fail(entry.first, "tunnel \"" + name + "\" needs addr");
        }
    }

    Fields tunnel_fields(Tunnel& t) const {
        const auto nested = [this](std::string_view name, Fields fields) -> Take {
            return [this, name, fields = std::move(fields)](const YAML::Node& node) { map(node, std::string(name), fields); };
        };
        Fields fields = {{"proto", text(t.proto)},
                         {"addr", text(t.upstream)},
                         {"url", text(t.url)},
                         {"schemes", list(t.schemes)},
                         {"bind_tls", [this, &t](const YAML::Node& node) { t.schemes = schemes_of(node); }},
                         {"subdomain", [this](const YAML::Node& node) { fail(node, "subdomain: write domain, with the whole name"); }},
                         {"domain", text(t.hostname)},
                         {"hostname", text(t.hostname)},
                         {"remote_addr", text(t.remote_address)},
                         {"labels", list(t.labels)},
                         {"metadata", text(t.metadata)},
                         {"description", text(t.description)},
                         {"pooling_enabled", flag(t.pooling)},
                         {"traffic_policy", policy(t.traffic_policy)},
                         {"traffic_policy_file", text(t.traffic_policy_file)},
                         {"app_protocol", text(t.app_protocol)},
                         {"proxy_proto", text(t.proxy_protocol)},
                         {"host_header", text(t.host_header)},
                         {"verify_upstream_tls", flag(t.verify_upstream)},
                         {"upstream-ca-path", text(t.upstream_cas)},
                         {"basic_auth", list(t.basic_auth)},
                         {"auth", list(t.basic_auth)},
                         {"compression", flag(t.compression)},
                         {"websocket_tcp_converter", flag(t.websocket_tcp)},
                         {"circuit_breaker", number(t.circuit_breaker)},
                         {"mutual_tls_cas", list(t.mutual_tls_cas)},
                         {"client_cas", list(t.mutual_tls_cas)},
                         {"terminate_at", text(t.terminate_at)},
                         {"crt", text(t.certificate)},
                         {"key", text(t.key)},
                         {"inspect", [this, &t](const YAML::Node& node) { t.inspect = boolean(node); }}};
        fields.emplace_back("ip_restriction",
                            nested("ip_restriction", {{"allow_cidrs", list(t.allow_cidrs)}, {"deny_cidrs", list(t.deny_cidrs)}}));
        fields.emplace_back("request_header", nested("request_header", {{"add", list(t.add_request_headers)},
                                                                        {"remove", list(t.remove_request_headers)}}));
        fields.emplace_back("response_header", nested("response_header", {{"add", list(t.add_response_headers)},
                                                                          {"remove", list(t.remove_response_headers)}}));
        fields.emplace_back("user_agent_filter", nested("user_agent_filter", {{"allow", list(t.allow_user_agents)},
                                                                              {"deny", list(t.deny_user_agents)}}));
        fields.emplace_back("verify_webhook", nested("verify_webhook", {{"provider", text(t.webhook_provider)},
                                                                        {"secret", text(t.webhook_secret)}}));
        fields.emplace_back("oauth", nested("oauth", login_fields("provider", t.oauth)));
        fields.emplace_back("oidc", nested("oidc", login_fields("issuer_url", t.oidc)));
        return fields;
    }

    /// What came before `schemes`.
    std::vector<std::string> schemes_of(const YAML::Node& node) const {
        if (node.IsScalar() && node.Scalar() == "both") return {"https", "http"};
        return {boolean(node) ? "https" : "http"};
    }

    Fields login_fields(std::string_view provider, Login& login) const {
        return {{provider, text(login.provider)},       {"client_id", text(login.client_id)},
                {"client_secret", text(login.client_secret)}, {"allow_emails", list(login.emails)},
                {"allow_domains", list(login.domains)}, {"scopes", list(login.scopes)}};
    }

    template <class Number>
    Take number(Number& to) const {
        return [this, &to](const YAML::Node& node) {
            std::conditional_t<std::is_same_v<Number, double>, double, long long> value = 0;
            if (!node.IsScalar() || !YAML::convert<decltype(value)>::decode(node, value)) fail(node, "a number is expected here");
            to = value;
        };
    }

    std::string path_;
    Settings& settings_;
};

} // namespace

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw Problem(path + ": cannot be read; check that it exists and who may read it");
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string read_pem(const std::string& path_or_text) {
    return path_or_text.find("-----BEGIN ") == std::string::npos ? read_file(path_or_text) : path_or_text;
}

std::string default_config_path() {
    const char* config = std::getenv("XDG_CONFIG_HOME");
    const char* home = std::getenv("HOME");
    if (config != nullptr && *config != '\0') return std::string(config) + "/ngrok/ngrok.yml";
    if (home != nullptr && *home != '\0') return std::string(home) + "/.config/ngrok/ngrok.yml";
    return {};
}

void read_config(const std::string& path, Settings& settings) {
    const std::string document = read_file(path);
    try {
        Reader(path, settings).read(YAML::Load(document));
    } catch (const YAML::Exception& error) {
        throw Problem(path + ":" + std::to_string(error.mark.line + 1) + ": " + error.msg);
    }
}

std::vector<Tunnel> Settings::pick(const std::vector<std::string>& names) const {
    std::vector<Tunnel> all = endpoints, chosen;
    for (const auto& [name, tunnel] : tunnels) all.push_back(tunnel);
    if (names.empty()) return all;
    for (const std::string& name : names) {
        const auto found = std::ranges::find(all, name, &Tunnel::name);
        if (found == all.end()) {
            std::string known;
            for (const Tunnel& tunnel : all) known += " " + tunnel.name;
            throw Problem("the configuration has no \"" + name + "\"; it has:" + (known.empty() ? " none" : known));
        }
        chosen.push_back(*found);
    }
    return chosen;
}

} // namespace agent
