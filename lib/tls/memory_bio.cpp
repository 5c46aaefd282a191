#include "tls/memory_bio.hpp"

#include <new>

namespace adit::inline v0::tls {
namespace {

MemoryBio& pipe_of(BIO* bio) noexcept { return *static_cast<MemoryBio*>(BIO_get_data(bio)); }

int bio_read(BIO* bio, char* out, int size) {
    BIO_clear_retry_flags(bio);
    ByteQueue& input = pipe_of(bio).input;
    if (size <= 0) return 0;
    if (input.empty()) {
        BIO_set_retry_read(bio); // never an end: only the owner of the transport knows about that
        return -1;
    }
    return static_cast<int>(
        input.read({reinterpret_cast<std::uint8_t*>(out), static_cast<std::size_t>(size)}));
}

int bio_write(BIO* bio, const char* data, int size) {
    BIO_clear_retry_flags(bio);
    if (size <= 0) return 0;
    try {
        pipe_of(bio).output.append(
            {reinterpret_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size)});
    } catch (const std::bad_alloc&) {
        return -1; // ends the connection; nothing may be thrown through C frames
    }
    return size;
}

long bio_ctrl(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
        BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "adit memory");
        if (m == nullptr || BIO_meth_set_read(m, bio_read) != 1 || BIO_meth_set_write(m, bio_write) != 1 ||
            BIO_meth_set_ctrl(m, bio_ctrl) != 1) {
            throw std::bad_alloc();
        }
        return m;
    }();
    return made;
}

} // namespace

BIO* new_memory_bio(MemoryBio& pipe) {
    BIO* bio = BIO_new(method());
    if (bio == nullptr) throw std::bad_alloc();
    BIO_set_data(bio, &pipe);
    BIO_set_init(bio, 1);
    return bio;
}

} // namespace adit::inline v0::tls
