#!/usr/bin/env python3
"""check_docs.py SOURCE NEZU-PROBE NEZU-MANAGER NEZUCTL: what the documents say, in English and Japanese, against the built programs.

Configuration: every key that a program knows (asked by giving it one that it doesn't) is in the example and, with the example's default, in both
man pages; none of these has a key more. Command lines: every command and option of --help is in both man pages. Exit statuses: the same ones in
both, and those that the code has. REST: every operation of the OpenAPI document is in both pages of the API. Metrics, modules: as in the source.
Both languages: the same pages, the same sections, and links that lead somewhere."""

import json
import os
import re
import subprocess
import sys
import tempfile

import yaml

ROOT, PROBE, MANAGER, NEZUCTL = sys.argv[1:5]
PROGRAMS = {"nezu-probe": PROBE, "nezu-manager": MANAGER, "nezuctl": NEZUCTL}
problems = []


def check(ok, what):
    if not ok:
        problems.append(what)


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def man(name, japanese):
    return read("man", *(["ja"] if japanese else []), name)


def plain(roff):
    """A man page's source without fonts and escapes; macros stay at their lines' beginnings."""
    text = re.sub(r"\\f.", "", roff)
    joined = lambda m: re.sub(r'"([^"]*)"|(\S+) ?', r"\1\2", m.group(1))  # alternating fonts: words are joined, quoted blanks stay
    text = re.sub(r"^\.(?:BR|BI|RB|RI|IR|IB) (.*)$", joined, text, flags=re.M)
    text = re.sub(r"^\.[BI] ", "", text, flags=re.M)
    return text.replace(r"\-", "-").replace(r"\(en", "–").replace(r"\(ua", "").replace(r"\(da", "")


def blocks(roff):
    """The entries of a man page: what stands after each .TP, with its tag as the first line."""
    return [plain(block.split("\n.SH")[0].split("\n.SS")[0]).strip() for block in re.split(r"^\.TP\n", roff, flags=re.M)[1:]]


# ---- configuration


def known_keys(program, path=()):
    """Asks the program: a key that it doesn't know is answered with those that it knows here; at a value, with what it wants."""
    text = "{" + "".join(f"{part}: {{" for part in path) + "zzz: 1" + "}" * len(path) + "}\n"
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        done = subprocess.run([program, "run", "--check-config", "--config", file.name], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2, done
    where = re.escape(".".join((*path, "zzz")))
    found = re.search(rf": {where}: unknown key; known here: (.*)", done.stderr)
    if not found:
        return {".".join(path)}
    keys = set()
    for key in found.group(1).split(", "):
        keys |= known_keys(program, (*path, key))
    return keys


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, below in value.items():
            yield from leaves(below, (*path, str(key)))
    else:
        yield ".".join(path), value


def check_configuration(program, example):
    keys = known_keys(PROGRAMS[program])
    check(len(keys) > 15, f"{program}: only {len(keys)} keys found; does it still say \"known here\"?")
    # Scalars as they are written: 1s and 64MiB, not what YAML makes of them.
    shown = dict(leaves(yaml.load(read("examples", example), yaml.BaseLoader)))
    check(set(shown) == keys, f"examples/{example}: missing {sorted(keys - set(shown))}, unknown {sorted(set(shown) - keys)}")
    check(shown == dict(leaves(yaml.load(read("examples", "ja", example), yaml.BaseLoader))), f"examples/ja/{example}: its values aren't those of the English one")
    for japanese in (False, True):
        page = f"{program}.yaml.5"
        where = ("man/ja/" if japanese else "man/") + page
        entries = {}
        for block in blocks(man(page, japanese)):
            for key in re.findall(r"[a-z_]+(?:\.[a-z0-9_]+)+|^(?:window|grace|standby|on_isolation|isolation_timeout)\b", block.split("\n")[0]):
                entries[key] = block
        check(set(entries) == keys, f"{where}: missing {sorted(keys - set(entries))}, unknown {sorted(set(entries) - keys)}")
        for key, value in shown.items():
            if isinstance(value, str) and value and not value.startswith("/etc/") and key not in ("probe.name", "capture.interface"):
                check(value in entries.get(key, value), f"{where}: {key}: its default, {value}, isn't told")


# ---- command lines


def help_of(program, *words):
    done = subprocess.run([PROGRAMS[program], *words, "--help"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, (program, words, done)
    return done.stdout


def subcommands(text):
    part = text.split("Subcommands:\n")[1].split("\n\n")[0] if "Subcommands:\n" in text else ""
    return re.findall(r"^  ([a-z-]+)", part, flags=re.M)


def check_command_line(program, page, words=()):
    text = help_of(program, *words)
    options = set(re.findall(r"^ +(?:-[a-z],)*(--[a-z-]+)", text, flags=re.M)) | set(re.findall(r"^ +(?:-[a-z],)?--[a-z-]+,(--[a-z-]+)", text, flags=re.M))
    check(options, f"{program} {' '.join(words)} --help shows no options")
    for japanese in (False, True):
        shown = plain(man(page, japanese))
        where = ("man/ja/" if japanese else "man/") + page
        for option in options - ({"--help"} if program != "nezuctl" else set()):
            check(re.search(re.escape(option) + r"(?![a-z-])", shown), f"{where}: {option} of {program} {' '.join(words)} is missing")
        if words:
            check(re.search(r"\b" + words[-1] + r"\b", shown), f"{where}: the command {' '.join(words)} is missing")
    for command in subcommands(text):
        check_command_line(program, page, (*words, command))


def statuses(page, japanese):
    part = re.split(r"^\.SH (?:EXIT STATUS|終了ステータス)\n", man(page, japanese), flags=re.M)[1].split("\n.SH")[0]
    return {int(number) for number in re.findall(r"^\.B (\d+)$", part, flags=re.M)}


def check_statuses():
    manager = {int(n) for n in re.findall(r"kExit\w+ = (\d+)", read("apps", "manager", "program.h"))}
    line = re.search(r"enum Exit \{(.*)\}", read("apps", "nezuctl", "context.h")).group(1)
    ctl = {int(n) for n in re.findall(r"= (\d+)", line)}
    for page, wanted in (("nezu-manager.8", manager), ("nezuctl.1", ctl), ("nezu-probe.1", {0, 1, 2})):
        for japanese in (False, True):
            found = statuses(page, japanese)
            check(found == wanted, f"{page}{' (ja)' if japanese else ''}: exit statuses {sorted(found)}, the code has {sorted(wanted)}")
    for page in ("docs/operations.md", "docs/ja/operations.md"):
        rows = {int(n) for n in re.findall(r"^\| (\d) \|", read(page), flags=re.M)}
        check(rows == manager | ctl, f"{page}: exit statuses {sorted(rows)}, the code has {sorted(manager | ctl)}")


# ---- what stands in the source


def check_source():
    document = json.loads(read("src", "manager", "api", "openapi.json"))
    wanted = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item if method in ("get", "post", "put", "delete", "patch")}
    for page in ("docs/api.md", "docs/ja/api.md"):
        found = set(re.findall(r"^\| `([A-Z]+ /\S*)` \|", read(page), flags=re.M))
        check(found == wanted, f"{page}: missing {sorted(wanted - found)}, unknown {sorted(found - wanted)}")

    metrics = set(re.findall(r'"(nezu_[a-z_]+)"', read("src", "manager", "session", "metrics.cc")))
    for japanese in (False, True):
        found = set(re.findall(r"\bnezu_[a-z_]+", man("nezu-manager.8", japanese)))
        check(found == metrics, f"nezu-manager.8{' (ja)' if japanese else ''}: metrics missing {sorted(metrics - found)}, unknown {sorted(found - metrics)}")

    codes = set()
    for folder in ("monitor", "session"):
        for file in sorted(os.listdir(os.path.join(ROOT, "src", "manager", folder))):
            if file.endswith(".cc") and not file.endswith("_test.cc"):
                codes |= set(re.findall(r'\b(?:open|happened)\(\s*"([a-z_.]+)"', read("src", "manager", folder, file)))
    check(len(codes) >= 9, f"only these events were found in the source: {sorted(codes)}")
    for page in ("docs/events.md", "docs/ja/events.md"):
        found = set(re.findall(r"^\| `([a-z_.]+)", read(page), flags=re.M)) - {"record.refused."}
        check(found == codes, f"{page}: events missing {sorted(codes - found)}, unknown {sorted(found - codes)}")
    for japanese in (False, True):
        tags = {block.split("\n")[0].split()[-1] for block in blocks(man("nezu-manager.8", japanese))}
        check(codes <= tags, f"nezu-manager.8{' (ja)' if japanese else ''}: events missing {sorted(codes - tags)}")

    reasons = set(re.findall(r'return "([a-z_]+)"', read("src", "probe", "transaction", "transaction.cc"))) - {"none", "unknown"}
    for japanese in (False, True):
        shown = plain(man("nezu-probe.1", japanese))
        for reason in reasons:
            check(re.search(rf"\b{reason}\b", shown), f"nezu-probe.1{' (ja)' if japanese else ''}: {reason} is missing")

    wings = ("common", "model", "probe", "manager")
    modules = [m for wing in wings for m in sorted(os.listdir(os.path.join(ROOT, "src", wing))) if os.path.isdir(os.path.join(ROOT, "src", wing, m))]
    for page in ("docs/architecture.md", "docs/ja/architecture.md"):
        found = sorted(re.findall(r"^\| (?:`src/[a-z]+`)? \| `([a-z0-9]+)` \|", read(page), flags=re.M))
        check(found == sorted(modules), f"{page}: modules missing {sorted(set(modules) - set(found))}, unknown {sorted(set(found) - set(modules))}")


# ---- both languages


def pages(folder, japanese):
    top = os.path.join(ROOT, folder, "ja") if japanese else os.path.join(ROOT, folder)
    found = set()
    for path, folders, files in os.walk(top):
        if not japanese and "ja" in folders:
            folders.remove("ja")
        found |= {os.path.relpath(os.path.join(path, file), top) for file in files}
    return found


def shape(text):
    """Headings by level, rows of tables, lines of code: what a translation has in common with its original."""
    code = re.findall(r"^```.*?^```", text, flags=re.M | re.S)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return {"headings": [len(h) for h in re.findall(r"^(#+) ", rest, flags=re.M)], "rows of tables": len(re.findall(r"^\|", rest, flags=re.M)),
            "indented lines of code": sum(b.count("\n") for b in re.findall(r"(?<=\n\n)(?: {4}\S.*\n| {5,}.*\n)+", rest)), "code blocks": len(code),
            "list items": len(re.findall(r"^(?:- |\d+\. )", rest, flags=re.M))}


def check_languages():
    for folder in ("docs", "man"):
        english, japanese = pages(folder, False), pages(folder, True)
        check(english <= japanese, f"{folder}/ja: missing {sorted(english - japanese)}")
        check(japanese <= english, f"{folder}/ja: without an original: {sorted(japanese - english)}")
    for page in sorted(pages("docs", False) & pages("docs", True)):
        one, other = shape(read("docs", page)), shape(read("docs", "ja", page))
        for what, value in one.items():
            check(value == other[what], f"docs/ja/{page}: {what}: {other[what]}, in English {value}")
    for page in sorted(pages("man", False) & pages("man", True)):
        for macro in ("SH", "SS", "TP", "nf"):
            one, other = (len(re.findall(rf"^\.{macro}\b", man(page, j), flags=re.M)) for j in (False, True))
            check(one == other, f"man/ja/{page}: {other} times .{macro}, in English {one}")


def check_links():
    files = ["README.md", "README.ja.md"] + ["docs/" + p for p in pages("docs", False)] + ["docs/ja/" + p for p in pages("docs", True)]
    for file in files:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", read(file)):
            if "://" not in target:
                check(os.path.exists(os.path.join(ROOT, os.path.dirname(file), target)), f"{file}: the link to {target} leads nowhere")


check_configuration("nezu-probe", "probe.yaml")
check_configuration("nezu-manager", "manager.yaml")
for name, its_page in (("nezu-probe", "nezu-probe.1"), ("nezu-manager", "nezu-manager.8"), ("nezuctl", "nezuctl.1")):
    check_command_line(name, its_page)
check_statuses()
check_source()
check_languages()
check_links()
for problem in problems:
    print(problem)
print(f"{len(problems)} problems" if problems else "the documents agree with the programs, in both languages")
sys.exit(1 if problems else 0)
