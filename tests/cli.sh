#!/bin/sh
# cli.sh: the exit statuses of run and check, and what they leave behind. usage: SEXTON=build/sexton tests/cli.sh
set -u
sexton=$(realpath -e "${SEXTON:-build/sexton}") || exit 1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
failed=0

# expect STATUS WHAT COMMAND...
expect() {
    wanted=$1 what=$2
    shift 2
    "$@" >out 2>err
    got=$?
    if [ "$got" -ne "$wanted" ]; then
        echo "FAILED: $what: exit $got, expected $wanted: $*"
        sed 's/^/    /' out err
        failed=1
    fi
}
# says WORDS: the last command said so
says() {
    grep -q -e "$1" out err || { echo "FAILED: \"$1\" was not said"; sed 's/^/    /' out err; failed=1; }
}
same() {
    cmp -s "$1" "$2" || { echo "FAILED: $1 and $2 differ"; failed=1; }
}
nothing_left() {
    for file in $1; do
        [ -e "$file" ] && { echo "FAILED: $file is left behind"; failed=1; }
    done
}

# scenario NAME SCRIPT [EXPECT]
scenario() {
    cat >"$1.json" <<END
{ "sexton-scenario": 1, "name": "$1", "why": "cli.sh", "seeds": "20", "server": { "shards": 2 },
  "users": { "alice": ["phone"], "bob": ["phone", "tablet"] },
  "conversations": { "plans": { "kind": "group", "members": ["alice", "bob"] } },
  "script": [ { "at": "1s", "device": "alice.phone", "do": "send", "in": "plans", "as": "m1" }, $2 ],
  "expect": { "hold": "all" ${3:-} } }
END
}
delete='"device": "alice.phone", "do": "delete", "in": "plans", "message": "m1", "as": "d1"'
send='"device": "bob.phone", "do": "send", "in": "plans", "as": "m2"'
scenario good "{ \"at\": \"10s\", \"race\": [ { $delete }, { $send } ], \"within\": \"80ms\" }"
scenario idle "{ \"at\": \"10s\", $send }"
scenario ordered "{ \"at\": \"2s\", $delete }, { \"at\": \"10s\", \"race\": [ { $send },
  { \"device\": \"alice.phone\", \"do\": \"send\", \"in\": \"plans\", \"as\": \"m3\" } ], \"within\": \"80ms\" }"
scenario wrong "{ \"at\": \"10s\", $delete, \"expect\": \"refused\" }"
scenario crash "{ \"at\": \"10s\", $delete }, { \"at\": \"11s\", \"fault\": \"abort\" }"
scenario somecrash "{ \"at\": \"10s\", \"race\": [ { $delete }, { $send } ], \"within\": \"80ms\" },
  { \"after\": \"m2 committed before d1 committed\", \"fault\": \"abort\" }"
scenario missed "{ \"at\": \"10s\", $delete }" ', "finally": ["bob.phone shows m1"]'
scenario never "{ \"at\": \"10s\", $delete }, { \"after\": \"m1 refused\", $send }"
scenario base "{ \"at\": \"10s\", $delete }"
# negative NAME VIOLATE: base with a flaw
negative() {
    sed -e "s/\"name\": \"base\"/\"name\": \"$1\", \"flaw\": \"hide-keeps-row\"/" -e "s/\"hold\": \"all\"/\"violate\": [$2]/" \
        base.json >"$1.json"
}
negative found '"honest-view", "cursor-complete"'
negative unlisted '"honest-view"'
negative unfound '"honest-view", "cursor-complete", "authority"'
echo '{ "sexton-scenario": 1, "nam": "x" }' >typo.json

expect 0 "a good run" "$sexton" run good.json --seed 3
says "digest"
expect 0 "the same run elsewhere" "$sexton" run good.json --seed 3 --verify-determinism
says "^deterministic"
expect 4 "a run without a deletion" "$sexton" run idle.json
expect 1 "an expectation not met" "$sexton" run wrong.json --seed 5
says "replay: sexton run wrong.json --seed 5"
expect 0 "it left a history" "$sexton" verify build/fail/wrong-5/history.jsonl
expect 0 "and a replay line" grep -q "sexton run wrong.json --seed 5" build/fail/wrong-5/replay
expect 2 "a full disk" "$sexton" run good.json --history /dev/full
says "No space left"
(ulimit -f 2; exec "$sexton" run good.json --history part.jsonl) >/dev/null 2>&1
[ $? -eq 2 ] || { echo "FAILED: a file that is too large: expected exit 2"; failed=1; }
nothing_left 'part.jsonl*'
expect 0 "a history" "$sexton" run good.json --history whole.jsonl
expect 0 "it verifies" "$sexton" verify whole.jsonl
expect 2 "no file" "$sexton" run nowhere.json
expect 2 "a typing error" "$sexton" run typo.json
says "typo.json:1:"
expect 2 "an unknown option" "$sexton" run good.json --sed 4
expect 2 "an unknown flaw" "$sexton" run good.json --flaw nonsense
expect 2 "an unknown command" "$sexton" chekc
says "did you mean check"
expect 2 "no command" "$sexton"

expect 0 "a good sweep" "$sexton" check good.json
says "^work done: [0-9]* events"
expect 4 "no deletion" "$sexton" check idle.json
expect 1 "an expectation not met" "$sexton" check wrong.json
expect 1 "finally is not so" "$sexton" check missed.json
expect 4 "a race that only one seed has run" "$sexton" check good.json --seeds 1
says "one and the same order"
expect 4 "a step that never runs" "$sexton" check never.json
says "never ran"
expect 0 "a flaw that is found" "$sexton" check found.json
says "clean without hide-keeps-row"
expect 1 "an unlisted violation" "$sexton" check unlisted.json
expect 1 "a listed violation that no seed has" "$sexton" check unfound.json
says "authority was found in no seed"
expect 0 "the flawed run alone" "$sexton" run found.json
expect 0 "and without its flaw" "$sexton" run found.json --control
expect 1 "a flaw from the command line" "$sexton" run good.json --flaw hide-keeps-row
expect 5 "every seed crashes, and the others are judged" "$sexton" check crash.json good.json --seeds 4
says "died of signal 6"
says "^ok  *good: 4 seeds"
expect 5 "some seeds crash" "$sexton" check somecrash.json
says "^broken  *somecrash: 20 seeds"
grep -q "20 of 20 seeds" out && { echo "FAILED: every seed crashed"; failed=1; }
expect 6 "out of time" "$sexton" check good.json --seeds 100000000 --time-limit 1s
expect 2 "a bad part" "$sexton" check good.json --part 3/2
expect 2 "one bad file of several" "$sexton" check good.json typo.json
expect 0 "fresh seeds" "$sexton" check good.json --fresh --seeds 20
says "^fresh seeds: --seeds "

"$sexton" check good.json idle.json wrong.json somecrash.json unlisted.json --jobs 1 --json 1.json --junit 1.xml >1.txt 2>/dev/null
"$sexton" check good.json idle.json wrong.json somecrash.json unlisted.json --jobs 5 --json 5.json --junit 5.xml >5.txt 2>/dev/null
same 1.txt 5.txt
same 1.json 5.json
same 1.xml 5.xml

[ "$failed" -eq 0 ] && echo "cli: all as expected"
exit "$failed"
