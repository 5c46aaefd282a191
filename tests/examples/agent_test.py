#!/usr/bin/env python3
"""examples/agent against examples/edge: commands, flags, configuration files, the live page, signals, reconnects, errors.

    agent_test.py AGENT_PROGRAM EDGE_PROGRAM SCRIPTED_EDGE
"""
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.request

from agent_world import (TOKEN, Child, Edge, Terminal, agent, agent_program, between, connect, echo, edge_program, make_certificate, read_all,
                         run, scripted_edge, started, web)


def http_with_flags(folder):
    with Edge(folder) as edge, web() as port:
        with agent(edge, "http", str(port), "--url", "https://app.localhost", "--name", "web", "--metadata", "m") as child:
            url = started(child, "web")
            assert url == f"https://app.localhost:{edge.https}", url
            status, body = edge.get(url, "/path")
            assert status == 200 and body.startswith("web saw /path for app.localhost"), body
            child.wait_line('lvl=info msg="join connections" name=web r=127.0.0.1:')
            child.wait_line('lvl=info msg="close connections" name=web .*out=')
            child.signal(signal.SIGINT)
            assert "stopping" in child.end(0)
            assert edge.get(url)[0] == 404, "the endpoint outlived its agent"
        with agent(edge, "http", f"localhost:{port}", "--domain", "two.localhost", "--host-header=rewrite", "--log-format=json") as child:
            line = json.loads(child.wait_line('.*"msg":"started tunnel".*')[0])
            assert line["name"] == "http" and line["lvl"] == "info", line
            assert edge.get(line["url"])[1] == f"web saw / for localhost:{port}"
        refused = [
            (["--oauth", "google"], "9026"),  # what only the edge can judge
            (["--basic-auth", "user:short"], "basic_auth"),
            (["--basic-auth", "nobody"], '":" is missing'),
            (["--cidr-allow", "10.0.0.0/99"], "10.0.0.0/99"),
            (["--traffic-policy-file", "missing.yml"], "missing.yml: cannot be read"),
            (["--proxy-protocol", "3"], "proxy protocol"),
            (["--upstream-protocol", "http3"], "app_protocol"),
            (["--scheme", "ftp"], "ftp"),
            (["--url", "gopher://x"], "gopher"),
            (["--log-level", "loud"], "loud"),
            (["--log-format", "xml"], "xml"),
        ]
        for words, text in refused:
            status, output = run(folder, "http", str(port), *words, *edge.flags(), "--authtoken", TOKEN)
            assert status == 1 and text in output, (words, status, output)


def with_a_policy(folder):
    (folder / "policy.yml").write_text("on_http_request:\n  - actions:\n      - type: log\n        config:\n          metadata: "
                                       "{path: '${req.url.path}'}\n      - type: deny\n        config: {status_code: 418}\n")
    more = ["--access-log", "access.log", "--http-idle-time", "0.5"]
    with Edge(folder, more=more) as edge, web() as port:
        with agent(edge, "http", str(port), "--url", "https://app.localhost", "--traffic-policy-file", "policy.yml") as child:
            url = started(child, "http")
            assert edge.get(url, "/looked-at")[0] == 418
            with socket.create_connection(("127.0.0.1", edge.http), 30) as idle:
                assert idle.recv(1) == b"", "an idle visitor stays"
        record = json.loads((folder / "access.log").read_text().splitlines()[0])
        assert record["policy_logs"] == [{"phase": "on_http_request", "metadata": {"path": "/looked-at"}}], record
        assert record["status"] == 418 and "policy_error" not in record, record
    with Child([edge_program, "--authtokens", "tokens", "--http-stall-time", "0"], folder) as child:
        child.child.wait(30)
        assert child.child.returncode == 1 and "http_stall_time" in child.wait_line("http_stall_time")[0]


def tcp_and_tls(folder):
    with Edge(folder) as edge, echo() as port:
        with agent(edge, "tcp", str(port), "--proxy-protocol", "1") as child:
            with connect(started(child, "tcp")) as visitor:
                own = visitor.getsockname()[1]
                visitor.sendall(b"hello")
                visitor.shutdown(socket.SHUT_WR)
                answer = read_all(visitor)
                assert re.fullmatch(rf"PROXY TCP4 127\.0\.0\.1 \S+ {own} \d+\r\nhello", answer), answer
        make_certificate(folder, "own", "own.localhost")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "own.pem", folder / "own.key")
        with web(context) as port, agent(edge, "tls", str(port), "--url", "tls://own.localhost") as child:
            started(child, "tls")
            client = ssl.create_default_context(cafile=str(folder / "own.pem"))  # the upstream's own, not the edge's
            with socket.create_connection(("127.0.0.1", edge.https), 30) as raw:
                with client.wrap_socket(raw, server_hostname="own.localhost") as tls:
                    tls.sendall(b"GET /x HTTP/1.0\r\nHost: own.localhost\r\n\r\n")
                    assert "web saw /x" in read_all(tls)


def tls_that_ends_here(folder):
    for name in ("own", "visitor"):
        make_certificate(folder, name, f"{name}.localhost")
    edge_saw = bytearray()  # on its way to the agent

    def get(edge, certificate=None):
        client = ssl.create_default_context(cafile=str(folder / "own.pem"))
        if certificate:
            client.load_cert_chain(folder / f"{certificate}.pem", folder / f"{certificate}.key")
        edge_saw.clear()
        with socket.create_connection(("127.0.0.1", edge.https), 30) as raw:
            with client.wrap_socket(raw, server_hostname="own.localhost") as tls:
                tls.sendall(b"GET /secret HTTP/1.0\r\nHost: own.localhost\r\n\r\n")
                return read_all(tls)

    def is_refused(edge):
        try:
            return get(edge) == ""
        except OSError:  # ssl.SSLError, ConnectionError
            return True

    def indented(name, columns):
        return "".join("\n" + " " * columns + line for line in (folder / name).read_text().splitlines())

    own = ["--crt", "own.pem", "--key", "own.key"]
    with Edge(folder) as edge, web() as port, between(edge, lambda data: edge_saw.extend(data) or data) as way:
        flags = ["--server", f"localhost:{way}", "--root-ca", "edge.pem", "--authtoken", TOKEN]
        start = "endpoints:\n  - name: tls\n    upstream: {url: %s}\n    " % port
        (folder / "three.yml").write_text(
            f"version: 3\n{start}url: tls://own.localhost\n    agent_tls_termination:\n      server_certificate: |{indented('own.pem', 8)}\n"
            "      server_private_key: own.key\n      mutual_tls_certificate_authorities: [visitor.pem]\n")
        (folder / "two.yml").write_text(f"version: 2\ntunnels:\n  tls: {{proto: tls, addr: {port}, hostname: own.localhost, "
                                        "terminate_at: agent, crt: own.pem, key: own.key, mutual_tls_cas: visitor.pem}\n")
        tls = ["tls", str(port), "--url", "tls://own.localhost"]
        for words, ends_here, asks in (
                ([*tls, *own], True, False),
                ([*tls, *own, "--terminate-at=agent", "--mutual-tls-cas", "own.pem", "--mutual-tls-cas", "visitor.pem"], True, True),
                ([*tls, *own, "--terminate-at=edge"], False, False),
                (["--config", "three.yml"], True, True), (["--config", "two.yml"], True, True)):
            with Child([agent_program, *words, *flags], folder) as child:
                started(child, "tls")
                answer = get(edge, "visitor" if asks else None)
                assert answer.endswith("web saw /secret for own.localhost"), (words, answer)
                assert len(edge_saw) > 0 and (b"/secret" in edge_saw) != ends_here, words
                assert not asks or is_refused(edge), words
                child.signal(signal.SIGINT)
                child.end(0)
        (folder / "http.yml").write_text(f"version: 3\n{start}url: https://own.localhost\n    agent_tls_termination: "
                                         "{server_certificate: own.pem, server_private_key: own.key}\n")
        (folder / "none.yml").write_text(f"version: 3\n{start}url: tls://own.localhost\n    agent_tls_termination: {{}}\n")
        for words, text in (([*tls, *own, "--terminate-at=upstream"], "terminate-at upstream passes TLS on untouched"),
                            ([*tls, "--terminate-at=agent"], "TLS that ends in the agent needs a certificate"),
                            ([*tls, *own, "--terminate-at=moon"], 'terminate-at "moon"'),
                            ([*tls, "--crt", "own.pem"], "a certificate and its key go together"),
                            ([*tls, "--key", "own.key"], "a certificate and its key go together"),
                            ([*tls, "--crt", "own.pem", "--key", "visitor.key"], "certificate: "),
                            ([*tls, *own, "--mutual-tls-cas", "own.key"], "client_ca: "),
                            (["--config", "none.yml"], "TLS that ends in the agent needs a certificate"),
                            (["--config", "http.yml"], "agent_tls_termination")):
            status, output = run(folder, *words, *flags)
            assert status == 1 and text in output, (words, status, output)


def s6_1e_terminate_at(folder):
    """Row S6.1e: terminate_at of version 2, at the edge, in the agent, at the upstream, and what it cannot be."""
    for name in ("own", "up"):
        make_certificate(folder, name, "own.localhost")
    upstream_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    upstream_tls.load_cert_chain(folder / "up.pem", folder / "up.key")
    edge_saw = bytearray()

    def get(edge, trusted):
        """The answer, with the certificate that the visitor trusts: it says who ended TLS."""
        client = ssl.create_default_context(cafile=str(folder / trusted))
        edge_saw.clear()
        with socket.create_connection(("127.0.0.1", edge.https), 30) as raw:
            with client.wrap_socket(raw, server_hostname="own.localhost") as tls:
                tls.sendall(b"GET /secret HTTP/1.0\r\nHost: own.localhost\r\n\r\n")
                return read_all(tls)

    with Edge(folder) as edge, web() as plain, web(upstream_tls) as over_tls, \
            between(edge, lambda data: edge_saw.extend(data) or data) as way:
        flags = ["--server", f"localhost:{way}", "--root-ca", "edge.pem", "--authtoken", TOKEN]
        own = ", crt: own.pem, key: own.key"

        def config(more, port):
            (folder / "legacy.yml").write_text(f"version: 2\ntunnels:\n  tls: {{proto: tls, addr: {port}, hostname: own.localhost{more}}}\n")
            return ["start", "--all", "--config", "legacy.yml", *flags]

        for more, port, trusted, edge_reads in ((", terminate_at: edge" + own, plain, "own.pem", True),
                                                (", terminate_at: agent" + own, plain, "own.pem", False),
                                                (own, plain, "own.pem", False), # zero knowledge is the default
                                                (", terminate_at: upstream", over_tls, "up.pem", False),
                                                ("", over_tls, "up.pem", False)):
            with Child([agent_program, *config(more, port)], folder) as child:
                started(child, "tls")
                answer = get(edge, trusted)
                assert answer.endswith("web saw /secret for own.localhost"), (more, answer)
                assert len(edge_saw) > 0 and (b"/secret" in edge_saw) == edge_reads, more
                child.signal(signal.SIGINT)
                child.end(0)
        for more, text in ((", terminate_at: moon" + own, "224"), (", terminate_at: agent", "needs a certificate")):
            status, output = run(folder, *config(more, plain))
            assert status == 1 and text in output, (more, status, output)


def https_upstreams(folder):
    make_certificate(folder, "up", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "up.pem", folder / "up.key")
    with Edge(folder) as edge, web(context) as port:
        for words, expected in (([], 502), (["--upstream-tls-verify=false"], 200), (["--upstream-tls-verify-cas", "up.pem"], 200)):
            with agent(edge, "http", f"https://localhost:{port}", *words) as child:
                url = started(child, "http")
                status, body = edge.get(url)
                assert status == expected, (words, status, body)
                if status == 502:
                    assert "ERR_NGROK_8012" in body, body
                    child.wait_line('lvl=warn msg="the upstream failed" name=http times=1 err=".*certificate')


def config_with_tunnels(folder):
    with Edge(folder) as edge, web() as web_port, echo() as echo_port:
        (folder / "three.yml").write_text(f"""version: 3
agent:
  authtoken: {TOKEN}
  connect_url: localhost:{edge.agents}
  connect_cas: edge.pem
  heartbeat_interval: 5s
  update_channel: stable
endpoints:
  - name: web
    url: https://web.localhost
    description: the site
    upstream:
      url: http://localhost:{web_port}
tunnels:
  raw:
    proto: tcp
    addr: {echo_port}
    inspect: false
""")
        (folder / "two.yml").write_text(f"""version: "2"
authtoken: {TOKEN}
server_addr: localhost:{edge.agents}
root_cas: edge.pem
tunnels:
  both:
    proto: http
    addr: {web_port}
    schemes: [https, http]
    hostname: both.localhost
    host_header: other.example
  raw:
    proto: tcp
    addr: {echo_port}
""")

        def serves_web(child, host="web.localhost"):
            status, body = edge.get(started(child, "web"), "/c")
            assert status == 200 and f"/c for {host}" in body, body

        def serves_raw(child):
            with connect(started(child, "raw")) as visitor:
                visitor.sendall(b"x" * 100_000)
                visitor.shutdown(socket.SHUT_WR)
                assert read_all(visitor) == "x" * 100_000

        def start(*arguments):
            return Child([agent_program, *arguments], folder)

        for words in (["--config", "three.yml"], ["start", "--all", "--config", "three.yml"]):
            with start(*words) as child:
                serves_web(child)
                serves_raw(child)
                child.wait_line('lvl=warn msg="this key has no effect here" key=update_channel')
                child.signal(signal.SIGTERM)
                child.end(0)
        with start("start", "raw", "--config", "three.yml") as child:
            serves_raw(child)
            assert not any("name=web" in line for line in child.lines), child.lines
        with start("start", "both", "--config=two.yml") as child:
            urls = {started(child, "both"), started(child, "both", 1)}
            assert urls == {f"https://both.localhost:{edge.https}", f"http://both.localhost:{edge.http}"}, urls
            assert edge.get("https://both.localhost")[1] == "web saw / for other.example"
        # Of two files the later wins; so do the environment over the file, and a flag over that.
        (folder / "more.yml").write_text("version: 3\nagent:\n  authtoken: another-token\n")
        status, output = run(folder, "--config", "three.yml", "--config", "more.yml")
        assert status == 1 and "ERR_NGROK_107" in output, output
        for env, words in (({"NGROK_AUTHTOKEN": TOKEN}, []), ({"ADIT_AUTHTOKEN": "wrong-one"}, ["--authtoken", TOKEN])):
            with Child([agent_program, "start", "raw", "--config", "three.yml", "--config", "more.yml", *words], folder, env) as child:
                serves_raw(child)
        # The usual place of the file.
        (folder / ".config/ngrok").mkdir(parents=True)
        (folder / ".config/ngrok/ngrok.yml").write_text((folder / "three.yml").read_text())
        with start("start", "raw") as child:
            serves_raw(child)
        assert run(folder, "config", "check") == (0, "the configuration is valid\n(end)")
        status, output = run(folder, "start", "nothing")
        assert status == 1 and 'no "nothing"; it has: web raw' in output, output


def bad_configs(folder):
    start = "version: 3\nendpoints:\n"
    cases = [
        ("agent: {}\n", "bad.yml:1: version is missing"),
        ("version: 4\n", ":1: version 4 is not known"),
        ("version: 3\nagent:\n  authtokn: x\n", ':3: unknown key "authtokn" in agent'),
        ("version: 3\nauthtoken: x\n", ':2: unknown key "authtoken" in the file'),
        (start + "  - name: a\n    upstram: {url: 80}\n", ':4: unknown key "upstram" in endpoint "a"'),
        (start + "  - name: a\n    upstream:\n      uri: 80\n", ':5: unknown key "uri" in upstream of endpoint "a"'),
        (start + "  - name: a\n    agent_tls_termination: {crt: x}\n    upstream: {url: 80}\n",
         ':4: unknown key "crt" in agent_tls_termination of endpoint "a"'),
        (start + "  - name: a\n", ':3: endpoint "a" needs upstream'),
        (start + "  - upstream: {url: 80}\n", ":3: an endpoint needs a name"),
        (start + "  - name: a\n    upstream: {url: 80}\n  - name: a\n    upstream: {url: 81}\n", ':5: endpoint "a" stands twice'),
        (start + "  - name: a\n    url: x\n    url: y\n    upstream: {url: 80}\n", ':5: "url" stands twice'),
        (start + "  - name: a\n    pooling_enabled: perhaps\n    upstream: {url: 80}\n", ':4: "perhaps" is neither true nor false'),
        ("version: 3\nagent:\n  heartbeat_interval: soon\n", ":3: write a time"),
        ("version: 3\nagent:\n  connect_timeout: 10\n", ":3: write a time"),
        ("version: 2\ntunnels:\n  web:\n    proto: http\n    adr: 80\n", ':5: unknown key "adr" in tunnel "web"'),
        ("version: 2\ntunnels:\n  web:\n    subdomain: x\n    addr: 80\n", ":4: subdomain: write domain"),
        ("version: 2\ntunnels:\n  web:\n    bind_tls: no\n    addr: 80\n", ':4: "no" is neither'),
        ("version: 2\ntunnels:\n  web:\n    proto: udp\n    addr: 80\n", 'proto "udp" is none of'),
        ("version: 2\ntunnels:\n  web:\n    addr: 80\n    oauth: {provder: google}\n", ':5: unknown key "provder" in oauth'),
        ("version: 3\nagent: {authtoken: [\n", "bad.yml:3:"),
        ("version: 3\nagent:\n  connect_cas: trusted\n", "connect_cas \"trusted\" is ngrok's private root"),
        ("[1, 2]\n", ":1: a configuration is a map"),
    ]
    for text, expected in cases:
        (folder / "bad.yml").write_text(text)
        status, output = run(folder, "config", "check", "--config", "bad.yml")
        assert status == 1 and expected in output, (text, status, output)
    for words, status, text in ((["--config", "none.yml"], 1, "none.yml: cannot be read"), (["--no-such-flag"], 2, "no-such-flag"),
                                (["http"], 2, "address is required"), ([], 2, "diagnose"), (["start"], 1, "--all"),
                                (["http", "80"], 1, "ADIT_SERVER"), (["http", "80", "--log", "no/such/folder"], 1, "no/such/folder")):
        got, output = run(folder, *words)
        assert got == status and text in output, (words, got, output)


def permanent_errors_end_it(folder):
    with Edge(folder) as edge, web() as port:
        status, output = run(folder, "http", str(port), *edge.flags(), "--authtoken", "no-such-token")
        assert status == 1 and "ERR_NGROK_107" in output, output
        assert "trying again" not in output, output
        make_certificate(folder, "other", "localhost")
        status, output = run(folder, "http", str(port), "--server", f"localhost:{edge.agents}", "--root-ca", "other.pem")
        assert status == 1 and "certificate" in output, output
        with agent(edge, "http", str(port), "--url", "https://taken.localhost", "--name", "one") as child:
            started(child, "one")
            # A token that is revoked while the agent is away ends it, when it comes back.
            (folder / "tokens").write_text("second-token bob\n")
            edge.signal(signal.SIGHUP)
            edge.wait_line("reloaded")
            edge.signal(signal.SIGTERM)
            edge.end(0)
            child.wait_line("lvl=warn msg=reconnecting")
            (folder / "tokens").unlink()
            with Edge(folder, edge.ports, token="second-token"):
                assert "ERR_NGROK_107" in child.end(1)


def comes_back_with_its_url(folder):
    with echo() as port:
        with Edge(folder) as edge:
            child = agent(edge, "http", str(port))
            url = started(child, "http")
        # The edge was killed. Now one that was not there from the start:
        with child:
            child.wait_line("lvl=warn msg=reconnecting")
            with agent(edge, "tcp", str(port)) as late:
                late.wait_line('lvl=warn msg="trying again"')
                with Edge(folder, edge.ports) as again:
                    with connect(started(late, "tcp")) as visitor:
                        visitor.sendall(b"back")
                        assert visitor.recv(100) == b"back"
                    child.wait_line('msg="client session established"', 1)
                    assert again.get(url)[0] == 502, "the random name did not come back"  # an echo is no web server
            child.signal(signal.SIGINT)
            child.end(0)


def drains(folder):
    with Edge(folder) as edge, echo() as port:
        for impatient in (False, True):
            with agent(edge, "tcp", str(port)) as child, connect(started(child, "tcp")) as visitor:
                visitor.sendall(b"one")
                assert visitor.recv(100) == b"one"
                child.signal(signal.SIGINT)
                child.wait_line("msg=stopping")
                visitor.sendall(b"two")
                assert visitor.recv(100) == b"two", "the drain cut a living connection"
                if impatient:
                    child.signal(signal.SIGINT)
                else:
                    visitor.shutdown(socket.SHUT_WR)
                child.end(0, within=10)  # a drain without an end would take 30 s


def obeys_the_edge(folder):
    host = subprocess.Popen([scripted_edge, "--token", TOKEN], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True)

    def ask(line):
        host.stdin.write(line + "\n")
        host.stdin.flush()
        return host.stdout.readline().split()

    with host, echo() as port:
        ready = host.stdout.readline().split()
        (folder / "ca.pem").write_text("".join(iter(host.stdout.readline, "end\n")))
        (folder / "two.yml").write_text(f"version: 2\nauthtoken: {TOKEN}\nserver_addr: localhost:{ready[1]}\nroot_cas: ca.pem\n"
                                        f"tunnels:\n  one: {{proto: tcp, addr: {port}}}\n  two: {{proto: tcp, addr: {port}}}\n")
        with Child([agent_program, "--config", "two.yml"], folder) as child:
            urls = [started(child, "one"), started(child, "two")]
            words = ask("endpoints")[1:]
            ids = {words[i + 1]: words[i] for i in range(0, len(words), 3)}
            # An endpoint that the edge stops leaves the other alone; the last one ends the program.
            assert ask(f"stop-endpoint {ids[urls[0]]} 300 by-order") == ["ok"]
            child.wait_line('lvl=error msg="tunnel ended" name=one .*by-order')
            with connect(urls[1]) as visitor:
                visitor.sendall(b"alive")
                assert visitor.recv(100) == b"alive"
            assert ask(f"stop-endpoint {ids[urls[1]]} 300 by-order") == ["ok"]
            output = child.end(1)
            assert 'agent: tunnel "two" ended' in output and "ERR_NGROK_300" in output, output
        with Child([agent_program, "--config", "two.yml"], folder) as child:
            started(child, "two")
            assert ask("stop " + ask("sessions")[1]) == ["ok"]
            assert "the edge asks this agent to stop" in child.end(0)
        (folder / "own.yml").write_text("version: 2\nremote_management: false\n")
        with Child([agent_program, "--config", "two.yml", "--config", "own.yml"], folder) as child:
            started(child, "two")
            assert ask("stop " + ask("sessions")[1])[0] == "error", "it obeys although it was told not to"
            child.signal(signal.SIGINT)
            child.end(0)
        host.stdin.close()


def shows_a_live_page(folder):
    with Edge(folder) as edge, web() as port:
        terminal = Terminal([agent_program, "http", str(port), "--url", "https://live.localhost", "--name", "live", *edge.flags(),
                             "--authtoken", TOKEN], folder)
        terminal.wait(r"Session +online")
        terminal.wait(rf"live +https://live.localhost:{edge.https} -> http://localhost:{port}")
        assert edge.get("https://live.localhost")[0] == 200
        terminal.wait(r"live +1 +0 +1 +0")  # connections, open, requests, failed
        terminal.wait(r"Last connections\s+\d\d:\d\d:\d\d +live +127\.0\.0\.1:\d+")
        terminal.wait(r"Latency +\d+\.\d ms")
        assert b"msg=" not in terminal.data, "log lines between the page"
        assert terminal.data.count(b"\x1b[?1049h") == 1 and b"\x1b[2J" not in terminal.data, "the page flickers"
        os.write(terminal.fd, b"\x03")  # Ctrl-C
        assert terminal.end() == 0
        assert terminal.data.endswith(b"\x1b[?25h\x1b[?1049l"), terminal.data[-100:]
        # An error is told on the screen that was there before.
        terminal = Terminal([agent_program, "http", str(port), *edge.flags(), "--authtoken", "no-such-token"], folder)
        assert terminal.end() == 1
        assert b"ERR_NGROK_107" in terminal.data.split(b"\x1b[?1049l")[-1], terminal.data
        terminal = Terminal([agent_program, "http", str(port), "--log=stdout", *edge.flags(), "--authtoken", TOKEN], folder)
        end = time.monotonic() + 60
        while b"started tunnel" not in terminal.data:
            assert terminal.read(end), terminal.data
        assert b"\x1b[" not in terminal.data, "--log=stdout gives plain lines on a terminal too"
        os.write(terminal.fd, b"\x03")
        assert terminal.end() == 0


def shows_an_inspector(folder):
    def api(base, path):
        with urllib.request.urlopen(base + path, timeout=30) as answer:
            return json.load(answer)

    with Edge(folder) as edge, web() as port:
        with agent(edge, "http", str(port), "--name", "seen", "--web-addr", "127.0.0.1:0") as child:
            url = started(child, "seen")
            base = child.wait_line(r'msg="starting web service" addr=(http://127\.0\.0\.1:\d+)')[1]
            assert edge.get(url, "/recorded?x=1")[0] == 200
            requests = api(base, "/api/requests/http")["requests"]
            assert [one["request"]["uri"] for one in requests] == ["/recorded?x=1"], requests
            # A second agent cannot have the same address, and says so.
            status, output = run(folder, "http", str(port), "--web-addr", base.removeprefix("http://"), *edge.flags(), "--authtoken", TOKEN)
            assert status == 1 and "the inspector: " in output, output
            child.signal(signal.SIGINT)
            child.end(0)
        with agent(edge, "http", str(port)) as child:  # there is none unless it is asked for
            started(child, "http")
            assert not any("web service" in line for line in child.lines), child.lines
        (folder / "both.yml").write_text("version: 2\nweb_addr: 127.0.0.1:0\ninspect_db_size: 10000000\nweb_allow_hosts: [inspect.localhost]\n"
                                         f"tunnels:\n  one: {{addr: {port}}}\n  two: {{addr: {port}, inspect: false}}\n")
        with agent(edge, "start", "one", "--config", "both.yml") as child:
            child.wait_line(r'msg="starting web service"')
            started(child, "one")
        status, output = run(folder, "start", "--all", "--config", "both.yml", *edge.flags())
        assert status == 1 and 'tunnel "two" says inspect: false' in output, output


def diagnoses(folder):
    with Edge(folder) as edge:
        status, output = run(folder, "diagnose", *edge.flags(), "--write-report", "report.json")
        assert status == 0, output
        steps = [line.split()[0] for line in output.splitlines()]
        assert steps == ["name", "tcp", "tls", "mux", "srv_info", "(end)"], output
        report = json.loads((folder / "report.json").read_text())
        assert report["ok"] and [step["step"] for step in report["steps"]] == steps[:-1], report
        make_certificate(folder, "other", "localhost")
        status, output = run(folder, "diagnose", "--server", f"localhost:{edge.agents}", "--root-ca", "other.pem")
        assert status == 1 and re.search(r"^tls +\S+ ms +failed:", output, re.M), output
        edge.signal(signal.SIGTERM)
        edge.end(0)
        status, output = run(folder, "diagnose", *edge.flags())
        assert status == 1 and re.search(r"^tcp +\S+ ms +failed:", output, re.M), output
    status, output = run(folder, "diagnose")
    assert status == 1 and "ADIT_SERVER" in output, output


def chooses_a_proxy(folder):
    # No proxy can be reached by ftp; the message tells where that was said.
    (folder / "proxy.yml").write_text("version: 3\nagent:\n  connect_url: edge.invalid:443\n  proxy_url: ftp://file.invalid\n")
    for env, words, source in (({}, [], "proxy"), *(({name: "ftp://env.invalid"}, [], name)
                               for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")),
                               ({"https_proxy": ""}, [], "proxy"), ({"no_proxy": "*"}, [], "proxy"),
                               ({"https_proxy": "ftp://env.invalid"}, ["--proxy-url", "ftp://flag.invalid"], "proxy")):
        status, output = run(folder, "diagnose", "--config", "proxy.yml", *words, env=env)
        assert status == 1 and f"failed: {source}: the scheme" in output, (env, words, output)


def shows_no_escapes_of_the_edge(folder):
    hostile = "\x1b]0;owned\x07 \x9b31m \x7f \u00fcber"
    shown = r"\x1b]0;owned\x07 \xc2\x9b31m \x7f " + "\u00fcber"

    def is_clean(text):
        return not re.search("[\0-\x09\x0b-\x1f\x7f-\x9f]", text)

    def region_as_banner(data):
        return data.replace(b'"Banner"', b'"Middle"').replace(b'"Region"', b'"Banner"').replace(b'"Middle"', b'"Region"')

    with Edge(folder, more=["--region", hostile]) as edge, web() as port, between(edge, region_as_banner) as way:
        status, output = run(folder, "diagnose", *edge.flags(), "--write-report", "report.json")
        assert status == 0 and f'region "{shown}"' in output and is_clean(output), output
        written = (folder / "report.json").read_text()
        assert f'region "{hostile}"' in [step["result"] for step in json.loads(written)["steps"]], written
        assert is_clean(written), written
        for form, expected in (("term", f"] {shown}"), ("logfmt", shown.replace("\\", r"\\")), ("json", None)):
            with Child([agent_program, "http", str(port), "--server", f"localhost:{way}", "--root-ca", "edge.pem", "--authtoken",
                        TOKEN, "--log", "stdout", "--log-format", form], folder) as child:
                child.wait_line("started tunnel")
                if expected is None:
                    assert hostile in [json.loads(line)["msg"] for line in child.lines], child.lines
                else:
                    assert any(expected in line for line in child.lines), child.lines
                assert is_clean("".join(child.lines)), child.lines


for test in (http_with_flags, with_a_policy, tcp_and_tls, tls_that_ends_here, s6_1e_terminate_at, https_upstreams, config_with_tunnels,
             bad_configs, permanent_errors_end_it,
             comes_back_with_its_url, drains, obeys_the_edge, shows_a_live_page,
             shows_an_inspector, diagnoses, chooses_a_proxy, shows_no_escapes_of_the_edge):
    with tempfile.TemporaryDirectory(prefix="adit-agent-") as name:
        test(pathlib.Path(name))
        print("ok", test.__name__, flush=True)
