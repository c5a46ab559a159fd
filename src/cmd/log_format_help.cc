// `weir help log-format`: what a log should hold so that plan can judge by it, and what the
// programs before weir must be told to write.
#include "cmd/log_format_help.h"

namespace weir::cmd {

std::string log_format_help() {
  return R"(What weir plan and weir advise read, and what a log should hold to be judged by

Formats (--log-format; auto, the default, recognises them):
  nginx, nginx:TEXT (the text of a log_format), nginx-json, apache, apache:TEXT (of a LogFormat),
  caddy, traefik, traefik-json, envoy, istio, envoy-gateway, haproxy, alb, elb, cloudfront,
  nginx-proxy-manager, csv:MAP and tsv:MAP (csv:client=ip,time=date+time,status=#8; recognised
  where the first line names the columns: client_ip, timestamp, status, path …)

What each fact is good for
  a clock finer than a second   one answer for each limit instead of two bounds
  the host                      routes with hosts (or --host NAME, where a log is of one)
  time until the answer         timeouts
  the upstream's address        balance, capacity
  who asked                     limits by caller, known callers: --field identity:RULE=FIELD

nginx: in http {}, then  access_log /var/log/nginx/weir.log weir;
  log_format weir escape=json '{"msec":"$msec","remote_addr":"$remote_addr",'
    '"request":"$request","status":"$status","host":"$host","request_time":"$request_time",'
    '"upstream_response_time":"$upstream_response_time","upstream_addr":"$upstream_addr",'
    '"http_user_agent":"$http_user_agent","http_x_forwarded_for":"$http_x_forwarded_for"}';

Apache:
  LogFormat "%h %l %u [%{%d/%b/%Y:%T}t.%{msec_frac}t %{%z}t] \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\" %v %D" weir
  CustomLog logs/weir.log weir          read it with --log-format 'apache:…' and the same text

HAProxy: option httplog has all but the host: capture request header Host len 128
  Its times have no zone: --zone +09:00, where they are not of UTC
Envoy, Istio, Envoy Gateway, Caddy, Traefik JSON, ALB: as they come

More fields: --field header:X-Tenant=FIELD, query:NAME=FIELD, client=FIELD (who the client is,
behind a balancer), identity:RULE=FIELD (whom rule RULE of the configuration would have verified)
)";
}

}  // namespace weir::cmd
