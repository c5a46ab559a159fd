// For fuzzers only: one message read by two foreign parsers, in the shape in which weir's reading
// is (http1_reading_test.h).
//   Beast    Boost.Beast's basic_parser, eager
//   llhttp   8.1, Node's parser, in strict mode; there only when the build found its sources (./dev
//            fetches them)
// Each reader stops behind the first message of its input; the end of the input counts as the
// peer's end only where the message ends by close.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#ifdef WEIR_HAVE_LLHTTP
#include <llhttp.h>
#endif

#include "http/http1_reading_test.h"

namespace weir::http::oracle {

template <bool IsRequest>
class Beast : public boost::beast::http::basic_parser<IsRequest> {
 public:
  using View = boost::beast::string_view;
  using Code = boost::beast::error_code;

  Reading reading;

 private:
  void on_request_impl(boost::beast::http::verb, View method, View target, int, Code&) override {
    reading.method.assign(method.data(), method.size());
    reading.target.assign(target.data(), target.size());
  }
  void on_response_impl(int code, View, int, Code&) override {
    reading.status = static_cast<unsigned>(code);
  }
  void on_field_impl(boost::beast::http::field, View name, View value, Code&) override {
    if (!reading.head) {
      reading.fields.emplace_back(std::string(name.data(), name.size()),
                                  std::string(value.data(), value.size()));
    }
  }
  void on_header_impl(Code&) override { reading.head = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Code&) override {}
  std::size_t on_body_impl(View body, Code&) override {
    reading.body.append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, View, Code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View body, Code&) override {
    reading.body.append(body.data(), body.size());
    return body.size();
  }
  void on_finish_impl(Code&) override {}
};

template <bool IsRequest>
Reading run_beast(std::string_view input, Asked asked) {
  Beast<IsRequest> parser;
  parser.eager(true);
  parser.header_limit(64 * 1024);
  parser.body_limit(boost::none);
  if (!IsRequest) parser.skip(asked.response.head);
  boost::beast::error_code error;
  std::size_t at = 0;
  while (!parser.is_done() && !error && at < input.size()) {
    const std::size_t used =
        parser.put(boost::asio::const_buffer(input.data() + at, input.size() - at), error);
    at += used;
    if (used == 0) break;
  }
  if (error == boost::beast::http::error::need_more) error = {};
  if (!error && !parser.is_done() && parser.is_header_done() && parser.need_eof())
    parser.put_eof(error);
  Reading& reading = parser.reading;
  if (error) {
    reading.end = End::refused;
    reading.why = error.message();
  } else if (parser.is_done()) {
    reading.end = End::complete;
    reading.consumed = at;
  }
  return reading;
}

inline Reading read_with_beast(std::string_view input, Asked asked) {
  return asked.request ? run_beast<true>(input, asked) : run_beast<false>(input, asked);
}

#ifdef WEIR_HAVE_LLHTTP
struct LlhttpRun {
  Reading reading;
  Asked asked;
  bool done = false;
  std::string name;
  std::string value;
};

inline LlhttpRun& run_of(llhttp_t* parser) { return *static_cast<LlhttpRun*>(parser->data); }

inline llhttp_settings_t llhttp_callbacks() {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_url = [](llhttp_t* parser, const char* at, std::size_t length) {
    run_of(parser).reading.target.append(at, length);
    return 0;
  };
  settings.on_header_field = [](llhttp_t* parser, const char* at, std::size_t length) {
    run_of(parser).name.append(at, length);
    return 0;
  };
  settings.on_header_value = [](llhttp_t* parser, const char* at, std::size_t length) {
    run_of(parser).value.append(at, length);
    return 0;
  };
  settings.on_header_value_complete = [](llhttp_t* parser) {
    LlhttpRun& run = run_of(parser);
    while (run.value.ends_with(' ') || run.value.ends_with('\t')) run.value.pop_back();
    if (!run.reading.head)
      run.reading.fields.emplace_back(std::move(run.name), std::move(run.value));
    run.name.clear();
    run.value.clear();
    return 0;
  };
  settings.on_headers_complete = [](llhttp_t* parser) {
    LlhttpRun& run = run_of(parser);
    run.reading.head = true;
    run.reading.status = parser->status_code;
    if (run.asked.request)
      run.reading.method = llhttp_method_name(static_cast<llhttp_method_t>(parser->method));
    return !run.asked.request && run.asked.response.head ? 1 : 0;
  };
  settings.on_body = [](llhttp_t* parser, const char* at, std::size_t length) {
    run_of(parser).reading.body.append(at, length);
    return 0;
  };
  settings.on_message_complete = [](llhttp_t* parser) {
    run_of(parser).done = true;
    return static_cast<int>(HPE_PAUSED);
  };
  return settings;
}

inline Reading read_with_llhttp(std::string_view input, Asked asked) {
  const llhttp_settings_t settings = llhttp_callbacks();
  llhttp_t parser;
  llhttp_init(&parser, asked.request ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
  LlhttpRun run{.reading = {}, .asked = asked, .done = false, .name = {}, .value = {}};
  parser.data = &run;
  llhttp_errno_t error = llhttp_execute(&parser, input.data(), input.size());
  std::size_t at = input.size();
  if (run.done) {
    at = static_cast<std::size_t>(llhttp_get_error_pos(&parser) - input.data());
  } else if (error == HPE_OK && run.reading.head && llhttp_message_needs_eof(&parser) != 0) {
    error = llhttp_finish(&parser);
  }
  if (run.done) {
    run.reading.end = End::complete;
    run.reading.consumed = at;
  } else if (error != HPE_OK) {
    run.reading.end = End::refused;
    run.reading.why = llhttp_errno_name(error);
    if (const char* reason = llhttp_get_error_reason(&parser))
      run.reading.why += std::string(": ") + reason;
  }
  return std::move(run.reading);
}
#endif

}  // namespace weir::http::oracle
