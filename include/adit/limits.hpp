// Every bound of adit with its reason, in one table. Reaching one is refused cleanly, never a crash or a stall.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace adit::inline v0::limits {

using namespace std::chrono_literals;

// muxado (agent-protocol 2.3, performance-and-reliability A.5)
inline constexpr std::uint32_t initial_window = 262'144;       ///< fixed by the protocol, both directions
inline constexpr std::uint32_t credit_step = 65'536;           ///< most credit returned in one WNDINC; a Rust peer clamps
inline constexpr std::uint32_t stream_window_max = 8u << 20;   ///< growth stops here for one stream
inline constexpr std::uint32_t session_window_max = 64u << 20; ///< and here for all streams of a session
inline constexpr std::size_t frame_payload_max = 16'376;       ///< header and payload fill one 16 KiB TLS record
inline constexpr std::size_t streams_per_session = 500;        ///< Rust agents die at 512, heartbeats included
inline constexpr auto peer_place_time = 50ms;                  ///< a Rust agent forgets a stream so much later than its last frame left
inline constexpr std::size_t streams_per_session_peer = 1'024; ///< what a peer may have open towards us; it needs 500
inline constexpr std::size_t streams_closing = 1'024;          ///< ids remembered of streams that we reset; beyond, late frames get RST again
inline constexpr std::size_t stream_write_buffer = 262'144;    ///< bytes a stream holds before its writer waits
inline constexpr std::size_t session_write_buffer = 1u << 20;  ///< unsent bytes of a session beyond 16 KiB a stream
inline constexpr std::size_t goaway_debug_max = 1'024;         ///< debug text kept of a GOAWAY
inline constexpr std::size_t control_frames_queued = 8'192;    ///< RST a peer can make us owe before we end it; credit is merged

// before authentication (threat T16)
inline constexpr std::size_t preauth_streams = 2;              ///< one RPC and one heartbeat
inline constexpr std::size_t preauth_bytes = 65'536;           ///< all bytes an agent may send before it is known
inline constexpr auto preauth_time = 10s;                      ///< to be authenticated
inline constexpr std::size_t preauth_per_address = 64;         ///< agents of one address that are not authenticated yet
inline constexpr std::size_t preauth_agents = 4'096;           ///< and of all addresses: their TLS state is our memory

// agent protocol
inline constexpr std::size_t rpc_message_max = 1u << 20;       ///< one JSON message; certificates travel in it
inline constexpr std::size_t json_depth_max = 32;              ///< nesting of a JSON message
inline constexpr std::size_t json_members_max = 1'024;         ///< of one object that is understood: each key is looked for in all
inline constexpr std::size_t proxy_header_max = 65'536;        ///< JSON head of a proxied connection
inline constexpr auto rpc_time = 20s;                          ///< for the answer to one RPC
inline constexpr auto directory_time = 7s;                     ///< for who an agent is; within preauth_time, so that 743 is sent
inline constexpr auto heartbeat_interval = 10s;                ///< agent-protocol 2.9
inline constexpr auto heartbeat_tolerance = 15s;               ///< agent-protocol 2.9
inline constexpr std::size_t metadata_max = 4'096;             ///< behaviour D.4
inline constexpr std::size_t description_max = 255;            ///< behaviour D.4
inline constexpr std::size_t endpoints_per_session = 1'000;    ///< 324 beyond
inline constexpr std::size_t rpcs_per_session = 32;            ///< calls of one agent that are worked on at the same time
inline constexpr std::size_t rpcs_per_session_waiting = 1'024; ///< and behind them: all listeners of a session may be closed at once
inline constexpr std::size_t rpc_bytes_per_session = 8u << 20; ///< received of calls and not read yet; the session ends beyond
inline constexpr std::size_t sessions_per_credential = 100;    ///< legs of agents; 108 beyond
inline constexpr std::size_t advertised_addresses = 16;        ///< of an edge, told to each agent; it keeps two legs

// SDK
inline constexpr std::size_t accept_backlog = 128;             ///< wait for accept(), then a stream is refused; one HTTP/2 visitor may send 100
inline constexpr std::size_t accept_backlog_max = 1'024;       ///< as many streams as a peer may open
inline constexpr std::size_t listeners_per_session = 1'000;    ///< as the edge's limit
inline constexpr std::size_t proxy_headers_pending = 512;      ///< inbound streams whose head is not complete yet
inline constexpr auto proxy_header_time = 10s;                 ///< for that head; official edges send it at once
inline constexpr std::size_t commands_pending = 16;            ///< Stop, StopTunnel and the like that are being read or answered
inline constexpr std::size_t command_message_max = 16'384;     ///< bytes of one; they have a few hundred
inline constexpr std::size_t late_binds = 64;                  ///< listens that were not answered in time, and may be late
inline constexpr auto late_bind_time = 120s;                   ///< for such an answer, to undo it
inline constexpr auto reconnect_delay = 500ms;                 ///< the first wait after a loss is at most that long, then doubled
inline constexpr auto reconnect_delay_max = 30s;               ///< the longest wait between two tries to reconnect
inline constexpr auto reconnect_steady = 60s;                  ///< online that long, the next loss starts with the first wait
inline constexpr std::size_t rebinds_at_once = 16;             ///< binds under way when a link is back; the edge takes 32
inline constexpr std::size_t legs = 2;                         ///< links of one session, where the edge offers more addresses
inline constexpr std::size_t connect_addresses = 16;           ///< addresses of a name that are tried
inline constexpr auto connect_head_start = 250ms;              ///< of one address before the next (RFC 8305 5)
inline constexpr std::size_t proxy_url_max = 4'096;            ///< bytes of an outgoing proxy's URL
inline constexpr std::size_t proxy_answer_max = 16'384;        ///< heads of its answers to CONNECT; they have a few hundred bytes
inline constexpr std::size_t parked_connections = 64;          ///< that came before the answer to the bind they belong to
inline constexpr std::uint32_t peer_window = 1u << 20;         ///< stream window that two adit peers grant each other
inline constexpr std::size_t client_infos_max = 16;            ///< entries in front of our own in the user agent
inline constexpr std::size_t client_info_max = 255;            ///< bytes of a name, version or comment of one
inline constexpr std::size_t labels_max = 32;                  ///< of one endpoint
inline constexpr std::size_t label_text_max = 255;             ///< bytes of a key or a value
inline constexpr std::size_t authtoken_max = 4'096;            ///< bytes; ngrok's have about 50
inline constexpr std::size_t forwards_to_max = 1'024;          ///< bytes of a text for humans
inline constexpr std::size_t bind_request_max = 240'000;       ///< fits the window of a stream, so sending it cannot stall
inline constexpr std::size_t module_entries_max = 100;         ///< of one list of an endpoint's modules, so that checking is quick
inline constexpr std::size_t module_text_max = 4'096;          ///< bytes of such an entry: a header's value, an expression, a secret
inline constexpr std::size_t basic_auth_users_max = 10;        ///< behaviour, traffic policy: basic-auth
inline constexpr std::size_t basic_auth_user_max = 128;        ///< bytes of a user's name; 359 beyond
inline constexpr std::size_t basic_auth_password_min = 8;      ///< bytes; 360 below
inline constexpr std::size_t basic_auth_password_max = 128;    ///< bytes; 360 beyond
inline constexpr std::size_t mutual_tls_ca_max = 65'536;       ///< bytes of PEM, about 40 certificates; base64 of it fits a request
inline constexpr std::size_t tls_termination_pem_max = 32'768; ///< bytes of a chain, and of a key, for the same reason
inline constexpr auto heartbeat_min = 100ms;                   ///< faster beats load a link for nothing
inline constexpr auto option_time_max = 24h;                   ///< a longer time is a mistake
inline constexpr std::size_t socket_pump_buffer = 32'768;      ///< bytes one direction of release_socket() holds, while it moves data
inline constexpr auto exit_time = 2s;                          ///< a program that ends waits so long for closing sessions

// TLS that ends in the application
inline constexpr std::size_t tls_handshakes_pending = 256;     ///< of one session at once, each of some 40 KiB; one more is refused alone
inline constexpr std::size_t tls_handshake_bytes = 131'072;    ///< of a visitor; a chain of certificates has at most 100 KiB
inline constexpr std::size_t tls_write_batch = 65'536;         ///< plain text sealed at once; as much waits for the visitor's window

// forwarder
inline constexpr auto upstream_dial_time = 3s;                 ///< name, TCP and TLS of an upstream, behaviour E.1
inline constexpr std::size_t upstream_idle_connections = 64;   ///< kept for the next request, of one forwarder
inline constexpr std::size_t upstream_idle_max = 1'024;        ///< as many as a peer may open streams
inline constexpr auto upstream_idle_time = 30s;                ///< of one of them; many servers keep 60 s and more
inline constexpr auto upstream_reuse_unsafe_time = 1s;         ///< idle for longer, it takes no request that must not be sent twice
inline constexpr std::size_t forward_buffer = 65'536;          ///< bytes one direction of a connection holds while it moves data
inline constexpr auto forward_drain_time = 30s;                ///< for what is under way when a forwarder is closed

// inspector
inline constexpr std::size_t inspector_exchanges = 500;        ///< kept; a page shows them all
inline constexpr std::size_t inspector_exchanges_max = 10'000; ///< each has a row on the page
inline constexpr std::size_t inspector_body = 65'536;          ///< kept of a request's body, and of a response's
inline constexpr std::size_t inspector_body_max = 1u << 20;    ///< an edited replay carries it in one request to us
inline constexpr std::size_t inspector_memory = 50u << 20;     ///< of all that is kept, behaviour E.3 (inspect_db_size)
inline constexpr std::size_t inspector_memory_min = 8u << 20;  ///< the heads and bodies of the largest single exchange fit
inline constexpr std::size_t inspector_memory_max = 1u << 30;  ///< more is a mistake
inline constexpr std::size_t inspector_hosts_max = 32;         ///< further names of the page
inline constexpr std::size_t inspector_connections = 64;       ///< of browsers and scripts; one more gets 503
inline constexpr std::size_t inspector_live_clients = 16;      ///< pages that are kept up to date; one more gets 503
inline constexpr std::size_t inspector_live_batch = 100;       ///< exchanges told in one update; what waits is told in the next
inline constexpr std::size_t inspector_update_max = 1u << 20;  ///< bytes of one update, after which it ends: paths may be long
inline constexpr auto inspector_live_pause = 50ms;             ///< between two updates of a page; quicker is not seen
inline constexpr auto inspector_ping_time = 15s;               ///< without news a live page is told so
inline constexpr std::size_t inspector_head_max = 32'768;      ///< bytes of a request head to the inspector
inline constexpr std::size_t inspector_request_max = 3u << 20; ///< of its body: an edited body and its escapes
inline constexpr std::size_t inspector_fields_max = 500;       ///< header fields of an edited request
inline constexpr std::size_t inspector_list = 50;              ///< exchanges in one answer unless `limit` says more
inline constexpr std::size_t inspector_answer_max = 8u << 20;  ///< bytes of an answer after which a list ends; `next_uri` goes on
inline constexpr auto inspector_request_time = 10s;            ///< for one whole request
inline constexpr auto inspector_idle_time = 60s;               ///< of a kept connection between two
inline constexpr auto inspector_write_time = 10s;              ///< for the browser to take an answer, or an update; then it is cut
inline constexpr std::size_t inspector_replays = 16;           ///< under way at once; one more gets 503
inline constexpr auto inspector_replay_time = 30s;             ///< for the upstream to answer one completely
inline constexpr std::size_t inspector_durations = 256;        ///< of an endpoint's last exchanges, for its percentiles

// HTTP/2, threats T6 and T7; how the numbers were chosen: performance-and-reliability B.1
inline constexpr std::uint32_t http2_streams = 100;            ///< of a connection at once, until the work for them has ended
inline constexpr std::uint32_t http2_stream_window = 262'144;  ///< of a body that the other side has not taken; as an agent's stream
inline constexpr std::uint32_t http2_session_window = 1u << 20; ///< the same of all streams of a connection
inline constexpr std::uint32_t http2_header_list_max = 65'536; ///< bytes of a head, unpacked; 32 more each field (RFC 9113 6.5.2)
inline constexpr std::uint32_t http2_header_table = 4'096;     ///< bytes that a peer makes us keep of its fields, and we of ours
inline constexpr std::size_t http2_continuations = 8;          ///< frames that carry on one head
inline constexpr std::size_t http2_settings_entries = 32;      ///< of one SETTINGS frame; 8 have a meaning
inline constexpr std::size_t http2_control_queued = 1'000;     ///< answers to PING and SETTINGS that wait for the peer to read
inline constexpr std::size_t http2_stream_queue = 65'536;      ///< bytes written to a stream, that wait for the peer's window
inline constexpr std::size_t http2_session_queue = 1u << 20;   ///< of all streams, beyond one frame of each
inline constexpr std::size_t http2_output = 65'536;            ///< framed at once: four TLS records, one system call
inline constexpr std::uint32_t http2_reset_burst = 1'000;      ///< streams given up, by the peer or by us because of it
inline constexpr std::uint32_t http2_reset_rate = 33;          ///< and that many more a second
inline constexpr std::uint32_t http2_glitch_burst = 10'000;    ///< frames that move nothing: PING, SETTINGS, PRIORITY, empty DATA
inline constexpr std::uint32_t http2_glitch_rate = 330;        ///< and that many more a second

// connections
inline constexpr auto linger_time = 2s;                        ///< a closed connection may still send, unread
inline constexpr std::size_t linger_bytes = 262'144;           ///< and that much of it is discarded
inline constexpr auto fin_wait_time = 10s;                     ///< a closed connection waits so long for the visitor's end
inline constexpr auto half_close_time = 60s;                   ///< a visitor may be silent so long once the application has ended
inline constexpr auto goaway_time = 2s;                        ///< for the last bytes of a session we close

// CEL (lib/policy/cel)
inline constexpr std::size_t cel_expression_max = 65'536;      ///< bytes of one expression; a list of 3,000 ranges fits
inline constexpr std::size_t cel_depth_max = 250;              ///< nesting of an expression, and of values in JSON: our stack
inline constexpr std::size_t cel_arguments_max = 16;           ///< of one call; functions have up to 4
inline constexpr std::uint64_t cel_cost_max = 100'000;         ///< steps, elements, 16-byte pieces of one evaluation: some ms and MiB
inline constexpr std::size_t cel_regexes_max = 4;              ///< patterns a program keeps that were made at run time
inline constexpr std::size_t cel_regex_max = 4'096;            ///< bytes of a pattern
inline constexpr std::int64_t cel_regex_memory = 1 << 20;      ///< of RE2 for one pattern; beyond, it is refused

// edge
inline constexpr auto tls_handshake_time = 10s;                ///< of a visitor or an agent, at the edge or in the application
inline constexpr std::size_t own_certificates_max = 1'024;     ///< for single names, of an edge that makes its own
inline constexpr auto own_certificate_renewal = 30 * 24h;      ///< before they expire; they are made for 397 days
inline constexpr auto client_hello_time = 3s;                  ///< behaviour S6.1f
inline constexpr std::size_t pem_file_max = 16u << 20;         ///< certificates, keys, roots: a system's bundle has 0.2 MiB
inline constexpr std::size_t client_certificates_max = 102'400; ///< bytes of a visitor's certificate message; BoringSSL's own bound
inline constexpr std::size_t client_hello_max = 65'536;        ///< behaviour S6.1f: handshake message of 64 KB
inline constexpr std::size_t http_head_max = 1u << 20;         ///< request or response head, behaviour D.4
inline constexpr std::size_t http_headers_max = 1'000;         ///< fields in one head
inline constexpr std::size_t http_head_max_least = 1'024;      ///< what an edge may be set to: curl's own head fits
inline constexpr std::size_t http_head_max_most = 16u << 20;   ///< a head is held whole
inline constexpr std::size_t http_headers_max_least = 10;
inline constexpr std::size_t http_headers_max_most = 10'000;   ///< each is looked at by every rule
inline constexpr std::size_t http_connection_options_max = 100; ///< of Connection in one head: each field is looked for among them
inline constexpr std::size_t http_chunk_line_max = 256;        ///< a chunk-size line with its extensions (threat T3)
inline constexpr std::size_t http_trailers_max = 65'536;       ///< the trailers of one message
inline constexpr std::size_t http_interim_max = 32;            ///< 1xx responses before the final one
inline constexpr std::size_t http_error_detail_max = 1'024;    ///< of an agent's text on an error page
inline constexpr auto http_head_time = 10s;                    ///< for a whole request head once its first byte came
inline constexpr auto http_idle_time = 300s;                   ///< keep-alive of a visitor, behaviour D.4
inline constexpr auto http_response_time = 300s;               ///< without a byte of an answer from the agent, behaviour D.4
inline constexpr auto agent_stream_idle_time = 5s;             ///< an agent stream between two requests of its visitor
inline constexpr std::size_t agent_streams_tight = 480;        ///< above, each new visitor takes the places of idle streams and of who is slow
inline constexpr auto agent_stream_wait = 2s;                  ///< at the cap a request waits this long, then 503
inline constexpr std::size_t agent_stream_waiters = 2'000;     ///< visitors of one agent that wait at its cap; then 503
inline constexpr std::size_t visitors_max = 100'000;           ///< open visitor connections of one edge
inline constexpr std::size_t visitor_buffer = 65'536;          ///< a body is streamed in pieces of at most that
inline constexpr std::size_t visitor_head_buffer = 16'384;     ///< read at once while a request head is expected
inline constexpr auto visitor_stall_time = 30s;                ///< without progress of a request body or a response
inline constexpr std::size_t visitor_progress_min = 1'024;     ///< bytes that count as progress of a request body or a response
inline constexpr auto visitor_look = 500ms;                    ///< between two looks at a visitor who is waited for
inline constexpr auto visitor_slow_time = 1s;                  ///< without that progress he makes room for others, where there is none
inline constexpr auto early_response_linger = 5s;              ///< a request body is still discarded behind its answer
inline constexpr auto accept_backoff = 50ms;                   ///< after EMFILE and the like
inline constexpr std::size_t edge_hops_max = 8;                ///< passes of one request through the same edge; then it is a loop, 508
inline constexpr auto drain_idle_time = 1s;                    ///< an edge that drains still takes a request that is on its way, from kept connections
inline constexpr std::size_t proxy_protocol_max = 4'096;       ///< bytes of a v2 header with its TLVs; balancers send up to about 500
inline constexpr std::uint16_t tcp_port_min = 1'024;           ///< of tcp endpoints: ports below are privileged (threat T30)
inline constexpr auto takeover_probe_time = 2s;                ///< for an agent to prove that it is there, when its restarted self wants its URL

// actions of a policy
inline constexpr std::size_t ip_set_ranges_max = 65'536;       ///< of one list; 1 MiB of policy holds fewer
inline constexpr std::size_t webhook_body_max = 10u << 20;     ///< held until its signature is checked; few have 1 MB
inline constexpr std::size_t webhook_parsed_max = 1u << 20;     ///< if it is JSON that is read before the signature: SNS sends 256 KiB, escaped
inline constexpr std::size_t webhook_values_max = 16'384;      ///< values in such JSON, each of up to 150 bytes of ours; SNS sends some 100
inline constexpr std::size_t webhook_form_max = 1'000;         ///< fields of a form that is signed; Twilio sends some 30
inline constexpr std::size_t webhook_challenge_max = 4'096;    ///< bytes of a body that may be a challenge; they have some 150
inline constexpr std::size_t policy_bodies_max = 256u << 20;   ///< of all bodies that an edge holds so, and sends on; 503 beyond
inline constexpr std::size_t policy_bodies_max_most = std::size_t{64} << 30; ///< what an edge may be set to
inline constexpr std::size_t policy_bodies_share = 4;          ///< one endpoint gets at most that part of it, so that others get theirs
inline constexpr auto webhook_tolerance = 300s;                ///< between a webhook's time and ours: what providers recommend
inline constexpr std::size_t webhook_secret_max = 4'096;       ///< bytes; a public key has a few hundred
inline constexpr std::size_t webhook_signatures_max = 16;      ///< of one request, while a provider changes its key
inline constexpr std::size_t webhook_certificate_url_max = 512; ///< bytes; Amazon's have about 100
inline constexpr std::size_t webhook_certificate_max = 65'536; ///< bytes of what is behind such a URL; one has 2 KB
inline constexpr auto webhook_certificate_time = 5s;           ///< to fetch one; Amazon gives up on a webhook after 15 s
inline constexpr auto webhook_certificate_life = 24h;          ///< kept; one that was taken back is believed no longer than that
inline constexpr std::size_t webhook_certificates_max = 256;   ///< kept; a region has one, for years
inline constexpr auto webhook_certificate_pause = 10s;         ///< until one that could not be fetched is tried again
inline constexpr std::size_t webhook_certificate_failures_max = 100; ///< of those; while there are so many, only hosts that gave one are asked
inline constexpr std::size_t webhook_certificate_host_failures_max = 16; ///< of one of those hosts; then it is asked only for what it gave before
inline constexpr std::size_t webhook_certificate_fetches_max = 8; ///< at once, and as many from hosts that gave one: visitors can name any number
inline constexpr std::size_t webhook_certificate_waiters_max = 1'000; ///< requests, each with its body
inline constexpr std::size_t compression_min = 256;            ///< a shorter body, with its headers, does not get smaller
inline constexpr std::size_t compression_memory = 256u << 20;  ///< of all encoders of a program; beyond, answers are not compressed
inline constexpr std::size_t rate_limit_keys_max = 65'536;     ///< of one action, each with up to 400 bytes
inline constexpr std::size_t rate_limit_slots = 10;            ///< of one key: moments of a window that are told apart
inline constexpr std::size_t basic_auth_credential_max = 4'096; ///< base64 of what a visitor presents; ours have 300 bytes
inline constexpr std::size_t basic_auth_realm_max = 128;       ///< behaviour C.2
inline constexpr std::size_t user_agent_max = 4'096;           ///< bytes; a filter refuses longer ones; browsers send 200
inline constexpr std::size_t policy_regex_max = 4'096;         ///< bytes of a regular expression
inline constexpr std::int64_t policy_regex_memory = 1 << 20;   ///< of RE2 for one: its program and its automaton's states
inline constexpr std::size_t policy_header_name_max = 256;     ///< bytes
inline constexpr std::size_t policy_header_value_max = 16'384; ///< bytes, after interpolation
inline constexpr std::size_t rewritten_url_max = 65'536;       ///< bytes of a URL that a policy made of a request's

// traffic policy
inline constexpr std::size_t policy_hops = 8;                  ///< endpoints that a request may be forwarded through; 3501 beyond
inline constexpr std::size_t policy_document_max = 1u << 20;   ///< bytes of YAML or JSON: 10,000 CIDRs have 0.2 MiB
inline constexpr std::size_t policy_depth_max = 32;            ///< nesting of it
inline constexpr std::size_t policy_nodes_max = 65'536;        ///< values in it, copies by aliases counted: each costs some 150 bytes
inline constexpr std::size_t policy_rules_max = 1'000;         ///< of all phases; 2264 beyond
inline constexpr std::size_t policy_actions_max = 2'000;       ///< of all rules; 2265 beyond
inline constexpr std::size_t policy_expressions_max = 100;     ///< of one rule
inline constexpr std::size_t policy_text_max = 65'536;         ///< bytes that an interpolated text may come to
inline constexpr std::size_t policy_vars_max = 256;            ///< variables that one phase may set
inline constexpr std::size_t policy_vars_bytes_max = 1u << 20; ///< bytes that their values may come to
inline constexpr std::size_t policy_logs_max = 64;             ///< entries kept of one request
inline constexpr std::size_t policy_logs_bytes_max = 65'536;   ///< of their metadata; an entry that does not fit is left out

} // namespace adit
