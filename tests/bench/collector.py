"""A collector of traces that takes everything (OTLP over HTTP) and keeps nothing."""

import http.server
import multiprocessing

from machine import free_port, listens, wait_for


class Taker(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments):
        pass


def serve(port):
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Taker).serve_forever()


class Collector:
    """One in a process of its own."""

    def __init__(self):
        port = free_port()
        self.environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
        self.process = multiprocessing.Process(target=serve, args=(port,), daemon=True)
        self.process.start()
        wait_for("the collector listens", lambda: listens(port))

    def stop(self):
        self.process.terminate()
        self.process.join()
