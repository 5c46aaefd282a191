// The head of a request or a response: one model for HTTP/1.1 now and HTTP/2 later.
#pragma once

#include "http/fields.hpp"

namespace adit::inline v0 {

enum class HttpVersion : std::uint8_t { http10, http11, http2 };

/// How the end of the body is known (RFC 9112 6.3). There is always exactly one answer.
enum class Framing : std::uint8_t {
    none,        ///< there is no body
    length,      ///< Content-Length bytes
    chunked,     ///< until the last chunk
    until_close, ///< responses only: until the connection ends
};

/// A start line, the fields, and what they mean for the connection. The meaning (framing, keep_alive, ...) is
/// set by whoever made the head: the parsers from the bytes, request() and response() from their arguments.
/// Changing fields does not change it.
class ADIT_INTERNAL Head : public Fields {
public:
    Head() = default;
    /// What they are given is not checked here: write_head() refuses what would break the message.
    static Head request(std::string_view method, std::string_view target,
                        HttpVersion version = HttpVersion::http11);
    /// An empty `reason` takes the usual one of the status.
    static Head response(int status, std::string_view reason = {}, HttpVersion version = HttpVersion::http11);
    /// The same in place: everything before is cleared, its memory is used again.
    void set_request(std::string_view method, std::string_view target, HttpVersion version);
    void set_response(int status, std::string_view reason, HttpVersion version);

    bool is_request() const noexcept { return status_ == 0; }
    std::string_view method() const noexcept { return text(method_); }
    /// As it came: origin form, absolute form, authority form (CONNECT) or "*".
    std::string_view target() const noexcept { return text(target_); }
    int status() const noexcept { return status_; }
    std::string_view reason() const noexcept { return text(target_); }
    HttpVersion version() const noexcept { return version_; }
    bool is_interim() const noexcept { return status_ >= 100 && status_ < 200 && status_ != 101; }
    /// The Host field, "" if there is none (only HTTP/1.0 requests). In absolute form it agrees with the
    /// target.
    std::string_view host() const noexcept { return find(FieldId::host).value_or(std::string_view()); }

    /// False if it cannot stand in a request line.
    bool set_target(std::string_view target);
    void set_version(HttpVersion version) noexcept { version_ = version; }

    Framing framing() const noexcept { return framing_; }
    bool has_body() const noexcept {
        return framing_ != Framing::none && !(framing_ == Framing::length && content_length_ == 0);
    }
    bool chunked() const noexcept { return framing_ == Framing::chunked; }
    /// The Content-Length, also where it frames nothing (an answer to HEAD, a 304).
    std::optional<std::uint64_t> content_length() const noexcept {
        return has_length_ ? std::optional(content_length_) : std::nullopt;
    }
    /// Another message may follow on this connection.
    bool keep_alive() const noexcept { return keep_alive_; }
    /// A request that asks for another protocol by Connection: upgrade and Upgrade, or CONNECT; a response
    /// that switches to it (101, or 2xx to CONNECT).
    bool upgrade() const noexcept { return upgrade_; }
    /// The visitor waits for 100 Continue before it sends the body.
    bool expect_continue() const noexcept { return expect_continue_; }

    void set_framing(Framing framing) noexcept { framing_ = framing; }
    /// The length alone; what frames the body is said by set_framing().
    void set_content_length(std::optional<std::uint64_t> length) noexcept {
        has_length_ = length.has_value();
        content_length_ = length.value_or(0);
    }
    void set_keep_alive(bool on) noexcept { keep_alive_ = on; }
    void set_upgrade(bool on) noexcept { upgrade_ = on; }
    void set_expect_continue(bool on) noexcept { expect_continue_ = on; }

    void clear() noexcept;
    void release() noexcept;

private:
    friend class HeadReader;
    void reset_meaning() noexcept;

    Span method_;
    Span target_; // the reason phrase in a response
    std::uint64_t content_length_ = 0;
    int status_ = 0;
    HttpVersion version_ = HttpVersion::http11;
    Framing framing_ = Framing::none;
    bool has_length_ = false;
    bool keep_alive_ = true;
    bool upgrade_ = false;
    bool expect_continue_ = false;
};

/// The usual reason phrase of a status, "" if it has none.
ADIT_INTERNAL std::string_view reason_phrase(int status) noexcept;

} // namespace adit
