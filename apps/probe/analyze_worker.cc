#include "probe/analyze_worker.h"

#include "probe/report/transaction_lines.h"

namespace nezu::probe_app {
namespace {
using namespace nezu::probe;

constexpr Nanos kWait = Millis(200);  // a stop is noticed at once; this is how often an idle source's counters are read
}  // namespace

class AnalyzeWorker::Sink final : public TransactionSink {
 public:
  Sink(const Options& options, const HashKey& key, report::LineBuffer::Write write)
      : summary(options.max_hosts, key), out(std::move(write)), lines_(options.lines) {}

  void transaction(const Transaction& t) override {
    if (lines_ == Lines::json) return report::append_json(out, t);
    if (lines_ == Lines::csv) return report::append_csv(out, t);
    summary.add(t);
  }

  report::Summary summary;
  report::LineBuffer out;

 private:
  const Lines lines_;
};

AnalyzeWorker::AnalyzeWorker(std::unique_ptr<FrameSource> source, const Options& options, const HashKey& key,
                             report::LineBuffer::Write write, std::function<void()> done)
    : source_(std::move(source)), options_(options), done_(std::move(done)), sink_(std::make_unique<Sink>(options, key, std::move(write))) {
  pipeline_ = std::make_unique<Pipeline>(options.pipeline, Pipeline::Key{key.k0, key.k1}, *sink_);
}

AnalyzeWorker::~AnalyzeWorker() {
  source_->stop();
  join();
}

void AnalyzeWorker::start() {
  thread_ = std::thread([this] { run(); });
}

void AnalyzeWorker::join() {
  if (thread_.joinable()) thread_.join();
}

void AnalyzeWorker::run() {
  FrameBatch batch;
  while (step(batch)) {}
  {
    MutexLock lock(mutex_);
    pipeline_->finish();
    sink_->out.flush();
    take_statistics();
  }
  ended_.store(true);
  done_();
}

bool AnalyzeWorker::step(FrameBatch& batch) {
  Result<Polled> polled = source_->poll(batch, kWait);
  if (!polled.ok()) {
    error_ = polled.error();
    return false;
  }
  if (*polled == Polled::end) return false;
  MutexLock lock(mutex_);
  if (*polled == Polled::frames) pipeline_->process(batch);
  if (batch.watermark()) pipeline_->advance(*batch.watermark());
  if (*polled == Polled::empty) take_statistics();
  if (*polled == Polled::empty || options_.live) sink_->out.flush();
  return !sink_->out.closed();
}

void AnalyzeWorker::take_statistics() { statistics_ = source_->statistics(); }

void AnalyzeWorker::add_to(report::Summary& summary, report::Losses& losses) const {
  MutexLock lock(mutex_);
  summary.merge(sink_->summary);
  losses.counters += pipeline_->counters();
  losses.counters.kernel_drops += statistics_.kernel_drops;
  losses.counters.interface_drops += statistics_.interface_drops;
  losses.own_copies += statistics_.own_copies;
}

}  // namespace nezu::probe_app
