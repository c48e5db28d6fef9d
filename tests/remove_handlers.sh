#!/bin/sh
# remove_handlers.sh [WORD]: takes the handler of each feature out, and demands that the feature's scenario notices.
#
# Method: the tree is copied to build/removed/tree and built there without optimisation. Each block of
# tests/removals/list names a feature, a file, a sed expression that takes its handler out, and a scenario. The scenario
# must be as expected before; the file is changed, what depends on it built, and the scenario must then fail with a
# sentence that begins with "finally:" in some seed (or, `by INVARIANT`: with that violation, `limit WHAT`: with that limit
# exceeded); then the file is put back. `seeds N` where twelve would take long.
# WORD: only features that have it. Exit 1 if a scenario did not notice.
set -u
cd "$(dirname "$0")/.." || exit 2
list=$(pwd)/tests/removals/list
readme=$(pwd)/README.md
tree=$(pwd)/build/removed/tree
log=$(pwd)/build/removed/log
make=${MAKE:-make}
only=${1:-}
mkdir -p "$tree" "$log" || exit 2
(cd "$tree" && find . -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +)
for part in Makefile core net-model sim reports scenarios; do cp -Rp "$part" "$tree/" || exit 2; done
cd "$tree" || exit 2
# A handler that is not called any more leaves functions unused: no warning is an error here.
build() { env -u CI "$make" -s -j2 all V=O0 CC="${CC:-gcc}" >"$log/build" 2>&1; }
build || { cat "$log/build" >&2; echo "remove_handlers: the whole tree does not build" >&2; exit 2; }

# notices SCENARIO WANTED: it fails, with a sentence of this beginning; the run that `check` proposes has all sentences
notices() {
    build/sexton check "$1" --seeds "$seeds" --jobs 2 >"$log/check" 2>&1 && return 1
    grep -q "^    seed [0-9]*: $2" "$log/check" && return 0
    replay=$(sed -n 's/^    replay: sexton run //p' "$log/check" | head -n 1)
    eval "build/sexton run $replay" >"$log/run" 2>&1
    grep -q "$2" "$log/run"
}

noticed=0
missed=0
remove() {
    case "$feature" in *"$only"*) ;; *) return ;; esac
    grep -q "\`$scenario\`" "$readme" || { echo "remove_handlers: $feature: README.md does not list $scenario" >&2; exit 2; }
    [ -f "$file" ] && [ -f "$scenario" ] || { echo "remove_handlers: $feature: no $file or $scenario" >&2; exit 2; }
    build/sexton check "$scenario" --seeds "$seeds" --jobs 2 >"$log/whole" 2>&1 ||
        { cat "$log/whole" >&2; echo "remove_handlers: $feature: $scenario is red before" >&2; exit 2; }
    cp -p "$file" "$log/kept"
    sed "$rule" "$log/kept" >"$file"
    if cmp -s "$file" "$log/kept"; then
        echo "remove_handlers: $feature: '$rule' changes nothing in $file" >&2
        exit 2
    fi
    build || { cat "$log/build" >&2; echo "remove_handlers: $feature: does not build" >&2; exit 2; }
    if notices "$scenario" "$wanted"; then
        noticed=$((noticed + 1))
        echo "noticed  $feature: $scenario"
    else
        missed=$((missed + 1))
        echo "MISSED   $feature: $scenario stays green, or fails without $wanted"
    fi
    cp -p "$log/kept" "$file"
    touch "$file" # newer than what was built of the other
    build || exit 2
}

feature=
while read -r key value; do
    case $key in
        feature) feature=$value wanted='finally:' seeds=12 ;;
        file) file=$value ;;
        sed) rule=$value ;;
        scenario) scenario=$value ;;
        by) wanted="violated: $value" ;;
        limit) wanted="limit: $value" ;;
        seeds) seeds=$value ;;
        '') [ -n "$feature" ] && remove; feature= ;;
    esac
done <<END
$(grep -v '^#' "$list")

END
echo "$noticed features noticed when their handler is gone, $missed missed"
[ $missed -eq 0 ] && [ $noticed -gt 0 ]
