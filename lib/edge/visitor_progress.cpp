#include "edge/visitor_progress.hpp"

// The kernel's header and not the C library's, whose tcp_info ends before this field; they cannot both be included.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>

namespace adit::inline v0::edge {

std::uint64_t bytes_acknowledged(int fd) noexcept {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
    if (size < offsetof(tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked) return 0;
    return info.tcpi_bytes_acked;
}

} // namespace adit
