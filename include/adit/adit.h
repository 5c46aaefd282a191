/* The C interface of adit: an application's inbound connections, from any language that can call C.
 *
 *     adit_error error;
 *     adit_options *options = adit_options_from_env();
 *     adit_session *session = adit_session_connect(options, &error);
 *     adit_endpoint *endpoint = adit_endpoint_new("https://app.example.com", &error);
 *     adit_listener *listener = adit_session_listen(session, endpoint, &error);
 *     for (;;) {
 *         adit_peer peer;
 *         int fd = adit_listener_accept(listener, -1, &peer, &error);
 *         if (fd < 0) break;
 *         ...                        read(2), write(2), shutdown(2), poll(2), close(2)
 *     }
 *
 * Self-contained: C99 or C++, and nothing but <stddef.h> and <stdint.h>. examples/c_hello.c is a whole program.
 *
 * Errors. A function that makes a handle gives NULL, one that gives a descriptor -1, every other one that can fail an
 *   adit_code that is not ADIT_OK; `error`, where it is not NULL, then has the story, and code 0 after a success. It
 *   is a plain struct of the caller's, with room for the texts: nothing to free, nothing to ask for, nothing shared
 *   between threads, and ctypes, Rust, Zig or Go declare it in a few lines. No exception and no longjmp leaves a
 *   function here. A NULL where a handle or a text is needed is ADIT_E_INVALID_OPTION.
 *
 * Ownership. Each adit_..._new, _from_env, _connect, _listen and _forward gives a handle that the caller frees once,
 *   with the _free of its kind; NULL is ignored there. Handles may be freed in any order: freeing a session ends it,
 *   and its listeners and forwarders then say so until they are freed themselves. Freeing a handle twice, or while
 *   another thread is inside a function with it, is the caller's bug: close it first (any thread may), which wakes all
 *   waiters, then wait for these, then free it. Options, endpoints and upstreams are copied by the function that takes
 *   them. Texts that are passed in are copied; texts come out into buffers of the caller's. A descriptor from
 *   adit_listener_accept is the caller's, who closes it with close(2).
 *
 * Threads. Sessions, listeners and forwarders may be used by several threads at a time, options, endpoints and
 *   upstreams by one. The library has one background thread while there are sessions or accepted descriptors; it takes
 *   no signals, and callbacks run on it. After fork(2) the child must use none of its parent's handles; their
 *   descriptors are close-on-exec.
 *
 * Blocking. A function that waits says so, and for how long at most. Inside a callback these give
 *   ADIT_E_WOULD_DEADLOCK. Everything else returns at once.
 *
 * Texts are UTF-8 and end with NUL. Times are milliseconds unless the name says otherwise.
 *
 * What C++ has beyond this: asynchronous forms, the program's own dialer. See <adit/adit.hpp>. */
#ifndef ADIT_ADIT_H
#define ADIT_ADIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ADIT_C_API __attribute__((visibility("default")))
#else
#define ADIT_C_API
#endif

/* --- version */

/* Grows when a program that was compiled with an older header would not work any more. Before 1.0 the library's soname
 * changes with it. */
#define ADIT_C_ABI 0

/* "0.1.0": of the library that is running. Static text. */
ADIT_C_API const char *adit_version(void);
/* The library's ADIT_C_ABI, for who loads it at run time and cannot rely on a linker: compare it with the header's. */
ADIT_C_API int adit_abi_version(void);

/* --- errors */

/* The values are part of the ABI: new ones come at the end, none changes. Those from 1 on are adit::errc's. */
typedef enum adit_code {
    ADIT_OK = 0,
    ADIT_E_NO_SERVER = 1,              /* no server: set "server", or ADIT_SERVER in the environment */
    ADIT_E_INVALID_OPTION = 2,         /* a value that cannot work; the message names the option or parameter */
    ADIT_E_UNSUPPORTED_URL = 3,        /* the URL of an endpoint or upstream */
    ADIT_E_SESSION_CLOSED = 4,         /* this program closed or freed the session */
    ADIT_E_SESSION_LOST = 5,           /* the link to the edge broke, and "reconnect" is off */
    ADIT_E_LISTENER_CLOSED = 6,        /* by this program, or by the edge: see adit_listener_last_error */
    ADIT_E_CONNECTION_CLOSED = 7,      /* 7 and 8 reach a C program as the end of a descriptor */
    ADIT_E_CONNECTION_RESET = 8,
    ADIT_E_PROTOCOL_ERROR = 9,         /* the edge broke the agent protocol */
    ADIT_E_HEARTBEAT_TIMEOUT = 10,     /* 10 and 11: the reason of events */
    ADIT_E_AUTH_TIMEOUT = 11,
    ADIT_E_TIMED_OUT = 12,             /* the time of this call passed */
    ADIT_E_WOULD_DEADLOCK = 13,        /* a blocking function inside a callback */
    ADIT_E_LIMIT_EXCEEDED = 14,        /* a bound of <adit/limits.hpp> */
    ADIT_E_TLS_HANDSHAKE_FAILED = 15,
    ADIT_E_CERTIFICATE_UNTRUSTED = 16,
    ADIT_E_CERTIFICATE_NAME = 17,
    ADIT_E_CERTIFICATE_EXPIRED = 18,
    ADIT_E_TLS_ERROR = 19,
    ADIT_E_ADDRESS_IN_USE = 20,        /* the name or port is taken */
    ADIT_E_REFUSED = 21,               /* the edge refused without a number */
    ADIT_E_UNAVAILABLE = 22,           /* try again */
    ADIT_E_STREAM_TRUNCATED = 23,      /* the reason of events: a visitor's TLS ended without close_notify */
    ADIT_E_CLIENT_CERTIFICATE_REFUSED = 24, /* the edge demands "client_certificate", or refuses it */
    ADIT_E_NGROK = 1000,               /* the edge refused: adit_error.number is the n of ERR_NGROK_n */
    ADIT_E_SYSTEM = 1001,              /* the operating system: adit_error.number is the errno */
    ADIT_E_RESOLVER = 1002,            /* the server's name has no address: number is getaddrinfo(3)'s EAI_... */
    ADIT_E_OTHER = 1003                /* anything else; the message says what */
} adit_code;

/* Bits of adit_error.flags: what the error means for the caller, wherever it comes from. */
#define ADIT_PERMANENT 1u      /* trying again without a change cannot help */
#define ADIT_RETRYABLE 2u      /* trying again later may help */
#define ADIT_AUTHENTICATION 4u /* the credential was refused (also permanent) */
#define ADIT_CLOSED 8u         /* this program closed the object */
#define ADIT_TIMEOUT 16u       /* a time passed */

#define ADIT_MESSAGE_SIZE 768
#define ADIT_DETAIL_SIZE 496

/* 1280 bytes, without padding; part of the ABI. Texts that are too long are cut between two characters. */
typedef struct adit_error {
    int32_t code;                    /* an adit_code; 0 after a success */
    int32_t number;                  /* ERR_NGROK_n, errno or EAI_...; else 0 */
    uint32_t flags;                  /* ADIT_PERMANENT and so on */
    uint32_t reserved;               /* 0 */
    char message[ADIT_MESSAGE_SIZE]; /* all of it in one line for logs, control characters escaped */
    char detail[ADIT_DETAIL_SIZE];   /* what the edge said, as it came; "" if nothing. Do not trust it */
} adit_error;

/* "ADIT_E_TIMED_OUT"; "ADIT_E_OTHER" for a value that is none. Static text. */
ADIT_C_API const char *adit_code_name(int code);

/* --- options of a session */

typedef struct adit_options adit_options;

/* Options with every default. NULL if memory is out. */
ADIT_C_API adit_options *adit_options_new(void);
/* As adit_options_new, with what ADIT_SERVER, ADIT_AUTHTOKEN (else NGROK_AUTHTOKEN), ADIT_ROOTS (a PEM file) and the
 * proxy variables of the environment say. Reads the environment: not while another thread changes it. */
ADIT_C_API adit_options *adit_options_from_env(void);
ADIT_C_API void adit_options_free(adit_options *options);

/* Sets an option. Keys and values are texts, so that a wrapper needs one function and a program can pass on what its
 * configuration says. An unknown key and a value of the wrong shape are refused here; what only the whole can tell, by
 * adit_session_connect: ADIT_E_INVALID_OPTION with a message that starts with the key. Values have at most 16 MiB.
 *
 *     server                  "host", "host:port", "[v6]:port"; port 443 by default. There is no default server
 *     authtoken               the credential
 *     roots_file, roots_pem   what the edge's certificate must chain to: a path, or PEM text. Default: the system's
 *     server_name             the name to verify and to send as SNI; default: the host of server
 *     client_certificate      PEM text, leaf first, shown to an edge that asks for one; with
 *     client_key              its private key, PEM
 *     proxy                   "http://[user:password@]host[:port]", https://, socks5:// or socks5h://; "" for none
 *     proxy_from_env          "true": as curl, from https_proxy, all_proxy and no_proxy. Of the two the last call wins
 *     proxy_roots_pem         the roots for an https:// proxy
 *     bind_interface          connect from this interface or local IP address
 *     metadata                text that the edge shows with the session, at most 4096 bytes
 *     client_info             "name/version" or "name/version comment": this program, in the user agent. Repeatable
 *     heartbeat_interval_ms   how often the link is checked, 10000 by default, and
 *     heartbeat_tolerance_ms  how long an answer may take beyond that, 15000; 100 to 86400000
 *     connect_timeout_ms      for name, TCP, TLS and authentication together; 30000
 *     window_growth           "true" or "false"; by default on for all but ngrok's own service
 *     reconnect               "true" (default): after a loss the session dials again and every listener comes back
 */
ADIT_C_API int adit_options_set(adit_options *options, const char *key, const char *value, adit_error *error);

typedef enum adit_event_kind {
    ADIT_EVENT_CONNECTING = 0,        /* a try to reach the edge begins; connected or disconnected follows */
    ADIT_EVENT_CONNECTED = 1,         /* the edge knows us and every listener is online */
    ADIT_EVENT_DISCONNECTED = 2,      /* the try failed or the link broke: reason, next_try_ms */
    ADIT_EVENT_HEARTBEAT = 3,         /* the edge answered: latency_us */
    ADIT_EVENT_LISTENER_UP = 4,       /* online, for the first time or again: url, listener_id */
    ADIT_EVENT_LISTENER_DOWN = 5,     /* offline for good: reason */
    ADIT_EVENT_CONNECTION_OPENED = 6, /* a visitor came: url, listener_id, remote_address */
    ADIT_EVENT_CONNECTION_CLOSED = 7  /* and went: bytes_in, bytes_out, duration_ms besides */
} adit_event_kind;

/* The library makes these: later versions may add members at the end. What a kind does not have is 0 or "". All of it
 * lives as long as the callback runs. */
typedef struct adit_event {
    int32_t kind;              /* an adit_event_kind, or one that is newer than this header */
    uint32_t leg;              /* which link, if the session has several; 0 is the first */
    int64_t next_try_ms;       /* the wait before the next try; -1: there will be none */
    int64_t latency_us;        /* a round trip to the edge, in microseconds */
    int64_t duration_ms;
    uint64_t bytes_in;         /* from the visitor */
    uint64_t bytes_out;        /* to the visitor */
    const char *url;
    const char *listener_id;
    const char *remote_address;
    const char *text;          /* all of it in one line, for logs */
    const adit_error *reason;  /* never NULL; code 0 if there is none */
} adit_event;

/* Runs on the library's background thread, one event at a time and in order. It must not block and must return. It may
 * call what does not block, adit_session_close for one. */
typedef void (*adit_event_callback)(const adit_event *event, void *user_data);
/* Runs once, when the library needs `user_data` no more: when the options, all sessions that were made with them and the
 * listeners and forwarders of these were freed and the last event was told, which may come later; on any thread. May be
 * NULL. */
typedef void (*adit_release_callback)(void *user_data);

/* Replaces a callback that was set before; NULL: none. `user_data` is passed on. If this fails, `release` has run. */
ADIT_C_API int adit_options_on_event(adit_options *options, adit_event_callback callback, void *user_data,
                                     adit_release_callback release, adit_error *error);

typedef enum adit_command { ADIT_COMMAND_STOP = 0, ADIT_COMMAND_RESTART = 1, ADIT_COMMAND_UPDATE = 2 } adit_command;

/* The edge's operator asks this program to stop, restart or update itself; the library does none of it. `version` is
 * that to update to, "" for the newest, and comes from the edge: do not trust it. Gives NULL when it will be done, else
 * why not: a text that lives as long as the program. Runs as an event callback does. */
typedef const char *(*adit_command_callback)(int command, const char *version, int permit_major_version,
                                             void *user_data);
/* As adit_options_on_event, one callback for each command. Default: none, and the edge is told so. */
ADIT_C_API int adit_options_on_command(adit_options *options, int command, adit_command_callback callback,
                                       void *user_data, adit_release_callback release, adit_error *error);

/* --- endpoints */

typedef struct adit_endpoint adit_endpoint;

/* What to put online: "https://app.example.com" (TLS ends at the edge), "http://", "tls://" (TLS arrives untouched),
 * "tcp://". What the URL leaves out, the edge chooses; NULL or "": any https URL, or labels. The URL is checked by
 * adit_session_listen (ADIT_E_UNSUPPORTED_URL). */
ADIT_C_API adit_endpoint *adit_endpoint_new(const char *url, adit_error *error);
ADIT_C_API void adit_endpoint_free(adit_endpoint *endpoint);

/* Sets an option, as adit_options_set does; the bounds and rules are those of <adit/endpoint.hpp>, and what they
 * refuse, adit_session_listen refuses with ADIT_E_INVALID_OPTION and the option's name. (+): repeatable, adds.
 *
 *     name, description, metadata   texts for people and programs
 *     forwards_to                   shown by the edge as the target
 *     label                     (+) "key=value", instead of a URL
 *     binding                   (+) "public", "internal" or "kubernetes"
 *     pooling                       "true": share the URL with others that allow it too
 *     traffic_policy                a document, YAML or JSON
 *     app_protocol                  "http1" or "http2"
 *     proxy_protocol                "0", "1" or "2": the header in front of every connection
 *     backlog                       how many connections may wait to be accepted
 *     allow_cidr, deny_cidr     (+) "203.0.113.0/24"
 *     basic_auth                (+) "user:password"
 *     oauth                         the provider: "google"; with oauth.client_id and oauth.client_secret (both or
 *                                   neither), oauth.allow_email, oauth.allow_domain and oauth.scope (+)
 *     oidc                          the issuer's URL; with oidc.client_id and oidc.client_secret, oidc.allow_email,
 *                                   oidc.allow_domain and oidc.scope (+)
 *     webhook_verification          "provider:secret"
 *     allow_user_agent, deny_user_agent  (+) RE2 expressions
 *     request_header, response_header    (+) "Name: value"
 *     remove_request_header, remove_response_header  (+) "Name"
 *     compression, websocket_tcp_conversion          "true"
 *     circuit_breaker               "0.5": the ratio of failures that opens it
 *     mutual_tls_ca             (+) PEM text: visitors need a certificate from these
 *     tls_termination               "true": a tls endpoint's TLS ends at the edge, with the edge's certificate or with
 *     tls_termination.certificate, tls_termination.key   PEM texts, which imply it
 *     agent_tls_termination         PEM text, chain and key in one: a tls endpoint's TLS ends here, and the edge sees
 *                                   ciphertext only. This one is not copied: setting it again, when it is online too,
 *                                   is what the next visitors see
 *     agent_tls_termination.client_ca   PEM text, likewise: visitors need a certificate from these
 */
ADIT_C_API int adit_endpoint_set(adit_endpoint *endpoint, const char *key, const char *value, adit_error *error);

/* --- upstreams */

typedef struct adit_upstream adit_upstream;

/* Where a forwarder sends what arrives: "http://localhost:8080", https://, tcp://, tls://, "unix:/run/app.sock",
 * "8080". */
ADIT_C_API adit_upstream *adit_upstream_new(const char *address, adit_error *error);
ADIT_C_API void adit_upstream_free(adit_upstream *upstream);

/* Sets an option, as adit_options_set does; adit_session_forward judges the whole. See <adit/upstream.hpp>.
 *
 *     roots_file, roots_pem             what the certificate of an https or tls upstream must chain to
 *     client_certificate, client_key    PEM texts, shown to an upstream that asks
 *     server_name                       the name to verify and to send as SNI
 *     verify                            "false": any certificate is taken
 *     rewrite_host                      "true": Host becomes the upstream's own
 *     host_header                       Host becomes this text
 *     app_protocol                      "http1" or "http2"
 *     max_idle_connections              kept for the next request
 *     idle_time_ms, response_timeout_ms, dial_timeout_ms
 */
ADIT_C_API int adit_upstream_set(adit_upstream *upstream, const char *key, const char *value, adit_error *error);

/* --- sessions */

typedef struct adit_session adit_session;
typedef struct adit_listener adit_listener;
typedef struct adit_forwarder adit_forwarder;

/* Connects and authenticates. Blocks, at most for connect_timeout_ms. Errors: ADIT_E_NO_SERVER and
 * ADIT_E_INVALID_OPTION before anything is sent; ADIT_E_RESOLVER, ADIT_E_SYSTEM, ADIT_E_TLS_HANDSHAKE_FAILED,
 * ADIT_E_CERTIFICATE_...; ADIT_E_NGROK when the edge refuses (105, 107: the token); ADIT_E_TIMED_OUT. */
ADIT_C_API adit_session *adit_session_connect(const adit_options *options, adit_error *error);

/* Ends the session: its listeners, forwarders and connections end too, waiting functions give ADIT_E_SESSION_CLOSED.
 * Any number of times, from any thread, also in a callback. */
ADIT_C_API void adit_session_close(adit_session *session);
/* Ends it in good order: takes the listeners offline, lets accepted connections go on until they end, at most for
 * `drain_ms` (0 to 86400000; what is beyond is taken as the nearest of them), then closes. Blocks until the link is
 * closed, at most 2 s longer. adit_session_close from another thread shortens it. */
ADIT_C_API int adit_session_drain(adit_session *session, int64_t drain_ms, adit_error *error);
/* Closes it if it is open. Connections that were accepted end with it. */
ADIT_C_API void adit_session_free(adit_session *session);

/* 1 if it is neither closed nor lost for good, maybe without a link just now; else 0. */
ADIT_C_API int adit_session_is_open(const adit_session *session);
/* 1 if there is a link and every listener is online on it; else 0. */
ADIT_C_API int adit_session_is_online(const adit_session *session);
/* The last round trip to the edge in microseconds; 0 before the first. */
ADIT_C_API int64_t adit_session_latency_us(const adit_session *session);
/* What the edge said about the session: "id", "agent_session_id", "region", "account", "plan", "banner", "warning",
 * "edge_version". From the edge: do not trust it.
 *
 * All functions ..._get write at most `size` bytes with the NUL to `buffer` (which may be NULL if size is 0) and give
 * the length that the whole text has without it, as snprintf(3) does: it was cut if that is not less than `size`.
 * SIZE_MAX: there is no such key, a parameter is NULL, or memory is out. */
ADIT_C_API size_t adit_session_get(const adit_session *session, const char *key, char *buffer, size_t size);
/* The story of the last failure of the session or its link, with the edge's text; code 0 if there was none. */
ADIT_C_API void adit_session_last_error(const adit_session *session, adit_error *error);

/* Tries the way to the edge step by step, without authentication. `buffer` gets a line a step, "tls   12.3 ms
 * TLSv1.3", cut to `size` bytes with the NUL; the code is that of the step that failed. Blocks, each step at most for
 * connect_timeout_ms. */
ADIT_C_API int adit_diagnose(const adit_options *options, char *buffer, size_t size, adit_error *error);

/* Puts an endpoint online. Blocks, at most 20 s, also while the session reconnects. Errors: ADIT_E_UNSUPPORTED_URL,
 * ADIT_E_INVALID_OPTION and ADIT_E_LIMIT_EXCEEDED before anything is sent; ADIT_E_NGROK when the edge refuses (334: the
 * name is taken); ADIT_E_TIMED_OUT; ADIT_E_SESSION_CLOSED; ADIT_E_SESSION_LOST. */
ADIT_C_API adit_listener *adit_session_listen(adit_session *session, const adit_endpoint *endpoint, adit_error *error);
/* Puts an endpoint online and passes what arrives there on to `upstream`. As adit_session_listen; whether the upstream
 * is up shows with the first visitor. */
ADIT_C_API adit_forwarder *adit_session_forward(adit_session *session, const adit_endpoint *endpoint,
                                                const adit_upstream *upstream, adit_error *error);

/* --- listeners */

/* Who connected. 192 bytes; part of the ABI. */
typedef struct adit_peer {
    char remote_address[128];    /* the visitor, as the edge reports it: "203.0.113.9:51234"; do not trust it */
    char protocol[16];           /* "https", "http", "tls" or "tcp" */
    int32_t passthrough_tls;     /* 1: the bytes are the visitor's TLS records; 0: plain bytes */
    int32_t reserved[11];        /* 0 */
} adit_peer;

/* Waits for the next connection and gives a connected descriptor for it, which the caller owns: one half of a local
 * stream socket pair, in blocking mode, close-on-exec; shutdown(2) works for each direction. Writing to it when the
 * visitor is gone raises SIGPIPE as on any socket: use MSG_NOSIGNAL or ignore the signal. It ends with the session.
 *
 * Blocks at most for `timeout_ms`; 0 takes only a connection that waits, less than 0 waits for ever. `peer` may be
 * NULL. Several threads may accept at the same time. Errors: ADIT_E_TIMED_OUT; ADIT_E_LISTENER_CLOSED as soon as any
 * thread closes the listener, or the edge stops it; ADIT_E_SESSION_CLOSED; the edge's refusal of the session;
 * ADIT_E_SESSION_LOST without reconnect. ADIT_E_SYSTEM when no descriptor or memory is left (EMFILE): no connection is
 * lost by that, and the next call gets it. */
ADIT_C_API int adit_listener_accept(adit_listener *listener, int64_t timeout_ms, adit_peer *peer, adit_error *error);

/* A descriptor for poll(2), select(2) or epoll(7): it becomes readable when a connection is there or the listener
 * ended, and stays so until it was accepted; adit_listener_accept with a timeout of 0 then does not give
 * ADIT_E_TIMED_OUT, unless another thread was quicker. Level- or edge-triggered (then accept until ADIT_E_TIMED_OUT).
 * One connection beyond the backlog waits for it. It is the listener's, the same at each call: do not read, write or
 * close it; it lives until adit_listener_free. -1 and ADIT_E_SYSTEM when no descriptor is left. */
ADIT_C_API int adit_listener_fd(adit_listener *listener, adit_error *error);

/* "url" (as the edge assigned it; "" for labels), "id", "protocol": as adit_session_get. */
ADIT_C_API size_t adit_listener_get(const adit_listener *listener, const char *key, char *buffer, size_t size);
/* Changes "name", "description", "metadata", "traffic_policy" or "pooling" while it is online. Blocks at most 20 s. A
 * refusal (ADIT_E_NGROK, ADIT_E_REFUSED) changes nothing. */
ADIT_C_API int adit_listener_update(adit_listener *listener, const char *key, const char *value, adit_error *error);
ADIT_C_API int adit_listener_is_open(const adit_listener *listener);
/* Why it ended, with the edge's text; code 0 while it is open. */
ADIT_C_API void adit_listener_last_error(const adit_listener *listener, adit_error *error);
/* Takes the endpoint offline: waiting and later accepts give ADIT_E_LISTENER_CLOSED, accepted connections live on. Any
 * number of times, from any thread, also in a callback. */
ADIT_C_API void adit_listener_close(adit_listener *listener);
/* Closes it if it is open. */
ADIT_C_API void adit_listener_free(adit_listener *listener);

/* --- forwarders */

/* What a forwarder did so far. 48 bytes; part of the ABI. */
typedef struct adit_forwarder_counters {
    uint64_t connections;      /* that came from the edge */
    uint64_t open_connections; /* of these, now */
    uint64_t requests;         /* of HTTP; 0 where bytes are passed on */
    uint64_t failures;         /* for which the upstream was not reached or failed */
    uint64_t bytes_in;         /* from visitors */
    uint64_t bytes_out;        /* to visitors */
} adit_forwarder_counters;

/* "url", "id", "upstream" (where it forwards to, in full): as adit_session_get. */
ADIT_C_API size_t adit_forwarder_get(const adit_forwarder *forwarder, const char *key, char *buffer, size_t size);
ADIT_C_API int adit_forwarder_is_open(const adit_forwarder *forwarder);
ADIT_C_API int adit_forwarder_count(const adit_forwarder *forwarder, adit_forwarder_counters *counters,
                                    adit_error *error);
/* Waits until the endpoint is offline and its connections have ended, at most for `timeout_ms` (less than 0: for ever).
 * Gives ADIT_OK then, and *why, which may be NULL, tells the reason: ADIT_E_LISTENER_CLOSED, ADIT_E_SESSION_CLOSED,
 * ADIT_E_SESSION_LOST. Errors, in *why as well: ADIT_E_TIMED_OUT, ADIT_E_WOULD_DEADLOCK. */
ADIT_C_API int adit_forwarder_wait(const adit_forwarder *forwarder, int64_t timeout_ms, adit_error *why);
/* Why it ended; while it is open the last failure of the upstream, code 0 if there was none. */
ADIT_C_API void adit_forwarder_last_error(const adit_forwarder *forwarder, adit_error *error);
/* Takes the endpoint offline; what is under way may end by itself for 30 s. From any thread, also in a callback. */
ADIT_C_API void adit_forwarder_close(adit_forwarder *forwarder);
/* Closes it if it is open. */
ADIT_C_API void adit_forwarder_free(adit_forwarder *forwarder);

#ifdef __cplusplus
}
#endif

#endif
