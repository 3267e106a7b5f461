// `nezu-probe analyze`: files or an interface → transactions → lines or a summary.
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdio>
#include <list>

#include "common/base/random.h"
#include "common/base/system_clock.h"
#include "common/base/text.h"
#include "common/base/unique_fd.h"
#include "probe/analyze_options.h"
#include "probe/analyze_screen.h"
#include "probe/analyze_worker.h"
#include "probe/capture/file_source.h"
#include "probe/capture/filtered_source.h"
#include "probe/commands.h"
#include "probe/report/transaction_lines.h"

namespace nezu::probe_app {
namespace {
using namespace nezu::probe;

using Sources = std::vector<std::unique_ptr<FrameSource>>;

int complain(const Error& error) {
  std::fprintf(stderr, "nezu-probe: %s\n", error.message().c_str());
  switch (error.code()) {
    case ErrorCode::invalid_argument:
    case ErrorCode::not_found:
    case ErrorCode::corrupt:
    case ErrorCode::unsupported: return 2;
    case ErrorCode::permission:
    default: return 1;
  }
}

Result<Sources> open_sources(const AnalyzeOptions& options, const Clock& clock) {
  if (options.is_live()) {
    LiveOptions live = options.live;
    if (!options.filter.empty()) {
      Result<InterfaceInfo> interface = query_interface(live.interface);
      if (!interface.ok()) return interface.error();
      Result<LinkType> link = link_type_of(*interface);
      if (!link.ok()) return link.error();
      Result<Filter> filter = compile_filter(filter_program(), options.filter, *link, live.snap_length);
      if (!filter.ok()) return filter.error().in("filter '" + options.filter + "'");
      live.filter = std::move(*filter);
    }
    return open_live(live, clock);
  }
  if (Status files = check_files(options.files); !files.ok()) return files.error();
  Sources sources;
  sources.push_back(read_files({options.files, options.timestamp_offset}));
  if (!options.filter.empty()) {
    // Compiled once for nothing, so that a mistake in it is told before the first frame.
    Result<Filter> filter = compile_filter(filter_program(), options.filter, LinkType::ethernet, 262144);
    if (!filter.ok()) return filter.error().in("filter '" + options.filter + "'");
    sources.front() = filter_frames(std::move(sources.front()), options.filter, filter_program());
  }
  return sources;
}

class Analysis {
 public:
  Analysis(const AnalyzeOptions& options, Sources sources, const Clock& clock)
      : options_(options), clock_(clock), done_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    NEZU_CHECK(static_cast<bool>(done_));
    SystemRandom random;
    key_ = {random.next_u64(), random.next_u64()};
    const AnalyzeWorker::Options worker{options.pipeline, options.max_hosts, lines(), options.is_live()};
    for (std::unique_ptr<FrameSource>& source : sources) {
      workers_.emplace_back(
          std::move(source), worker, HashKey{random.next_u64(), random.next_u64()},
          [this](std::string_view block) { return output_.write(block); },
          [this] {
            const std::uint64_t one = 1;
            [[maybe_unused]] const ssize_t n = ::write(done_.get(), &one, sizeof one);
          });
    }
  }

  int run(int signals) {
    if (lines() == Lines::csv) {
      report::LineBuffer header([this](std::string_view block) { return output_.write(block); });
      report::append_csv_header(header);
      header.flush();
    }
    for (AnalyzeWorker& worker : workers_) worker.start();
    wait_for_end(signals);
    for (AnalyzeWorker& worker : workers_) worker.stop();
    for (AnalyzeWorker& worker : workers_) worker.join();
    return finish();
  }

 private:
  Lines lines() const { return !options_.transactions ? Lines::none : options_.csv ? Lines::csv : Lines::json; }
  bool shows_table() const { return options_.is_live() && !options_.transactions && !options_.csv && !options_.json; }
  Nanos refresh() const {
    return options_.refresh > Nanos(0) ? options_.refresh : output_.is_terminal() ? Nanos(Seconds(1)) : Nanos(Seconds(10));
  }

  // Until a signal, the duration, or the end of a worker (all of the files; or an interface that fails).
  void wait_for_end(int signals) {
    const MonoTime begin = clock_.mono();
    MonoTime next = begin + refresh();
    for (;;) {
      const MonoTime now = clock_.mono();
      if (options_.duration > Nanos(0) && now >= begin + options_.duration) return;
      if (shows_table() && now >= next) {
        if (!show(now - begin)) return;
        next += refresh();
      }
      std::int64_t wait = -1;
      if (shows_table()) wait = std::max<std::int64_t>((next - now).count(), 0);
      if (options_.duration > Nanos(0)) {
        const std::int64_t left = (begin + options_.duration - now).count();
        wait = wait < 0 ? left : std::min(wait, left);
      }
      pollfd fds[2] = {{signals, POLLIN, 0}, {done_.get(), POLLIN, 0}};
      const timespec limit{wait / 1'000'000'000, wait % 1'000'000'000};
      if (::ppoll(fds, 2, wait < 0 ? nullptr : &limit, nullptr) > 0) return;
    }
  }

  report::Summary collect(report::Losses& losses) const {
    report::Summary summary(options_.max_hosts, key_);
    for (const AnalyzeWorker& worker : workers_) worker.add_to(summary, losses);
    return summary;
  }

  bool show(Nanos running) {
    report::Losses losses;
    const report::Summary summary = collect(losses);
    const std::uint64_t total = summary.total().transactions;
    const double now_rate = static_cast<double>(total - shown_total_) / to_seconds(running - shown_at_);
    shown_total_ = total;
    shown_at_ = running;
    std::string text = fmt::format("{}, {} since the start, {:.1f} transactions/s now; Ctrl-C ends\n\n", options_.live.interface,
                                   report::human_time(std::chrono::round<Seconds>(running)), now_rate);
    text += report::summary_table(summary, losses, output_.table_options(false));
    return output_.is_terminal() ? output_.redraw(text) : output_.write(text + "\n");
  }

  int finish() {
    report::Losses losses;
    const report::Summary summary = collect(losses);
    if (options_.transactions) {
      if (losses.counters.kernel_drops + losses.counters.interface_drops > 0) {
        std::fprintf(stderr, "nezu-probe: %llu frames lost by the capture, %llu by the network card\n",
                     static_cast<unsigned long long>(losses.counters.kernel_drops),
                     static_cast<unsigned long long>(losses.counters.interface_drops));
      }
    } else if (options_.json) {
      output_.write(report::summary_json(summary, losses));
    } else if (options_.csv) {
      output_.write(report::summary_csv(summary));
    } else {
      const std::string table = report::summary_table(summary, losses, output_.table_options(true));
      if (shows_table() && output_.is_terminal()) {
        output_.redraw(table);
      } else {
        output_.write(table);
      }
    }
    int status = 0;
    if (Status written = output_.failure(); !written.ok()) status = complain(written.error());
    for (const AnalyzeWorker& worker : workers_) {
      if (worker.error()) return complain(*worker.error());
    }
    return status;
  }

  const AnalyzeOptions& options_;
  const Clock& clock_;
  UniqueFd done_;
  HashKey key_;
  Output output_;
  std::uint64_t shown_total_ = 0;
  Nanos shown_at_{0};
  std::list<AnalyzeWorker> workers_;
};

int analyze(const AnalyzeFlags& flags) {
  Result<AnalyzeOptions> options = check_flags(flags);
  if (!options.ok()) return complain(options.error());
  // Signals are read, not handled; threads inherit that.
  sigset_t handled;
  sigemptyset(&handled);
  sigaddset(&handled, SIGINT);
  sigaddset(&handled, SIGTERM);
  sigaddset(&handled, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &handled, nullptr);
  sigdelset(&handled, SIGPIPE);
  const UniqueFd signals(::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
  const SystemClock clock;
  Result<Sources> sources = open_sources(*options, clock);
  if (!sources.ok()) return complain(sources.error());
  return Analysis(*options, std::move(*sources), clock).run(signals.get());
}

}  // namespace

Run add_analyze(CLI::App& app) {
  auto flags = std::make_shared<AnalyzeFlags>();
  add_analyze_flags(app, *flags);
  return [flags] { return analyze(*flags); };
}

}  // namespace nezu::probe_app
