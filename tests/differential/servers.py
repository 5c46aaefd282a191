"""Six HTTP servers on free loopback ports. Each says what it understood: Node and Python themselves, the others by what
they pass on to a recorder. A server stops when its `with` block ends."""
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import socketserver
import subprocess
import threading

from table import Reading, read_plainly

PATIENCE = 20


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Readings:
    """What a server understood, in its order."""

    def __init__(self):
        self.changed = threading.Condition()
        self.all = []

    def add(self, reading):
        with self.changed:
            self.all.append(reading)
            self.changed.notify_all()

    def take(self):
        with self.changed:
            taken, self.all = self.all, []
            return taken


class Recorder(socketserver.ThreadingTCPServer):
    """Behind a proxy: one request for each connection, answered with 200."""
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, readings):
        super().__init__(("127.0.0.1", 0), RecorderHandler)
        self.readings = readings
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]


class RecorderHandler(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(PATIENCE)
        data, asked = b"", False
        while not self.complete(data):
            more = self.request.recv(65536)
            if not more:
                return
            data += more
            if data.endswith(b"\r\n\r\n") and b"\r\nexpect: 100-continue" in data.lower() and not asked:
                asked = True
                self.request.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        reading, size = read_plainly(data)
        self.server.readings.add(reading)
        if size < len(data):
            self.server.readings.add(Reading("BYTES BEHIND A REQUEST", "", "", data[size:]))
        self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    @staticmethod
    def complete(data):
        head, end, body = data.partition(b"\r\n\r\n")
        if not end:
            return False
        lower = head.lower()
        if b"\r\ntransfer-encoding:" in lower:
            return body.startswith(b"0\r\n") and body.endswith(b"\r\n\r\n") or b"\r\n0\r\n" in body and body.endswith(b"\r\n\r\n")
        at = lower.find(b"\r\ncontent-length:")
        return at < 0 or len(body) >= int(lower[at + 17:].split(b"\r\n")[0])


class Server:
    """A program that is told its port, and perhaps a recorder behind it."""
    name = ""
    program = ""
    behind = True

    def __init__(self, directory):
        self.directory = pathlib.Path(directory) / self.name
        self.directory.mkdir()
        self.readings = Readings()
        self.port = free_port()
        self.recorder = Recorder(self.readings) if self.behind else None
        self.process = None

    def command(self):
        raise NotImplementedError

    def config(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return str(path)

    def version(self, *arguments):
        said = subprocess.run([self.program, *arguments], capture_output=True, text=True)
        return (said.stdout + said.stderr).splitlines()[0].strip()

    def __enter__(self):
        log = (self.directory / "log").open("w")
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for _ in range(PATIENCE * 20):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                try:
                    self.process.wait(0.05)
                    break
                except subprocess.TimeoutExpired:
                    pass
        text = (self.directory / "log").read_text()[-2000:]
        self.__exit__()
        raise RuntimeError(f"{self.name} does not start: {text}")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.recorder:
            self.recorder.shutdown()
            self.recorder.server_close()

    def collect(self):
        return self.readings.take()

    @staticmethod
    def spelled(method, target, host, body):
        """The same request as this server spells it for who is behind it."""
        return Reading(method, target, host, body)


class Haproxy(Server):
    name, program = "haproxy", "haproxy"

    def command(self):
        return [self.program, "-db", "-f", self.config("haproxy.cfg", f"""
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
frontend in
  bind 127.0.0.1:{self.port}
  default_backend out
backend out
  http-reuse never
  server recorder 127.0.0.1:{self.recorder.port}
""")]


class Nginx(Server):
    name, program = "nginx", "nginx"

    def command(self):
        d = self.directory
        return [self.program, "-e", str(d / "error.log"), "-p", str(d), "-c", self.config("nginx.conf", f"""
daemon off; master_process off; pid {d}/pid; error_log {d}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {d}/body; proxy_temp_path {d}/proxy; fastcgi_temp_path {d}/f;
  uwsgi_temp_path {d}/u; scgi_temp_path {d}/s; keepalive_timeout 10s; large_client_header_buffers 4 32k;
  server {{
    listen 127.0.0.1:{self.port}; server_name _; merge_slashes off;
    location / {{ proxy_pass http://127.0.0.1:{self.recorder.port}; proxy_http_version 1.1; proxy_set_header Host $http_host; }}
  }}
}}
""")]


class Apache(Server):
    name, program = "apache", "apache2"

    @staticmethod
    def spelled(method, target, host, body):  # ProxyPass / takes all slashes that a target begins with
        return Reading(method, re.sub("^//+", "/", target), host, body)

    def command(self):
        d = self.directory
        modules = pathlib.Path("/usr/lib/apache2/modules")
        load = "".join(f"LoadModule {name}_module {modules}/mod_{name}.so\n"
                       for name in ("mpm_event", "authz_core", "proxy", "proxy_http"))
        user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
        return [self.program, "-X", "-f", self.config("apache.conf", f"""
{load}{user}ServerRoot {d}
DefaultRuntimeDir {d}
PidFile {d}/pid
Mutex posixsem
ErrorLog {d}/error.log
ServerName differential.test
Listen 127.0.0.1:{self.port}
Timeout 10
AllowEncodedSlashes NoDecode
ProxyPreserveHost On
ProxyPass / http://127.0.0.1:{self.recorder.port}/ nocanon disablereuse=On
""").strip()]


class Lighttpd(Server):
    name, program = "lighttpd", "lighttpd"

    @staticmethod
    def spelled(method, target, host, body):
        return Reading(method, target, re.sub(r"\.$|:80$", "", host), body)

    def command(self):
        d = self.directory
        return [self.program, "-D", "-f", self.config("lighttpd.conf", f"""
server.modules = ("mod_proxy")
server.bind = "127.0.0.1"
server.port = {self.port}
server.document-root = "{d}"
server.upload-dirs = ("{d}")
server.errorlog = "{d}/error.log"
server.max-request-field-size = 32768
server.http-parseopts = ("host-normalize" => "disable", "method-get-body" => "enable", "url-normalize" => "disable")
proxy.server = ("" => (("host" => "127.0.0.1", "port" => {self.recorder.port})))
""")]


class Node(Server):
    name, program, behind = "node", "node", False

    def command(self):
        return [self.program, "-e", f"""
const http = require('http'), fs = require('fs');
http.createServer((request, response) => {{
  const parts = [];
  request.on('data', part => parts.push(part));
  request.on('end', () => {{
    fs.appendFileSync({json.dumps(str(self.directory / 'readings'))}, JSON.stringify([request.method, request.url,
      request.headers.host || '', Buffer.concat(parts).toString('hex')]) + '\\n');
    response.setHeader('Content-Length', 0);
    response.end();
  }});
}}).listen({self.port}, '127.0.0.1');
"""]

    def collect(self):
        path = self.directory / "readings"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [Reading(method, target, host, bytes.fromhex(body)) for method, target, host, body in map(json.loads, lines)]


class PythonServer(Server):
    """http.server of the standard library, which leaves the body to its user."""
    name, program, behind = "python", "python3", False

    def __enter__(self):
        readings = self.readings

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __getattr__(self, name):
                if name.startswith("do_"):
                    return self.answer
                raise AttributeError(name)

            def answer(self):
                target = self.requestline.split(" ")[1]  # `path` has its first slashes merged, against open redirects
                readings.add(Reading(self.command, target, self.headers.get("Host", ""), self.body()))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def body(self):
                if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length", "0")))
                body = b""
                while length := int(self.rfile.readline(), 16):
                    body += self.rfile.read(length)
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass
                return body

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


ALL = [Haproxy, Nginx, Apache, Lighttpd, Node, PythonServer]


def missing():
    return [server.name for server in ALL if not shutil.which(server.program)]
