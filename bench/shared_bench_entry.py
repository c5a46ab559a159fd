# weir as one more proxy of the outside benchmark in ../shared/bench: BENCH_EXTRA names this file, which is run there
# (exec, so without a file name of its own) and adds its entry to PROXIES. `weir` must be on PATH.
#   cd ../shared/bench && PATH=$PWD/../../main/build/release:$PATH BENCH_EXTRA=$PWD/../../main/bench/shared_bench_entry.py \
#     ./bench.py --proxies weir,nginx,haproxy,nghttpx --cases ka64,full,bare


def _weir_configuration(o):
    limits = "limits: [{name: per-key, key: 'query:k', rate: 1000000/s, burst: 1000000}]\n" if o.limit else ""
    use = ", limits: [per-key]" if o.limit else ""
    log = f"access_log: {o.dir}/access.log\n" if o.log else ""
    routes = "".join(f"  - {{name: h{i}, match: {{hosts: [h{i}.example.test], path: /*}}, upstream: b{use}}}\n" for i in range(o.routes))
    return {"gateway.yaml": f"""version: 1
workers: 1
listeners: [{{name: public, address: '127.0.0.1:{o.port}', timeouts: {{idle: 600s}}}}]
admin: {{address: '127.0.0.1:{o.port + 500}'}}
data_dir: {o.dir}/data
{log}{limits}upstreams: [{{name: b, endpoints: ['127.0.0.1:{o.bport}']}}]
routes:
  - {{name: all, match: {{path: /*}}, upstream: b{use}}}
{routes}"""}


PROXIES["weir"] = dict(bin="weir", conf=_weir_configuration, cmd=lambda o: ["weir", "run", "-c", o.dir + "/gateway.yaml"],   # noqa: F821
                       caps={"h1", "limit", "log", "metrics", "routes", "reload", "idle", "full"}, reload="hup")
