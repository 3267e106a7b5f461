#include "common/base/text.h"
#include "nezuctl/commands.h"
#include "nezuctl/points.h"

namespace nezuctl {

namespace {

struct Span {
  std::int64_t from, to;
};

Result<Span> span_of(const Context& context, const QueryOptions& options) {
  if (!options.last.empty() && !options.from.empty()) return Error(ErrorCode::invalid_argument, "--last and --from: wanted one of them");
  Span span{0, context.now_ns};
  if (!options.to.empty()) {
    const auto to = context.zone.parse(options.to, context.now_ns);
    if (!to) return to.error().in("--to");
    span.to = *to;
  }
  if (!options.from.empty()) {
    const auto from = context.zone.parse(options.from, context.now_ns);
    if (!from) return from.error().in("--from");
    span.from = *from;
  } else {
    const auto last = nezu::parse_duration(options.last.empty() ? "10m" : options.last);
    if (!last) return last.error().in("--last");
    span.from = span.to - last->count();
  }
  if (span.from >= span.to) {
    return Error(ErrorCode::invalid_argument, "from " + context.zone.text(span.from) + " to " + context.zone.text(span.to) +
                                                  ": wanted a span that ends after it begins");
  }
  return span;
}

std::string query_path(const QueryOptions& options, const Span& span) {
  using nezu::http::url_encode;
  std::string path = "/query?service=" + url_encode(options.service) + "&target=" + url_encode(options.target) +
                     "&from=" + url_encode(nezu::format_rfc3339(span.from)) + "&to=" + url_encode(nezu::format_rfc3339(span.to)) +
                     "&step=" + url_encode(options.step);
  if (!options.probe.empty()) path += "&probe=" + url_encode(options.probe);
  return path;
}

std::string heading(const Context& context, const QueryOptions& options, const json::Value& answer) {
  std::string text = styled(printable(options.service) + " / " + printable(options.target), Style::strong, context.out.colour());
  text += "  " + context.zone.text_of(answer["from"].string_or("")) + " – " + context.zone.text_of(answer["to"].string_or("")) + " " +
          context.zone.name();
  if (answer["step"].is_integer()) text += ", step " + nezu::format_duration(nezu::Seconds(answer["step"].int_or(0)));
  return text + "\n";
}

}  // namespace

Result<int> query(const Context& context, const QueryOptions& options) {
  const auto span = span_of(context, options);
  if (!span) return span.error();
  const auto answer = context.get(query_path(options, *span));
  if (!answer) return answer.error();
  if (options.json) {
    context.print_json(*answer);
    return kWell;
  }
  if (options.csv) {
    context.print(points_csv((*answer)["points"]));
    return kWell;
  }
  context.print(heading(context, options, *answer));
  const std::string table =
      points_table(*answer, context.zone, {.wide = options.wide, .colour = context.out.colour(), .columns = context.out.columns()});
  context.print(table);
  return kWell;
}

}  // namespace nezuctl
