#!/usr/bin/env python3
"""The C interface from Python alone, by ctypes: what any language with a foreign function interface can do.

    ctypes_test.py EDGE_PROGRAM LIBADIT
"""
import ctypes
import os
import select
import socket
import sys
import threading
from ctypes import CFUNCTYPE, POINTER, byref, c_char, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

from an_edge import TOKEN, AnEdge

edge_program, library = sys.argv[1:]
adit = ctypes.CDLL(os.path.abspath(library))

NGROK, SYSTEM, TIMED_OUT, LISTENER_CLOSED, INVALID_OPTION, WOULD_DEADLOCK = 1000, 1001, 12, 6, 2, 13
PERMANENT, AUTHENTICATION = 1, 4


class Error(ctypes.Structure):
    _fields_ = [("code", c_int32), ("number", c_int32), ("flags", c_uint32), ("reserved", c_uint32),
                ("message", c_char * 768), ("detail", c_char * 496)]


class Peer(ctypes.Structure):
    _fields_ = [("remote_address", c_char * 128), ("protocol", c_char * 16), ("passthrough_tls", c_int32), ("reserved", c_int32 * 11)]


class Event(ctypes.Structure):
    _fields_ = [("kind", c_int32), ("leg", c_uint32), ("next_try_ms", c_int64), ("latency_us", c_int64), ("duration_ms", c_int64),
                ("bytes_in", c_uint64), ("bytes_out", c_uint64), ("url", c_char_p), ("listener_id", c_char_p),
                ("remote_address", c_char_p), ("text", c_char_p), ("reason", POINTER(Error))]


EventCallback = CFUNCTYPE(None, POINTER(Event), c_void_p)
ReleaseCallback = CFUNCTYPE(None, c_void_p)

for name, result, *arguments in (
        ("version", c_char_p), ("abi_version", c_int), ("code_name", c_char_p, c_int),
        ("options_new", c_void_p), ("options_free", None, c_void_p),
        ("options_set", c_int, c_void_p, c_char_p, c_char_p, POINTER(Error)),
        ("options_on_event", c_int, c_void_p, EventCallback, c_void_p, ReleaseCallback, POINTER(Error)),
        ("endpoint_new", c_void_p, c_char_p, POINTER(Error)), ("endpoint_free", None, c_void_p),
        ("endpoint_set", c_int, c_void_p, c_char_p, c_char_p, POINTER(Error)),
        ("session_connect", c_void_p, c_void_p, POINTER(Error)), ("session_free", None, c_void_p),
        ("session_close", None, c_void_p), ("session_drain", c_int, c_void_p, c_int64, POINTER(Error)),
        ("session_get", c_size_t, c_void_p, c_char_p, c_char_p, c_size_t),
        ("session_listen", c_void_p, c_void_p, c_void_p, POINTER(Error)),
        ("listener_accept", c_int, c_void_p, c_int64, POINTER(Peer), POINTER(Error)),
        ("listener_fd", c_int, c_void_p, POINTER(Error)), ("listener_close", None, c_void_p),
        ("listener_get", c_size_t, c_void_p, c_char_p, c_char_p, c_size_t), ("listener_free", None, c_void_p)):
    function = getattr(adit, "adit_" + name)
    function.restype, function.argtypes = result, arguments


class AditError(Exception):
    def __init__(self, error):
        super().__init__(error.message.decode())
        self.code, self.number, self.flags = error.code, error.number, error.flags


def call(function, *arguments):
    """A result, or the error as an exception: all that a binding needs."""
    error = Error(code=-1)
    result = function(*arguments, byref(error))
    if error.code != 0:
        raise AditError(error)
    return result


def text(function, handle, key):
    size = function(handle, key, None, 0)
    buffer = ctypes.create_string_buffer(size + 1)
    assert function(handle, key, buffer, size + 1) == size
    return buffer.value.decode()


def make_options(edge, token=TOKEN):
    options = adit.adit_options_new()
    with open(edge.ca) as roots:
        for key, value in (("server", f"localhost:{edge.agents}"), ("authtoken", token), ("roots_pem", roots.read())):
            call(adit.adit_options_set, options, key.encode(), value.encode())
    return options


def refusals(edge):
    options = make_options(edge, "wrong")
    try:
        call(adit.adit_session_connect, options)
        raise AssertionError("a wrong token was taken")
    except AditError as error:
        assert (error.code, error.number) == (NGROK, 107) and error.flags == PERMANENT | AUTHENTICATION, vars(error)
    for key, value in ((b"no_such_key", b""), (b"reconnect", b"perhaps"), (b"metadata", b"\xff"), (b"metadata", None), (None, b"")):
        try:
            call(adit.adit_options_set, options, key, value)
            raise AssertionError(f"{key}={value} was taken")
        except AditError as error:
            assert error.code == INVALID_OPTION and str(error).startswith((key or b"key").decode() + ": "), str(error)
    adit.adit_options_free(options)


def serves(edge):
    events, released, kinds = [], threading.Event(), threading.Condition()

    @EventCallback
    def on_event(event, _):
        with kinds:
            events.append((event.contents.kind, event.contents.text.decode(), event.contents.reason.contents.code,
                           adit.adit_session_drain(session_box[0], 0, None) if session_box else 0))
            kinds.notify_all()

    session_box = []
    on_release = ReleaseCallback(lambda _: released.set())
    options = make_options(edge)
    call(adit.adit_options_on_event, options, on_event, None, on_release)
    session = call(adit.adit_session_connect, options)
    adit.adit_options_free(options)
    assert text(adit.adit_session_get, session, b"region") == "local"
    endpoint = call(adit.adit_endpoint_new, b"https://ctypes.localhost")
    call(adit.adit_endpoint_set, endpoint, b"metadata", "gr\u00fc\u00df dich".encode())
    listener = call(adit.adit_session_listen, session, endpoint)
    adit.adit_endpoint_free(endpoint)
    assert text(adit.adit_listener_get, listener, b"url") == f"https://ctypes.localhost:{edge.https}"

    # An event loop: readable means that accept does not wait.
    answers = []
    visitor = threading.Thread(target=lambda: answers.append(edge.get("ctypes.localhost")))
    visitor.start()
    descriptor = call(adit.adit_listener_fd, listener)
    assert select.select([descriptor], [], [], 30)[0]
    peer = Peer()
    with socket.socket(fileno=call(adit.adit_listener_accept, listener, 0, byref(peer))) as connection:
        assert peer.remote_address.startswith(b"127.0.0.1:") and peer.protocol == b"https", peer.remote_address
        assert connection.recv(65536).startswith(b"GET / HTTP/1.1\r\n")
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\npython")
    visitor.join()
    assert answers[0].endswith("\r\n\r\npython"), answers

    # A thread that waits is woken by another that closes, here by a callback's thread too.
    codes = []

    def accepts():
        try:
            call(adit.adit_listener_accept, listener, -1, None)
        except AditError as error:
            codes.append(error.code)

    session_box.append(session)
    waiter = threading.Thread(target=accepts)
    waiter.start()
    adit.adit_listener_close(listener)
    waiter.join()
    assert codes == [LISTENER_CLOSED], codes
    with kinds:
        assert kinds.wait_for(lambda: any(kind == 5 for kind, *_ in events), 30), events
        assert {0, 1, 4, 5} <= {kind for kind, *_ in events}, events
        assert [deadlock for kind, _, _, deadlock in events if kind == 5] == [WOULD_DEADLOCK], events
    session_box.clear()
    assert call(adit.adit_session_drain, session, 1000) == 0
    adit.adit_listener_free(listener)
    adit.adit_session_free(session)
    assert released.wait(30), "the callback was not given back"


def tells_its_version(_):
    assert adit.adit_abi_version() == 0 and adit.adit_version().decode()[0].isdigit()
    assert adit.adit_code_name(TIMED_OUT) == b"ADIT_E_TIMED_OUT"


with AnEdge(edge_program) as running:
    for test in (tells_its_version, refusals, serves):
        test(running)
        print(f"{test.__name__}: ok")
