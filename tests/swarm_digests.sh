#!/bin/sh
# swarm_digests.sh [SEEDS [SCENARIO]]: the same seeds of a swarm give the byte-identical histories whatever compiled the
# program.
#
# Method: five builds (gcc and clang, each without optimisation and with -O3; gcc with AddressSanitizer) sweep the seeds
# 1 to SEEDS (default 500) of SCENARIO (default: scenarios/scale/swarm.json), and the digests of all their histories are
# compared. When they differ, the first seed that does is looked for and named. A seed that does not meet an
# expectation has a history like any other: whether it does is for a sweep to say. Exit 1 if anything differs.
set -u
cd "$(dirname "$0")/.." || exit 2
seeds=${1:-500}
scenario=${2:-scenarios/scale/swarm.json}
make=${MAKE:-make}
builds="O0/gcc O3/gcc O0/clang O3/clang asan/gcc"

program_of() {
    case $1 in
    */clang) echo "build/${1%/*}-clang/sexton" ;;
    *) echo "build/${1%/*}/sexton" ;;
    esac
}

digest_of() { # PROGRAM SEED
    "$1" run "$scenario" --seed "$2" --digest 2>/dev/null | head -n 1
}

first=
worst=0
for build in $builds; do
    program=$(program_of "$build")
    "$make" -s V="${build%/*}" CC="${build#*/}" "$program" || exit 2
    told=$("$program" check "$scenario" --seeds "1..$seeds" --jobs 1 2>/dev/null | sed -n 's/^digest of all histories: //p')
    echo "swarm-digests: $build: $seeds seeds, digest ${told:-none}"
    [ -n "$told" ] || worst=1
    first=${first:-$told}
    [ "$told" = "$first" ] && continue
    worst=1
    seed=1
    while [ "$seed" -le "$seeds" ]; do
        one=$(digest_of "$(program_of O0/gcc)" "$seed")
        two=$(digest_of "$program" "$seed")
        if [ "$one" != "$two" ]; then
            echo "swarm-digests: seed $seed: O0/gcc '$one', $build '$two'"
            break
        fi
        seed=$((seed + 1))
    done
done
exit $worst
