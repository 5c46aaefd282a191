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

/// Bytes of the UTF-8 character that `text` starts with; 0 for a control character (C0, DEL, C1) and for what is no UTF-8,
/// as a bare 0x9b, which some terminals take for a CSI.
std::size_t character(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    if (first < 0x80) return first < 0x20 || first == 0x7f ? 0 : 1;
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
    char32_t code = first & (0x7fU >> length);
    for (const char c : text.substr(1, length - 1)) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte & 0xc0) != 0x80) return 0;
        code = code << 6 | (byte & 0x3f);
    }
    constexpr std::array<char32_t, 5> least = {0, 0, 0xa0, 0x800, 0x10000}; // U+0080 to U+009f are controls
    return code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : length;
}

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
    while (!text.empty()) {
        const std::size_t length = character(text);
        if (length > 0) {
            clean += text.substr(0, length);
        } else {
            clean += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
        }
        text.remove_prefix(length > 0 ? length : 1);
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
        line = object.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
    } else {
        line = format_ == "term" ? fmt::format("{:<5} [{:%m-%d|%H:%M:%S}] {}", name, now, printable(message))
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
