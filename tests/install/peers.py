"""Two TLS servers on free loopback ports for the consumer tests: HTTPS, and enough PostgreSQL to log in over TLS."""
import pathlib
import socket
import ssl
import struct
import subprocess
import threading


def make_certificate(directory: pathlib.Path):
    cert, key = directory / "peer.pem", directory / "peer.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return cert, key


def https(connection, context):
    with context.wrap_socket(connection, server_side=True) as tls:
        request = b""
        while b"\r\n\r\n" not in request:
            piece = tls.recv(4096)
            if not piece:
                return
            request += piece
        tls.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 13\r\n\r\nfrom the peer")


def exactly(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise ConnectionError("closed early")
        data += piece
    return data


def postgresql(connection, context):
    """SSLRequest, 'S', TLS, a startup message, and the least that libpq takes for a successful login."""
    length, code = struct.unpack("!II", exactly(connection, 8))
    if (length, code) != (8, 80877103):
        return
    connection.sendall(b"S")
    with context.wrap_socket(connection, server_side=True) as tls:
        exactly(tls, struct.unpack("!I", exactly(tls, 4))[0] - 4)
        version = b"server_version\0" + b"15.0\0"
        tls.sendall(b"R" + struct.pack("!II", 8, 0) + b"S" + struct.pack("!I", 4 + len(version)) + version +
                    b"K" + struct.pack("!III", 12, 1, 2) + b"Z" + struct.pack("!I", 5) + b"I")
        while tls.recv(4096):
            pass


def serve(handler, context):
    """Returns the port; connections are served by threads that end with the process."""
    listener = socket.create_server(("127.0.0.1", 0))

    def one(connection):
        try:
            handler(connection, context)
        except OSError:  # the consumer reports what it misses
            pass
        finally:
            connection.close()

    def loop():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()
    return listener.getsockname()[1]


def start(directory: pathlib.Path):
    """Returns (https port, postgresql port, file of the certificate to trust)."""
    cert, key = make_certificate(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return serve(https, context), serve(postgresql, context), cert
