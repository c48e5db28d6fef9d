#!/usr/bin/env python3
"""bench.py [PROGRAM]: every figure that sexton is measured by, in one table, each with its target and its command.

Method: each command is run several times (BENCH_ROUNDS, 3), those that are compared with one another in turns, and the
median is told. Where processor time is what counts it is taken instead of the wall's: "a second" is then a second of one
core. PHOLD is run beside a program for ns-3's event kernel, when there is one: PHOLD_NS3 names it, or it is `phold_ns3`
in the PATH; it is called as `phold_ns3 SCHEDULER LPS EVENTS_PER_LP EVENTS` and prints rate=EVENTS_PER_SECOND. Without it
the ratios are told as not measured. BENCH_FULL=1 runs the crowd of a million and the history of ten million records too.

Exit 0 when everything ran, whatever it measured; 1 when something did not run.
"""
import json
import os
import re
import shutil
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAM = sys.argv[1] if len(sys.argv) > 1 else "build/fast/sexton"
ROUNDS = max(1, int(os.environ.get("BENCH_ROUNDS", "3")))
FULL = os.environ.get("BENCH_FULL") == "1"
CELLS = {"A": (1024, 1, 2.0), "B": (1024, 16, None), "C": (65536, 1, 3.0), "D": (65536, 16, 3.0)}
SCHEDULERS = ["PriorityQueueScheduler", "MapScheduler"]
PHOLD_EVENTS = 2500000
rows, failures = [], []


def row(figure, measured, target="", met=None, command=""):
    rows.append((figure, measured, target, {True: "met", False: "NOT MET", None: ""}[met], command))


def failed(command, why):
    failures.append(f"{command}: {why}")
    row(command, "did not run", "", False)


def text_of(args):
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"exit {done.returncode}: {(done.stderr or done.stdout).strip()[-200:]}")
    return done.stdout


def json_of(args):
    return json.loads(text_of([*args, "--json", "-"]))


def cost_of(process):
    """Waits for it: (exit status, seconds of processor time, peak KiB)."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss


def grouped(n):
    return f"{n:,.0f}"


# ---- the queue ----

def ns3():
    found = os.environ.get("PHOLD_NS3") or shutil.which("phold_ns3")
    return found if found and os.access(found, os.X_OK) else None


def ns3_rate(peer, scheduler, lps, each):
    out = subprocess.run([peer, scheduler, str(lps), str(each), str(PHOLD_EVENTS)], capture_output=True, text=True)
    found = re.search(r"rate=(\d+)", out.stdout)
    return int(found.group(1)) if found else 0


def phold():
    peer = ns3()
    for cell, (lps, each, least) in CELLS.items():
        args = ["bench", "phold", "--lps", str(lps), "--events-per-lp", str(each), "--events", str(PHOLD_EVENTS)]
        command = "sexton " + " ".join(args)
        ours, theirs = [], {s: [] for s in SCHEDULERS}
        for _ in range(ROUNDS):
            result = json_of(args)
            ours.append(result["events_per_second"])
            for scheduler in SCHEDULERS if peer else []:
                theirs[scheduler].append(ns3_rate(peer, scheduler, lps, each))
        rate = statistics.median(ours)
        row(f"PHOLD {cell}: events a second", grouped(rate), "", None, command)
        if peer:
            best = max(SCHEDULERS, key=lambda s: statistics.median(theirs[s]))
            ratio = rate / max(1, statistics.median(theirs[best]))
            row(f"PHOLD {cell}: to ns-3, {best}", f"{ratio:.2f} x", f"{least} x" if least else "",
                ratio >= least if least else None, f"{os.path.basename(peer)} {best} {lps} {each} {PHOLD_EVENTS}")
        elif least:
            row(f"PHOLD {cell}: to ns-3", "not measured", f"{least} x", None, "PHOLD_NS3 names no program")
    bytes_each = result["bytes_per_pending_event"]
    row("PHOLD D: bytes a pending event", bytes_each, "96 at most", bytes_each <= 96, command)


# ---- the crowd ----

def crowd():
    sizes = [("1k", 1000), ("10k", 10000), ("100k", 100000)] + ([("1m", 1000000)] if FULL else [])
    per_event = {}
    for name, users in sizes:
        path = f"scenarios/scale/crowd-{name}.json"
        command = f"sexton run {path} --seed 1"
        if not os.path.exists(path):
            row(f"crowd of {grouped(users)}", "no such scenario")
            continue
        process = subprocess.Popen([PROGRAM, "run", path, "--seed", "1"], stdout=subprocess.PIPE, text=True,
                                   stderr=subprocess.DEVNULL)
        out = process.stdout.read()
        status, seconds, peak = cost_of(process)
        found = re.search(r"(\d+) events", out)
        if not found:
            failed(command, f"exit {status}")
            continue
        events = int(found.group(1))
        per_event[name] = seconds / events
        bound = name == "1m"
        row(f"crowd of {grouped(users)}: processor time", f"{seconds:.1f} s, {grouped(events / seconds)} events/s",
            "205 s" if bound else "", seconds <= 205 if bound else None, command)
        row(f"crowd of {grouped(users)}: memory", f"{peak / 1024:.0f} MiB", "4096 MiB" if bound else "",
            peak <= 4 << 20 if bound else None, command)
    if len(per_event) > 1:
        last = list(per_event)[-1]
        ratio = per_event[last] / per_event["1k"]
        row(f"crowd: cost of an event, {last} to 1k", f"{ratio:.2f} x", "3 x at most (1m)",
            ratio <= 3 if last == "1m" else None, "the two above")


# ---- seeds, history, store ----

def seeds():
    command = f"sexton bench seeds --rounds {ROUNDS}"
    r = json_of(["bench", "seeds", "--rounds", str(ROUNDS)])
    memory, sqlite = r["memory_per_second"], r["sqlite_per_second"]
    row("seeds a second of one core, memory", grouped(memory), "5,000", memory >= 5000, command)
    row("seeds a second of one core, SQLite", grouped(sqlite), "500", sqlite >= 500, command)
    wall, cpu = r["two_jobs_percent_by_the_clock"] / 100, r["two_jobs_percent_of_processor_time"] / 100
    row("two jobs to one, by the clock", f"{wall:.2f} x", "1.9 x", wall >= 1.9, command)
    row("two jobs to one, by processor time", f"{cpu:.2f} x", "", None, command)
    few, many = r["peak_kib_1000"], r["peak_kib_10000"]
    row("memory after 1,000 and 10,000 seeds", f"{few} and {many} KiB", "equal to 10 %", many <= few * 1.1, command)


def verified(records):
    """(records, seconds, peak KiB) of `verify` fed by a run through a pipe."""
    made = subprocess.run([sys.executable, "tests/long_history.py", str(records)], capture_output=True, text=True, check=True)
    path = os.path.join("build", "bench", "long-history.json")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(made.stdout)
    history = os.path.join("build", "bench", "history.fifo")
    if os.path.exists(history):
        os.remove(history)
    os.mkfifo(history)
    run = subprocess.Popen([PROGRAM, "run", path, "--seed", "1", "--history", history], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
    verify = subprocess.Popen([PROGRAM, "verify", history], stdout=subprocess.PIPE, text=True)
    out = verify.stdout.read()
    status, seconds, peak = cost_of(verify)
    run.wait()
    os.remove(history)
    if status != 0:
        raise RuntimeError(f"verify ended with {status}")
    return int(re.search(r"(\d+) records", out).group(1)), seconds, peak


def history():
    command = f"sexton bench history --rounds {ROUNDS}"
    r = json_of(["bench", "history", "--rounds", str(ROUNDS)])
    row("checkers over a run with the digest alone", f"{r['checkers_percent']} %", "30 % at most",
        r["checkers_percent"] <= 30, command)
    row("JSON lines written a second", grouped(r["written_per_second"]), "1,000,000", r["written_per_second"] >= 1000000,
        command)
    row("records verified a second", grouped(r["verified_per_second"]), "", None, command)
    peaks = []
    for records in [1000000, 3000000] + ([10000000] if FULL else []):
        made = f"tests/long_history.py {records} | sexton run | sexton verify"
        try:
            count, seconds, peak = verified(records)
        except (RuntimeError, AttributeError) as why:
            failed(made, str(why))
            return
        peaks.append((count, peak))
        row(f"verify of {grouped(count)} records", f"{grouped(count / seconds)}/s, {peak / 1024:.0f} MiB", "", None, made)
    each = (peaks[-1][1] - peaks[0][1]) * 1024 / (peaks[-1][0] - peaks[0][0])
    row("verify: bytes kept for each record more", f"{each:.1f}", "1 at most", each <= 1, "the runs above")


def store():
    command = f"sexton bench store --rounds {ROUNDS}"
    out = text_of(["bench", "store", "--rounds", str(ROUNDS)])
    for name in ["SQLite in memory", "SQLite on a file"]:
        line = next((line for line in out.splitlines() if line.startswith(name)), "")
        found = re.search(r"(\d+\.\d+) times", line)
        if not found:
            failed(command, f"no ratio of \"{name}\"")
            continue
        ratio = float(found.group(1))
        row(f"{name}: a step to its bare writes", f"{ratio:.2f} x", "2 x at most", ratio <= 2, command)


def instructions():
    done = subprocess.run(["sh", "tests/instructions.sh"], capture_output=True, text=True)
    for line in done.stdout.splitlines():
        found = re.match(r"(\w+) +(\d+) instructions, table +\d+: (\S+) %", line)
        if found:
            row(f"instructions of {found.group(1)}", grouped(int(found.group(2))), f"{found.group(3)} % to the table",
                float(found.group(3)) <= 3, "make instructions")
        elif line.startswith("instructions:"):
            row("instructions", line.partition(": ")[2])


def print_table():
    heads = ("figure", "measured", "target", "", "command")
    lines = [heads] + [tuple(str(cell) for cell in r) for r in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(4)]
    for line in lines:
        print("  ".join(line[i].ljust(widths[i]) for i in range(4)) + "  " + line[4])


def main():
    os.chdir(ROOT)
    for part in (phold, seeds, history, store, crowd, instructions):
        try:
            part()
        except (RuntimeError, OSError, ValueError, KeyError) as why:
            failed(part.__name__, str(why))
        print(f"{part.__name__} measured", file=sys.stderr)
    print(f"{PROGRAM}, medians of {ROUNDS} rounds, on {os.cpu_count()} processors with a load of {os.getloadavg()[0]:.1f}")
    print_table()
    for failure in failures:
        print(f"did not run: {failure}")
    return 1 if failures else 0


sys.exit(main())
