#include "http/upgrade.hpp"

namespace adit::inline v0 {

bool is_upgrade(const Head& request) noexcept {
    if (!request.is_request() || !request.upgrade() || request.method() == "CONNECT" || request.has_body()) {
        return false;
    }
    // One protocol or several in the order of preference; a list with h2c in it is no use to an edge.
    return request.has(FieldId::upgrade) && !request.lists(FieldId::upgrade, "h2c") &&
           !request.lists(FieldId::upgrade, "h2");
}

bool is_websocket(const Head& request) noexcept {
    return is_upgrade(request) && request.method() == "GET" && request.lists(FieldId::upgrade, "websocket");
}

bool is_switching(const Head& response) noexcept {
    if (response.status() != 101) return false;
    const auto protocol = response.find(FieldId::upgrade);
    return protocol && !protocol->empty();
}

} // namespace adit
