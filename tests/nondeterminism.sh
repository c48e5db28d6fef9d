#!/bin/sh
# nondeterminism.sh: proves that `run --verify-determinism` can fail: a copy of the tree, with a seed that depends on the
# environment (nondeterminism.patch), must exit 3 and name the record that differs; the unbroken program must exit 0.
set -u
cd "$(dirname "$0")/.." || exit 2
top=$(pwd)
tree=$top/build/nondeterminism
scenario=scenarios/race/conversation-delete-vs-send.json
rm -rf "$tree" && mkdir -p "$tree" || exit 2
for part in Makefile core net-model sim reports scenarios; do cp -R "$part" "$tree/" || exit 2; done
(cd "$tree" && patch -s -p1 --fuzz=0 <"$top/tests/nondeterminism.patch" && make -s -j2 all V=release) || exit 2

"$top/build/sexton" run $scenario --seed 3 --verify-determinism >/dev/null 2>&1 ||
    { echo "nondeterminism: the unbroken program is told to be not deterministic" >&2; exit 1; }
told=$(cd "$tree" && build/sexton run $scenario --seed 3 --verify-determinism 2>&1)
status=$?
# shellcheck disable=SC2046
rm -f $(echo "$told" | sed -n 's/^histories: //p')
if [ $status -ne 3 ] || ! echo "$told" | grep -q '^record [0-9]* (line [0-9]*) differs'; then
    echo "nondeterminism: found exit $status, expected 3 and the record that differs:" >&2
    echo "$told" >&2
    exit 1
fi
echo "nondeterminism: exit 3, $(echo "$told" | grep '^record')"
