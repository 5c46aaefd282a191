#include "screen.hpp"

#include <algorithm>
#include <string_view>

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace agent {
namespace {

// One write(2): a terminal that shows half of it for a moment is not worth more.
void put(int fd, const std::string& text) {
    if (::write(fd, text.data(), text.size()) < 0) return; // it has gone; a signal tells us
}

/// At most `columns` characters of UTF-8.
std::string_view cut(std::string_view line, std::size_t columns) {
    std::size_t characters = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const bool starts = (static_cast<unsigned char>(line[i]) & 0xc0) != 0x80;
        if (starts && characters++ == columns) return line.substr(0, i);
    }
    return line;
}

} // namespace

Screen::~Screen() {
    if (taken_) put(fd_, "\x1b[?25h\x1b[?1049l"); // the cursor, the screen that was there
}

void Screen::draw(const std::vector<std::string>& lines) {
    pollfd ready{fd_, POLLOUT, 0};
    if (::poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) return;
    winsize size{};
    const bool known = ::ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0;
    const std::size_t rows = known ? size.ws_row : 24;
    const std::size_t columns = known ? size.ws_col : 80;
    std::string page = taken_ ? "" : "\x1b[?1049h\x1b[?25l";
    taken_ = true;
    page += "\x1b[?2026h\x1b[H"; // all at once where the terminal can, from the top
    for (std::size_t i = 0; i < std::min(rows, lines.size()); ++i) {
        if (i > 0) page += "\r\n";
        page += cut(lines[i], columns);
        page += "\x1b[K"; // what was longer there
    }
    page += "\x1b[J\x1b[?2026l"; // and what was below
    put(fd_, page);
}

} // namespace agent
