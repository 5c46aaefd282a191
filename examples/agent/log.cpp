#include "log.hpp"

#include "config.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <unistd.h>

namespace agent {
namespace {

constexpr std::array<std::string_view, 4> level_names = {"debug", "info", "warn", "error"};

std::string quoted(const std::string& value) {
    const bool plain = !value.empty() && value.find_first_of(" =\"\\") == std::string::npos;
    if (plain && printable(value) == value) return value;
    std::string text = "\"";
    for (const char c : printable(value)) {
        if (c == '"' || c == '\\') text += '\\';
        text += c;
    }
    return text + '"';
}

} // namespace

std::string printable(std::string_view text) {
    std::string clean;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) clean += fmt::format("\\x{:02x}", byte);
        else clean += c;
    }
    return clean;
}

Log::Log(const std::string& target, const std::string& format, const std::string& level) : format_(format) {
    const auto name = std::ranges::find(level_names, level);
    if (name == level_names.end()) throw Problem("log level \"" + level + "\": write debug, info, warn or error");
    least_ = static_cast<Level>(name - level_names.begin());
    if (format != "term" && format != "logfmt" && format != "json")
        throw Problem("log format \"" + format + "\": write term, logfmt or json");
    if (target == "stdout") fd_ = STDOUT_FILENO;
    else if (target == "stderr") fd_ = STDERR_FILENO;
    else if (target != "false") {
        fd_ = ::open(target.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (fd_ < 0) throw Problem("log " + target + ": " + std::strerror(errno));
        own_ = true;
    }
}

Log::~Log() {
    if (own_) ::close(fd_);
}

void Log::write(Level level, std::string_view message, const Fields& fields) {
    if (fd_ < 0 || level < least_) return;
    const std::string_view name = level_names[static_cast<std::size_t>(level)];
    const std::tm now = fmt::gmtime(std::time(nullptr));
    std::string line;
    if (format_ == "json") {
        auto object = nlohmann::ordered_json::object();
        object["t"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", now);
        object["lvl"] = name;
        object["msg"] = message;
        for (const auto& [key, value] : fields) object[std::string(key)] = value;
        line = object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    } else {
        line = format_ == "term" ? fmt::format("{:<5} [{:%m-%d|%H:%M:%S}] {}", name, now, message)
                                 : fmt::format("t={:%Y-%m-%dT%H:%M:%SZ} lvl={} msg={}", now, name, quoted(std::string(message)));
        for (const auto& [key, value] : fields) line += fmt::format(" {}={}", key, quoted(value));
    }
    line += '\n';
    for (std::string_view rest = line; !rest.empty();) {
        const ssize_t written = ::write(fd_, rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return; // who reads it has gone
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
}

} // namespace agent
