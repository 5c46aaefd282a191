#include "client/self_description.hpp"

#include <algorithm>
#include <array>

#include <sys/utsname.h>
#include <unistd.h>

namespace adit::inline v0 {
namespace {

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// A token of RFC 9110 5.6.2.
std::string token(std::string_view text) {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    std::string out(text);
    for (char& c : out) {
        if (is_alphanumeric(c) || others.find(c) != std::string_view::npos) continue;
        c = c == '/' ? '-' : '#';
    }
    return out;
}

// A comment of RFC 9110 5.6.5 without nesting and escapes.
std::string comment(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c < 0x20 || c > 0x7e || c == '(' || c == ')' || c == '\\') c = '#';
    return out;
}

std::string program_path() {
    std::array<char, 4096> path;
    const ssize_t n = ::readlink("/proc/self/exe", path.data(), path.size());
    return n > 0 ? std::string(path.data(), static_cast<std::size_t>(n)) : std::string("unknown");
}

} // namespace

std::string user_agent(const std::vector<ClientInfo>& infos) {
    std::string out;
    for (const ClientInfo& info : infos) {
        out += token(info.name) + "/" + token(info.version);
        if (!info.comment.empty()) out += " (" + comment(info.comment) + ")";
        out += " ";
    }
    return out + "adit/" ADIT_VERSION;
}

std::string client_type(const std::vector<ClientInfo>& infos) { return infos.empty() ? "adit" : infos.front().name; }

std::string client_version(const std::vector<ClientInfo>& infos) {
    return infos.empty() ? ADIT_VERSION : infos.front().version;
}

std::string system_name() {
    utsname names{};
    if (::uname(&names) != 0) return "unknown";
    std::string out(names.sysname);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    return out;
}

std::string machine_name() {
    utsname names{};
    return ::uname(&names) == 0 ? names.machine : "unknown";
}

std::string default_forwards_to() {
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
    // The path is absolute, so two slashes follow the host; the official agents write it so.
    return "app://" + std::string(host.data()) + "/" + program_path() + "?pid=" + std::to_string(::getpid());
}

} // namespace adit
