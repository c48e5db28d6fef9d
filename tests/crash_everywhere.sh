#!/bin/sh
# crash_everywhere.sh SEXTON [POINTS]: the power of a shard cut at every write, truncation, sync, removal and commit of
# these scenarios, with both journals; at POINTS drawn ones of each at most, if that is given. One line for each; exit 1
# when an invariant was violated anywhere. POINTS 0: all, which takes an hour.
set -u
sexton=$1
points=${2:-0}
cd "$(dirname "$0")/.." || exit 2
worst=0
for scenario in smoke/undo-within-window smoke/conversation-delete-all-online smoke/conversation-delete-undone \
    smoke/quote-redacted smoke/preview-follows-deletion smoke/search-finds-and-forgets race/conversation-delete-vs-send \
    race/send-in-flight-early-delete race/delete-vs-undo-two-devices race/delete-vs-remove-member \
    offline/new-device-link-after-delete offline/conversation-delete-one-offline compliance/hold-vs-delete \
    fault/crash-of-the-users-shard regress/clone-takes-anothers-answer; do
    for journal in wal truncate; do
        file=scenarios/$scenario.json
        variant=$("$sexton" run "$file" --digest 2>&1 | sed -n 's/^  \(.*#.*\)$/\1/p' | head -n 1)
        told=$("$sexton" run "${variant:-$file}" --journal $journal --crash-everywhere --points "$points" 2>&1)
        status=$?
        echo "$journal $scenario: $(echo "$told" | grep -E ' points: | failed; ' | tr '\n' ' ')"
        [ $status -eq 0 ] && continue
        echo "$told"
        worst=1
    done
done
exit $worst
