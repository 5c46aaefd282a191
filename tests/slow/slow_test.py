#!/usr/bin/env python3
"""Threat T8: slowhttptest's four modes against an edge while a healthy client asks again and again: each of its requests
must be answered, and soon. Prints "ok" or "not ok" for each mode.

    slow_test.py HOST-PROGRAM [CONNECTIONS]

A visitor who sends a body or reads an answer slowly holds one of the 500 streams of an agent's session, until he has to make
room. There are 5,000 of each kind; CONNECTIONS says another number. Who is to make room must have been slow for a second, so
that a session takes at most 500 slow visitors a second, and fewer come here.
"""
import resource
import shutil
import socket
import subprocess
import sys
import time

SECONDS = 20  # of each attack, once all are there
RATE = 400    # connections a second
SOON = 2.0    # for an answer, on a busy machine
CONNECTIONS = 5000
MODES = {"headers": ["-H", "-i", "5"], "body": ["-B", "-i", "5", "-s", "8192"], "range": ["-R"],
         "read": ["-X", "-n", "5", "-w", "512", "-y", "1024", "-z", "32", "-k", "3"]}


def ask(port):
    """Seconds until a small answer was there; a text if none came."""
    begin = time.monotonic()
    said = b""
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.settimeout(10)
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a.edge.test\r\nConnection: close\r\n\r\n")
            while more := connection.recv(4096):
                said += more
    except OSError as error:
        return f"{error} after {said[:80]!r}"
    if not said.startswith(b"HTTP/1.1 200 ") or not said.endswith(b"ok"):
        return repr(said[:80])
    return time.monotonic() - begin


def attack(port, mode, connections):
    path = "large" if mode == "read" else ""
    return subprocess.Popen(["slowhttptest", *MODES[mode], "-c", str(connections), "-r", str(RATE),
                             "-l", str(connections // RATE + SECONDS), "-u", f"http://a.edge.test/{path}", "-d", f"127.0.0.1:{port}", "-p", "20",
                             "-v", "0"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run(program, mode, connections):
    host = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        port = int(host.stdout.readline())
        first = ask(port)
        if isinstance(first, str):
            return [], [f"before the attack: {first}"]
        times, faults = [], []
        attacker = attack(port, mode, connections)
        try:
            while attacker.poll() is None:
                result = ask(port)
                (faults if isinstance(result, str) else times).append(result)
                try:
                    attacker.wait(0.05)
                except subprocess.TimeoutExpired:
                    pass
        finally:
            if attacker.poll() is None:
                attacker.kill()
                attacker.wait()
        return times, faults
    finally:
        host.stdin.close()
        try:
            host.wait(20)
        except subprocess.TimeoutExpired:
            host.kill()
            host.wait()


def main():
    program = sys.argv[1]
    if not shutil.which("slowhttptest"):
        print("not ok slow: slowhttptest is not installed")
        return 1
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    failed = False
    connections = int(sys.argv[2]) if len(sys.argv) > 2 else CONNECTIONS
    for mode in MODES:
        times, faults = run(program, mode, connections)
        late = [seconds for seconds in times if seconds > SOON]
        bad = faults or late or len(times) < 20
        failed = failed or bool(bad)
        print(f"{'not ok' if bad else 'ok'} slow-{mode} ({len(times)} requests of a healthy client, the slowest took "
              f"{max(times, default=0):.2f} s, {len(faults)} failed, while {connections} were slow)", flush=True)
        for fault in faults[:5]:
            print(f"| {fault}", flush=True)
    return 1 if failed else 0


sys.exit(main())
