// The terminal, as a page of lines that is redrawn in place.
#pragma once

#include <string>
#include <vector>

namespace agent {

/// Takes the terminal's other screen at the first draw and gives it back in the end. Used by one thread.
class Screen {
public:
    explicit Screen(int terminal) : fd_(terminal) {}
    ~Screen();
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;

    /// Shows these lines, cut to the terminal's size, in one write without clearing first: nothing flickers. A terminal
    /// that takes nothing (Ctrl-S) misses this page and is not waited for.
    void draw(const std::vector<std::string>& lines);

private:
    int fd_;
    bool taken_ = false;
};

} // namespace agent
