#!/bin/sh
# stores.sh [SEEDS [DIR]]: a run on the SQLite store gives the byte-identical history of a run on the memory
# store.
#
# Method: every variant of every scenario (default: all but the large crowds), seeds 1 to SEEDS (default 1), once on
# each store; the digests of the whole history are compared. Prints what differs, and how many were compared. Exit 1 if
# anything differs, or nothing was compared.
set -u
cd "$(dirname "$0")/.." || exit 2
program=${SEXTON:-build/sexton}
seeds=${1:-1}
list=build/stores.list
mkdir -p build
"$program" list scenarios "${2:-scenarios}" | cut -f 1,2 | grep -v -e scale/crowd-1 -e scale/faults-1 -e scale/herd >"$list"
compared=0
different=0
tab=$(printf '\t')
while IFS="$tab" read -r file id; do
    case $id in *'#'*) what="$file#${id#*#}" ;; *) what=$file ;; esac
    seed=1
    while [ "$seed" -le "$seeds" ]; do
        one=$("$program" run "$what" --seed "$seed" --store memory --digest 2>/dev/null)
        two=$("$program" run "$what" --seed "$seed" --store sqlite --digest 2>/dev/null)
        compared=$((compared + 1))
        if [ -z "$one" ] || [ "$one" != "$two" ]; then
            different=$((different + 1))
            echo "stores: $what --seed $seed: memory '$one', sqlite '$two'"
        fi
        seed=$((seed + 1))
    done
done <"$list"
echo "stores: $compared histories compared, $different differ"
[ "$different" -eq 0 ] && [ "$compared" -gt 0 ]
