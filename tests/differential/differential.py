#!/usr/bin/env python3
"""What the edge sends upstream of each smuggling payload, read by haproxy, nginx, Apache httpd, lighttpd, Node and Python:
all must see one and the same request, and the one that is sent behind it. What they saw is captured in readings.txt.

    differential.py            starts the six servers and asks them; prints "ok" or "not ok" for each
    differential.py capture    the same, and writes readings.txt
    differential.py check      without servers, in every run: the table's requests are those of readings.txt, and they say
                               what the servers saw

A server may refuse a request (400, 405, 501), or answer it itself: that is written behind its reading, for it is no other reading.
"""
import hashlib
import os
import pathlib
import socket
import sys
import tempfile

import servers
from table import Reading, read_plainly, upstream_requests

CAPTURED = pathlib.Path(__file__).resolve().parent / "readings.txt"
CANARY = b"GET /canary HTTP/1.1\r\nHost: canary.test\r\nConnection: close\r\n\r\n"
CANARY_READING = Reading("GET", "/canary", "canary.test", b"")


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


def converse(port, data, to_close):
    """Everything that the server answers until it closes, or its first final answer."""
    said = b""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.settimeout(servers.PATIENCE)
        try:
            connection.sendall(data)
            while (to_close or not final_status(said)) and (more := connection.recv(65536)):
                said += more
        except ConnectionError:
            pass  # closed while we sent: what came before counts
    return said


def final_status(said):
    """Of the first answer that is no interim one, when its head is there; else 0."""
    while said.startswith(b"HTTP/1.") and b"\r\n\r\n" in said:
        status = int(said[9:12])
        if status >= 200:
            return status
        said = said.partition(b"\r\n\r\n")[2]
    return 0


def ask(server, data):
    """The same reading as ours: None. A refusal: its status. Else a text that says what else."""
    expected, size = read_plainly(data)
    expected = server.spelled(*expected.key)
    # Nothing comes behind the last request of a connection; and what comes behind an Upgrade may be another protocol.
    last = any(b"\r\nConnection: " + option + b"\r\n" in data for option in (b"close", b"Upgrade"))
    said = converse(server.port, data if last else data + CANARY, not last)
    found = server.collect()
    wanted = [expected] if last else [expected, CANARY_READING]
    if size != len(data):
        return f"our own bytes are not one request: {data!r}"
    if found == wanted and final_status(said) == 200:
        return None
    status = final_status(said)
    if status >= 400 and not found:
        return status  # and the connection is closed, or the canary would have been read
    if status in (200, 404, 405, 501) and found == [CANARY_READING] and expected.key[3] == b"":
        return status if status != 200 else "itself"  # answered without being passed on, then the next one
    return f"saw {[str(reading) for reading in found]} and said {said[:60]!r}"


def line_of(data, exceptions):
    refusals = "".join(f"  {name}={status}" for name, status in sorted(exceptions.items()))
    return f"{digest(data)} {read_plainly(data)[0]}{refusals}"


def run(capture):
    absent = servers.missing()
    if absent:
        print(f"not ok differential: not installed: {' '.join(absent)}")
        return 1
    requests = upstream_requests()
    exceptions = {data: {} for data in requests}
    failed = False
    with tempfile.TemporaryDirectory(prefix="adit-differential-") as directory:
        os.chmod(directory, 0o777)  # Apache gives up root
        for kind in servers.ALL:
            faults = []
            with kind(directory) as server:
                for data, name in requests.items():
                    result = ask(server, data)
                    if isinstance(result, int) or result == "itself":
                        exceptions[data][kind.name] = result
                    elif result:
                        faults.append(f"| {name}: {result}")
            agreed = len(requests) - len(faults) - sum(kind.name in refused for refused in exceptions.values())
            if agreed < len(requests) * 2 // 3:
                faults.append(f"| {kind.name} refuses nearly everything: is it set up as it should be?")
            failed = failed or bool(faults)
            print(f"{'not ok' if faults else 'ok'} differential-{kind.name} ({agreed} of {len(requests)} requests read alike, "
                  f"{len(requests) - agreed - len(faults)} refused)", flush=True)
            print("\n".join(faults[:20]), flush=True) if faults else None
    lines = [line_of(data, exceptions[data]) for data in requests]
    if capture:
        CAPTURED.write_text("".join(line + "\n" for line in lines))
    elif not failed:
        # What a server refuses is a matter of its version.
        changed = {line.split("  ")[0] for line in lines} ^ {line.split("  ")[0] for line in CAPTURED.read_text().splitlines()}
        print("not ok differential-captured: readings.txt is another one: run differential.py capture" if changed
              else "ok differential-captured")
        print("\n".join(f"| {line}" for line in sorted(changed)[:20])) if changed else None
        failed = failed or bool(changed)
    return 1 if failed else 0


def check():
    captured = {line.split("  ")[0] for line in CAPTURED.read_text().splitlines()}
    now = {line_of(data, {}): name for data, name in upstream_requests().items()}
    for line in sorted(set(now) - captured):
        print(f"no server has read this yet: {now[line]}: {line}")
    for line in sorted(captured - set(now)):
        print(f"in readings.txt, but the edge does not send it: {line}")
    if set(now) != captured:
        print("Run tests/differential/differential.py capture where the six servers are installed (tests/run full), and "
              "read the difference.")
        return 1
    print(f"{len(now)} requests, as six servers read them")
    return 0


if __name__ == "__main__":
    mode = sys.argv[1] if len(sys.argv) > 1 else ""
    sys.exit(check() if mode == "check" else run(mode == "capture"))
