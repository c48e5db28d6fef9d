#!/bin/sh
# instructions.sh [--update]: five fixed workloads cost no more instructions than the committed table says.
#
# Method: callgrind counts what each workload executes, libraries included. The count does not hang on the clock, on the
# load or on the speed of the machine, so 3 % is a real change: beyond it this fails, and names the workload and the
# command that shows where the instructions are. 3 % less is told as well: then the table is to be lowered with --update,
# so that what was gained cannot be lost again unseen.
#
# A count is worth something only beside one of the same compiler: the table names it, and with another one nothing is
# compared, which is told. What is left of the machine is taken away: environment and directory are fixed, and libc uses
# none of the processor's extensions. (libsodium still chooses AVX2 or not: about 0.1 % of these workloads.)
#
# Exit 0: no worse, or not comparable; 1: worse; 2: a workload did not run.
set -u
cd "$(dirname "$0")/.." || exit 2
table=tests/instructions.txt
out=build/instructions
program=build/O3/sexton
percent=3
compiler="gcc $(gcc -dumpfullversion 2>/dev/null), $(uname -m), -O3"
mkdir -p "$out" || exit 2

skip() {
    echo "instructions: SKIPPED, nothing was compared: $*"
    exit 0
}
expected=$(sed -n 's/^compiler: //p' "$table" 2>/dev/null)
[ "${1:-}" = --update ] && expected=$compiler
[ "$compiler" = "$expected" ] || skip "the table is of \"$expected\", this is \"$compiler\""
command -v valgrind >/dev/null || skip "valgrind is not installed (make deps)"

${MAKE:-make} -s -j2 V=O3 CC=gcc "$program" >"$out/build.log" 2>&1 || {
    cat "$out/build.log" >&2
    exit 2
}
"$program" run tests/instructions/crowd.json --seed 1 --history "$out/crowd.jsonl" >/dev/null || exit 2
order() { printf 'RUN\t0\t1\t%s\t1\t0\ttests/instructions/race.json\n' "$1"; }
order 100 >"$out/race.in"
order 10 >"$out/sqlite.in"
: >"$out/queue.in" && : >"$out/crowd.in" && : >"$out/verify.in"

# count NAME COMMAND...: its instructions into OUT/NAME.count
count() {
    name=$1
    shift
    rm -f "$out/$name.count"
    env -i PATH="$PATH" LC_ALL=C GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-ERMS,-FSRM \
        valgrind --tool=callgrind --callgrind-out-file="$out/$name.callgrind" "$program" "$@" \
        <"$out/$name.in" >"$out/$name.out" 2>"$out/$name.log" || return 1
    sed -n 's/.*Collected : //p' "$out/$name.log" >"$out/$name.count"
}
{ # two at a time, about equally long
    count crowd run tests/instructions/crowd.json --seed 1
    count race worker
    count queue bench queue --pending 10000 --steps 100000
} &
count verify verify "$out/crowd.jsonl"
count sqlite worker server.store=sqlite
wait

status=0
[ "${1:-}" = --update ] && {
    echo "# Instructions of the five workloads of tests/instructions.sh; written by its --update."
    echo "compiler: $compiler"
} >"$table"
for name in queue crowd race sqlite verify; do
    found=$(cat "$out/$name.count" 2>/dev/null)
    [ -n "$found" ] || {
        echo "instructions: $name did not run:" >&2
        tail -5 "$out/$name.log" >&2
        exit 2
    }
    [ "${1:-}" = --update ] && echo "$name $found" >>"$table"
    known=$(sed -n "s/^$name //p" "$table")
    [ -n "$known" ] || {
        echo "instructions: $table has no line \"$name\"" >&2
        exit 2
    }
    tenths=$(((found - known) * 1000 / known)) # of a percent
    line=$(awk "BEGIN { printf \"%-8s %12d instructions, table %12d: %+.1f %%\", \"$name\", $found, $known, $tenths / 10 }")
    if [ $tenths -gt $((percent * 10)) ]; then
        echo "$line  WORSE: callgrind_annotate --inclusive=yes $out/$name.callgrind"
        status=1
    elif [ $tenths -lt -$((percent * 10)) ]; then
        echo "$line  better: lower the table with sh tests/instructions.sh --update"
    else
        echo "$line"
    fi
done
exit $status
