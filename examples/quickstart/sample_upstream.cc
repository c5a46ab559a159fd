// A sample upstream for `./dev run` and the quick start: says who it is and what reached it.
//   sample_upstream ADDRESS:PORT NAME        e.g. 127.0.0.1:9001 catalog-1
// Answers every request with JSON {"served_by", "method", "target", "headers", "body_bytes"}, except
//   /healthz 200, .../status/503 that status, .../slow/250 after 250 ms (at most 10 s)
// One thread per connection, keep-alive, at most 256 connections. It trusts what is before it: a sample, not a server.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

namespace {

constexpr std::size_t kMaxHead = 64 * 1024;
constexpr int kMaxConnections = 256;

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool receive_more(int fd, std::string& into) {
  char buffer[16 * 1024];
  const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
  if (got <= 0) return false;
  into.append(buffer, static_cast<std::size_t>(got));
  return true;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", c);
      out += escape;
    } else {
      out += c;
    }
  }
  return out + '"';
}

struct Request {
  std::string method, target, headers_json;
  std::size_t length = 0;
  bool chunked = false;
  bool close = false;
};

Request parse(std::string_view head) {
  Request request;
  std::size_t end = head.find("\r\n");
  const std::string_view line = head.substr(0, end);
  const std::size_t first = line.find(' ');
  const std::size_t second = line.rfind(' ');
  request.method = line.substr(0, first);
  if (second > first) request.target = line.substr(first + 1, second - first - 1);
  while (end + 2 < head.size()) {
    const std::size_t start = end + 2;
    end = head.find("\r\n", start);
    const std::string_view field = head.substr(start, end - start);
    const std::size_t colon = field.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string name(field.substr(0, colon));
    std::string_view value = field.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    if (strcasecmp(name.c_str(), "content-length") == 0) {
      request.length = std::strtoull(std::string(value).c_str(), nullptr, 10);
    }
    request.chunked |= strcasecmp(name.c_str(), "transfer-encoding") == 0;
    request.close |= strcasecmp(name.c_str(), "connection") == 0 && value == "close";
    if (!request.headers_json.empty()) request.headers_json += ", ";
    request.headers_json += quoted(name) + ": " + quoted(value);
  }
  return request;
}

// The number behind `key` in the target, or `fallback`.
long number_after(std::string_view target, std::string_view key, long fallback) {
  const std::size_t at = target.find(key);
  return at == std::string_view::npos ? fallback : std::atol(std::string(target.substr(at + key.size())).c_str());
}

// Takes the body out of `input`; false when the connection ended first.
bool skip_body(int fd, const Request& request, std::string& input, std::size_t& size) {
  if (!request.chunked) {
    while (input.size() < request.length) {
      if (!receive_more(fd, input)) return false;
    }
    input.erase(0, request.length);
    size = request.length;
    return true;
  }
  for (;;) {
    std::size_t line;
    while ((line = input.find("\r\n")) == std::string::npos) {
      if (!receive_more(fd, input)) return false;
    }
    const std::size_t chunk = std::strtoull(input.c_str(), nullptr, 16);
    while (input.size() < line + 2 + chunk + 2) {
      if (!receive_more(fd, input)) return false;
    }
    input.erase(0, line + 2 + chunk + 2);   // the last chunk's end is its empty trailer section
    if (chunk == 0) return true;
    size += chunk;
  }
}

void serve(int fd, const std::string& name) {
  std::string input;
  for (;;) {
    std::size_t end;
    while ((end = input.find("\r\n\r\n")) == std::string::npos) {
      if (input.size() > kMaxHead || !receive_more(fd, input)) return;
    }
    const Request request = parse(std::string_view(input).substr(0, end + 2));
    input.erase(0, end + 4);
    std::size_t size = 0;
    if (!skip_body(fd, request, input, size)) return;
    const long wait = std::clamp(number_after(request.target, "/slow/", 0), 0L, 10'000L);
    std::this_thread::sleep_for(std::chrono::milliseconds(wait));
    const long status = std::clamp(number_after(request.target, "/status/", 200), 200L, 599L);
    const std::string body = "{\"served_by\": " + quoted(name) + ", \"method\": " + quoted(request.method) +
                             ", \"target\": " + quoted(request.target) + ", \"body_bytes\": " + std::to_string(size) +
                             ",\n \"headers\": {" + request.headers_json + "}}\n";
    std::string answer = "HTTP/1.1 " + std::to_string(status) + " Sample\r\nContent-Type: application/json\r\n";
    const bool no_body = status == 204 || status == 304;
    if (!no_body) answer += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    answer += "\r\n";
    if (!no_body && request.method != "HEAD") answer += body;
    if (!send_all(fd, answer) || request.close) return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view address = argc == 3 ? argv[1] : "";
  const std::size_t colon = address.rfind(':');
  sockaddr_in local{};
  local.sin_family = AF_INET;
  if (colon == std::string_view::npos ||
      inet_pton(AF_INET, std::string(address.substr(0, colon)).c_str(), &local.sin_addr) != 1) {
    std::fprintf(stderr, "usage: sample_upstream ADDRESS:PORT NAME\n");
    return 2;
  }
  local.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1] + colon + 1)));
  const std::string name = argv[2];
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, reinterpret_cast<sockaddr*>(&local), sizeof local) != 0 || listen(listener, 128) != 0) {
    std::fprintf(stderr, "sample_upstream %s: cannot listen on %s (is it in use?)\n", argv[2], argv[1]);
    return 1;
  }
  static std::atomic<int> connections{0};
  for (;;) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    if (connections.fetch_add(1) >= kMaxConnections) {
      connections.fetch_sub(1);
      close(fd);
      continue;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::thread([fd, name] {
      serve(fd, name);
      close(fd);
      connections.fetch_sub(1);
    }).detach();
  }
}
