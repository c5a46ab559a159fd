#include "foreign/format.h"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <string_view>

#include "foreign/csv_header.h"
#include "foreign/reading_for_tests.h"

namespace weir::foreign {
namespace {

const std::string kLine =
    R"(192.0.2.7 - - [24/Jan/2022:16:51:02 +0000] "GET / HTTP/1.1" 200 1 "-" "-")"
    "\n";

std::string lines(int combined, int nonsense) {
  std::string text;
  for (int i = 0; i < combined; ++i) text += kLine;
  for (int i = 0; i < nonsense; ++i) text += "nonsense\n";
  return text;
}

std::string why(std::string_view head, const FormatOptions& options = {}) {
  const auto found = recognise(head, options);
  return found ? "recognised as " + found->format.name : to_string(found.error());
}

TEST(Recognise, SaysHowManyLinesFit) {
  EXPECT_EQ(recognise(lines(97, 3), {})->reason(), "nginx combined: 97 of 100 lines");
  EXPECT_EQ(recognise(lines(10, 90), {})->reason(), "nginx combined: 10 of 100 lines");
  EXPECT_FALSE(recognise(lines(9, 91), {}));
  EXPECT_EQ(recognise(lines(200, 0), {})->reason(), "nginx combined: 100 of 100 lines");
}

TEST(Recognise, ACutLastLineIsLeftOutUnlessItIsTheOnlyOne) {
  EXPECT_EQ(recognise(kLine + "192.0.2.7 - - [24/J", {})->of, 1u);
  EXPECT_EQ(recognise(std::string_view(kLine).substr(0, kLine.size() - 1), {})->fits, 1u);
}

TEST(Recognise, SaysWhatWasSeen) {
  EXPECT_EQ(why(""), "the log is empty");
  EXPECT_NE(why(std::string("\x7f"
                            "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\n",
                            17))
                .find("binary"),
            std::string::npos);
  EXPECT_NE(why("2021/12/02 11:53:15 [error] 4#4: *5 limiting requests, client: ::1\n")
                .find("error log of nginx"),
            std::string::npos);
  EXPECT_NE(why("a,b,c,d\n1,2,3,4\n").find("CSV"), std::string::npos);
  EXPECT_NE(why("{\"a\":1}\n").find("JSON"), std::string::npos);
  const std::string shown = why("what \x1b[31mis\x07 this\n");
  EXPECT_NE(shown.find("what"), std::string::npos);
  EXPECT_EQ(shown.find('\x1b'), std::string::npos);  // control bytes of a log reach no terminal
  EXPECT_NE(why(std::string(100'000, 'x')).find("no line of at most 64 KiB"), std::string::npos);
}

TEST(Recognise, AFieldThatTheFormatDoesNotHaveIsSaid) {
  FormatOptions options;
  options.fields.push_back(*parse_field_map("header:X-Tenant=tenant"));
  EXPECT_NE(why(kLine, options).find("nginx combined has no field tenant"), std::string::npos);
  EXPECT_EQ(
      why("{\"ts\":1643043062.5,\"request\":{\"client_ip\":\"192.0.2.7\"},\"tenant\":\"a\"}\n",
          options),
      "recognised as Caddy JSON");
}

TEST(Recognise, TellsRelatedFormatsApart) {
  EXPECT_EQ(
      why(R"(1.2.3.4 - - [24/Jan/2022:16:51:02 +0000] "GET / HTTP/2" 200 3 "-" "-" 2 "a@file" "http://1.2.3.4" 4ms)"
          "\n"),
      "recognised as Traefik CLF");
  EXPECT_EQ(
      why(R"({"time_iso8601":"2022-01-24T16:51:02+00:00","remote_addr":"192.0.2.7","request":"GET / HTTP/1.1"})"
          "\n"),
      "recognised as nginx JSON");
}

TEST(Zone, IsToldWhereTimesHaveNone) {
  const auto zoneless = [](const char* format, std::string_view line) {
    LogReader reader(*format_named(format, {}));
    reader.feed(std::as_bytes(std::span(line)));
    LogEntry entry;
    bool any = false;
    while (reader.next(entry)) any = true;
    EXPECT_TRUE(any) << line;
    return reader.zoneless();
  };
  EXPECT_FALSE(zoneless("nginx", kLine));
  EXPECT_TRUE(zoneless("csv:client=#1,time=#2", "192.0.2.7,2022-01-24 16:51:02\n"));
  EXPECT_FALSE(zoneless("csv:client=#1,time=#2", "192.0.2.7,2022-01-24 16:51:02Z\n"));
  EXPECT_FALSE(zoneless("csv:client=#1,time=#2", "192.0.2.7,1643043062\n"));
  EXPECT_TRUE(zoneless("csv:client=#1,time=#2+#3", "192.0.2.7,2022-01-24,16:51:02\n"));
  EXPECT_TRUE(zoneless("nginx:$remote_addr [$time_local]", "192.0.2.7 [24/Jan/2022:16:51:02]\n"));
  // Of two times the one that is taken tells; of a line that is no entry none does.
  EXPECT_FALSE(zoneless("nginx:$remote_addr [$time_local] $msec",
                        "192.0.2.7 [24/Jan/2022:16:51:02] 1643043062.5\n"));
  EXPECT_FALSE(
      zoneless("csv:client=#1,time=#2", "-,2022-01-24 16:51:02\n192.0.2.7,2022-01-24 16:51:02Z\n"));
  // CloudFront writes UTC, whatever other logs are of.
  const auto zone = format_options({}, "+09:00");
  ASSERT_TRUE(zone);
  LogReader reader(*format_named("cloudfront", *zone));
  const std::string_view line =
      "2022-01-24\t16:51:02\tFRA2\t12\t192.0.2.7\tGET\td1.cloudfront.net\t/"
      "a\t200\t-\t-\t-\t-\tHit\tid\t"
      "a.example\thttps\t31\t0.001\t-\tTLSv1.3\tx\tHit\tHTTP/"
      "2.0\t-\t-\t1\t0.001\tHit\t-\t-\t-\t-\n";
  reader.feed(std::as_bytes(std::span(line)));
  LogEntry entry;
  ASSERT_TRUE(reader.next(entry));
  EXPECT_EQ(entry.time, at_seconds(1643043062));
  EXPECT_FALSE(reader.zoneless());
  EXPECT_FALSE(format_options({}, "Berlin"));
}

TEST(Recognise, ACsvWhoseFirstLineNamesItsColumns) {
  const auto map = [](std::string_view header, char delimiter = ',') {
    return csv_map_of_header(header, delimiter);
  };
  EXPECT_EQ(map("ip,date,time,zone,code,size"), "time=date+time,client=ip,status=code,bytes=size");
  EXPECT_EQ(map("\"Timestamp\",\"Client IP\",method,URL,duration"),
            "time=Timestamp,client=Client IP,method=method,target=URL");
  EXPECT_EQ(map("date\tc-ip\tsc-status", '\t'), "time=date,client=c-ip,status=sc-status");
  EXPECT_EQ(map("date,code"), "");      // no client
  EXPECT_EQ(map("ip,code,path"), "");   // no time
  EXPECT_EQ(why("Timestamp,Client IP,method,URL\n2022-01-24T16:51:02Z,192.0.2.7,GET,/a\n"),
            "recognised as CSV");
  EXPECT_EQ(why("timestamp\tip\n2022-01-24T16:51:02Z\t192.0.2.7\n"), "recognised as TSV");
  EXPECT_NE(why("timestamp,ip\nnever,192.0.2.7\n").find("no known log format"), std::string::npos);
}

TEST(FormatNamed, ABareTextIsTakenForWhatItLooksLike) {
  EXPECT_EQ(format_named("$remote_addr [$time_local] \"$request\"", {})->name, "nginx log_format");
  EXPECT_EQ(format_named("%h %t \"%r\" %>s", {})->name, "Apache LogFormat");
  for (const std::string_view name : format_names()) EXPECT_TRUE(format_named(name, {})) << name;
}

}  // namespace
}  // namespace weir::foreign
