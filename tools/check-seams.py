#!/usr/bin/env python3
"""Fails where the system's clocks, randomness, files, sockets or sleeping are used outside of the seams, and where a file passes 800 lines.
The seams: src/common, the packet ring of src/probe/capture, the database's files of src/manager/store/sqlite. The programs in apps/ may ask the
environment and the terminal; apps/load is the tests' load generator, which shares nothing with what it measures; apps/agent, which
starts daemons for the cluster, makes their logs and folders.
Usage: tools/check-seams.py  (from anywhere; exit 1 on a finding). A line may be excused with a reason: // seam: WHY"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAX_LINES = 800

# What → (pattern, the modules that may)
CALL = r"(?<![\w.>:])(?:::)?"
SEAMS = {
    "a clock": (r"\b(?:std::chrono::)?(?:system|steady|high_resolution|file|utc)_clock\b|" + CALL + r"(?:clock_gettime|gettimeofday|ftime)\s*\(|" + CALL + r"time\s*\((?:NULL|nullptr|0\)|&)",
                ["common"]),
    "randomness": (r"std::random_device|" + CALL + r"(?:s?rand|rand_r|drand48|getrandom|getentropy|arc4random)\s*\(|(?<![\w>])::random\s*\(",
                   ["common"]),
    "sleeping": (r"sleep_for|sleep_until|" + CALL + r"(?:usleep|nanosleep|clock_nanosleep|sleep)\s*\(", ["common"]),
    "files": (r"std::[io]?fstream|std::filesystem|" + CALL + r"(?:open|openat|creat|fopen|freopen|mkstemp|unlink|rename|mkdir|opendir|mmap)\s*\(",
              ["common", "probe/capture", "manager/store/sqlite", "apps/agent"]),
    "sockets": (CALL + r"(?:socket|bind|listen|accept4?|connect|recv(?:from|msg)?|send(?:to|msg)?|getaddrinfo|setsockopt|epoll_\w+)\s*\(",
                ["common", "probe/capture"]),
    "a device or terminal": (CALL + r"(?:ioctl|p?poll|tcsetattr)\s*\(", ["common", "probe/capture", "apps"]),
    "the environment": (CALL + r"(?:std::)?(?:getenv|setenv|putenv)\s*\(", ["common", "apps"]),
}
PATTERNS = [(what, re.compile(pattern), allowed) for what, (pattern, allowed) in SEAMS.items()]
STRING = re.compile(r'R"\((?:.|\n)*?\)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'')
# A declaration or a member of the same name is no call of the system's: "Status listen(…)", "void send(…) override".
DECLARED = re.compile(r"^\s*(?:virtual |static |inline |explicit |friend |\[\[\w+\]\] )*(?:const )?[A-Za-z_][\w:<>,*& ]*[\w>*&]\s+[*&]?(\w+)\s*\(")
KEYWORDS = {"return", "else", "co_return", "throw", "case", "new", "delete", "not", "and", "or"}


def module_of(path):
    parts = path.relative_to(ROOT).parts
    return "/".join(parts[1:-1]) if parts[0] == "src" else "/".join(parts[:-1])


def code_of(text):
    """The text with comments and the insides of strings blanked, line by line as long as before."""
    blank = lambda m: re.sub(r"[^\n]", " ", m.group(0))
    text = STRING.sub(lambda m: '"' + re.sub(r"[^\n]", " ", m.group(0)[1:-1]) + '"', text)
    text = re.sub(r"/\*(?:.|\n)*?\*/", blank, text)
    return re.sub(r"//[^\n]*", blank, text)


def is_declaration(line, name):
    found = DECLARED.match(line)
    return bool(found) and found.group(1) == name and line.split()[0] not in KEYWORDS


def methods_of(path):
    """Names that this module's own headers declare: a bare call of such a name is the module's own."""
    names = set()
    for header in list(path.parent.glob("*.h")) + [path]:
        for line in code_of(header.read_text(errors="replace")).splitlines():
            found = DECLARED.match(line)
            if found and line.split()[0] not in KEYWORDS:
                names.add(found.group(1))
    return names


def check_file(path, findings, cache):
    text = path.read_text(errors="replace")
    lines = text.splitlines()
    where = path.relative_to(ROOT)
    if len(lines) > MAX_LINES:
        findings.append(f"{where}: {len(lines)} lines; wanted at most {MAX_LINES}")
    # Unit tests may make files, and threads of theirs; but no test sleeps or reads a clock.
    is_test = re.search(r"_(test|bench|fuzz)\.cc$", path.name) is not None
    if path.is_relative_to(ROOT / "apps/load") or path.is_relative_to(ROOT / "tests") or path.is_relative_to(ROOT / "tools") or path.is_relative_to(ROOT / "bench"):
        return
    module = module_of(path)
    own = cache.setdefault(path, methods_of(path))
    for number, (line, code) in enumerate(zip(lines, code_of(text).splitlines()), 1):
        if "// seam: " in line or code.lstrip().startswith("#"):
            continue
        for what, pattern, allowed in PATTERNS:
            if any(module == a or module.startswith(a + "/") for a in allowed):
                continue
            if is_test and what not in ("a clock", "sleeping", "randomness"):
                continue
            for found in pattern.finditer(code):
                name = re.match(r".*?(\w+)\s*(?:\(.*)?$", found.group(0)).group(1)
                global_call = found.group(0).startswith("::")
                if not global_call and (is_declaration(code, name) or name in own):
                    continue
                findings.append(f"{where}:{number}: {what}: {found.group(0).strip()} … outside of {', '.join(allowed) or 'everything'}")


def main():
    files = sorted(p for d in ("src", "apps", "tests", "bench", "tools") if (ROOT / d).is_dir()
                   for p in (ROOT / d).rglob("*") if p.suffix in (".h", ".cc"))
    findings, cache = [], {}
    for path in files:
        check_file(path, findings, cache)
    print("\n".join(findings) + ("\n" if findings else "") + f"check-seams: {len(files)} files checked, {len(findings)} findings")
    return 1 if findings or not files else 0


if __name__ == "__main__":
    sys.exit(main())
