// Runs a fuzz target over files, for builds without libFuzzer: every input of the folders or files that are named, and
// every beginning of a small one.
#include "fuzz/fuzz.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

namespace {

namespace fs = std::filesystem;

constexpr std::size_t cut_up_to = 512; // longer inputs would take quadratic time

std::vector<fs::path> files_in(const fs::path& place) {
    if (!fs::is_directory(place)) return {place};
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(place)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

void run(std::string_view input) {
    const adit::fuzz::Exact exact(input);
    LLVMFuzzerTestOneInput(exact.bytes().data(), input.size());
}

} // namespace

int main(int argc, char** argv) {
    std::size_t inputs = 0;
    for (int i = 1; i < argc; ++i) {
        for (const fs::path& path : files_in(argv[i])) {
            std::ifstream file(path, std::ios::binary);
            const std::string input(std::istreambuf_iterator<char>(file), {});
            if (!file) {
                std::fprintf(stderr, "cannot read %s\n", path.c_str());
                return 2;
            }
            std::fprintf(stderr, "%s\n", path.filename().c_str()); // the last one is it, if a check fails
            run(input);
            for (std::size_t size = 0; size < std::min(input.size(), cut_up_to); ++size) run(input.substr(0, size));
            ++inputs;
        }
    }
    std::printf("%zu inputs\n", inputs);
    return inputs > 0 ? 0 : 1;
}
