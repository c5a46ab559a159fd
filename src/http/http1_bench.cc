// What the codec costs per request, beside Beast's parser on the same bytes in the same run. The
// request is a browser's: ten fields, about 600 bytes.
#include <benchmark/benchmark.h>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/canonical.h"
#include "http/http1.h"

namespace weir::http {
namespace {

const std::string kRequest =
    "GET /catalog/items/4711?sort=price&page=2 HTTP/1.1\r\n"
    "Host: api.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: "
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Connection: keep-alive\r\n"
    "Referer: https://www.example.com/catalog/items/4710?from=search\r\n"
    "Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; consent=1\r\n"
    "X-Api-Key: 0123456789abcdef0123456789abcdef\r\n"
    "Cache-Control: no-cache\r\n\r\n";

const std::string kResponse =
    "HTTP/1.1 200 OK\r\n"
    "Server: nginx/1.22.1\r\n"
    "Date: Mon, 27 Jul 2009 12:28:53 GMT\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 100\r\n"
    "Last-Modified: Wed, 22 Jul 2009 19:15:56 GMT\r\n"
    "Connection: keep-alive\r\n"
    "ETag: \"34aa387-d-1568eb00\"\r\n"
    "Accept-Ranges: bytes\r\n\r\n";

const std::string kSmallRequest = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

void parse_request(benchmark::State& state, const std::string& text) {
  RequestHead head;
  RequestParser parser;
  for (auto _ : state) {
    benchmark::DoNotOptimize(parser.parse(text, {}, head));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK_CAPTURE(parse_request, browser, kRequest);
BENCHMARK_CAPTURE(parse_request, smallest, kSmallRequest);

void parse_response(benchmark::State& state) {
  ResponseHead head;
  ResponseParser parser;
  for (auto _ : state) {
    benchmark::DoNotOptimize(parser.parse(kResponse, {}, {}, head));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(parse_response);

// A parser that keeps nothing: less than a gateway needs, so the comparison favours it.
class Beast : public boost::beast::http::basic_parser<true> {
  using View = boost::beast::string_view;
  using Code = boost::beast::error_code;
  void on_request_impl(boost::beast::http::verb, View, View, int, Code&) override {}
  void on_response_impl(int, View, int, Code&) override {}
  void on_field_impl(boost::beast::http::field, View, View, Code&) override {}
  void on_header_impl(Code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Code&) override {}
  std::size_t on_body_impl(View body, Code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, View, Code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View body, Code&) override { return body.size(); }
  void on_finish_impl(Code&) override {}
};

void parse_request_beast(benchmark::State& state) {
  for (auto _ : state) {
    Beast parser;
    boost::beast::error_code error;
    benchmark::DoNotOptimize(
        parser.put(boost::asio::const_buffer(kRequest.data(), kRequest.size()), error));
  }
}
BENCHMARK(parse_request_beast);

void strip_and_write_request(benchmark::State& state) {
  RequestHead head;
  RequestParser parser;
  parser.parse(kRequest, {}, head);
  std::string out;
  for (auto _ : state) {
    Fields fields = head.fields;
    strip_hop_by_hop(fields);
    out.clear();
    write_request_head(head.method, head.target, fields, head.framing, out);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(strip_and_write_request);

void write_response(benchmark::State& state) {
  ResponseHead head;
  ResponseParser parser;
  parser.parse(kResponse, {}, {}, head);
  std::string out;
  for (auto _ : state) {
    out.clear();
    write_response_head(head.status, head.reason, head.fields, head.framing, {}, out);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(write_response);

void canonical(benchmark::State& state) {
  std::string storage;
  for (auto _ : state) {
    benchmark::DoNotOptimize(canonical_path("/catalog/items/4711", EncodedSlash::refuse, storage));
    benchmark::DoNotOptimize(canonical_host("api.example.com", storage));
  }
}
BENCHMARK(canonical);

void canonical_rewritten(benchmark::State& state) {
  std::string storage;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        canonical_path("/catalog/./items/%34711/../4712", EncodedSlash::refuse, storage));
    benchmark::DoNotOptimize(canonical_host("API.example.com.", storage));
  }
}
BENCHMARK(canonical_rewritten);

void read_chunks(benchmark::State& state) {
  std::string body;
  for (int i = 0; i < 4; ++i) body += "1000\r\n" + std::string(4096, 'x') + "\r\n";
  body += "0\r\n\r\n";
  for (auto _ : state) {
    BodyReader reader({.kind = Framing::Kind::chunked, .length = 0});
    std::string_view rest = body;
    while (!reader.finished()) rest.remove_prefix(reader.next(rest).consumed);
    benchmark::DoNotOptimize(rest);
  }
}
BENCHMARK(read_chunks);

// A head that comes a byte at a time: what a trickling client costs in all.
void parse_request_by_bytes(benchmark::State& state) {
  RequestHead head;
  RequestParser parser;
  for (auto _ : state) {
    for (std::size_t seen = 1; seen <= kRequest.size(); ++seen) {
      benchmark::DoNotOptimize(parser.parse(std::string_view(kRequest).substr(0, seen), {}, head));
    }
  }
}
BENCHMARK(parse_request_by_bytes);

}  // namespace
}  // namespace weir::http
