#include "probe/analyze_options.h"

#include "common/base/text.h"

namespace nezu::probe_app {
namespace {

constexpr const char* kFooter =
    "Without options: a table of the hosts with their transactions, rate, errors, response times and bytes.\n"
    "Exit status: 0 well; 1 failed at run time; 2 usage or input wrong. Of a damaged file, everything up to\n"
    "the damage is analysed and shown; then comes an error with the byte's offset, and status 2.\n\n"
    "  nezu-probe analyze mirror.pcap.gz\n"
    "  nezu-probe analyze --transactions --port 8080 a.pcapng b.pcapng | jq .\n"
    "  tcpdump -i eth1 -w - | nezu-probe analyze -\n"
    "  nezu-probe analyze -i eth1 --filter 'net 192.0.2.0/24'\n";

// "-2s" too: a clock may be ahead.
Result<Nanos> parse_signed_duration(const std::string& text) {
  const bool negative = text.starts_with('-');
  Result<Nanos> d = parse_duration(std::string_view(text).substr(negative ? 1 : 0));
  if (!d.ok()) return d;
  return negative ? -*d : *d;
}

template <class T>
Status take(Result<T> parsed, const char* flag, auto& out) {
  if (!parsed.ok()) return parsed.error().in(flag);
  out = *parsed;
  return {};
}

Error usage(const std::string& what) { return Error(ErrorCode::invalid_argument, what); }

}  // namespace

CLI::App* add_analyze_flags(CLI::App& app, AnalyzeFlags& f) {
  CLI::App* c = app.add_subcommand("analyze", "analyse capture files or an interface, without a manager");
  c->footer(kFooter);
  c->add_option("FILE", f.files, "capture files: pcap or pcapng, plain or packed with gzip or zstd; - is standard input");
  c->add_option("-i,--interface", f.interface, "capture from this interface instead, until Ctrl-C");
  c->add_option("-f,--filter", f.filter, "only packets that this filter takes (tcpdump's language)");
  c->add_option("-p,--port", f.ports, "only connections with this port; may be given again, or as a list 80,8080")
      ->delimiter(',')
      ->allow_extra_args(false)  // else files that stand behind it would be taken for ports
      ->check(CLI::Range(1, 65535));
  c->add_flag("-t,--transactions", f.transactions, "one JSON object a line for each transaction, as they are decided");
  c->add_flag("--csv", f.csv, "CSV instead: of the summary, or with --transactions of those");
  c->add_flag("--json", f.json, "the summary as one JSON object");
  c->add_option("--max-hosts", f.max_hosts, "hosts in the summary; further ones are added up under (other)")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  auto* live = c->add_option_group("Live", "with --interface");
  live->add_option("--duration", f.duration, "end after this time: 30s, 10m");
  live->add_option("--refresh", f.refresh, "show the table this often (default: 1s in a terminal, else 10s)");
  live->add_option("--workers", f.workers, "threads, each with a ring of its own")->capture_default_str()->check(CLI::Range(1, 256));
  live->add_option("--ring", f.ring, "memory of each ring")->capture_default_str();
  live->add_option("--block-timeout", f.block_timeout, "packets wait no longer than this in the ring")->capture_default_str();
  live->add_option("-s,--snaplen", f.snap_length, "bytes of each packet that are kept")
      ->capture_default_str()
      ->check(CLI::Range(64, 262144));
  live->add_option("--timestamps", f.timestamps, "kernel, or hardware (the card's own clock)")
      ->capture_default_str()
      ->check(CLI::IsMember({"kernel", "hardware"}));
  live->add_flag("--no-promiscuous", f.not_promiscuous, "only packets that are for this machine");
  auto* limits = c->add_option_group("Limits");
  limits->add_option("--timestamp-offset", f.timestamp_offset, "added to all time stamps: -37s")->capture_default_str();
  limits->add_option("--transaction-timeout", f.transaction_timeout, "a request without a response fails after this time")
      ->capture_default_str();
  limits->add_option("--connections", f.connections, "connections followed at the same time")
      ->capture_default_str()
      ->check(CLI::Range(16, 100000000));
  limits->add_option("--memory", f.memory, "for connections, held segments and open requests, of each worker")->capture_default_str();
  return c;
}

Result<AnalyzeOptions> check_flags(const AnalyzeFlags& f) {
  AnalyzeOptions o;
  if (f.files.empty() == f.interface.empty()) return usage("give capture files, or an interface with -i; see --help");
  if (f.json && (f.transactions || f.csv))
    return usage("--json is the summary's form; --transactions are JSON by themselves, and --csv is another form");
  if (f.interface.empty() && (!f.duration.empty() || !f.refresh.empty() || f.workers != 1))
    return usage("--duration, --refresh and --workers go with -i");
  o.files = f.files;
  o.filter = f.filter;
  o.transactions = f.transactions;
  o.csv = f.csv;
  o.json = f.json;
  o.max_hosts = f.max_hosts;
  o.live.interface = f.interface;
  o.live.workers = f.workers;
  o.live.snap_length = f.snap_length;
  o.live.promiscuous = !f.not_promiscuous;
  o.live.stamps = f.timestamps == "hardware" ? probe::Stamps::hardware : probe::Stamps::kernel;
  o.pipeline.ports = f.ports;
  o.pipeline.connections = f.connections;
  for (const Status& s : {take(parse_size(f.ring), "--ring", o.live.ring_bytes),
                          take(parse_duration(f.block_timeout), "--block-timeout", o.live.block_timeout),
                          take(parse_signed_duration(f.timestamp_offset), "--timestamp-offset", o.timestamp_offset),
                          take(parse_size(f.memory), "--memory", o.pipeline.memory),
                          take(parse_duration(f.transaction_timeout), "--transaction-timeout", o.pipeline.transaction_timeout),
                          f.duration.empty() ? Status() : take(parse_duration(f.duration), "--duration", o.duration),
                          f.refresh.empty() ? Status() : take(parse_duration(f.refresh), "--refresh", o.refresh)}) {
    if (!s.ok()) return s.error();
  }
  if (o.pipeline.memory < (1u << 20)) return usage("--memory: " + f.memory + "; wanted at least 1MiB");
  if (o.pipeline.transaction_timeout <= Nanos(0)) return usage("--transaction-timeout: 0; wanted more");
  if (!f.refresh.empty() && o.refresh < Millis(100)) return usage("--refresh: " + f.refresh + "; wanted at least 100ms");
  o.live.timestamp_offset = o.timestamp_offset;
  return o;
}

}  // namespace nezu::probe_app
