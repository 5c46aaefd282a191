// Log lines, as ngrok's agent writes them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agent {

enum class Level { debug, info, warn, error };

/// Used by one thread. What peers sent is escaped.
class Log {
public:
    using Fields = std::vector<std::pair<std::string_view, std::string>>;

    /// `target`: "stdout", "stderr", "false" or the path of a file to append to. `format`: "term", "logfmt" or "json".
    /// `level`: "debug", "info", "warn" or "error". Problem for anything else, and for a file that cannot be opened.
    Log(const std::string& target, const std::string& format, const std::string& level);
    ~Log();
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    void write(Level level, std::string_view message, const Fields& fields = {});

private:
    int fd_ = -1; // none: nothing is logged
    bool own_ = false;
    std::string format_;
    Level least_ = Level::info;
};

/// Without what a terminal obeys: control characters (U+0080 to U+009F too) and bytes that are no UTF-8 become \xNN.
std::string printable(std::string_view text);

} // namespace agent
