"""What agent_test.py is about and around: the programs that it was given, an edge, local servers, a terminal."""
import asyncio
import contextlib
import http.server
import os
import pty
import re
import select
import socket
import ssl
import subprocess
import sys
import threading
import time

agent_program, edge_program, scripted_edge = map(os.path.abspath, sys.argv[1:])
TOKEN = "first-token"


class Child:
    """A program whose lines of both outputs are kept; killed at the end of the with block if it still runs."""

    def __init__(self, command, folder, env=None):
        clean = {k: v for k, v in os.environ.items() if not re.match("(?i)adit_|ngrok_|.*_proxy$|xdg_", k)}
        self.lines, self.grew = [], threading.Condition()
        self.child = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True, env={**clean, "HOME": str(folder), **(env or {})})
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.child.stdout:
            with self.grew:
                self.lines.append(line.rstrip("\n"))
                self.grew.notify_all()
        with self.grew:
            self.lines.append("(end)")
            self.grew.notify_all()

    def wait_line(self, pattern, skip=0):
        def found():
            hits = [m for line in self.lines if (m := re.search(pattern, line))]
            return hits[skip] if len(hits) > skip else None
        with self.grew:
            assert self.grew.wait_for(lambda: found() or "(end)" in self.lines, 60) and found(), (pattern, self.lines)
            return found()

    def signal(self, number):
        self.child.send_signal(number)

    def end(self, status, within=60):
        assert self.child.wait(within) == status, (self.child.returncode, self.lines)
        self.reader.join(within)
        return "\n".join(self.lines)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()


class Edge(Child):
    """`ports` are those of an edge before, to come back at the same addresses with the same tokens and certificates."""

    def __init__(self, folder, ports=(0, 0, 0), more=(), token=TOKEN):
        (folder / "tokens").write_text(token + " alice\n")
        make_certificate(folder, "edge", "localhost")
        names = ("agent", "https", "http")
        addresses = [word for name, port in zip(names, ports) for word in (f"--{name}", f"127.0.0.1:{port}")]
        super().__init__([edge_program, *addresses, "--authtokens", "tokens", "--certificate", "edge.pem", "--key", "edge.key",
                          "--seal-key", "seal", "--drain-seconds", "1", "--threads", "2", *more], folder)
        self.folder = folder
        self.ports = tuple(map(int, self.wait_line(r"agents (\d+), https (\d+), http (\d+)").groups()))
        self.agents, self.https, self.http = self.ports

    def flags(self):
        return ["--server", f"localhost:{self.agents}", "--root-ca", str(self.folder / "edge.pem")]

    def get(self, url, path="/"):
        """(status, body) of a request over TLS, with the edge's certificate."""
        name = url.removeprefix("https://").split(":")[0]
        context = ssl.create_default_context(cafile=str(self.folder / "edge.pem"))
        context.check_hostname = False  # it has not the random names
        with socket.create_connection(("127.0.0.1", self.https), 30) as raw:
            with context.wrap_socket(raw, server_hostname=name) as tls:
                tls.sendall(f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
                head, _, body = read_all(tls).partition("\r\n\r\n")
                return int(head.split()[1]), body


def agent(edge, *arguments, token=TOKEN, env=None):
    words = ["--authtoken", token] if token else []
    return Child([agent_program, *arguments, *edge.flags(), *words], edge.folder, env)


def run(folder, *arguments, env=None):
    """(status, output) of an agent that ends by itself."""
    with Child([agent_program, *arguments], folder, env) as child:
        child.child.wait(60)
        child.reader.join(60)
        return child.child.returncode, "\n".join(child.lines)


def started(child, name, skip=0):
    """The URL of a tunnel, once it is online."""
    return child.wait_line(rf'msg="started tunnel" name={name} url=(\S+)', skip)[1]


def read_all(connection):
    data = b""
    while chunk := connection.recv(65536):
        data += chunk
    return data.decode()


def make_certificate(folder, file, *names):
    if (folder / f"{file}.pem").exists():
        return
    subject = ",".join("DNS:" + name for name in names)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "7", "-subj",
                    "/CN=test", "-addext", "subjectAltName=" + subject, "-keyout", f"{file}.key", "-out", f"{file}.pem"],
                   cwd=folder, check=True, capture_output=True)


@contextlib.contextmanager
def web(context=None):
    """A web server on this machine that answers with what it saw; gives its port."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = f"web saw {self.path} for {self.headers['Host']}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # an agent that does not trust it hangs up
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def echo():
    """A TCP server that sends back what it gets; gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection):
        with connection, contextlib.suppress(ConnectionError):
            while data := connection.recv(65536):
                connection.sendall(data)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=[listener.accept()[0]], daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@contextlib.contextmanager
def between(edge, change):
    """A TLS proxy in front of an edge, with its certificate; the edge's bytes pass through change(). Gives its port."""
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(edge.folder / "edge.pem", edge.folder / "edge.key")
    theirs = ssl.create_default_context(cafile=str(edge.folder / "edge.pem"))

    async def pipe(reader, writer, through):
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(through(data))
                await writer.drain()
        writer.close()

    async def serve(reader, writer):
        from_edge, to_edge = await asyncio.open_connection("127.0.0.1", edge.agents, ssl=theirs, server_hostname="localhost")
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(pipe(reader, to_edge, bytes), pipe(from_edge, writer, change))

    async def end():
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0, ssl=ours))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def connect(url):
    host, port = url.removeprefix("tcp://").split(":")
    connection = socket.create_connection((host, int(port)), 30)
    connection.settimeout(30)
    return connection


class Terminal:
    """What a program writes to a terminal of its own, as bytes, and as a page of text after each redraw."""

    def __init__(self, command, folder):
        self.data = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.environ["HOME"] = str(folder)
            os.execv(command[0], command)

    def wait(self, pattern):
        """Until the newest complete page matches."""
        end = time.monotonic() + 60
        while True:
            if match := re.search(pattern, self.page()):
                return match
            assert self.read(end), f"{pattern!r} is not on the page:\n{self.page()}\n{self.data!r}"

    def read(self, end):
        ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
        with contextlib.suppress(OSError):  # EIO: the program has ended
            chunk = os.read(self.fd, 65536) if ready else b""
            self.data += chunk
            return bool(chunk)
        return False

    def page(self):
        pages = self.data.split(b"\x1b[?2026l")[:-1]
        return re.sub(r"\x1b\[[?0-9]*[A-Za-z]", "", pages[-1].decode()) if pages else ""

    def end(self):
        end = time.monotonic() + 60
        while self.read(end):
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
