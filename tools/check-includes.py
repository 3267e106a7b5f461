#!/usr/bin/env python3
"""Fails on an include that a module may not have: another wing's or module's header that its CMakeLists.txt doesn't name, or a
third-party header outside of the modules that may see it.  Usage: tools/check-includes.py  (from anywhere; exit 1 on a finding)"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

# Who may include a library's headers: a module and all that lies below it. "any": every module. Sides: what the header's path begins with.
# (library, pattern of the header, modules that may)
THIRD_PARTY = [
    ("fmt", r"fmt/", ["any"]),
    ("Boost.Asio", r"boost/asio|boost/system", ["common/net", "common/tls", "common/http"]),
    ("Boost.Beast", r"boost/beast", ["common/http"]),
    ("Boost.JSON", r"boost/json", ["common/json", "tests"]),
    ("boost::unordered", r"boost/(unordered|container_hash)", ["any"]),
    ("OpenSSL", r"openssl/", ["common/tls"]),
    ("spdlog", r"spdlog/", ["common/log"]),
    ("yaml-cpp", r"yaml-cpp/", ["common/config"]),
    ("prometheus-cpp", r"prometheus/", ["common/metrics"]),
    ("xxHash", r"xxhash\.h", ["common/base", "manager/store/sqlite"]),
    ("libcurl", r"curl/", ["common/http"]),
    ("protobuf", r"google/protobuf/|link\.pb\.h", ["model/wire"]),
    ("SQLite", r"sqlite3\.h", ["manager/store/sqlite"]),
    ("zstd", r"zstd(_errors)?\.h", ["probe/capture", "manager/store/sqlite"]),
    ("zlib", r"zlib\.h", ["probe/capture"]),
    ("libpcap", r"pcap(/|\.h)", ["apps/filter", "tests", "bench"]),
    ("CLI11", r"CLI/", ["apps", "tools", "tests", "bench"]),
    ("GoogleTest", r"g(test|mock)/", ["tests"]),
    ("Google Benchmark", r"benchmark/", ["bench"]),
]
# Headers of the system: what is left after these is a library that nobody has decided on.
SYSTEM = re.compile(
    r"^(sys|linux|net|netinet|netpacket|arpa|asm)/|"
    r"^(dirent|dlfcn|endian|errno|fcntl|getopt|grp|ifaddrs|limits|netdb|poll|pthread|pwd|sched|signal|spawn|stdint|stdio|stdlib|string|syslog|"
    r"glob|termios|time|ucontext|unistd|fnmatch|malloc)\.h$|^(cxxabi|x?mmintrin|immintrin|emmintrin|arm_neon)\.h$")
STANDARD = re.compile(r"^[a-z_0-9]+$")  # no suffix: the C++ standard library
# No part of the house may use these of it: what stands after is why.
FORBIDDEN = {"regex": "std::regex (RE2 or own matching)", "format": "std::format (fmt)", "ranges": "range views", "coroutine": "coroutines (g++ 12 miscompiles them)"}


def module_of(path):
    """src/common/base/text.cc → common/base: the nearest folder with a CMakeLists.txt."""
    folder = path.parent
    while folder != ROOT and not (folder / "CMakeLists.txt").exists():
        folder = folder.parent
    parts = (folder if folder != ROOT else path.parent).relative_to(ROOT).parts
    return "/".join(parts[1:] if parts[0] == "src" else parts)


def within(module, allowed):
    return any(a == "any" or module == a or module.startswith(a + "/") for a in allowed)


def declared():
    """module → the modules that its CMakeLists.txt names (DEPS, and TEST_DEPS for its tests)."""
    deps, test_deps = {}, {}
    for wing in ("src", "apps", "tests", "bench", "tools"):
        for file in (ROOT / wing).rglob("CMakeLists.txt"):
            module = module_of(file)
            text = re.sub(r"#[^\n]*", "", file.read_text())
            words = re.findall(r"[\w./:${}-]+", text)
            section = None
            for word in words:
                if word in ("DEPS", "TEST_DEPS", "EXTERNAL", "TEST_EXTERNAL"):
                    section = word
                elif re.fullmatch(r"(common|model|probe|manager)(/\w+)+", word) and section in ("DEPS", "TEST_DEPS"):
                    (deps if section == "DEPS" else test_deps).setdefault(module, set()).add(word)
    return deps, test_deps


def reachable(module, deps):
    """What a module may include: itself, what it names, and what those name (a header shows its own module's types)."""
    seen, todo = set(), [module]
    while todo:
        m = todo.pop()
        if m not in seen:
            seen.add(m)
            todo += deps.get(m, ())
    return seen


def check_file(path, deps, test_deps, findings):
    module = module_of(path)
    is_test = re.search(r"_(test|bench|fuzz)\.cc$|^test_|_test_", path.name) is not None or "testing" in path.parts
    allowed = reachable(module, deps)
    if is_test:
        for m in test_deps.get(module, ()):
            allowed |= reachable(m, deps)
    rank = {"common": 0, "model": 1, "probe": 2, "manager": 2}
    in_src = path.is_relative_to(ROOT / "src")
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        header = found.group(2)
        where = f"{path.relative_to(ROOT)}:{number}: {header}"
        own = re.match(r"(common|model|probe|manager)/", header)
        if own:
            target = module_of(ROOT / "src" / header)
            if in_src:
                wing = module.split("/")[0]
                other = target.split("/")[0]
                if other != wing and rank[other] >= rank[wing]:
                    findings.append(f"{where}: {wing} must not see {other}; wings go one way")
                elif target not in allowed:
                    findings.append(f"{where}: {module}'s CMakeLists.txt doesn't name {target}")
            continue
        if found.group(1) == '"':
            if not (path.parent / header).exists() and not (ROOT / "apps" / header).exists() and not (ROOT / header).exists():
                findings.append(f"{where}: no such header of ours")
            continue
        if header in FORBIDDEN:
            findings.append(f"{where}: nobody may use {FORBIDDEN[header]}")
            continue
        if STANDARD.match(header) or SYSTEM.match(header):
            continue
        for library, pattern, modules in THIRD_PARTY:
            if re.match(pattern, header):
                as_test = ["tests"] if is_test else []
                as_bench = ["bench"] if path.name.endswith("_bench.cc") else []
                if not within(module, modules) and not any(m in modules for m in as_test + as_bench):
                    findings.append(f"{where}: only {', '.join(modules)} may include {library}")
                break
        else:
            findings.append(f"{where}: a library that nobody has decided on (THIRD_PARTY in tools/check-includes.py)")


def main():
    deps, test_deps = declared()
    files = sorted(p for d in ("src", "apps", "tests", "bench", "tools") if (ROOT / d).is_dir()
                   for p in (ROOT / d).rglob("*") if p.suffix in (".h", ".cc"))
    findings = []
    for path in files:
        check_file(path, deps, test_deps, findings)
    print("\n".join(findings) + ("\n" if findings else "") + f"check-includes: {len(files)} files checked, {len(findings)} findings")
    return 1 if findings or not files else 0


if __name__ == "__main__":
    sys.exit(main())
