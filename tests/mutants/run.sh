#!/bin/sh
# run.sh [NAME...]: breaks core's protections one at a time, and demands that a scenario turns red for each.
#
# Method: the tree is copied to build/mutant/tree. First the scenarios that the patches name must be green on the
# unbroken copy. Then each tests/mutants/NAME.patch is applied, what changed is built, the scenarios of its first line
# ("scenarios: FILE...; invariant: NAME") are checked, and the patch is taken back. A mutant is caught when `check` exits
# 1 and says that the invariant was violated: by verdict, never by a golden digest. Exit 1 if any mutant lives.
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

scenarios_of() { sed -n '1s/^scenarios: \(.*\); invariant: .*$/\1/p' "$1"; }
invariant_of() { sed -n '1s/^.*; invariant: \(.*\)$/\1/p' "$1"; }

# A broken protection may leave a variable unused: no warning is an error here.
build() { (cd "$tree" && env -u CI "$make" -s -j2 all V=release CC="${CC:-gcc}") >"$log/$1.build" 2>&1; }

patches=
if [ $# -eq 0 ]; then
    patches=$(ls tests/mutants/*.patch)
else
    for name in "$@"; do patches="$patches tests/mutants/$name.patch"; done
fi

mkdir -p "$tree" "$log" || exit 2
(cd "$tree" && find . -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +)
for part in Makefile core net-model sim reports scenarios; do cp -R "$part" "$tree/" || exit 2; done
build unbroken || { cat "$log/unbroken.build" >&2; fail "the unbroken copy does not build"; }

all=
for patch in $patches; do
    [ -f "$patch" ] || fail "found no $patch"
    scenarios=$(scenarios_of "$patch")
    [ -n "$scenarios" ] && [ -n "$(invariant_of "$patch")" ] ||
        fail "$patch:1: found '$(head -n 1 "$patch")', expected 'scenarios: FILE...; invariant: NAME'"
    for scenario in $scenarios; do
        [ -f "$scenario" ] || fail "$patch:1: found $scenario, expected a scenario"
        case " $all " in *" $scenario "*) ;; *) all="$all $scenario" ;; esac
    done
done
# shellcheck disable=SC2086
(cd "$tree" && build/sexton check $all $seeds --jobs 2) >"$log/unbroken" 2>&1 ||
    { cat "$log/unbroken" >&2; fail "the scenarios are not green on the unbroken copy"; }

caught=0
alive=0
printf '%-8s %-28s %-27s %s\n' '' mutant invariant 'scenario that turned red'
for patch in $patches; do
    name=$(basename "$patch" .patch)
    invariant=$(invariant_of "$patch")
    # shellcheck disable=SC2046
    (cd "$tree" && patch -s -N -p1 --fuzz=0) <"$patch" >"$log/$name.patch" 2>&1 ||
        { cat "$log/$name.patch" >&2; fail "$patch does not apply: core has changed, mend the patch"; }
    if ! build "$name"; then
        cat "$log/$name.build" >&2
        fail "$patch does not build"
    fi
    verdict=ALIVE
    red=none
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
