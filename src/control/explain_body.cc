// Reading what `explain` is asked (explain.h).
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "control/explain.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

std::unexpected<Error> wrong(std::string_view what) {
  return fail(ErrorKind::invalid,
              fmt::format("{}; send {{\"method\": \"GET\", \"url\": \"http://host/path\", "
                          "\"headers\": [[\"Name\", \"value\"]], "
                          "\"client\": \"192.0.2.7\"}} or {{\"request_id\": \"…\"}}",
                          what),
              Origin::client);
}

std::string_view text(const boost::json::object& in, std::string_view key) {
  const boost::json::value* value = in.if_contains(key);
  return value != nullptr && value->is_string() ? std::string_view(value->as_string())
                                                : std::string_view();
}

bool read_headers(const boost::json::object& in, ExplainQuestion& question) {
  const boost::json::value* headers = in.if_contains("headers");
  if (headers == nullptr) return true;
  if (!headers->is_array() || headers->as_array().size() > kMaxHeaders) return false;
  for (const boost::json::value& each : headers->as_array()) {
    if (!each.is_array() || each.as_array().size() != 2) return false;
    const boost::json::value &name = each.as_array()[0], &value = each.as_array()[1];
    if (!name.is_string() || !value.is_string()) return false;
    question.headers.emplace_back(name.as_string(), value.as_string());
  }
  return true;
}

}  // namespace

Result<> read_url(std::string_view url, ExplainQuestion& question) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (url.starts_with(scheme)) url.remove_prefix(scheme.size());
  }
  if (url.find("://") < url.find_first_of("/?#"))  // further on it is part of the path or the query
    return fail(ErrorKind::invalid, "a URL begins with http:// or https://", Origin::client);
  url = url.substr(0, url.find('#'));
  const std::size_t slash = url.find_first_of("/?");
  question.authority = url.substr(0, slash);
  std::string_view target =
      slash == std::string_view::npos ? std::string_view("/") : url.substr(slash);
  const std::size_t mark = target.find('?');
  question.path = target.substr(0, mark);
  if (question.path.empty()) question.path = "/";
  if (mark != std::string_view::npos) question.query = target.substr(mark + 1);
  return {};
}

Result<ExplainBody> read_explain(std::string_view body) {
  boost::system::error_code error;
  const boost::json::value document = boost::json::parse(body, error);
  if (error || !document.is_object()) return wrong("the body is no JSON object");
  const boost::json::object& in = document.as_object();
  ExplainBody out;
  out.request_id = text(in, "request_id");
  if (!out.request_id.empty()) return out;
  ExplainQuestion& question = out.question;
  question.method = text(in, "method");
  if (question.method.empty() || question.method.size() > 32) return wrong("\"method\" is missing");
  const std::string_view url = text(in, "url");
  if (url.empty()) return wrong("\"url\" is missing");
  if (auto read = read_url(url, question); !read) return std::unexpected(read.error());
  if (!read_headers(in, question)) return wrong("\"headers\" is a list of at most 100 pairs");
  const std::string_view client = text(in, "client");
  auto address = Address::parse(client.empty() ? "127.0.0.1" : client);
  if (!address) return wrong("\"client\" is no address");
  question.client = *address;
  return out;
}

std::optional<ExplainQuestion> question_of(const exporting::KeptExchange& exchange) {
  if (exchange.method.empty()) return std::nullopt;
  return ExplainQuestion{.method = exchange.method,
                         .authority = exchange.host,
                         .path = exchange.path,
                         .query = exchange.query,
                         .client = exchange.record.client,
                         .recorded = true,
                         .caller = exchange.caller,
                         .path_cut = exchange.path_cut,
                         .query_cut = exchange.query_cut,
                         .hops = exchange.record.hops,
                         .exchange = exchange.record.exchange};
}

}  // namespace weir::control
