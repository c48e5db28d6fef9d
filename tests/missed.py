#!/usr/bin/env python3
"""missed.py RESULT...: no scenario that is meant to hold has a device that still shows what was deleted.

The report counts (deletion, device) pairs that were never reached by a method of its own, apart from the invariants.
Under a sound policy there is none: who is owed nothing, because it never returns or another goes on for it, is counted
by its reason. So one that is left is a bug of the chat, of the checkers, or of the count.
"""
import json
import sys


def main(paths):
    missed = pairs = owed = 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            scenarios = json.load(file)["scenarios"]
        for scenario in scenarios:
            if scenario["class"] != "sound":
                continue
            metrics = scenario["metrics"]
            pairs += metrics["since-deletion"]["count"]
            owed += sum(metrics["unreached"].values())
            if metrics["never"]:
                missed += metrics["never"]
                print(f"{scenario['id']}: {metrics['never']} (deletion, device) pairs were never reached")
    print(f"{pairs} (deletion, device) pairs reached, {owed} owed nothing, {missed} never reached")
    return 1 if missed or not pairs else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: missed.py RESULT...")
    sys.exit(main(sys.argv[1:]))
