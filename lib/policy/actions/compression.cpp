#include "policy/actions/compression.hpp"

#include <adit/limits.hpp>

#include <algorithm>
#include <array>

namespace adit::inline v0::policy {
namespace {

constexpr std::array names = {std::string_view("identity"), std::string_view("gzip"),
                              std::string_view("deflate"), std::string_view("br")};
constexpr int q_max = 1'000;
constexpr int q_unset = -1;

std::string_view trimmed(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

bool istarts_with(std::string_view text, std::string_view prefix) noexcept {
    return text.size() >= prefix.size() && iequals(text.substr(0, prefix.size()), prefix);
}
bool iends_with(std::string_view text, std::string_view suffix) noexcept {
    return text.size() >= suffix.size() && iequals(text.substr(text.size() - suffix.size()), suffix);
}

// RFC 9110 12.4.2 in thousandths; nullopt if it is no qvalue.
std::optional<int> qvalue(std::string_view text) noexcept {
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
    if (text.size() > 1 && text[1] != '.') return std::nullopt;
    int value = (text[0] - '0') * q_max;
    int unit = 100;
    for (const char c : text.substr(std::min<std::size_t>(text.size(), 2))) {
        if (c < '0' || c > '9') return std::nullopt;
        value += (c - '0') * unit;
        unit /= 10;
    }
    return value <= q_max ? std::optional(value) : std::nullopt;
}

// How much the visitor likes each coding.
struct Wishes {
    std::array<int, names.size()> q{q_unset, q_unset, q_unset, q_unset};
    int others = q_unset; // "*"

    int of(Coding coding) const noexcept {
        const int named = q[static_cast<std::size_t>(coding)];
        return named != q_unset ? named : std::max(others, 0);
    }
};

void read_wish(std::string_view element, Wishes& wishes) noexcept {
    const std::size_t semicolon = element.find(';');
    const std::string_view name = trimmed(element.substr(0, semicolon));
    int q = q_max;
    if (semicolon != std::string_view::npos) {
        const std::string_view parameter = trimmed(element.substr(semicolon + 1));
        const auto value = istarts_with(parameter, "q=") ? qvalue(parameter.substr(2)) : std::nullopt;
        if (!value) return;
        q = *value;
    }
    if (name == "*") wishes.others = q;
    if (const auto coding = coding_of(name)) wishes.q[static_cast<std::size_t>(*coding)] = q;
}

std::string_view media_type(const Fields& fields) noexcept {
    const auto value = fields.find("content-type");
    return value ? trimmed(value->substr(0, value->find(';'))) : std::string_view();
}

constexpr std::string_view compressible_images[] = {"image/svg+xml", "image/bmp", "image/x-icon",
                                                    "image/vnd.microsoft.icon", "image/x-ms-bmp"};
constexpr std::string_view compressed_applications[] = {"application/zip",
                                                        "application/gzip",
                                                        "application/x-gzip",
                                                        "application/x-bzip2",
                                                        "application/x-bzip",
                                                        "application/x-xz",
                                                        "application/zstd",
                                                        "application/x-7z-compressed",
                                                        "application/vnd.rar",
                                                        "application/x-rar-compressed",
                                                        "application/java-archive",
                                                        "application/vnd.android.package-archive",
                                                        "application/epub+zip",
                                                        "application/x-compress",
                                                        "application/font-woff",
                                                        "application/font-woff2",
                                                        "font/woff",
                                                        "font/woff2"};

bool compressed_already(std::string_view type) noexcept {
    const auto is_type = [type](std::string_view other) { return iequals(type, other); };
    if (istarts_with(type, "image/"))
        return std::none_of(std::begin(compressible_images), std::end(compressible_images), is_type);
    return istarts_with(type, "video/") || istarts_with(type, "audio/") ||
           // gRPC has compression of its own, and its clients know no Content-Encoding
           istarts_with(type, "application/grpc") || istarts_with(type, "application/vnd.openxmlformats-") ||
           iends_with(type, "+zip") || iends_with(type, "+gzip") || iends_with(type, "+zstd") ||
           std::any_of(std::begin(compressed_applications), std::end(compressed_applications), is_type);
}

bool streams(std::string_view type) noexcept {
    return iequals(type, "text/event-stream") || iequals(type, "multipart/x-mixed-replace") ||
           iequals(type, "application/x-ndjson") || iequals(type, "application/stream+json");
}

bool lists(const Fields& fields, std::string_view name, std::string_view wanted) noexcept {
    for (const Field& field : fields) {
        if (!iequals(field.name, name)) continue;
        std::string_view element;
        for (std::string_view rest = field.value; next_element(rest, element);) {
            if (iequals(element, wanted)) return true;
        }
    }
    return false;
}

void add_vary(Head& response) {
    if (!lists(response, "vary", "accept-encoding") && !lists(response, "vary", "*"))
        response.add("Vary", "Accept-Encoding");
}

void change_head(Head& response, Coding coding) {
    response.add("Content-Encoding", to_string(coding));
    add_vary(response);
    response.remove("content-length");
    response.set_content_length(std::nullopt);
    if (response.framing() == Framing::length) response.set_framing(Framing::chunked);
    for (const std::string_view name :
         {"accept-ranges", "content-md5", "digest", "content-digest", "repr-digest"})
        response.remove(name);
    const auto tag = response.find("etag");
    if (tag && !tag->starts_with("W/")) response.set("ETag", "W/" + std::string(*tag)); // RFC 9110 8.8.3.3
}

} // namespace

std::string_view to_string(Coding coding) noexcept { return names[static_cast<std::size_t>(coding)]; }

std::optional<Coding> coding_of(std::string_view name) noexcept {
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (iequals(name, names[i])) return static_cast<Coding>(i);
    }
    return iequals(name, "x-gzip") ? std::optional(Coding::gzip) : std::nullopt; // RFC 9110 8.4.1.3
}

Coding negotiate_coding(const Fields& request, std::span<const Coding> offered) noexcept {
    Wishes wishes;
    bool asked = false;
    for (const Field& field : request) {
        if (!iequals(field.name, "accept-encoding")) continue;
        asked = true;
        std::string_view element;
        for (std::string_view rest = field.value; next_element(rest, element);) read_wish(element, wishes);
    }
    Coding best = Coding::identity;
    if (!asked) return best;
    // Sending it plain is always possible, but a visitor may say that it likes that more than a coding.
    int best_q = std::max(wishes.q[static_cast<std::size_t>(Coding::identity)], 1) - 1;
    for (const Coding coding : offered) {
        if (coding == Coding::identity || wishes.of(coding) <= best_q) continue;
        best = coding;
        best_q = wishes.of(coding);
    }
    return best;
}

CompressionVeto compression_veto(std::string_view request_method, const Head& response) noexcept {
    const int status = response.status();
    if (request_method == "HEAD" || request_method == "CONNECT" || status < 200 || status == 204 ||
        status == 205 || status == 304 || response.upgrade() || !response.has_body()) {
        return CompressionVeto::no_body;
    }
    if (response.has("content-encoding")) return CompressionVeto::already_encoded;
    if (lists(response, "cache-control", "no-transform")) return CompressionVeto::no_transform;
    if (status == 206 || response.has("content-range")) return CompressionVeto::range;
    if (compressed_already(media_type(response))) return CompressionVeto::content_type;
    if (response.content_length() && *response.content_length() < limits::compression_min)
        return CompressionVeto::too_small;
    return CompressionVeto::none;
}

CompressionPlan plan_compression(const Head& request, Head& response, std::span<const Coding> offered) {
    CompressionPlan plan;
    plan.veto = compression_veto(request.method(), response);
    if (plan.veto != CompressionVeto::none) return plan;
    plan.coding = negotiate_coding(request, offered);
    if (plan.coding == Coding::identity) {
        add_vary(response); // a cache must not give this to others
        return plan;
    }
    auto encoder = Encoder::create(plan.coding);
    if (!encoder) {
        plan.coding = Coding::identity;
        plan.veto = CompressionVeto::no_memory;
        add_vary(response);
        return plan;
    }
    plan.encoder = std::move(*encoder);
    plan.flush_each_piece = !response.content_length() || streams(media_type(response));
    change_head(response, plan.coding);
    return plan;
}

} // namespace adit::inline v0::policy
