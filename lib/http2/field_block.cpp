#include "http2/field_block.hpp"

namespace adit::inline v0::http2 {

bool is_connection_specific(const Field& field) noexcept {
    switch (field.id) {
    case FieldId::connection:
    case FieldId::http2_settings:
    case FieldId::keep_alive:
    case FieldId::proxy_connection:
    case FieldId::transfer_encoding:
    case FieldId::upgrade: return true;
    case FieldId::te: return !iequals(field.value, "trailers");
    default: return false;
    }
}

void FieldBlock::add(const Fields& fields, bool with_host, bool tunnel) {
    for (const Field& field : fields) {
        if (is_connection_specific(field) || (field.id == FieldId::host && !with_host)) continue;
        if (tunnel && (field.id == FieldId::content_length || iequals(field.name, "sec-websocket-key") ||
                       iequals(field.name, "sec-websocket-accept"))) {
            continue;
        }
        add(field.name, field.value);
    }
}

} // namespace adit
