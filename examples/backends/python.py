"""A session backend in Python: greets the user whom the edge has verified."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        user = self.headers.get("x-verified-username", "stranger")
        body = f"Hello {user} from Python\n".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def end(*_):
    # The platform sends SIGTERM, and waits before it kills: save what must stay.
    print("saved", flush=True)
    sys.exit()


signal.signal(signal.SIGTERM, end)
ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
