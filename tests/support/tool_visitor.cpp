#include "support/tool_visitor.hpp"

#include "support/doctest.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <sys/wait.h>

namespace adit_test {

ToolVisitor::ToolVisitor() {
    std::string pattern = (std::filesystem::temp_directory_path() / "adit-visitor-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
}

ToolVisitor::~ToolVisitor() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

std::string ToolVisitor::file(std::string_view name, std::string_view text) const {
    std::ofstream(folder_ / name) << text;
    return path(name);
}

std::string ToolVisitor::run(const std::string& command, std::string_view input) const {
    const std::string from = file("input", input);
    // A program of its own behind `timeout`, so that none is left behind.
    const std::string line = "timeout 30 " + command + " <" + from + " 2>&1";
    std::FILE* const pipe = ::popen(line.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string text;
    std::array<char, 4'096> buffer;
    while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) text.append(buffer.data(), n);
    const int status = ::pclose(pipe);
    REQUIRE_MESSAGE(!(WIFEXITED(status) && WEXITSTATUS(status) == 124), "it did not end: " << command << "\n" << text);
    return text;
}

std::string ToolVisitor::s_client(std::uint16_t port, const std::string& more, std::string_view input) const {
    return run("openssl s_client -ign_eof -connect 127.0.0.1:" + std::to_string(port) + " " + more, input);
}

bool said(std::string_view output, std::string_view text) { return output.find(text) != std::string_view::npos; }

} // namespace adit_test
