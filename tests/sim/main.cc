// nezu-sim: see --help.
#include <fmt/core.h>

#include <charconv>
#include <chrono>
#include <cstring>
#include <set>

#include "world.h"

namespace nezu::sim {
namespace {

constexpr const char* kHelp =
    R"(nezu-sim: the failover protocol's real cores on virtual time; one seed replays everything.

  nezu-sim sweep [SEEDS [FIRST]]   every configuration with so many seeds; status 1 on a violation, which is printed with its seed
  nezu-sim plant [SEEDS]           each planted bug must be found within SEEDS seeds of every configuration; status 1 if one isn't
  nezu-sim replay CONFIG SEED      one run, with its log
  nezu-sim list                    configurations and planted bugs
  --configs A,B  --bug NAME        only these configurations; with this bug
)";

struct Arguments {
  std::vector<std::string> words;
  std::vector<std::string> configs;
  Bugs bugs;
};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::optional<std::uint64_t> number(const std::vector<std::string>& words, std::size_t at, std::uint64_t otherwise) {
  if (at >= words.size()) return otherwise;
  std::uint64_t n = 0;
  const std::string& w = words[at];
  const auto [end, error] = std::from_chars(w.data(), w.data() + w.size(), n);
  if (error != std::errc() || end != w.data() + w.size()) return std::nullopt;
  return n;
}

struct Run {
  std::vector<std::string> violations;
  std::map<std::string, std::uint64_t> reached;
};

Run run(const Config& config, std::uint64_t seed, const Bugs& bugs, bool verbose) {
  World world(seed, config, bugs, verbose);
  world.run_to_the_end();
  return {std::move(world.violations), std::move(world.reached)};
}

int sweep(const Arguments& a, std::uint64_t seeds, std::uint64_t first) {
  int bad = 0;
  std::uint64_t runs = 0;
  std::map<std::string, std::uint64_t> sum;
  for (const std::string& name : a.configs) {
    for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
      const Run r = run(*find_config(name), seed, a.bugs, false);
      ++runs;
      for (const auto& [what, n] : r.reached) sum[what] += n;
      if (r.violations.empty()) continue;
      ++bad;
      fmt::print("{} {}: {} violations\n", name, seed, r.violations.size());
      for (std::size_t i = 0; i < std::min<std::size_t>(r.violations.size(), 3); ++i) fmt::print("    {}\n", r.violations[i]);
    }
  }
  for (const auto& [what, n] : sum) fmt::print("{:9} {}\n", n, what);
  fmt::print("{} runs, {} with violations{}\n", runs, bad, bad > 0 ? "; `nezu-sim replay CONFIG SEED` shows one" : "");
  return bad > 0 ? 1 : 0;
}

int plant_all(const Arguments& a, std::uint64_t seeds) {
  int missed = 0;
  for (const std::string& bug : bug_names()) {
    Bugs bugs;
    plant(bug, bugs);
    std::uint64_t runs = 0;
    std::string found;
    for (std::uint64_t seed = 1; seed <= seeds && found.empty(); ++seed) {
      for (const std::string& name : a.configs) {
        const Run r = run(*find_config(name), seed, bugs, false);
        ++runs;
        if (r.violations.empty()) continue;
        found = fmt::format("{} {}: {}", name, seed, r.violations.front());
        break;
      }
    }
    fmt::print("{:20} {} after {} runs  {}\n", bug, found.empty() ? "NOT FOUND" : "found", runs, found);
    missed += found.empty() ? 1 : 0;
  }
  return missed > 0 ? 1 : 0;
}

int usage(const std::string& error) {
  fmt::print(stderr, "nezu-sim: {}\n{}", error, kHelp);
  return 2;
}

int main_of(int argc, char** argv) {
  Arguments a;
  for (const Config& c : configs()) a.configs.push_back(c.name);
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--help") return fmt::print("{}", kHelp), 0;
    if (word != "--configs" && word != "--bug") {
      a.words.push_back(word);
      continue;
    }
    if (++i == argc) return usage(word + ": wanted a value");
    if (word == "--bug" && !plant(argv[i], a.bugs)) return usage(fmt::format("no planted bug '{}'", argv[i]));
    if (word == "--configs") a.configs = split(argv[i]);
  }
  for (const std::string& name : a.configs) {
    if (!find_config(name)) return usage(fmt::format("no configuration '{}'", name));
  }
  const std::string command = a.words.empty() ? "" : a.words[0];
  if (command == "list") {
    for (const Config& c : configs()) fmt::print("configuration {}\n", c.name);
    for (const std::string& bug : bug_names()) fmt::print("bug {}\n", bug);
    return 0;
  }
  if (command == "replay") {
    const auto seed = number(a.words, 2, 1);
    if (a.words.size() < 2 || !find_config(a.words[1]) || !seed) return usage("replay: wanted a configuration and a seed");
    const Run r = run(*find_config(a.words[1]), *seed, a.bugs, true);
    for (const auto& [what, n] : r.reached) fmt::print("{:9} {}\n", n, what);
    return r.violations.empty() ? 0 : 1;
  }
  const auto seeds = number(a.words, 1, command == "plant" ? 30 : 10), first = number(a.words, 2, 1);
  if (!seeds || !first) return usage("wanted a number of seeds");
  if (command == "sweep") return sweep(a, *seeds, *first);
  if (command == "plant") return plant_all(a, *seeds);
  return usage("wanted sweep, plant, replay or list");
}

}  // namespace
}  // namespace nezu::sim

int main(int argc, char** argv) { return nezu::sim::main_of(argc, argv); }
