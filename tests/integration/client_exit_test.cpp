// A program that ends: what it wrote still arrives, and nothing hangs or crashes.
#include "integration/client_support.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include <csignal>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

using namespace adit_test;

namespace {

namespace fs = std::filesystem;

class Program {
public:
    explicit Program(std::vector<std::string> arguments) {
        std::vector<char*> argv;
        for (std::string& argument : arguments) argv.push_back(argument.data());
        argv.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_addclosefrom_np(&actions, 3); // the mock edge's socket among them
        const int failed = ::posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
        ::posix_spawn_file_actions_destroy(&actions);
        REQUIRE(failed == 0);
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program() { // a failed test leaves nothing behind
        if (pid_ != 0 && ::kill(pid_, SIGKILL) == 0) (void)::waitpid(pid_, nullptr, 0);
    }
    pid_t pid() const { return pid_; }
    /// The exit status, or -1 if a signal ended it.
    int wait() {
        int status = 0;
        REQUIRE(::waitpid(std::exchange(pid_, 0), &status, 0) > 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

private:
    pid_t pid_ = 0;
};

/// Where the program finds the edge, while this lives. Everybody may read it.
class Surroundings {
public:
    explicit Surroundings(const MockEdge& edge)
        : folder_(fs::temp_directory_path() / ("adit-exit-" + std::to_string(::getpid()))) {
        fs::create_directory(folder_);
        std::ofstream(folder_ / "ca.pem") << edge.ca_pem();
        const auto readable = fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                              fs::perms::others_read | fs::perms::others_exec;
        fs::permissions(folder_, readable);
        fs::permissions(folder_ / "ca.pem", readable);
        ::setenv("ADIT_SERVER", edge.address().c_str(), 1);
        ::setenv("ADIT_ROOTS", (folder_ / "ca.pem").c_str(), 1);
    }
    Surroundings(const Surroundings&) = delete;
    Surroundings& operator=(const Surroundings&) = delete;
    ~Surroundings() {
        ::unsetenv("ADIT_SERVER");
        ::unsetenv("ADIT_ROOTS");
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }
    /// A copy of the program that any user can reach.
    std::string program() const {
        fs::copy_file(ADIT_EXIT_PROGRAM, folder_ / "program");
        return (folder_ / "program").string();
    }

private:
    fs::path folder_;
};

/// A line of /proc/PID/status, without its name.
std::string status_of(pid_t pid, const std::string& name) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
    FAIL("no " << name);
    return {};
}

/// The inodes of the sockets that a process holds.
std::vector<std::string> sockets_of(pid_t pid) {
    std::vector<std::string> inodes;
    for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
        const std::string target = fs::read_symlink(entry.path()).string();
        if (target.starts_with("socket:[")) inodes.push_back(target.substr(8, target.size() - 9));
    }
    return inodes;
}

/// The states of those of these sockets that are TCP: 01 established, 0A listening.
std::vector<std::string> tcp_states(const std::vector<std::string>& inodes) {
    std::vector<std::string> states;
    for (const char* const table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
        std::ifstream file(table);
        std::string line;
        std::getline(file, line);
        while (std::getline(file, line)) {
            std::istringstream fields(line);
            std::string skipped, state, inode;
            fields >> skipped >> skipped >> skipped >> state;
            for (int i = 0; i < 6; ++i) fields >> inode;
            if (std::ranges::find(inodes, inode) != inodes.end()) states.push_back(state);
        }
    }
    return states;
}

} // namespace

TEST_CASE("what a program wrote before it returned from main arrives") {
    MockEdge edge;
    const Surroundings surroundings(edge);
    const char* how = "return";
    bool all_arrives = false;
    SUBCASE("its objects are destroyed") { all_arrives = true; }
    // Nobody says that these end: what is on its way when the process goes is lost.
    SUBCASE("a static handle keeps the session") { how = "keep"; }
    SUBCASE("a handle is leaked") { how = "leak"; }
    SUBCASE("exit()") { how = "exit"; }
    Program program({ADIT_EXIT_PROGRAM, how});
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
}

TEST_CASE("S3.1, S3.2a: a listening program needs no root, no capability, and no open port") {
    MockEdge edge;
    const Surroundings surroundings(edge);
    std::vector<std::string> command = {surroundings.program(), "return"};
    if (::geteuid() == 0) {
        const std::vector<std::string> as_nobody = {"setpriv", "--reuid=65534", "--regid=65534",
                                                    "--clear-groups", "--no-new-privs", "--inh-caps=-all"};
        command.insert(command.begin(), as_nobody.begin(), as_nobody.end());
    }
    Program program(std::move(command));
    edge.wait_request(adit::RequestType::bind);
    CHECK(status_of(program.pid(), "CapEff").find_first_not_of('0') == std::string::npos);
    CHECK(status_of(program.pid(), "Uid").substr(0, 2) != "0\t");
    const std::vector<std::string> states = tcp_states(sockets_of(program.pid()));
    REQUIRE(states.size() == 1); // the link, and nothing else
    CHECK(states[0] == "01");
    Visitor visitor = edge.visit("tn_2");
    std::string got;
    std::error_code end;
    while (!end) got += visitor.read_some(end);
    CHECK(got == std::string(100'000, 'x'));
    CHECK(program.wait() == 7);
    edge.wait_ended();
}
