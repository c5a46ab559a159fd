"""The programs under test and how each is told to do the same thing. A Setup says what is wanted; a proxy's `files`
makes its configuration, `command` its argv, `can` what it is able to do. One worker each, logs of their best kind."""
from dataclasses import dataclass, field
from pathlib import Path

LIMIT_MEMORY = "256m"   # room for a million keys


@dataclass
class Setup:
    folder: Path
    port: int
    admin_port: int
    backend: int            # its port
    hosts: int = 0          # h0.example.test ... beside the default
    limit: bool = False     # one per value of the query name k, too wide to refuse anyone
    log: bool = False       # one line of JSON a request
    metrics: bool = False
    record: bool = True     # weir alone: arrivals, flights, the follower, the directory of callers
    watched: bool = False   # weir alone: a change is made live and watched, so that two policies decide
    resilience: str = ""    # weir alone: "none", "all" but external auth, "": what is on by itself
    auth: str = ""          # weir alone: a service is "asked" for every request, or its answers are "kept"
    revision: int = 0       # changes the file, and nothing that is asked for


def host(number):
    return f"h{number}.example.test"


def nginx(s):
    limit = " limit_req zone=keys burst=1000000 nodelay;" if s.limit else ""
    place = f"location / {{ proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Host $host;{limit} }}"
    log = "access_log off;"
    if s.log:
        log = ("log_format json escape=json '{\"time\":\"$time_iso8601\",\"client\":\"$remote_addr\",\"method\":\"$request_method\",\"uri\":\"$request_uri\","
               "\"status\":$status,\"bytes\":$body_bytes_sent,\"took\":$request_time,\"upstream_took\":\"$upstream_response_time\",\"agent\":\"$http_user_agent\"}';\n"
               f"access_log {s.folder}/access.log json buffer=64k;")
    zone = f"limit_req_zone $arg_k zone=keys:{LIMIT_MEMORY} rate=1000000r/s;" if s.limit else ""
    status = "location = /-metrics { stub_status; }" if s.metrics else ""
    temp = "".join(f"{kind}_temp_path {s.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    servers = "".join(f"server {{ listen 127.0.0.1:{s.port}; server_name {host(n)}; {place} }}\n" for n in range(s.hosts))
    return {"nginx.conf": f"""# {s.revision}
daemon off; worker_processes 1; worker_rlimit_nofile 19900; pid {s.folder}/nginx.pid; error_log {s.folder}/error.log error;
events {{ worker_connections 19000; }}
http {{
  {log} {zone} {temp}
  keepalive_requests 100000000; keepalive_timeout 600s; server_names_hash_max_size 65536; server_names_hash_bucket_size 128;
  upstream backend {{ server 127.0.0.1:{s.backend}; keepalive 2000; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{s.port} default_server backlog=4096; server_name _; {status} {place} }}
  {servers}
}}
"""}


def haproxy(s):
    files, rules = {}, ""
    if s.hosts:
        files["hosts.map"] = "".join(f"{host(n)} b{n}\n" for n in range(s.hosts))
        rules += f"  use_backend %[req.hdr(host),lower,map({s.folder}/hosts.map,backend)]\n"
    if s.limit:
        rules = ("  stick-table type string len 16 size 2m expire 60s store http_req_rate(10s)\n  http-request track-sc0 url_param(k)\n"
                 "  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 100000000 }\n") + rules
    log = ("  log stdout format raw local0\n  log-format '{\"time\":\"%tr\",\"client\":\"%ci\",\"method\":\"%HM\",\"uri\":\"%HU\",\"status\":%ST,\"bytes\":%B,"
           "\"took\":%Ta,\"upstream_took\":%Tr}'\n") if s.log else ""
    metrics = f"frontend metrics\n  bind 127.0.0.1:{s.admin_port}\n  http-request use-service prometheus-exporter\n" if s.metrics else ""
    backends = "".join(f"backend b{n}\n  server s 127.0.0.1:{s.backend}\n" for n in range(s.hosts))
    files["haproxy.cfg"] = f"""# {s.revision}
global
  nbthread 1
  no strict-limits
  maxconn 19000
  stats socket {s.folder}/sock mode 600 level admin expose-fd listeners
defaults
  mode http
  timeout client 600s
  timeout server 600s
  timeout connect 5s
  timeout http-keep-alive 600s
  http-reuse always
{log}
frontend public
  bind 127.0.0.1:{s.port} backlog 4096
{rules}  default_backend backend
{metrics}
backend backend
  server s 127.0.0.1:{s.backend} pool-max-conn 4000
{backends}"""
    return files


def nghttpx(s):
    log = ('accesslog-file=%s/access.log\naccesslog-format={"time":"$time_iso8601","client":"$remote_addr","method":"$method","uri":"$path",'
           '"status":$status,"bytes":$body_bytes_sent,"took":$request_time}\n' % s.folder) if s.log else "accesslog-file=/dev/null\naccesslog-format=\n"
    hosts = "".join(f"backend=127.0.0.1,{s.backend};{host(n)}/\n" for n in range(s.hosts))
    return {"nghttpx.conf": f"""# {s.revision}
frontend=127.0.0.1,{s.port};no-tls
backend=127.0.0.1,{s.backend}
{hosts}workers=1
no-server-push=yes
errorlog-file={s.folder}/error.log
frontend-keep-alive-timeout=600
worker-frontend-connections=0
rlimit-nofile=19900
{log}"""}


# Everything that keeps one failing part from becoming an outage, too wide to refuse anyone here.
RESILIENCE = {
    "": ("", "", ""),
    "none": ("", ", ejection: false", "defaults: {retry: {max_retries: 0}}\n"),
    "all": ("concurrency: [{name: at-once, key: client_ip, max_in_flight: 100000}]\n",
            ", health_check: {path: /100}, breaker: {max_in_flight: 100000, max_in_flight_per_endpoint: 100000, failure_ratio: 50%}"
            ", adaptive_limit: {min: 10000}",
            "defaults: {timeouts: {total: 60s}, concurrency: [at-once], retry: {max_retries: 2, on: [connect_failed, closed, timeout, '503'], per_try_timeout: 20s}}\n"
            "deadline: {header: X-Left}\n"),
}


def weir(s):
    lists, upstream, defaults = RESILIENCE[s.resilience]
    limits = "limits: [{name: per-key, key: 'query:k', rate: 1000000/s, burst: 1000000}]\n" if s.limit else ""
    use = ", limits: [per-key]" if s.limit else ""
    if s.auth:
        kept = ", cache: 60s" if s.auth == "kept" else ""
        use += f", auth: {{external: {{upstream: backend, path: /2, timeout: 5s, on_failure: refuse{kept}}}}}"
    # At once, so that a reload is one; else what is forced below is watched.
    rollout = "" if s.watched else "rollout: {shadow: none, canary: [], watch: none}\n"
    routes = "".join(f"  - {{name: h{n}, match: {{hosts: [{host(n)}], path: /*}}, upstream: backend{use}}}\n" for n in range(s.hosts))
    return {"gateway.yaml": f"""# {s.revision}
version: 1
workers: 1
listeners: [{{name: public, address: '127.0.0.1:{s.port}', timeouts: {{idle: 600s}}}}]
admin: {{address: '127.0.0.1:{s.admin_port}'}}
data_dir: {s.folder}/data
access_log: {f"{s.folder}/access.log" if s.log else "off"}
{"" if s.record else "record: {enabled: false}"}
{rollout}{limits}{lists}{defaults}upstreams: [{{name: backend, endpoints: ['127.0.0.1:{s.backend}']{upstream}}}]
routes:
  - {{name: default, match: {{path: /*}}, upstream: backend{use}}}
{routes}"""}


@dataclass
class Proxy:
    name: str
    program: str
    files: object           # Setup -> {file name: text}
    arguments: object       # Setup -> [argument]
    can: set = field(default_factory=set)
    reload: str = "HUP"     # the signal; weir applies by its command instead

    def command(self, setup):
        return [self.program, *self.arguments(setup)]


ALL = {"small", "forward", "hosts", "limit", "log", "metrics", "reload", "idle"}


def proxies(weir_program):
    return {p.name: p for p in [
        Proxy("weir", weir_program, weir, lambda s: ["run", "-c", f"{s.folder}/gateway.yaml"], ALL | {"record"}),
        Proxy("nginx", "/usr/sbin/nginx", nginx, lambda s: ["-c", f"{s.folder}/nginx.conf", "-e", f"{s.folder}/error.log"], ALL),
        Proxy("haproxy", "/usr/sbin/haproxy", haproxy, lambda s: ["-W", "-q", "-f", f"{s.folder}/haproxy.cfg"], ALL, "USR2"),
        Proxy("nghttpx", "/usr/sbin/nghttpx", nghttpx, lambda s: ["--conf", f"{s.folder}/nghttpx.conf"], {"small", "forward", "hosts", "log", "reload", "idle"}),
        # Reads nothing of what it copies: below it no proxy can be (bench/copier.cc).
        Proxy("copier", str(Path(weir_program).with_name("bench_copier")), lambda s: {}, lambda s: [str(s.port), str(s.backend)], {"small"}),
    ]}
