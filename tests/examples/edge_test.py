#!/usr/bin/env python3
"""The self-hosting program with the coroutine lesson as its agent: configuration, tokens, reload, passed sockets, signals.

    edge_test.py EDGE_PROGRAM AGENT_PROGRAM SYSTEMD_FOLDER
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

edge_program, agent_program, systemd_folder = map(os.path.abspath, sys.argv[1:])


class Edge:
    """Runs in `folder` until the end of the with block; its lines of standard error are kept."""

    def __init__(self, folder, *arguments, pass_fds=(), preexec=None, env=None,
                 stdout=subprocess.DEVNULL):
        self.folder = folder
        self.lines = []
        self.grew = threading.Condition()
        self.child = subprocess.Popen(
            [edge_program, *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=stdout,
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


def agent(edge, token, roots, url="https://app.localhost", port=None):
    env = {**os.environ, "ADIT_SERVER": f"localhost:{port or edge.agents}", "ADIT_AUTHTOKEN": token, "ADIT_ROOTS": str(roots)}
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


def arguments(folder, more="write-ca=ca.pem\naccess-log=access.log\ndrain-seconds=5\n"):
    tokens = folder / "tokens"
    tokens.write_text("first-token alice # a comment\n\n# another\n")
    (folder / "edge.conf").write_text(
        "base-domain=localhost\nagent=127.0.0.1:0\nhttps=127.0.0.1:0\nhttp=127.0.0.1:0\nauthtokens=tokens\n"
        "threads=2\nseal-key=seal.key\n" + more)
    return ["--config", "edge.conf"]


def make_certificate(folder, name, names="DNS:localhost,DNS:app.localhost,IP:127.0.0.1"):
    """chain.pem and key.pem, and a copy of the chain under `name` for who shall trust it."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "7",
                    "-subj", "/CN=" + name, "-addext", "subjectAltName=" + names,
                    "-keyout", "key.pem", "-out", "chain.pem"], cwd=folder, check=True, capture_output=True)
    (folder / name).write_bytes((folder / "chain.pem").read_bytes())
    return folder / name


def lines_of(path):
    return path.read_bytes().count(b"\n")


def eventually(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"


def served_certificate(edge):
    return ssl.get_server_certificate(("127.0.0.1", edge.https)).strip()


def several_certificates_and_one_port_for_all(folder):
    shop = make_certificate(folder, "shop.pem", "DNS:shop.test")
    (folder / "key.pem").rename(folder / "shop.key")
    first = make_certificate(folder, "first.pem")
    more = ('certificate=["chain.pem","shop.pem"]\nkey=["key.pem","shop.key"]\nmin-tls=1.2\nmax-tls=1.2\n'
            "agent-server-name=localhost\nallow-domain=app.localhost\naccess-log=access.log\ndrain-seconds=5\n")
    command = arguments(folder, more)
    config = (folder / "edge.conf").read_text().replace("base-domain=localhost", "base-domain=tunnel.test")
    (folder / "edge.conf").write_text(config)

    def shown(name):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", edge.https), 30) as raw:
            with context.wrap_socket(raw, server_hostname=name) as tls:
                assert tls.version() == "TLSv1.2"
                return ssl.DER_cert_to_PEM_cert(tls.getpeercert(True)).strip()

    with Edge(folder, *command) as edge:
        assert shown("shop.test") == shop.read_text().strip()
        assert shown("app.localhost") == shown("nobody.test") == first.read_text().strip()
        child = agent(edge, "first-token", first, port=edge.https)  # an agent where the visitors are
        assert child.stdout.readline().startswith("online: ")
        assert get(edge, first).endswith("hello\n")
        (folder / "shop.key").write_text((folder / "key.pem").read_text())
        edge.child.send_signal(signal.SIGHUP)
        edge.wait_line("reload refused, .*of certificate 2: .*does not belong")
        next_shop = make_certificate(folder, "shop.pem", "DNS:shop.test")
        (folder / "key.pem").rename(folder / "shop.key")
        make_certificate(folder, "first.pem")
        edge.child.send_signal(signal.SIGHUP)
        edge.wait_line("reloaded")
        assert shown("shop.test") == next_shop.read_text().strip()
        child.send_signal(signal.SIGTERM)
        child.wait(30)


def request(connection, path="/"):
    """One request over plain HTTP to a name that nobody serves: the status of its page."""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: nobody.localhost\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        chunk = connection.recv(65536)
        assert chunk, answer
        answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    missing = int(re.search(rb"(?i)content-length: (\d+)", head)[1]) - len(body)
    while missing > 0:
        missing -= len(connection.recv(missing))
    return int(head.split()[1])


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


def reloads_all_or_nothing(folder):
    first = make_certificate(folder, "first.pem")
    (folder / "logs").mkdir()
    more = "certificate=chain.pem\nkey=key.pem\naccess-log=logs/access.log\ndrain-seconds=5\n"
    with Edge(folder, *arguments(folder, more)) as edge:
        def hang_up(pattern, skip=0):
            edge.child.send_signal(signal.SIGHUP)
            edge.wait_line(pattern, skip)

        def visit():
            with socket.create_connection(("127.0.0.1", edge.http), 30) as visitor:
                assert request(visitor) == 404

        assert served_certificate(edge) == first.read_text().strip()
        second = make_certificate(folder, "second.pem")
        (folder / "tokens").write_text("second-token bob\n")
        hang_up("reloaded")
        assert served_certificate(edge) == second.read_text().strip()
        assert "107" in refused(edge, "first-token", second)

        # A certificate, tokens or a log that cannot be had: nothing of the rest is taken either.
        def nothing_changed():
            assert served_certificate(edge) == second.read_text().strip()
            assert "107" in refused(edge, "third-token", second)
            child = agent(edge, "second-token", second)
            assert child.stdout.readline().startswith("online: ")
            child.send_signal(signal.SIGTERM)
            child.wait(30)
            visit()

        (folder / "tokens").write_text("third-token carol\n")
        (folder / "chain.pem").write_text("no PEM\n")
        hang_up("reload refused, everything stays as it was.*certificate")
        nothing_changed()
        make_certificate(folder, "third.pem")
        (folder / "tokens").write_text("third token\n# the one above has a name; this one is no token:\nt%rd\n")
        hang_up("reload refused", 1)
        nothing_changed()
        (folder / "tokens").write_text("third-token carol\n")
        (folder / "logs").rename(folder / "moved")
        hang_up("reload refused.*logs/access.log: cannot be opened", 0)
        nothing_changed()
        eventually(lambda: lines_of(folder / "moved/access.log") == 3)  # it went on in the log that it had
        (folder / "logs").mkdir()
        os.mkfifo(folder / "logs/access.log")  # that nobody reads: an error and not a wait
        hang_up("reload refused.*logs/access.log: cannot be opened", 1)
        (folder / "logs/access.log").unlink()
        hang_up("reloaded", 1)
        assert served_certificate(edge) == (folder / "third.pem").read_text().strip()
        visit()
    assert lines_of(folder / "moved/access.log") == 3 and lines_of(folder / "logs/access.log") == 1


def serves_while_nobody_reads_its_log(folder):
    ours, theirs = os.pipe()
    more = "access-log=-\ndrain-seconds=5\n"
    with Edge(folder, *arguments(folder, more), stdout=theirs) as edge:
        os.close(theirs)
        count = 400  # lines of 8 KB: the pipe holds 64 KB, the queue 1 MB
        with socket.create_connection(("127.0.0.1", edge.http), 30) as visitor:
            for _ in range(count):
                assert request(visitor, "/" + "x" * 8000) == 404
        got = []
        reader = threading.Thread(target=lambda: got.append(open(ours, "rb").read()))
        reader.start()
        dropped = int(edge.wait_line(r"warn: (\d+) lines of the access log were dropped")[1])
    reader.join(30)
    lines = got[0].splitlines()
    assert all(json.loads(line)["status"] == 404 for line in lines), "a line was torn"
    assert dropped > 0 and len(lines) + dropped == count, (dropped, len(lines))


def ends_at_once_by_a_second_signal(folder):
    with Edge(folder, *arguments(folder, "access-log=access.log\ndrain-seconds=600\n")) as edge:
        with socket.create_connection(("127.0.0.1", edge.http), 30) as visitor:
            assert request(visitor) == 404
            visitor.sendall(b"GET /half")  # a request that runs
            edge.child.send_signal(signal.SIGTERM)
            edge.wait_line("draining")
            edge.child.send_signal(signal.SIGTERM)
            edge.wait_line("a second signal")
            assert edge.child.wait(8) == 0  # half a head would have had 10 s


def its_unit_is_sound(folder):
    if shutil.which("systemd-analyze") is None:
        print("skipped: no systemd-analyze")
        return
    unit = pathlib.Path(systemd_folder, "adit-edge.service").read_text()
    assert "ExecStart=/usr/local/bin/adit-edge " in unit
    copy = folder / "adit-edge.service"
    copy.write_text(unit.replace("/usr/local/bin/adit-edge", edge_program))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, timeout=60)
    about_us = [line for line in (done.stderr + done.stdout).splitlines() if "adit-edge" in line]
    assert not about_us, about_us
    # Each name of the configuration is one that the program knows.
    (folder / "edge.conf").write_text(pathlib.Path(systemd_folder, "edge.conf").read_text())
    done = subprocess.run([edge_program, "--config", "edge.conf", "--authtokens", "missing"], cwd=folder, capture_output=True,
                          text=True, timeout=30)
    assert "missing: cannot be read" in done.stderr, (done.stdout, done.stderr)


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
    free = [word for name in ("agent", "https", "http") for word in (f"--{name}", "127.0.0.1:0")]
    cases = [
        (["--authtokens", "missing"], "missing: cannot be read"),
        (["--authtokens", "tokens", "--tcp-ports", "9-1"], "tcp-ports: write FIRST-LAST"),
        (["--authtokens", "tokens", "--agent", "nowhere"], "agent"),
        (["--authtokens", "tokens", "--no-such-flag"], "no-such-flag"),
        ([], "--authtokens is required"),
        (["--authtokens", "tokens", "--config", "bad.conf"], "tcp-port"),
        (["--authtokens", "tokens", "--write-ca", "no/such/folder", *free], "no/such/folder: the CA cannot be written"),
        (["--authtokens", "tokens", "--certificate", "chain.pem"], "--key"),
        (["--authtokens", "tokens", "--certificate", "a", "--certificate", "b", "--key", "c", *free], "as many of one as of the other"),
        (["--authtokens", "tokens", "--agent-server-name", "not a name", *free], "agent_server_name"),
        (["--authtokens", "tokens", "--sessions-per-credential", "0", *free], "sessions_per_credential"),
        (["--authtokens", "tokens", "--access-log", "no/such/folder"], "no/such/folder: cannot be opened"),
    ]
    (folder / "tokens").write_text("first-token\n")
    (folder / "bad.conf").write_text("tcp-host=127.0.0.1\ntcp-port=1\n")
    for extra, text in cases:
        done = subprocess.run([edge_program, *extra], cwd=folder, capture_output=True, text=True, timeout=30)
        assert done.returncode != 0 and text in done.stderr + done.stdout, (extra, done.stderr, done.stdout)
    for names in ("LISTEN_FDNAMES=web", "LISTEN_FDNAMES=", "LISTEN_FDNAMES=unknown"):
        script = f'LISTEN_PID=$$ LISTEN_FDS=1 {names} exec "$0" "$@"'
        done = subprocess.run(["bash", "-c", script, edge_program, "--authtokens", "tokens", *free], cwd=folder,
                              capture_output=True, text=True, timeout=30)
        assert done.returncode != 0 and "FileDescriptorName=agent, https or http" in done.stderr, (names, done.stderr)


for test in (serves_and_reloads, reloads_all_or_nothing, several_certificates_and_one_port_for_all, serves_while_nobody_reads_its_log, ends_at_once_by_a_second_signal,
             its_unit_is_sound, takes_passed_sockets_and_reports_ready, bad_input_names_the_problem):
    with tempfile.TemporaryDirectory(prefix="adit-edge-") as name:
        test(pathlib.Path(name))
        print("ok", test.__name__)
