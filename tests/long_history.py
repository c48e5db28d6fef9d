#!/usr/bin/env python3
"""long_history.py N: a scenario, on standard output, whose history has about N records and nothing left open.

Method: eight people with two devices each write into four groups that keep messages for a minute; each message goes
from all of them, is purged and reaped, and the same begins again. So the questions that are open at any time are those
of the last minutes, however long the history is: `sexton run - --history - | sexton verify -` is then the measure of
what `verify` keeps of what is over.
"""
import json
import sys

RECORDS_PER_SEND = 103  # measured
people = ["ann", "ben", "cat", "dan", "eve", "fay", "gus", "hal"]


def main():
    sends = max(1, int(sys.argv[1]) // RECORDS_PER_SEND)
    groups = ["north", "east", "south", "west"]
    each = sends // len(people) + 1
    script = [{"at": f"{1000 + 137 * i}ms", "device": f"{who}.phone", "do": "send", "in": groups[i % 2 * 2 + (i >= 4)], "as": f"m{i}",
               "count": each, "every": "2s"} for i, who in enumerate(people)]
    print(json.dumps({
        "sexton-scenario": 1, "name": "long-history", "why": "A long history of which nothing stays open.", "seeds": "1",
        "server": {"shards": 2}, "policy": {"beat": "30s", "undo-window": "10s"},
        "users": {who: ["phone", "laptop"] for who in people},
        "conversations": {g: {"kind": "group", "members": people[:4] if i % 2 == 0 else people[4:], "retention": "1m"}
                          for i, g in enumerate(groups)},
        "network": {"latency": {"median": "30ms", "p99": "120ms"}}, "observe": "30s",
        "lasts": f"{2 * each + 120}s",
        "limits": {"events": "4000000000", "records": "4000000000"},
        "script": script, "expect": {"hold": ["no-resurrection"]}}, indent=1))


main()
