// `openssl s_client` and `curl` as visitors: programs that share no code with us.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace adit_test {

/// Has a folder of its own for the files that they read and write, which goes with it.
class ToolVisitor {
public:
    ToolVisitor();
    ToolVisitor(const ToolVisitor&) = delete;
    ToolVisitor& operator=(const ToolVisitor&) = delete;
    ~ToolVisitor();

    /// Writes a file there and gives its path, which needs no quoting.
    std::string file(std::string_view name, std::string_view text) const;
    std::string path(std::string_view name) const { return (folder_ / name).string(); }
    /// What a shell command with that input says on both its outputs. Fails the test after 30 s.
    std::string run(const std::string& command, std::string_view input = {}) const;
    /// openssl s_client to that port of loopback, which stays until the other side closes; `more`: further options.
    std::string s_client(std::uint16_t port, const std::string& more, std::string_view input = {}) const;

private:
    std::filesystem::path folder_;
};

/// Whether one of them said it.
bool said(std::string_view output, std::string_view text);

} // namespace adit_test
