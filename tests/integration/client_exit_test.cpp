// A program that ends: what it wrote still arrives, and nothing hangs or crashes.
#include "integration/client_support.hpp"

#include <cstdlib>
#include <fstream>

#include <filesystem>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

using namespace adit_test;

namespace {

class Program {
public:
    explicit Program(const char* how) {
        const char* const arguments[] = {ADIT_EXIT_PROGRAM, how, nullptr};
        REQUIRE(::posix_spawn(&pid_, ADIT_EXIT_PROGRAM, nullptr, nullptr, const_cast<char**>(arguments), environ) == 0);
    }
    /// The exit status, or -1 if a signal ended it.
    int wait() const {
        int status = 0;
        REQUIRE(::waitpid(pid_, &status, 0) == pid_);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

private:
    pid_t pid_ = 0;
};

} // namespace

TEST_CASE("what a program wrote before it returned from main arrives") {
    MockEdge edge;
    const auto roots = std::filesystem::temp_directory_path() / ("adit-exit-" + std::to_string(::getpid()) + ".pem");
    std::ofstream(roots) << edge.ca_pem();
    ::setenv("ADIT_SERVER", edge.address().c_str(), 1);
    ::setenv("ADIT_ROOTS", roots.c_str(), 1);
    const char* how = "return";
    bool all_arrives = false;
    SUBCASE("its objects are destroyed") { all_arrives = true; }
    // Nobody says that these end: what is on its way when the process goes is lost.
    SUBCASE("a static handle keeps the session") { how = "keep"; }
    SUBCASE("a handle is leaked") { how = "leak"; }
    SUBCASE("exit()") { how = "exit"; }
    const Program program(how);
    edge.wait_request(adit::RequestType::bind);
    Visitor visitor = edge.visit("tn_2");
    std::string got;
    std::error_code end;
    while (!end) got += visitor.read_some(end);
    const std::string written(100'000, 'x');
    CHECK(written.starts_with(got));
    // An orderly end promises that nothing is missing.
    if (all_arrives) CHECK(end == asio::error::eof);
    if (end == asio::error::eof) CHECK(got == written);
    CHECK(program.wait() == 7);
    edge.wait_ended();
    ::unsetenv("ADIT_SERVER");
    ::unsetenv("ADIT_ROOTS");
    std::filesystem::remove(roots);
}
