"""A real nginx from Debian as upstream, on a free port: files from a folder, PUT /upload/NAME which stores a body and
answers 201, keep-alive without end. Its own temporary folders and pid; stopped by pid."""
import os
import signal
import subprocess
import time
from pathlib import Path

from .ports import free_port
from .raw import get

_CONF = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_timeout 600s; keepalive_requests 100000000; client_max_body_size 0;
  default_type application/octet-stream; types {{ text/html html; text/plain txt; }}
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    root {files};
    location = /ok {{ return 200 "ok"; }}
    location /upload/ {{ dav_methods PUT; create_full_put_path on; client_body_buffer_size 64k; }}
  }}
}}
"""


class Nginx:
    def __init__(self, folder, files):
        self.folder = Path(folder) / "nginx"
        self.folder.mkdir()
        self.port = free_port()
        conf = self.folder / "nginx.conf"
        conf.write_text(_CONF.format(folder=self.folder, files=files, port=self.port))
        if os.geteuid() == 0:   # its worker runs as www-data and must reach the files
            for path in (self.folder, Path(files)):
                path.chmod(0o755)
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-c", str(conf), "-e", str(self.folder / "error.log"),
                                         *(["-g", "user root;"] if os.geteuid() == 0 else [])],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while True:
            try:
                if get(self.port, "/ok", timeout=1)[0].status == 200:
                    return
            except OSError:
                pass
            assert self.process.poll() is None and time.monotonic() < until, (self.folder / "error.log").read_text()
            time.sleep(0.05)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
