#!/bin/sh
# run.sh [NAME...]: breaks core's protections one at a time, and demands that a scenario turns red for each, or a test.
#
# Method: the tree is copied to build/mutant/tree. First the scenarios that the patches name must be green on the
# unbroken copy. Then each tests/mutants/NAME.patch is applied, what changed is built, the scenarios of its first line
# ("scenarios: FILE...; invariant: NAME") are checked, and the patch is taken back. A mutant is caught when `check` exits
# 1 and says that the invariant was violated: by verdict, never by a golden digest. What no history shows (bytes in files,
# two stores that differ) has another first line: "test: SUITE; protects: WORDS" and the suite must fail; or "stores:
# FILE...; protects: WORDS" and the digests of `check --store` must differ. Exit 1 if any mutant lives.
set -u
cd "$(dirname "$0")/../.." || exit 2
top=$(pwd)
tree=$top/build/mutant/tree
log=$top/build/mutant/log
seeds=${SEEDS:+--seeds $SEEDS}
make=${MAKE:-make}

fail() {
    echo "mutants: $*" >&2
    exit 2
}

tests_of() { sed -n '1s/^test: \(.*\); protects: .*$/\1/p' "$1"; }
stores_of() { sed -n '1s/^stores: \(.*\); protects: .*$/\1/p' "$1"; }
scenarios_of() { sed -n '1s/^scenarios: \(.*\); invariant: .*$/\1/p' "$1"; }
invariant_of() { sed -n '1s/^.*; invariant: \(.*\)$/\1/p' "$1"; }

# A broken protection may leave a variable unused: no warning is an error here.
build() { (cd "$tree" && env -u CI "$make" -s -j2 "${2:-all}" V=release CC="${CC:-gcc}") >"$log/$1.build" 2>&1; }
run_tests() { (cd "$tree" && timeout 120 build/release/tests/run "$2") >"$log/$1" 2>&1; }
digest_of() { (cd "$tree" && build/sexton check $2 --seeds 5 --jobs 2 --store "$1") 2>&1 | grep '^digest'; }

patches=
if [ $# -eq 0 ]; then
    patches=$(ls tests/mutants/*.patch)
else
    for name in "$@"; do patches="$patches tests/mutants/$name.patch"; done
fi

mkdir -p "$tree" "$log" || exit 2
(cd "$tree" && find . -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +)
for part in Makefile core net-model sim reports scenarios tests; do cp -R "$part" "$tree/" || exit 2; done
build unbroken || { cat "$log/unbroken.build" >&2; fail "the unbroken copy does not build"; }

all=
for patch in $patches; do
    [ -f "$patch" ] || fail "found no $patch"
    [ -n "$(tests_of "$patch")$(stores_of "$patch")" ] && continue
    scenarios=$(scenarios_of "$patch")
    [ -n "$scenarios" ] && [ -n "$(invariant_of "$patch")" ] ||
        fail "$patch:1: found '$(head -n 1 "$patch")', expected 'scenarios: FILE...; invariant: NAME'"
    for scenario in $scenarios; do
        [ -f "$scenario" ] || fail "$patch:1: found $scenario, expected a scenario"
        case " $all " in *" $scenario "*) ;; *) all="$all $scenario" ;; esac
    done
done
# shellcheck disable=SC2086
[ -z "$all" ] || (cd "$tree" && build/sexton check $all $seeds --jobs 2) >"$log/unbroken" 2>&1 ||
    { cat "$log/unbroken" >&2; fail "the scenarios are not green on the unbroken copy"; }

# by_test NAME PATCH, by_stores NAME PATCH: sets verdict and red
by_test() {
    suite=$(tests_of "$2")
    build "$1" build/release/tests/run || { cat "$log/$1.build" >&2; fail "$2 does not build"; }
    run_tests "$1" "$suite" || true
    if grep -q 'had failures:' "$log/$1"; then
        verdict=caught
        red="test $(sed -n 's/^Suite \(.*\), Test \(.*\) had failures:/\1\/\2/p' "$log/$1" | head -n 1)"
    fi
}
by_stores() {
    one=$(digest_of memory "$(stores_of "$2")")
    two=$(digest_of sqlite "$(stores_of "$2")")
    if [ -n "$one" ] && [ "$one" != "$two" ]; then
        verdict=caught
        red="$(stores_of "$2"), digests of two stores"
    fi
}

# What is compared or tested must be green on the unbroken copy, too.
for patch in $patches; do
    if [ -n "$(tests_of "$patch")" ]; then
        build unbroken build/release/tests/run || { cat "$log/unbroken.build" >&2; fail "the tests do not build"; }
        run_tests unbroken "$(tests_of "$patch")" || { cat "$log/unbroken" >&2; fail "$patch: its tests are not green"; }
    elif [ -n "$(stores_of "$patch")" ]; then
        one=$(digest_of memory "$(stores_of "$patch")")
        [ -n "$one" ] && [ "$one" = "$(digest_of sqlite "$(stores_of "$patch")")" ] ||
            fail "$patch: the stores differ on the unbroken copy"
    fi
done

caught=0
alive=0
printf '%-8s %-28s %-27s %s\n' '' mutant invariant 'scenario that turned red'
for patch in $patches; do
    name=$(basename "$patch" .patch)
    invariant=$(invariant_of "$patch")
    [ -n "$invariant" ] || invariant=$(sed -n '1s/^.*; protects: //p' "$patch")
    # shellcheck disable=SC2046
    (cd "$tree" && patch -s -N -p1 --fuzz=0) <"$patch" >"$log/$name.patch" 2>&1 ||
        { cat "$log/$name.patch" >&2; fail "$patch does not apply: core has changed, mend the patch"; }
    if ! build "$name"; then
        cat "$log/$name.build" >&2
        fail "$patch does not build"
    fi
    verdict=ALIVE
    red=none
    [ -z "$(tests_of "$patch")" ] || by_test "$name" "$patch"
    [ -z "$(stores_of "$patch")" ] || by_stores "$name" "$patch"
    for scenario in $(scenarios_of "$patch"); do
        (cd "$tree" && build/sexton check "$scenario" $seeds --jobs 2) >"$log/$name" 2>&1
        status=$?
        if [ $status -eq 1 ] && grep -q "^    seed [0-9]*: .*$invariant" "$log/$name"; then
            verdict=caught
            red="$scenario, $(sed -n "s/^    \(seed [0-9]*\): .*$invariant.*/\1/p" "$log/$name" | head -n 1)"
            break
        fi
    done
    printf '%-8s %-28s %-27s %s\n' "$verdict" "$name" "$invariant" "$red"
    [ $verdict = caught ] && caught=$((caught + 1)) || alive=$((alive + 1))
    (cd "$tree" && patch -s -R -p1 --fuzz=0) <"$patch" || fail "$patch cannot be taken back"
done
echo "$caught caught, $alive alive"
[ $alive -eq 0 ]
