#!/usr/bin/env python3
"""The C lesson as a program: it serves visitors of an edge, ends by a signal, and tells a refusal by its exit status.

    c_test.py EDGE_PROGRAM C_HELLO
"""
import signal
import subprocess
import sys

from an_edge import AnEdge

edge_program, c_hello = sys.argv[1:]


def start(edge, *arguments, token="example-token"):
    return subprocess.Popen([c_hello, *arguments], env=edge.environment(token), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def serves(edge):
    child = start(edge, "https://c.localhost")
    line = child.stdout.readline()
    assert line == f"online: https://c.localhost:{edge.https}\n", (line, child.stderr.read() if not line else "")
    for _ in range(3):
        answer = edge.get("c.localhost")
        assert answer.startswith("HTTP/1.1 200 OK") and answer.endswith("Hello from C behind adit.\n"), answer
        assert child.stderr.readline().startswith("visitor 127.0.0.1:")
    child.send_signal(signal.SIGTERM)
    _, errors = child.communicate(timeout=30)
    assert child.returncode == 0 and errors == "", (child.returncode, errors)


def refused(edge):
    child = start(edge, token="wrong")
    _, errors = child.communicate(timeout=30)
    assert child.returncode == 1 and errors.startswith("connect: ") and "(ADIT_E_NGROK)" in errors, (child.returncode, errors)


def unreachable(edge):
    child = subprocess.Popen([c_hello], env={**edge.environment(), "ADIT_SERVER": "127.0.0.1:1"}, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 75 and "(ADIT_E_SYSTEM)" in errors, (child.returncode, errors)


with AnEdge(edge_program) as running:
    for test in (serves, refused, unreachable):
        test(running)
        print(f"{test.__name__}: ok")
