"""The edge program as a context: `with AnEdge(program) as edge:` has edge.agents, edge.https, edge.http (ports), edge.ca."""
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading

TOKEN = "example-token"


class AnEdge:
    def __init__(self, program):
        self.program = os.path.abspath(program)

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="adit-edge-")
        folder = pathlib.Path(self.folder.name)
        self.ca = str(folder / "ca.pem")
        (folder / "tokens").write_text(TOKEN + "\n")
        self.child = subprocess.Popen(
            [self.program, "--agent", "127.0.0.1:0", "--https", "127.0.0.1:0", "--http", "127.0.0.1:0", "--authtokens", "tokens",
             "--write-ca", "ca.pem", "--access-log", "access.log", "--drain-seconds", "5"],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        lines = []
        for line in self.child.stderr:
            lines.append(line)
            if ready := re.search(r"agents (\d+), https (\d+), http (\d+)", line):
                self.agents, self.https, self.http = map(int, ready.groups())
                threading.Thread(target=self.child.stderr.read, daemon=True).start()
                return self
        self.folder.cleanup()
        raise AssertionError(f"the edge did not start: {lines}")

    def __exit__(self, *_):
        self.child.send_signal(signal.SIGTERM)
        status = self.child.wait(40)
        self.folder.cleanup()
        assert status == 0, f"the edge ended with {status}"

    def environment(self, token=TOKEN):
        """For a program that reads its options from there."""
        return {**os.environ, "ADIT_SERVER": f"localhost:{self.agents}", "ADIT_AUTHTOKEN": token, "ADIT_ROOTS": self.ca}

    def get(self, name, path="/"):
        """What a visitor of https://name gets."""
        context = ssl.create_default_context(cafile=self.ca)
        with socket.create_connection(("127.0.0.1", self.https), 30) as raw:
            with context.wrap_socket(raw, server_hostname=name) as tls:
                tls.sendall(f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
                data = b""
                while chunk := tls.recv(65536):
                    data += chunk
                return data.decode()
