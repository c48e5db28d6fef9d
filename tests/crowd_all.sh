#!/bin/sh
# crowd_all.sh [SEEDS [SCENARIO]]: the crowd with every operation, on both stores: all of it as expected, and the digest
# of all histories the same on each.
#
# Method: one sweep a store (default 834 seeds, of each variant of scenarios/scale/crowd-all.json); what each printed is
# shown, with its `work done` line. When the digests differ, the seeds are run one by one until the first that differs
# is found. Exit 1 if a sweep is not as expected or the digests differ.
set -u
cd "$(dirname "$0")/.." || exit 2
program=${SEXTON:-build/sexton}
seeds=${1:-834}
scenario=${2:-scenarios/scale/crowd-all.json}
out=build/crowd-all
mkdir -p "$out" || exit 2
status=0
for store in memory sqlite; do
    "$program" check "$scenario" --seeds "$seeds" --jobs "${JOBS:-2}" --store "$store" >"$out/$store" || status=1
    echo "== $store"
    cat "$out/$store"
    sed -n 's/^digest of all histories: //p' "$out/$store" >"$out/$store.digest"
done
if [ -s "$out/memory.digest" ] && cmp -s "$out/memory.digest" "$out/sqlite.digest"; then
    echo "crowd-all: both stores have the digest $(cat "$out/memory.digest")"
    exit $status
fi
echo "crowd-all: the stores' digests differ"
"$program" list scenarios "$scenario" | cut -f 2 >"$out/ids"
while read -r id; do
    case $id in *'#'*) what="$scenario#${id#*#}" ;; *) what=$scenario ;; esac
    seed=1
    while [ "$seed" -le "$seeds" ]; do
        one=$("$program" run "$what" --seed "$seed" --store memory --digest 2>/dev/null)
        two=$("$program" run "$what" --seed "$seed" --store sqlite --digest 2>/dev/null)
        if [ "$one" != "$two" ]; then
            echo "crowd-all: first in $what --seed $seed: memory '$one', sqlite '$two'"
            exit 1
        fi
        seed=$((seed + 1))
    done
done <"$out/ids"
exit 1
