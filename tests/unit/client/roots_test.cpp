// Where the roots of a session come from, and what cannot hold a connect up.
#include "client/roots.hpp"

#include "tls/certificate_authority.hpp"

#include "support/doctest.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

using namespace adit;

namespace {

class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "adit-roots-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(path_); }
    std::string operator/(const char* name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

std::string root_pem() {
    const auto now = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
    return tls::CertificateAuthority::create("roots test", now)->certificate_pem();
}

Result<tls::TrustRoots> load(const SessionOptions& options) { return load_roots(options.data()); }

} // namespace

TEST_CASE("the system's roots are read once, and again when the environment names others") {
    const Folder folder;
    const std::string one = folder / "one.pem", two = folder / "two.pem";
    std::ofstream(one) << root_pem();
    std::ofstream(two) << root_pem() << root_pem();
    ::unsetenv("SSL_CERT_DIR");
    ::setenv("SSL_CERT_FILE", one.c_str(), 1);
    const auto first = load(SessionOptions());
    std::filesystem::remove(one);
    const auto second = load(SessionOptions());
    ::setenv("SSL_CERT_FILE", two.c_str(), 1);
    const auto third = load(SessionOptions());
    ::setenv("SSL_CERT_FILE", one.c_str(), 1); // is gone
    const auto fourth = load(SessionOptions());
    ::unsetenv("SSL_CERT_FILE");
    REQUIRE(first.has_value());
    CHECK(first->count() == 1);
    REQUIRE(second.has_value());
    CHECK(second->native() == first->native());
    REQUIRE(third.has_value());
    CHECK(third->count() == 2);
    CHECK(fourth.error().code() == errc::invalid_option);
    CHECK(fourth.error().message().find("roots_system") == 0);
}

TEST_CASE("a roots_file is a regular file of bounded size, and nothing else is waited for") {
    const Folder folder;
    const std::string pipe = folder / "pipe", large = folder / "large.pem", good = folder / "good.pem";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    std::ofstream(large).put('x');
    std::filesystem::resize_file(large, limits::pem_file_max + 1);
    std::ofstream(good) << root_pem();
    CHECK(load(SessionOptions().roots_file(good))->count() == 1);
    struct Row {
        std::string path;
        const char* why;
    };
    const Row rows[] = {{pipe, "not a regular file"}, {"/dev/zero", "not a regular file"}, {folder / ".", "not a regular"},
                        {large, "larger than 16 MiB"}, {folder / "none.pem", "No such file"}};
    for (const Row& row : rows) {
        CAPTURE(row.path);
        const auto roots = load(SessionOptions().roots_file(row.path));
        CHECK(roots.error().code() == errc::invalid_option);
        CHECK(roots.error().message().find("roots_file: ") == 0);
        CHECK(roots.error().message().find(row.path) != std::string::npos);
        CHECK(roots.error().message().find(row.why) != std::string::npos);
    }
}
