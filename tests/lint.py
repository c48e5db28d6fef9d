#!/usr/bin/env python3
"""lint.py: the rules that no compiler checks: who may include whom, and what must not occur where.

Method: reads every source file of the tree (not build/, not .git/), line by line; comments and strings are blanked
before a word is looked for. Prints file:line: what was found, and what is expected. Exit 1 if anything was found.
A rule's exceptions are the tables below: each names a file, so that a new exception is a decision somebody reviews.
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# ---- the layers (the longest prefix counts): what a file there may include besides its own folder ----
CORE_PRIVATE = ["core/shard_internal.h", "core/device_internal.h", "core/replica.h", "core/store_tree.h",
                "core/decide.h", "core/decide_internal.h", "core/rng_tables.h"]
LAYERS = [
    ("core/", ["core/*"]),
    ("net-model/", ["core/base.h", "core/rng.h"]),
    ("sim/check/", ["core/base.h", "core/rng.h", "sim/history.h"]),
    ("sim/cli/", ["*"]),
    ("sim/main.c", ["*"]),
    ("sim/explore/", ["sim/*", "core/*"]),
    ("sim/", ["core/*", "net-model/*", "sim/*"]),
    ("reports/", ["core/base.h", "sim/history.h"]),
    ("tests/", ["*"]),
]
# What `verify` links: these judge a history without the simulator and the chat system.
VERIFIER = re.compile(r"sim/(history\w*|names|digest|json_scan)\.[ch]$")
VERIFIER_MAY = ["core/base.h", "sim/history.h", "sim/history_reader.h", "sim/history.def", "sim/json_scan.h"]
EXTRA_INCLUDES = {
    "sim/run.h": ["reports/metrics.h"],  # a run feeds the metrics beside the checkers
    "sim/cli/bench_bare.c": ["core/store_tree.h"],  # the container without the store
}
SIM_MAY_NOT = ["sim/cli/*", "sim/explore/*"]  # in sim/ itself

# ---- headers from outside ----
C_HEADERS = {"assert.h", "ctype.h", "endian.h", "errno.h", "inttypes.h", "limits.h", "stdarg.h", "stdbool.h", "stddef.h",
             "stdint.h", "stdio.h", "stdlib.h", "string.h"}
CLOCK_AND_SYSTEM = {"dirent.h", "fcntl.h", "getopt.h", "signal.h", "spawn.h", "sys/prctl.h", "sys/resource.h", "sys/stat.h",
                    "sys/types.h", "sys/wait.h", "time.h", "unistd.h"}
SYSTEM_FOLDERS = ("sim/cli/", "sim/explore/", "sim/main.c", "reports/", "tests/")
THIRD_PARTY = {
    "uv.h": ["sim/explore/pool.c"],
    "cJSON.h": ["sim/json_text.c", "reports/result_read.c"],
    "xxhash.h": ["sim/digest.c", "sim/names.c"],
    "sqlite3.h": ["core/store_sqlite*.c", "tests/test_store*.c", "tests/store_*.c", "sim/cli/bench_bare.c", "sim/disk_vfs.c",
                  "tests/test_disk*.c"],
    "sodium.h": ["core/vault.c", "core/audit.c", "core/shard_search.c", "sim/audit_chain.c", "sim/held_text.c"],
    "CUnit/CUnit.h": ["tests/*.c"],
    "CUnit/Basic.h": ["tests/main.c"],
}
# Private headers, included by one folder only, that cannot hide the type.
THIRD_PARTY_HEADERS = {
    "core/store_sqlite_internal.h": ["sqlite3.h"],  # what its files hand each other is a connection
    "core/store_tree.h": ["bsd/sys/tree.h"],  # RB_ENTRY is part of a node
    "sim/scenario_internal.h": ["cJSON.h"],  # the readers of a scenario's parts hand each other its values
}

# ---- words ----
NO_WORLD = re.compile(r"(?<![\w.>])(time|clock|clock_gettime|gettimeofday|localtime|gmtime|strftime|rand|srand|random|"
                      r"srandom|rand_r|drand48|getrandom|arc4random\w*|getenv|setlocale|sleep|usleep|nanosleep|fork|"
                      r"system|socket|pthread_\w+|thrd_\w+)\s*\(")
NO_WORLD_FOLDERS = ("core/", "net-model/", "sim/check/", "sim/")
NO_WORLD_EXCEPT = ("sim/cli/", "sim/explore/", "sim/main.c")
OPENS = re.compile(r"(?<![\w.>])(fopen|open|creat|freopen|tmpfile)\s*\(")
OPENS_MAY = {"core/store_mem.c", "sim/scenario_read.c"}  # backup; a scenario file
SORTS = re.compile(r"(?<![\w.>])(qsort|qsort_r|bsearch)\s*\(")
SORTS_MAY = {  # equal elements are impossible, or the result does not depend on their order
    "core/shard_rebase.c",  # users, each of which is then taken once
    "net-model/net.c",  # node numbers
    "sim/json_text.c",  # keys, to find two that are alike
}
FLOAT = re.compile(r"\b(float|double)\b")
FLOAT_MAY = {"reports/plot.c", "reports/result_read.c"}  # drawing; cJSON's numbers
FLAW = re.compile(r"\bFLAW_[A-Z]\w*|(->|\.)flaws\b")
FLAW_MAY = {"core/decide_internal.h", "core/decide.c", "core/decide_device.c", "core/policy.c", "core/policy.h"}

LINES_MAX = 600
LONG_FILES = {}  # file: why
BYTES_MAX = 1 << 20
LONG_FOLDERS = ("core/", "net-model/", "sim/", "reports/")
FUNCTION_MAX = 90
TEXT = (".c", ".h", ".def", ".py", ".sh", ".md", ".json", ".jsonl", ".yml", ".editorconfig", ".clang-format")
SKIP = {"build", ".git"}
MACHINE = re.compile("|".join(["/" + "work/", "/tmp/" + "bash_jobs", "/" + "root/", r"/home/[a-z]"]))
DRAWS = re.compile(r"\b(rng|pick|draw|some|bag|next)_\w+\s*\(")  # what takes a number from a stream
DRAW_FOLDERS = ("sim/", "net-model/", "core/")

found = []


def complain(path, line, text):
    found.append(f"{path}:{line}: {text}")


def matches(name, patterns):
    return any(name == p or p == "*" or (p.endswith("*") and name.startswith(p[:-1])) or
               ("*" in p and re.fullmatch(re.escape(p).replace(r"\*", ".*"), name)) for p in patterns)


def files():
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(f for f in folders if f not in SKIP)
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), ROOT)
            if name.endswith(TEXT) or name in ("Makefile", "run", "LICENSE"):
                yield path


def blank(text):
    """The same text with comments, strings and characters blanked; lines stay where they are."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


# ---- includes ----
def layer_of(path):
    return max((p for p, _ in LAYERS if path.startswith(p)), key=len, default=None)


def check_own_include(path, line, name):
    layer = layer_of(path)
    if not os.path.exists(os.path.join(ROOT, name)):
        return complain(path, line, f"found \"{name}\", expected a file, named from the top of the tree")
    if path.startswith("tests/") or layer is None:
        return None
    if VERIFIER.match(path):
        if not matches(name, VERIFIER_MAY):
            complain(path, line, f"found \"{name}\", expected only {' '.join(VERIFIER_MAY)}: it is part of the verifier")
        return None
    own = layer + "*" if layer.endswith("/") else layer
    may = dict(LAYERS)[layer] + [own] + EXTRA_INCLUDES.get(path, [])
    if not matches(name, may):
        complain(path, line, f"found \"{name}\", expected in {layer} only {' '.join(may)}")
    elif layer == "sim/" and matches(name, SIM_MAY_NOT):
        complain(path, line, f"found \"{name}\", expected nothing of sim/cli and sim/explore below them")
    elif layer != "core/" and matches(name, CORE_PRIVATE) and name not in EXTRA_INCLUDES.get(path, []):
        complain(path, line, f"found \"{name}\", which is private to core, expected a public header")
    return None


def check_system_include(path, line, name):
    if name in C_HEADERS:
        return
    if name in CLOCK_AND_SYSTEM:
        if not path.startswith(SYSTEM_FOLDERS):
            complain(path, line, f"found <{name}>, expected the C library only: the outside is for {SYSTEM_FOLDERS}")
    elif path.endswith(".h"):
        if name not in THIRD_PARTY_HEADERS.get(path, []):
            complain(path, line, f"found <{name}>, expected no third-party header in a header")
    elif path.startswith("tests/fuzz_") and name in C_HEADERS | CLOCK_AND_SYSTEM:
        return
    elif not matches(path, THIRD_PARTY.get(name, [])):
        complain(path, line, f"found <{name}>, expected third-party headers only where tests/lint.py lists them")


def check_includes(path, lines):
    for number, text in enumerate(lines, 1):
        m = re.match(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', text)
        if m and m.group(1):
            check_own_include(path, number, m.group(1))
        elif m:
            check_system_include(path, number, m.group(2))


# ---- words that must not occur ----
def check_words(path, code):
    quiet = path.startswith(NO_WORLD_FOLDERS) and not path.startswith(NO_WORLD_EXCEPT)
    for number, text in enumerate(code, 1):
        def banned(pattern, may, expected):
            m = pattern.search(text)
            if m and path not in may:
                complain(path, number, f"found {m.group().strip(' (')}, expected {expected}")
        if quiet:
            banned(NO_WORLD, (), "no clock, luck, thread or environment here: they are arguments")
            banned(OPENS, OPENS_MAY, "no file opened here")
            banned(SORTS, SORTS_MAY, "an order that does not hang on ties (list it in tests/lint.py with the reason)")
        if not path.startswith("tests/"):
            banned(FLOAT, FLOAT_MAY, "integers: no floating point in anything that decides")
        if path.startswith("core/"):
            banned(FLAW, FLAW_MAY, "a question to core/decide.h: nothing else reads a flaw")


def arguments(text, start):
    """The arguments of the call whose parenthesis opens at `start`, split at its own commas."""
    depth, parts, begun = 0, [], start + 1
    for at in range(start, min(len(text), start + 2000)):
        if text[at] in "([{":
            depth += 1
        elif text[at] in ")]}":
            depth -= 1
        if depth == 0 or (depth == 1 and text[at] == ","):
            parts.append(text[begun:at])
            begun = at + 1
        if depth == 0:
            return parts
    return []


def check_draws(path, text):
    """C leaves open which argument is evaluated first: two that draw would draw in the order of the compiler."""
    for call in re.finditer(r"\b\w+\s*(\()", text):
        if sum(bool(DRAWS.search(part)) for part in arguments(text, call.start(1))) > 1:
            complain(path, text.count("\n", 0, call.start()) + 1,
                     "found two arguments of a call that draw, expected one: the compiler chooses which is first")


# ---- shape ----
def check_shape(path, lines, code):
    if path.startswith(LONG_FOLDERS) and len(lines) > LINES_MAX and path not in LONG_FILES:
        complain(path, len(lines), f"found {len(lines)} lines, expected at most {LINES_MAX}")
    start = None
    for number, text in enumerate(code, 1):
        if text.startswith("{"):
            start = number
        elif text.startswith("}") and start:
            if number - start + 1 > FUNCTION_MAX:
                complain(path, start, f"found a function of {number - start + 1} lines, expected at most {FUNCTION_MAX}")
            start = None


def check_guard(path, lines):
    expected = "SEXTON_" + re.sub(r"[^A-Z0-9]", "_", path.upper())
    guards = [text.split()[1] for text in lines if re.match(r"#ifndef \w+$", text)]
    if expected not in guards:
        complain(path, 1, f"found no #ifndef {expected}, expected that include guard")


def check_opening(path, lines):
    if not lines or not lines[0].startswith("/*"):
        complain(path, 1, "found no opening comment, expected what this file is, in whole sentences")


def check_text(path, data):
    if len(data) > BYTES_MAX:
        complain(path, 1, f"found {len(data)} bytes, expected at most {BYTES_MAX}: is it the output of a run?")
    if b"\r" in data:
        complain(path, data[:data.index(b"\r")].count(b"\n") + 1, "found a carriage return, expected line feeds only")
    if data and not data.endswith(b"\n"):
        complain(path, data.count(b"\n") + 1, "found no line feed at the end, expected one")
    for number, text in enumerate(data.decode("utf-8", "replace").split("\n"), 1):
        if text != text.rstrip():
            complain(path, number, "found white space at the end of the line, expected none")
        if MACHINE.search(text):
            complain(path, number, f"found {MACHINE.search(text).group()}, expected no path of one machine")


# ---- tests ----
def check_suites(sources):
    main = "".join(sources.get("tests/main.c", []))
    listed = set(re.findall(r"X\((\w+)\)", main)) - {"name"}
    defined = {}
    for path, lines in sources.items():
        if not re.match(r"tests/test_\w+\.c$", path):
            continue
        text = "".join(lines)
        if not re.search(r"\b(CU_ASSERT|CU_FAIL|check_rows_run\()", text):
            complain(path, 1, "found no assertion, expected some")
        suites = re.findall(r"^int suite_(\w+)\(void\)$", text, re.M)
        if not suites:
            complain(path, 1, "found no suite_NAME(void), expected one")
        for name in suites:
            defined[name] = path
            called = any(re.search(rf"\bsuite_{name}\(\)", line) for lines in sources.values() for line in lines)
            if name not in listed and not called:
                complain(path, 1, f"found suite_{name}, expected it in the list of tests/main.c")
        for name, number in [(m.group(1), text[:m.start()].count("\n") + 1)
                             for m in re.finditer(r"^static void (test_\w+)\(void\)$", text, re.M)]:
            if len(re.findall(rf"\b{name}\b", text)) < 2:
                complain(path, number, f"found {name}, expected it in the suite: it never runs")
    for name in sorted(listed - set(defined)):
        complain("tests/main.c", 1, f"found suite {name}, expected a tests/test_*.c with suite_{name}")


def main():
    sources = {}
    count = 0
    for path in files():
        with open(os.path.join(ROOT, path), "rb") as f:
            data = f.read()
        count += 1
        malformed = path.startswith(("tests/malformed/", "tests/fuzz-seeds/"))  # bad on purpose
        if not malformed:
            check_text(path, data)
        if not path.endswith((".c", ".h")) or malformed:
            continue
        text = data.decode("utf-8", "replace")
        lines, code = text.splitlines(), blank(text).splitlines()
        sources[path] = text.splitlines(keepends=True)
        check_includes(path, lines)
        check_words(path, code)
        if path.startswith(DRAW_FOLDERS):
            check_draws(path, "\n".join(code))
        check_shape(path, lines, code)
        check_opening(path, lines)
        if path.endswith(".h"):
            check_guard(path, lines)
    check_suites(sources)
    for line in found:
        print(line)
    print(f"lint: {count} files, {len(found)} complaint{'s' * (len(found) != 1)}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
