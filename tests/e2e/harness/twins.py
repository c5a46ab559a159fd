"""A real nginx and a weir with what `weir import` made of the same configuration, side by side, before the same echoing
backends. Configurations are written with the ports 8080, 8081, 8443 to listen on and 9001 to 9005 to call; each twin gets
ports of its own for the former. outcome() is what became of a request, as far as a client and a backend can see."""
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .gateway import Gateway, run_weir
from .ports import free_port
from .raw import Broken, Connection, RawUpstream, connect

LISTENS, BACKENDS = (8080, 8081, 8443), (9001, 9002, 9003, 9004, 9005)


@dataclass(frozen=True)
class Outcome:
    status: int            # 0: closed without an answer
    backend: int = 0       # as written: 9001 …
    method: str = ""       # at the backend
    target: str = ""
    host: str = ""
    location: str = ""
    body: str = ""


class Backends:
    """Answers every request with what came: port, method, target and Host stand in X-Echo."""
    def __init__(self):
        self.made = {written: RawUpstream(default=lambda connection, written=written: self._echo(connection, written))
                     for written in BACKENDS}
        self.ports = {written: one.port for written, one in self.made.items()}
        self.counts = dict.fromkeys(BACKENDS, 0)
        self._lock = threading.Lock()

    def _echo(self, connection, written):
        while True:
            try:
                head, _ = connection.read_request()
            except (Broken, OSError):
                return
            with self._lock:
                self.counts[written] += 1
            echo = f"{written} {head.method} {head.target} {head.get('host', '')}"
            connection.send(f"HTTP/1.1 200 OK\r\nX-Echo: {echo}\r\nContent-Length: 0\r\n\r\n")

    def stop(self):
        for one in self.made.values():
            one.stop()


def certificate(folder):
    folder.mkdir(exist_ok=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=weir.test",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)


class Twins:
    def __init__(self, folder, source, listen=None):
        """source: a file, or a folder with nginx.conf in it. listen: for `weir import --listen`, as written."""
        self.folder, self.backends = Path(folder), Backends()
        self.processes, self.gateway = [], None
        self.ports = {twin: {port: free_port() for port in LISTENS} for twin in ("nginx", "weir")}
        www = self.folder / "www"
        www.mkdir(exist_ok=True)
        (www / "index.html").write_text("<html>files of nginx</html>")
        (self.folder / "empty").mkdir(exist_ok=True)
        if "/srv/tls/" in self.sources(source)[0][1]:
            certificate(self.folder / "tls")
        self.mains = {twin: self._write(source, twin) for twin in ("nginx", "weir")}
        self._start_nginx()
        self._import(listen)

    @staticmethod
    def sources(source):
        """[(name below the folder, text)], the main file first."""
        if source.is_file():
            return [("nginx.conf", source.read_text())]
        files = [source / "nginx.conf"] + sorted(p for p in source.rglob("*") if p.is_file() and p.name != "nginx.conf")
        return [(str(path.relative_to(source)), path.read_text()) for path in files]

    def _write(self, source, twin):
        home = self.folder / twin
        ports = {**self.ports[twin], **self.backends.ports}
        for name, text in self.sources(source):
            for written, used in ports.items():
                text = re.sub(rf"\b{written}\b", str(used), text)
            for where in ("/srv/", "/var/log/nginx/", "/run/"):
                text = text.replace(where, f"{self.folder}/")
            if twin == "nginx" and name == "nginx.conf":   # folders that whoever runs the test may write to
                temporary = "".join(f"{kind}_temp_path {self.folder}/t-{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
                text = text.replace("http {", "http { " + temporary, 1)
                if "pid " not in text:
                    text = f"pid {self.folder}/nginx.pid; {text}"   # on the first line: numbers of lines stay
            path = home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.texts = getattr(self, "texts", {})
        self.texts[twin] = {name: (home / name).read_text() for name, _ in self.sources(source)}
        return home / "nginx.conf"

    def _start_nginx(self):
        errors = self.folder / "error.log"
        said = self.texts["nginx"]["nginx.conf"]
        user = " user root;" if os.geteuid() == 0 and not re.search(r"^user ", said, re.M) else ""
        self.processes.append(subprocess.Popen(
            ["/usr/sbin/nginx", "-c", str(self.mains["nginx"]), "-e", str(errors), "-g", "daemon off;" + user],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._listening("nginx")), 1).close()
                return
            except OSError:
                assert self.processes[0].poll() is None and time.monotonic() < until, errors.read_text()
                time.sleep(0.02)

    def _listening(self, twin):
        """A port that some server listens on."""
        text = "".join(self.texts[twin].values())
        return next(port for port in self.ports[twin].values() if re.search(rf"listen\s[^;]*\b{port}\b", text))

    def _import(self, listen):
        words = ["--listen", str(self.ports["weir"][listen])] if listen else []
        self.out = self.folder / "weir" / "weir.yaml"
        done = run_weir("import", str(self.mains["weir"]), "--out", str(self.out), "--report", "json", *words, cwd=self.folder)
        assert done.returncode == 0, done.stdout + done.stderr
        self.report_text = done.stdout
        checked = run_weir("check", str(self.out), cwd=self.folder)
        assert checked.returncode == 0, checked.stdout
        own = self.folder / "gateway"
        own.mkdir()
        self.gateway = Gateway(own)
        self.gateway.file.write_text(
            self.out.read_text() + f"\nadmin: {{address: \"127.0.0.1:{self.gateway.admin_port}\"}}\ndata_dir: {self.gateway.data}\n")
        self.gateway.start()

    def asker(self, twin, written):
        """A function that sends a request to the twin's port `written` and answers its Outcome."""
        port = self.ports[twin][written]
        tls = twin == "nginx" and written == 8443
        held = []

        def open_one():
            connection = connect(port)
            if tls:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                connection = Connection(context.wrap_socket(connection.sock))
            return connection

        def ask(request):
            for again in (True, False):
                fresh = not held
                connection = held.pop() if held else open_one()
                try:
                    connection.send(request.bytes_for(port))
                    head, body = connection.read_response(request.method)
                except (Broken, OSError):
                    connection.close()
                    if again and not fresh:
                        continue   # a kept connection may have been closed meanwhile
                    return Outcome(0)
                if head.get("connection", "").lower() == "close":
                    connection.close()
                else:
                    held.append(connection)
                return self._outcome(head, body, port)
            return Outcome(0)
        return ask

    @staticmethod
    def _outcome(head, body, port):
        if echo := head.get("x-echo"):
            written, method, target, host = echo.split(" ", 3)
            return Outcome(head.status, int(written), method, target, re.sub(rf":{port}$", "", host))
        location = re.sub(rf"^(https?://[^/]*?):{port}(/|$)", r"\1\2", head.get("location", ""))
        return Outcome(head.status, location=location, body=body.decode("latin-1"))

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self.gateway is not None:
            self.gateway.stop()
        self.backends.stop()
