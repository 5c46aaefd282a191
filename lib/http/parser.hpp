// HTTP/1.1 parsing by pull, without I/O. What may be read in two ways is refused (RFC 9112, threats T1-T5).
//
//   for (;;) {
//       ParseResult r = parser.parse(input);
//       input = input.subspan(r.consumed);            // always; nothing has to be kept for the parser
//       switch (r.state) { ... }
//   }
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "http/body_reader.hpp"
#include "http/head_reader.hpp"
#include "http/message.hpp"
#include "http/upgrade.hpp"

namespace adit::inline v0 {

enum class ParseState : std::uint8_t {
    need_more,        ///< all input is used; call again with more
    head_complete,    ///< head() is there; a response may have several (1xx) before the final one
    body,             ///< `body` is a part of the body, a view into the input
    message_complete, ///< trailers() are there; the next call with input clears head() and begins another
    upgrade,          ///< from here on the bytes are not HTTP; `consumed` is 0
    error,            ///< nothing more can be read from this connection; every further call says the same
};

struct ParseResult {
    std::size_t consumed = 0;
    ParseState state = ParseState::need_more;
    Bytes body;
    HttpError error; ///< with state error: the status to answer with and a sentence
};

/// Requests of one visitor connection, in their order: it stops at the end of each message, so that a
/// pipelined request stays in the caller's buffer until the one before it is answered. The caller watches
/// limits::http_head_time with `in_head()`. After an error the connection is answered once and closed.
class ADIT_INTERNAL RequestParser {
public:
    explicit RequestParser(HeadLimits most = {}) noexcept : reader_(HeadReader::Kind::request, most) {}
    ParseResult parse(Bytes input);
    /// The visitor will send no more. An error if that cuts a message.
    Result<void> finish() const;

    Head& head() noexcept { return head_; }
    const Head& head() const noexcept { return head_; }
    const Fields& trailers() const noexcept { return body_.trailers(); }

    /// Between messages, and nothing of the next one was seen.
    bool idle() const noexcept;
    /// A head was begun and is not complete.
    bool in_head() const noexcept;
    /// All bytes of the message were read (also: nothing was begun). When a response ends while this is
    /// false, the connection must be closed after it (T4).
    bool body_done() const noexcept;
    /// After a request with head().upgrade() the state is `upgrade`, because the answer decides what follows.
    /// Another answer than 101 (or 2xx to CONNECT): call this, and the bytes that follow are the next
    /// request.
    void decline_upgrade() noexcept;
    /// Gives back what an idle connection need not hold. Clears head(). Does nothing unless idle().
    void release_memory() noexcept;

private:
    enum class Phase : std::uint8_t { head, body, complete, undecided, failed };
    ParseResult fail(std::size_t consumed, HttpError error) noexcept;

    Head head_;
    HeadReader reader_;
    BodyReader body_;
    HttpError error_;
    Phase phase_ = Phase::head;
};

/// Responses of one stream. Each request is announced before its answer is read; a response nobody asked for
/// is an error. All errors have status 502. A response may come before its request was sent to the end.
class ADIT_INTERNAL ResponseParser {
public:
    explicit ResponseParser(HeadLimits most = {}) noexcept : reader_(HeadReader::Kind::response, most) {}
    /// The request whose answer comes next. Only while idle(), and not after a response that ended the
    /// connection (head().keep_alive() false): else the next call of parse() is an error.
    void expect(std::string_view method, bool upgrade);
    void expect(const Head& request) { expect(request.method(), is_upgrade(request)); }

    ParseResult parse(Bytes input);
    /// The stream ended. message_complete for a body that runs until the close; need_more if nothing was
    /// begun and nothing is owed; else an error.
    ParseResult finish();

    Head& head() noexcept { return head_; }
    const Head& head() const noexcept { return head_; }
    const Fields& trailers() const noexcept { return body_.trailers(); }

    /// Nothing is expected: a byte that comes now is an error. head() stays until the next expect().
    bool idle() const noexcept { return phase_ == Phase::idle; }
    /// Nothing of the expected response's final head was seen.
    bool waiting() const noexcept;
    HeadLimits head_limits() const noexcept { return reader_.limits(); }
    void release_memory() noexcept;

private:
    enum class Phase : std::uint8_t { idle, head, interim, body, tunnel, failed };
    ParseResult fail(std::size_t consumed, HttpError error) noexcept;
    ParseResult head_done(std::size_t consumed);

    Head head_;
    HeadReader reader_;
    BodyReader body_;
    HttpError error_;
    std::size_t interim_ = 0;
    Phase phase_ = Phase::idle;
    bool reusable_ = true; // the last response did not end the connection
    bool to_head_ = false;
    bool to_connect_ = false;
    bool upgrade_asked_ = false;
};

} // namespace adit
