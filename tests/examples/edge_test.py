#!/usr/bin/env python3
"""The self-hosting program with the coroutine lesson as its agent: configuration, tokens, reload, passed sockets, signals.

    edge_test.py EDGE_PROGRAM AGENT_PROGRAM
"""
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

edge_program, agent_program = map(os.path.abspath, sys.argv[1:])


class Edge:
    """Runs in `folder` until the end of the with block; its lines of standard error are kept."""

    def __init__(self, folder, *arguments, pass_fds=(), preexec=None, env=None):
        self.folder = folder
        self.lines = []
        self.grew = threading.Condition()
        self.child = subprocess.Popen(
            [edge_program, *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, pass_fds=pass_fds, preexec_fn=preexec, env={**os.environ, **(env or {})})
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.child.stderr:
            with self.grew:
                self.lines.append(line.rstrip("\n"))
                self.grew.notify_all()

    def wait_line(self, pattern, skip=0):
        with self.grew:
            def found():
                hits = [m for line in self.lines if (m := re.search(pattern, line))]
                return hits[skip] if len(hits) > skip else None
            assert self.grew.wait_for(found, 30), (pattern, self.lines)
            return found()

    def __enter__(self):
        ready = self.wait_line(r"agents (\d+), https (\d+), http (\d+)")
        self.agents, self.https, self.http = map(int, ready.groups())
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        assert self.child.wait(40) == 0, self.lines


def agent(edge, token, roots, url="https://app.localhost"):
    env = {**os.environ, "ADIT_SERVER": f"localhost:{edge.agents}", "ADIT_AUTHTOKEN": token, "ADIT_ROOTS": str(roots)}
    return subprocess.Popen([agent_program, url], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def refused(edge, token, roots):
    child = agent(edge, token, roots)
    _, errors = child.communicate(timeout=30)
    return errors


def get(edge, roots, name="app.localhost"):
    context = ssl.create_default_context(cafile=str(roots))
    with socket.create_connection(("127.0.0.1", edge.https), 30) as raw:
        with context.wrap_socket(raw, server_hostname=name) as tls:
            tls.sendall(f"GET /path?q=secret HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
            data = b""
            while chunk := tls.recv(65536):
                data += chunk
            return data.decode()


def arguments(folder):
    tokens = folder / "tokens"
    tokens.write_text("first-token alice # a comment\n\n# another\n")
    (folder / "edge.conf").write_text(
        "base-domain=localhost\nagent=127.0.0.1:0\nhttps=127.0.0.1:0\nhttp=127.0.0.1:0\nauthtokens=tokens\n"
        "access-log=access.log\nwrite-ca=ca.pem\nthreads=2\nseal-key=seal.key\ndrain-seconds=5\n")
    return ["--config", "edge.conf"]


def serves_and_reloads(folder):
    with Edge(folder, *arguments(folder)) as edge:
        roots = folder / "ca.pem"
        child = agent(edge, "first-token", roots)
        line = child.stdout.readline()
        assert line == f"online: https://app.localhost:{edge.https}\n", line
        answer = get(edge, roots)
        assert answer.startswith("HTTP/1.1 200 OK") and answer.endswith("hello\n"), answer
        assert "107" in refused(edge, "second-token", roots)
        (folder / "tokens").write_text("second-token bob\n")
        edge.child.send_signal(signal.SIGHUP)
        edge.wait_line("reloaded")
        assert "107" in refused(edge, "first-token", roots)
        other = agent(edge, "second-token", roots, "https://other.localhost")
        assert other.stdout.readline().startswith("online: ")
        (folder / "tokens").write_text("# nothing left\n")
        edge.child.send_signal(signal.SIGHUP)
        edge.wait_line("reload refused.*has no token")
        assert get(edge, roots).endswith("hello\n"), "a refused reload broke what ran"
        for one in (child, other):
            one.send_signal(signal.SIGTERM)
            one.wait(30)
    records = [json.loads(line) for line in (folder / "access.log").read_text().splitlines()]
    assert [r["status"] for r in records] == [200, 200], records
    assert records[0]["path"] == "/path" and records[0]["method"] == "GET" and records[0]["bytes_out"] > 0, records
    assert os.stat(folder / "seal.key").st_mode & 0o777 == 0o600


def takes_passed_sockets_and_reports_ready(folder):
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(str(folder / "notify"))
    notify.settimeout(30)
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = [s.getsockname()[1] for s in listeners]
    # The descriptors must be 3, 4 and 5 in the child, as sd_listen_fds(3) says; a shell moves them there.
    moved = " ".join(f"{3 + i}<&{s.fileno()}" for i, s in enumerate(duplicated(listeners)))
    script = f'exec {moved}; LISTEN_PID=$$ LISTEN_FDS=3 LISTEN_FDNAMES=agent:https:http exec "$0" "$@"'
    global edge_program
    program, edge_program = edge_program, "bash"
    try:
        edge = Edge(folder, "-c", script, program, *arguments(folder), pass_fds=[s.fileno() for s in duplicates],
                    env={"NOTIFY_SOCKET": str(folder / "notify")})
    finally:
        edge_program = program
    with edge:
        assert [edge.agents, edge.https, edge.http] == ports, (edge.lines, ports)
        assert notify.recv(100) == b"READY=1"
        child = agent(edge, "first-token", folder / "ca.pem")
        assert child.stdout.readline().startswith("online: ")
        child.send_signal(signal.SIGTERM)
        child.wait(30)
    assert notify.recv(100) == b"STOPPING=1"


duplicates = []


def duplicated(listeners):
    """At numbers from 50 on, so that moving one to 3 overwrites none that is still needed."""
    import fcntl
    for s in listeners:
        duplicates.append(socket.socket(fileno=fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 50)))
    return duplicates


def bad_input_names_the_problem(folder):
    cases = [
        (["--authtokens", "missing"], "missing: cannot be read"),
        (["--authtokens", "tokens", "--tcp-ports", "9-1"], "tcp-ports: write FIRST-LAST"),
        (["--authtokens", "tokens", "--agent", "nowhere"], "agent"),
        (["--authtokens", "tokens", "--no-such-flag"], "no-such-flag"),
        ([], "--authtokens is required"),
    ]
    (folder / "tokens").write_text("first-token\n")
    for extra, text in cases:
        done = subprocess.run([edge_program, *extra], cwd=folder, capture_output=True, text=True, timeout=30)
        assert done.returncode != 0 and text in done.stderr + done.stdout, (extra, done.stderr, done.stdout)


for test in (serves_and_reloads, takes_passed_sockets_and_reports_ready, bad_input_names_the_problem):
    with tempfile.TemporaryDirectory(prefix="adit-edge-") as name:
        test(pathlib.Path(name))
        print("ok", test.__name__)
