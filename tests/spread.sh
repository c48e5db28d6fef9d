#!/bin/sh
# spread.sh: a sweep in parts, merged, is the sweep itself, byte for byte: text, result file, JUnit XML. By GNU parallel, and
# with the environments of a Slurm array and of a Kubernetes Indexed Job, with `docs/spread/part.sh` as it is.
#   sh tests/spread.sh [SEEDS]
set -u
cd "$(dirname "$0")/.." || exit 2
seeds=${1:-12}
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
scenarios="scenarios/race scenarios/negative/flaw-no-authority.json scenarios/scale/crowd-20.json"
differ=0
compared=0

# compare NAME WHOLE-STATUS: what the parts in $scratch/NAME come to, against the whole
compare() {
    build/sexton merge "$scratch/$1"/part-*.json --json "$scratch/$1.json" --junit "$scratch/$1.xml" >"$scratch/$1.txt"
    status=$?
    [ $status = "$2" ] || { echo "$1: the merge exits with $status, the whole with $2"; differ=$((differ + 1)); }
    for kind in txt json xml; do
        compared=$((compared + 1))
        cmp "$scratch/whole.$kind" "$scratch/$1.$kind" || differ=$((differ + 1))
    done
}

# shellcheck disable=SC2086
build/sexton check $scenarios --seeds "$seeds" --json "$scratch/whole.json" --junit "$scratch/whole.xml" \
    >"$scratch/whole.txt" 2>"$scratch/log"
whole=$?
[ $whole = 5 ] || [ $whole = 2 ] && { cat "$scratch/log"; exit 2; }

for index in 0 1 2; do
    # shellcheck disable=SC2086
    JOB_COMPLETION_INDEX=$index PARTS=3 sh docs/spread/part.sh "$scratch/kubernetes" $scenarios --seeds "$seeds" \
        >"$scratch/log" 2>&1
done
compare kubernetes $whole
for id in 10 11; do
    # shellcheck disable=SC2086
    SLURM_ARRAY_TASK_ID=$id SLURM_ARRAY_TASK_MIN=10 SLURM_ARRAY_TASK_COUNT=2 \
        sh docs/spread/part.sh "$scratch/slurm" $scenarios --seeds "$seeds" >"$scratch/log" 2>&1
done
compare slurm $whole
if command -v parallel >/dev/null; then
    # shellcheck disable=SC2086
    seq 4 | PARTS=4 parallel -j2 "PART={} sh docs/spread/part.sh $scratch/parallel" $scenarios --seeds "$seeds" --jobs 1 \
        >"$scratch/log" 2>&1
    compare parallel $whole
elif [ "${CI:-}" = true ]; then
    echo "no GNU parallel, in CI"
    differ=$((differ + 1))
fi
echo "spread: $compared compared, $differ differ"
[ $differ = 0 ]
