#include "exchanges.hpp"

#include "inspector/curl.hpp"
#include "support/doctest.hpp"

#include <array>
#include <sys/wait.h>
#include <unistd.h>
#include <string>

using adit::inspector::curl_command;
using adit::inspector::Message;
using adit::inspector::shell_word;

namespace {

constexpr std::string_view base = "https://app.example.com";

Message message(std::string_view method, std::string_view target, std::string_view body = {}) {
    Message out = adit_test::exchange(method, target).request;
    out.body = body;
    out.body_size = body.size();
    return out;
}

/// What bash makes of a command when curl and base64 are functions that print their arguments.
std::string run_in_bash(const std::string& command) {
    const std::string script = "curl() { printf '<%s>' \"$@\"; [[ $* != *--data-binary* ]] || od -An -tx1; }\n" + command;
    int in[2], out[2];
    REQUIRE(::pipe(in) == 0);
    REQUIRE(::pipe(out) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::dup2(in[0], 0);
        ::dup2(out[1], 1);
        for (const int fd : {in[0], in[1], out[0], out[1]})
            if (fd > 2) ::close(fd); // a test that was started with a closed input has a pipe there
        ::execlp("bash", "bash", "--norc", "-s", nullptr);
        ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    REQUIRE(::write(in[1], script.data(), script.size()) == static_cast<ssize_t>(script.size()));
    ::close(in[1]);
    std::string result;
    std::array<char, 4096> buffer;
    for (ssize_t n = 0; (n = ::read(out[0], buffer.data(), buffer.size())) > 0;)
        result.append(buffer.data(), static_cast<std::size_t>(n));
    ::close(out[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    return result;
}

} // namespace

TEST_CASE("a curl command has what the visitor sent, and not what curl and the edge add") {
    Message request = message("GET", "/a?b=[1]&c={x}");
    for (const auto& [name, value] :
         {std::pair("X-Mine", "1"), {"X-Forwarded-For", "127.0.0.1"}, {"Connection", "keep-alive"}, {"X-Empty", ""}})
        request.head.add(name, value);
    CHECK(curl_command(request, base) == "curl --globoff --path-as-is \\\n  -H 'X-Mine: 1' \\\n  -H 'X-Empty;' \\\n  "
                                         "'https://app.example.com/a?b=[1]&c={x}'");
}

TEST_CASE("the method is said where curl would not choose it") {
    CHECK(curl_command(message("GET", "/"), base).find("-X") == std::string::npos);
    CHECK(curl_command(message("HEAD", "/"), base).find(" --head ") != std::string::npos);
    CHECK(curl_command(message("POST", "/", "x"), base).find("-X") == std::string::npos);
    CHECK(curl_command(message("POST", "/"), base).find(" -X POST ") != std::string::npos);
    CHECK(curl_command(message("GET", "/", "x"), base).find(" -X GET ") != std::string::npos);
    CHECK(curl_command(message("OPTIONS", "*"), base).find("https://app.example.com/*") != std::string::npos);
}

TEST_CASE("a shell sees what was sent, whatever that was") {
    const std::string evil = "'; touch /tmp/x; $(id) `id` \\ \" !! & | > *\n\t\x01\x7F\xFF" "7 \xC3\xA4 ~";
    CHECK(run_in_bash("curl " + shell_word(evil)) == "<" + evil + ">");
    CHECK(run_in_bash("curl " + shell_word("") + " " + shell_word("it's")) == "<><it's>");
    Message request = message("x'$`id`", "/'$(id)'", evil);
    request.head.add("X-Evil", "';id;'$(id)\xFF");
    CHECK(run_in_bash(curl_command(request, base)) ==
          "<--globoff><--path-as-is><-X><x'$`id`><-H><X-Evil: ';id;'$(id)\xFF><-H><Content-Type:><--data-raw><" + evil +
              "><https://app.example.com/'$(id)'>");
}

TEST_CASE("a body with zero bytes is piped, a cut one says so") {
    Message request = message("POST", "/", std::string_view("\0ab", 3));
    request.head.add("Content-Type", "x/y");
    CHECK(run_in_bash(curl_command(request, base)) == "<--globoff><--path-as-is><-H><Content-Type: x/y><--data-binary><@->"
                                                      "<https://app.example.com/> 00 61 62\n");
    Message cut = message("POST", "/", "abc");
    cut.body_size = 10;
    CHECK(curl_command(cut, base).starts_with("# the body had 10 bytes; these are the first 3\ncurl "));
}
