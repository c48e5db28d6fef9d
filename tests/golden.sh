#!/bin/sh
# golden.sh [--update]: the same scenario and seed give the byte-identical history, whatever compiled the program.
#
# Method: tests/golden/list names scenarios and seeds. For each, the history (NAME-SEED.jsonl) and the digest (digests)
# are committed. Each build is compared with them: gcc and clang, at -O0 and -O3, and with the flaws compiled out; alone
# and as the fourth run of a process. Long runs with every operation and fault (tests/golden/agree) are compared by their
# digests, which change too often to be committed: each build must have the same. --update rewrites them from the release build, after a change that is meant to
# change histories: look at the difference before committing it. Exit 1 if anything differs.
set -u
cd "$(dirname "$0")/.." || exit 2
make=${MAKE:-make}
golden=tests/golden
out=build/golden
mkdir -p "$out" || exit 2

# build MAKE-VARIABLES...: builds quietly
build() {
    program=$1
    shift
    "$make" -s -j2 "$program" "$@" >"$out/build.log" 2>&1 || {
        cat "$out/build.log" >&2
        echo "golden: $program does not build" >&2
        exit 2
    }
}
name_of() { basename "$1-$2" | sed 's/[.]json//' | tr '#=.,' '----'; }

if [ "${1:-}" = --update ]; then
    build build/release/sexton V=release
    rm -f "$golden"/*.jsonl "$golden/digests"
    while read -r file seed; do
        name=$(name_of "$file" "$seed")
        digest=$(build/release/sexton run "$file" --seed "$seed" --digest --history "$golden/$name.jsonl") ||
            { echo "golden: $file --seed $seed is not as expected" >&2; exit 1; }
        echo "$name $digest" >>"$golden/digests"
    done <"$golden/list"
    du -ch "$golden"/*.jsonl | tail -n 1
    exit 0
fi

compared=0
different=0
differs() {
    different=$((different + 1))
    echo "golden: $*"
}

# compare PROGRAM: all of the list
compare() {
    while read -r file seed; do
        name=$(name_of "$file" "$seed")
        expected=$(sed -n "s/^$name //p" "$golden/digests")
        compared=$((compared + 1))
        rm -f "$out/history"
        digest=$("$1" run "$file" --seed "$seed" --digest --history "$out/history" 2>"$out/err")
        nth=$("$1" run "$file" --seed "$seed" --digest --nth 3 2>"$out/err")
        if [ ! -f "$golden/$name.jsonl" ]; then
            differs "$golden/$name.jsonl is not there: sh tests/golden.sh --update"
        elif ! cmp -s "$golden/$name.jsonl" "$out/history"; then
            differs "$1: $file --seed $seed: another history"
            diff "$golden/$name.jsonl" "$out/history" | head -n 6
        elif [ "$digest" != "$expected" ]; then
            differs "$1: $file --seed $seed: digest $digest, expected $expected, of the same history"
        elif [ "$nth" != "$expected" ]; then
            differs "$1: $file --seed $seed: digest $nth as the fourth run of a process, $expected alone"
        fi
    done <"$golden/list"
}

# agree PROGRAM: the digests of the long runs; the first program's are the others'
agree() {
    while read -r file seed; do
        echo "$file $seed $("$1" run "$file" --seed "$seed" --digest 2>"$out/err")"
    done <"$golden/agree" >"$out/agreed.now"
    compared=$((compared + $(wc -l <"$golden/agree")))
    [ -f "$out/agreed" ] || cp "$out/agreed.now" "$out/agreed"
    cmp -s "$out/agreed" "$out/agreed.now" || {
        differs "$1: not the digest of the builds before it:"
        diff "$out/agreed" "$out/agreed.now"
    }
}

rm -f "$out/agreed"
for compiler in gcc clang; do
    suffix=
    [ $compiler = clang ] && suffix=-clang
    for level in O0 O3; do
        build "build/$level$suffix/sexton" V=$level CC=$compiler
        compare "build/$level$suffix/sexton"
        agree "build/$level$suffix/sexton"
    done
done
build build/release-noflaws/sexton V=release NO_FLAWS=1 CC=gcc
compare build/release-noflaws/sexton

for file in "$golden"/*.jsonl; do
    grep -q "^$(basename "$file" .jsonl) " "$golden/digests" || differs "$file is in no list"
done
echo "golden: $compared histories compared, $different differ"
[ $different -eq 0 ]
