// The ready program for self-hosting an edge. Needs no root: pass it sockets (systemd) or give it CAP_NET_BIND_SERVICE.
//
//   examples/run edge --base-domain tunnel.example.com --https 0.0.0.0:443 --authtokens tokens ...
//   examples/run edge --config edge.conf       the same names, one `name=value` a line
//
// SIGHUP reads certificate, key and authtokens again and opens the access log anew, all of it or nothing. SIGTERM and Ctrl-C
// finish running requests and end, the second one at once.
#include <adit/edge.hpp>
#include <adit/limits.hpp>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

struct Settings {
    std::string base_domain = "localhost";
    std::vector<std::string> allow_domain, advertise_agent;
    std::string agent = "127.0.0.1:4443", https = "127.0.0.1:8443", http = "127.0.0.1:8080";
    std::string tcp_host = "127.0.0.1", tcp_ports;
    std::vector<std::string> certificate, key;
    std::string authtokens, seal_key, access_log = "-", min_tls = "1.2", max_tls = "1.3", agent_server_name;
    std::vector<std::string> route, trusted_proxy, proxy_protocol;
    std::string region = "local";
    std::uint16_t public_https = 0, public_http = 0;
    unsigned threads = 0, drain_seconds = 30;
    std::map<std::string, double> times; // of time_options, in seconds
    std::size_t http_head_max = 0;
    bool no_fetch = false;
    std::size_t sessions_per_credential = adit::limits::sessions_per_credential;
    std::string write_ca;
};

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw std::runtime_error(path + ": cannot be read; check that it exists and who may read it");
    return {std::istreambuf_iterator<char>(in), {}};
}

using Tokens = std::vector<std::pair<std::string, std::string>>;

/// One `token [credential-name]` a line; '#' starts a comment.
Tokens read_tokens(const std::string& path) {
    Tokens tokens;
    std::istringstream lines(read_file(path));
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line.substr(0, line.find('#')));
        std::string token, name;
        words >> token >> name;
        if (!token.empty()) tokens.emplace_back(token, name);
    }
    if (tokens.empty()) throw std::runtime_error(path + ": has no token; write one `token name` a line");
    return tokens;
}

using Certificates = std::vector<std::pair<std::string, std::string>>;

Certificates read_certificates(const Settings& settings) {
    if (settings.certificate.size() != settings.key.size())
        throw std::runtime_error("--certificate and --key: write as many of one as of the other, in the same order");
    Certificates read;
    for (std::size_t i = 0; i < settings.key.size(); ++i)
        read.emplace_back(read_file(settings.certificate[i]), read_file(settings.key[i]));
    return read;
}

/// The key that seals bind tokens lives in a file of mode 0600, made at the first start: agents keep their URLs.
std::string seal_key(const std::string& path) {
    const int made = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (made >= 0) {
        char bytes[32];
        std::ifstream("/dev/urandom", std::ios::binary).read(bytes, sizeof bytes);
        const bool written = ::write(made, bytes, sizeof bytes) == static_cast<ssize_t>(sizeof bytes) && ::fsync(made) == 0;
        ::close(made);
        if (!written) throw std::runtime_error(path + ": cannot be written");
    }
    std::string key = read_file(path);
    if (key.size() != 32) throw std::runtime_error(path + ": must hold exactly 32 bytes; remove it to make a new one");
    return key;
}

/// A file of our own, or one that is there already (standard output).
class File {
public:
    File(int fd, bool own) : fd_(fd), own_(own) {}
    explicit File(const std::string& path) : fd_(::open(path.c_str(), flags, 0666)) {
        if (fd_ < 0) throw std::runtime_error(path + ": cannot be opened for writing: " + std::strerror(errno));
    }
    ~File() {
        if (own_) ::close(fd_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    int fd() const noexcept { return fd_; }

private:
    // A FIFO that nobody reads is an error and not a wait.
    static constexpr int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK;

    int fd_;
    bool own_ = true;
};
using FilePtr = std::shared_ptr<File>;

/// Writes lines on a thread of its own, because who reads them may stall and the edge must not. What does not fit its queue
/// is dropped and counted.
class LineWriter {
public:
    /// `on_drop` is told how many were dropped, as soon as there is room again or at the end.
    LineWriter(FilePtr file, std::function<void(std::uint64_t)> on_drop)
        : file_(std::move(file)), on_drop_(std::move(on_drop)), thread_([this] { run(); }) {}
    /// Writes what waits, at most for a second if nobody reads it.
    ~LineWriter() {
        {
            const std::lock_guard lock(mutex_);
            ends_ = true;
        }
        wake_.notify_one();
        thread_.join();
    }
    LineWriter(const LineWriter&) = delete;
    LineWriter& operator=(const LineWriter&) = delete;

    void write(std::string_view line) {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() + line.size() >= queue_max) {
            ++dropped_;
            return;
        }
        waiting_.append(line) += '\n';
        wake_.notify_one();
    }
    void use(FilePtr file) {
        const std::lock_guard lock(mutex_);
        file_ = std::move(file);
    }

private:
    static constexpr std::size_t queue_max = 1 << 20;
    static constexpr std::size_t piece = 4096; // PIPE_BUF: a pipe that is ready takes so much without waiting
    static constexpr int look_ms = 100;

    void run() {
        std::unique_lock lock(mutex_);
        for (;;) {
            wake_.wait(lock, [this] { return ends_ || !waiting_.empty(); });
            const std::string text = std::exchange(waiting_, {});
            const FilePtr file = file_;
            const std::uint64_t dropped = std::exchange(dropped_, 0);
            const bool last = ends_;
            lock.unlock();
            write_all(*file, text);
            if (dropped != 0) on_drop_(dropped);
            lock.lock();
            if (last && waiting_.empty()) return;
        }
    }
    void write_all(const File& file, std::string_view text) {
        int stalled = 0;
        while (!text.empty()) {
            pollfd ready{file.fd(), POLLOUT, 0};
            if (::poll(&ready, 1, look_ms) == 0) {
                const std::lock_guard lock(mutex_);
                if ((ends_ && ++stalled * look_ms > 1000) || file_.get() != &file) return; // or it was replaced
                continue;
            }
            const ssize_t n = ::write(file.fd(), text.data(), std::min(text.size(), piece));
            if (n < 0 && errno != EINTR && errno != EAGAIN) return; // a full disk, a reader who left: serving goes on
            if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
        }
    }

    std::mutex mutex_;
    std::condition_variable wake_;
    std::string waiting_;
    FilePtr file_;
    std::function<void(std::uint64_t)> on_drop_;
    std::uint64_t dropped_ = 0;
    bool ends_ = false;
    std::thread thread_;
};

/// To log rotation's file (SIGHUP opens it again) or to standard output.
FilePtr open_access_log(const std::string& path) {
    return path == "-" ? std::make_shared<File>(STDOUT_FILENO, false) : std::make_shared<File>(path);
}

std::string json_line(const adit::edge::AccessRecord& record) {
    nlohmann::json line = {
        {"time", fmt::format("{:%FT%TZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(record.start)))},
        {"duration_us", record.duration.count()},
        {"endpoint", record.endpoint_id},
        {"url", record.url},
        {"remote_address", record.remote_address},
        {"method", record.method},
        {"host", record.host},
        {"path", record.path},
        {"status", record.status},
        {"error", record.ngrok_error},
        {"bytes_in", record.bytes_in},
        {"bytes_out", record.bytes_out},
    };
    for (const auto& log : record.policy_logs) {
        line["policy_logs"].push_back({{"phase", log.phase}, {"metadata", nlohmann::json::parse(log.metadata, nullptr, false)}});
    }
    if (!record.policy_error.empty()) line["policy_error"] = record.policy_error;
    return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Which of our sockets a FileDescriptorName means: "https", "my-https" or "my-https.socket". "" if none.
std::string socket_role(std::string name) {
    if (name.ends_with(".socket")) name.resize(name.size() - 7);
    for (const std::string role : {"agent", "https", "http"}) {
        if (name == role || name.ends_with("-" + role)) return role;
    }
    return {};
}

/// Sockets that systemd opened for us, sd_listen_fds(3). One that we would not serve is a mistake of the unit.
void take_passed_sockets(adit::edge::ServerOptions& options) {
    const char* pid = std::getenv("LISTEN_PID");
    const char* count = std::getenv("LISTEN_FDS");
    const char* names = std::getenv("LISTEN_FDNAMES");
    if (pid == nullptr || count == nullptr || std::strtol(pid, nullptr, 10) != ::getpid()) return;
    std::istringstream list(names != nullptr ? names : "");
    const long total = std::strtol(count, nullptr, 10);
    for (int fd = 3; fd < 3 + total; ++fd) {
        std::string name;
        std::getline(list, name, ':');
        const std::string role = socket_role(name);
        if (role.empty()) {
            throw std::runtime_error("LISTEN_FDS: the passed socket \"" + name + "\" has no use here; write "
                                     "FileDescriptorName=agent, https or http into its .socket unit");
        }
        options.listen_fd(role, fd);
    }
    for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
}

/// sd_notify(3) without libsystemd: one datagram.
void notify(const std::string& state) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path == nullptr || std::string_view(path).size() >= sizeof address.sun_path) return;
    std::string_view(path).copy(address.sun_path, sizeof address.sun_path);
    if (path[0] == '@') address.sun_path[0] = '\0';
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::string_view(path).size());
    (void)::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), size);
    ::close(fd);
}

/// What visitors have, in seconds; the defaults are those of <adit/limits.hpp>.
struct TimeOption {
    const char* name;
    const char* text;
    adit::edge::ServerOptions& (adit::edge::ServerOptions::*set)(std::chrono::milliseconds);
};
constexpr TimeOption time_options[] = {
    {"client-hello-time", "for a ClientHello", &adit::edge::ServerOptions::client_hello_time},
    {"tls-handshake-time", "for a TLS handshake", &adit::edge::ServerOptions::tls_handshake_time},
    {"http-head-time", "for the head of a request", &adit::edge::ServerOptions::http_head_time},
    {"http-idle-time", "without a request", &adit::edge::ServerOptions::http_idle_time},
    {"http-response-time", "an application may be silent", &adit::edge::ServerOptions::http_response_time},
    {"http-stall-time", "a visitor may send or take nothing of a body", &adit::edge::ServerOptions::http_stall_time},
};

adit::edge::ServerOptions server_options(const Settings& settings) {
    adit::edge::ServerOptions options;
    options.base_domain(settings.base_domain).region(settings.region).threads(settings.threads);
    options.agent_address(settings.agent).https_address(settings.https).http_address(settings.http);
    options.tcp_host(settings.tcp_host).min_tls_version(settings.min_tls).max_tls_version(settings.max_tls);
    options.agent_server_name(settings.agent_server_name).fetch_certificates(!settings.no_fetch);
    if (settings.http_head_max != 0) options.http_head_max(settings.http_head_max);
    for (const TimeOption& each : time_options) {
        const auto given = settings.times.find(each.name);
        if (given == settings.times.end()) continue;
        (options.*each.set)(std::chrono::milliseconds(static_cast<std::int64_t>(given->second * 1000)));
    }
    options.sessions_per_credential(settings.sessions_per_credential);
    for (const auto& name : settings.allow_domain) options.allow_domain(name);
    for (const auto& address : settings.advertise_agent) options.advertise_agent_address(address);
    for (const auto& cidr : settings.trusted_proxy) options.trusted_proxy(cidr);
    for (const auto& text : settings.proxy_protocol) { // LISTENER CIDR
        const auto space = text.find(' ');
        if (space == std::string::npos) throw std::runtime_error("proxy-protocol: write \"LISTENER NETWORK\", such as \"https 10.0.0.0/8\"");
        options.proxy_protocol(text.substr(0, space), text.substr(space + 1));
    }
    if (settings.public_https != 0 || settings.public_http != 0) {
        options.public_ports(settings.public_https, settings.public_http);
    }
    if (!settings.tcp_ports.empty()) {
        unsigned first = 0, last = 0;
        if (std::sscanf(settings.tcp_ports.c_str(), "%u-%u", &first, &last) != 2 || first == 0 || last > 65535 || first > last) {
            throw std::runtime_error("tcp-ports: write FIRST-LAST, such as 20000-20999");
        }
        options.tcp_ports(static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last));
    }
    for (const auto& route : settings.route) { // URL key=value [key=value]...
        std::istringstream words(route);
        std::string url, label;
        std::vector<std::pair<std::string, std::string>> labels;
        words >> url;
        while (words >> label) {
            const auto equals = label.find('=');
            if (equals == std::string::npos) throw std::runtime_error("route: write \"URL key=value [key=value]...\"");
            labels.emplace_back(label.substr(0, equals), label.substr(equals + 1));
        }
        options.route_labels(url, labels);
    }
    const Certificates certificates = read_certificates(settings);
    for (std::size_t i = 0; i < certificates.size(); ++i) {
        const auto& [chain, key] = certificates[i];
        if (i == 0) options.certificate(chain, key);
        else options.add_certificate(chain, key);
    }
    if (!settings.seal_key.empty()) options.seal_key(seal_key(settings.seal_key));
    for (const auto& [token, name] : read_tokens(settings.authtokens)) options.authtoken(token, name);
    take_passed_sockets(options);
    return options;
}

/// The operator's lines, on standard error.
class Log {
public:
    void line(std::string_view level, std::string_view text) { lines_.write(fmt::format("{}: {}", level, text)); }
    void dropped(std::string_view what, std::uint64_t count) {
        line("warn", fmt::format("{} lines of the {} were dropped, because nobody reads it fast enough", count, what));
    }

private:
    LineWriter lines_{std::make_shared<File>(STDERR_FILENO, false), [this](std::uint64_t n) { dropped("log", n); }};
};

/// All of it or nothing: everything is read and opened first.
void reload(adit::edge::Server& server, const Settings& settings, LineWriter& access_log, Log& log) {
    try {
        const Tokens tokens = read_tokens(settings.authtokens);
        FilePtr file = open_access_log(settings.access_log);
        const adit::ErrorInfo error =
            settings.certificate.empty()
                ? server.reload_authtokens(tokens)
                : server.reload(read_certificates(settings), tokens);
        if (error) throw std::runtime_error(error.to_string());
        access_log.use(std::move(file));
        log.line("info", "reloaded");
    } catch (const std::exception& problem) {
        log.line("error", std::string("reload refused, everything stays as it was: ") + problem.what());
    }
}

void write_ca(const std::string& path, const std::string& pem) {
    std::ofstream out(path, std::ios::binary);
    out << pem;
    out.close();
    if (!out) throw std::runtime_error(path + ": the CA cannot be written there");
}

/// Running requests have their time; a second signal takes it from them.
void drain(adit::edge::Server& server, const Settings& settings, const sigset_t& signals, Log& log) {
    const auto drained = std::async(std::launch::async, [&] { server.drain(std::chrono::seconds(settings.drain_seconds)); });
    const timespec look{0, 50'000'000};
    while (drained.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
        const int signal = sigtimedwait(&signals, nullptr, &look);
        if (signal != SIGTERM && signal != SIGINT) continue;
        log.line("info", "a second signal: stopping at once");
        server.stop();
    }
}

int run(const Settings& settings) {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr); // before threads start: they inherit it
    std::signal(SIGPIPE, SIG_IGN);                 // a reader of our logs may leave

    Log log;
    LineWriter access_log(open_access_log(settings.access_log), [&log](std::uint64_t n) { log.dropped("access log", n); });
    auto options = server_options(settings);
    options.on_log([&log](std::string_view level, std::string_view line) { log.line(level, line); });
    options.on_access([&access_log](const adit::edge::AccessRecord& record) { access_log.write(json_line(record)); });
    auto server = adit::edge::Server::start(options);
    if (!settings.write_ca.empty()) write_ca(settings.write_ca, server.ca_pem());
    log.line("info", fmt::format("serving {}; agents {}, https {}, http {}", settings.base_domain, server.agent_port(),
                                 server.https_port(), server.http_port()));
    notify("READY=1");
    for (int signal = 0; sigwait(&signals, &signal) == 0 && signal == SIGHUP;) {
        notify("RELOADING=1");
        reload(server, settings, access_log, log);
        notify("READY=1");
    }
    notify("STOPPING=1");
    log.line("info", "draining; a second signal stops at once");
    drain(server, settings, signals, log);
    return EXIT_SUCCESS;
}

} // namespace

int main(int argc, char** argv) {
    Settings s;
    CLI::App app{"A self-hosted edge for adit and ngrok agents"};
    app.set_config("--config", "", "a file with the same names, one name=value a line");
    app.allow_config_extras(CLI::config_extras_mode::error);
    app.footer("Sockets that systemd passes (LISTEN_FDS) take the place of --agent, --https and --http: write\n"
               "FileDescriptorName=agent, https or http into their .socket units.");
    app.add_option("--base-domain", s.base_domain, "random names are made below it")->capture_default_str();
    app.add_option("--allow-domain", s.allow_domain, "further names that may be bound; *.example.org for all below");
    app.add_option("--agent", s.agent, "address for agents")->capture_default_str();
    app.add_option("--advertise-agent", s.advertise_agent, "HOST:PORT by which agents reach this edge; two or more: they keep two legs");
    app.add_option("--https", s.https, "address for https and tls visitors")->capture_default_str();
    app.add_option("--http", s.http, "address for http visitors")->capture_default_str();
    app.add_option("--tcp-host", s.tcp_host, "IP where tcp endpoints listen")->capture_default_str();
    app.add_option("--tcp-ports", s.tcp_ports, "FIRST-LAST: ports of tcp endpoints; without it the system chooses them, and agents cannot");
    app.add_option("--public-https", s.public_https, "port that https visitors use, if a port map is in front");
    app.add_option("--public-http", s.public_http, "port that http visitors use, if a port map is in front");
    auto* certificate = app.add_option("--certificate", s.certificate, "PEM chain; repeatable: further ones answer for their names. Without it a CA is made, see --write-ca");
    auto* key = app.add_option("--key", s.key, "PEM key of the certificate; one for each, in the same order")->needs(certificate);
    certificate->needs(key);
    app.add_option("--authtokens", s.authtokens, "file: one `token name` a line")->required();
    app.add_option("--seal-key", s.seal_key, "file of 32 bytes, made if missing: agents keep their URLs over restarts");
    app.add_option("--route", s.route, "\"URL key=value...\": where labelled agents serve");
    app.add_option("--trusted-proxy", s.trusted_proxy, "network that may set X-Forwarded-* itself");
    app.add_option("--proxy-protocol", s.proxy_protocol,
                   "\"LISTENER NETWORK\": connections from there to agent, https, http or tcp begin with a PROXY protocol header");
    app.add_option("--min-tls", s.min_tls, "1.2 or 1.3")->capture_default_str();
    app.add_option("--max-tls", s.max_tls, "1.2 or 1.3")->capture_default_str();
    app.add_option("--agent-server-name", s.agent_server_name,
                   "agents that name this host in their TLS may come to the https port as well: one port for all");
    for (const TimeOption& each : time_options) {
        const auto keep = [&s, name = each.name](const double& seconds) { s.times[name] = seconds; };
        app.add_option_function<double>(std::string("--") + each.name, keep, std::string(each.text) + ", in seconds")
            ->check(CLI::Range(0.0, 86'400.0));
    }
    app.add_option("--http-head-max", s.http_head_max, "bytes of a request's or an answer's head");
    app.add_flag("--no-fetch-certificates", s.no_fetch, "do not fetch Amazon's certificates, for policies that verify webhooks of SNS");
    app.add_option("--region", s.region, "told to agents")->capture_default_str();
    app.add_option("--access-log", s.access_log, "file for JSON lines; - is standard output")->capture_default_str();
    app.add_option("--sessions-per-credential", s.sessions_per_credential, "agents with one token at a time")
        ->capture_default_str();
    app.add_option("--threads", s.threads, "event loops; 0: one per core")->capture_default_str();
    app.add_option("--drain-seconds", s.drain_seconds, "time for running requests at the end")->capture_default_str();
    app.add_option("--write-ca", s.write_ca, "write the PEM of the generated CA to this file")->excludes(certificate);
    CLI11_PARSE(app, argc, argv);
    try {
        return run(s);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "edge: %s\n", error.what());
        return EXIT_FAILURE;
    }
}
