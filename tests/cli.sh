#!/bin/sh
# cli.sh PROGRAM: the command line as a newcomer meets it: exit statuses, what is said, what is left behind.
#
# Method: everything happens in an empty directory; a few small scenarios are written there. `expect` runs a command and
# compares its exit status, the others look at what the last one said and left. At the end the library of scenarios is run
# live and verified from its history. The last line counts; exit 1 if anything failed.
set -u
top=$(cd "$(dirname "$0")/.." && pwd)
sexton=$(realpath "${1:-${SEXTON:-build/sexton}}") && [ -x "$sexton" ] || {
    echo "usage: sh tests/cli.sh PROGRAM" >&2
    exit 2
}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
passed=0
failed=0
pass() { passed=$((passed + 1)); }
fail() {
    failed=$((failed + 1))
    echo "FAILED: $*"
}

# expect STATUS WHAT COMMAND...
expect() {
    wanted=$1 what=$2
    shift 2
    "$@" >out 2>err </dev/null
    got=$?
    if [ "$got" -eq "$wanted" ]; then
        pass
    else
        fail "$what: exit $got, expected $wanted: $*"
        head -n 20 out err | sed 's/^/    /'
    fi
}
# says WORDS: the last command said so
says() {
    if grep -q -e "$1" out err; then pass; else
        fail "\"$1\" was not said by: $what"
        head -n 20 out err | sed 's/^/    /'
    fi
}
same() {
    if cmp -s "$1" "$2"; then pass; else fail "$1 and $2 differ"; fi
}
nothing_left() {
    for file in $1; do
        if [ -e "$file" ]; then fail "$file is left behind"; else pass; fi
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
expect 0 "a crash at some points" "$sexton" run good.json --crash-everywhere --points 4
says " points: "
says "0 failed"
expect 0 "with the other journal" "$sexton" run good.json --journal truncate --crash-everywhere --points 4
expect 0 "at one point" "$sexton" run good.json --crash-at 100
expect 0 "the same elsewhere" "$sexton" run good.json --crash-at 100 --verify-determinism
expect 2 "no such journal" "$sexton" run good.json --journal diary
# What is lost may be so much that a store makes no sense any more: exit 5 at such a point.
"$sexton" run good.json --flaw synchronous-off --crash-everywhere --points 40 >out 2>err
case $? in 1 | 5) pass ;; *) fail "no point without syncs was found" ;; esac
what="without syncs"
says "violated: acked-is-durable"
point=$(grep -B 3 "violated: acked-is-durable" out | sed -n 's/^  point \([0-9]*\):$/\1/p' | head -n 1)
expect 1 "its replay" "$sexton" run good.json --flaw synchronous-off --crash-at "${point:-0}" --journal wal
says "violated: acked-is-durable"
expect 2 "a full disk" "$sexton" run good.json --history /dev/full
says "No space left"
(ulimit -f 2; exec "$sexton" run good.json --history part.jsonl) >/dev/null 2>&1
if [ $? -eq 2 ]; then pass; else fail "a file that is too large: expected exit 2"; fi
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
grep '^digest' out >digest.memory
expect 0 "on the other store" "$sexton" check --store sqlite good.json
grep '^digest' out >digest.sqlite
same digest.memory digest.sqlite
expect 2 "no such store" "$sexton" check good.json --store paper
expect 4 "no deletion" "$sexton" check idle.json
expect 1 "an expectation not met" "$sexton" check wrong.json
expect 1 "finally is not so" "$sexton" check missed.json
scenario little '{ "at": "2s", "device": "alice.phone", "do": "delete", "message": "m1" }' ', "at-least": { "operations": 3 }'
expect 1 "too little was done" "$sexton" check little.json
says "found 2 operations, expected at least 3"
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
if grep -q "20 of 20 seeds" out; then fail "every seed crashed"; else pass; fi
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


# ---- the first minutes ----
expect 2 "nothing" "$sexton"
says "sexton --help"
expect 0 "--help" "$sexton" --help
expect 0 "--version" "$sexton" --version
expect 2 "an option where a command should be" "$sexton" --nonsense
expect 0 "a small measurement of the stores" "$sexton" bench store --operations 60 --rounds 1
says "^SQLite on a file "
says "its writes, bare"
says "bound by"
expect 2 "no operations" "$sexton" bench store --operations 0
expect 2 "nothing to measure" "$sexton" bench paper
race=$top/scenarios/race/conversation-delete-vs-send.json
expect 0 "one part of two" "$sexton" check "$race" --seeds 8 --part 1/2 --json one.json
says "for sexton merge to judge"
expect 2 "a part is missing" "$sexton" merge one.json
says "found 1 files, expected 2"
expect 2 "a part twice" "$sexton" merge one.json one.json
sed 's/"T/"Tz/' one.json >two.json
sed -i 's,"1/2","2/2",' two.json
expect 2 "sums that nobody wrote" "$sexton" merge one.json two.json
says "fold"
expect 2 "a whole is no part" "$sexton" merge /dev/null
expect 0 "a small measurement of the queue" "$sexton" bench phold --lps 64 --events-per-lp 2 --events 10000 --json -
says '"events_per_second":[1-9]'
expect 0 "a small measurement of a history" "$sexton" bench history "$race" --rounds 1 --json -
says '"written_per_second":[1-9]'
expect 5 "a measurement of seeds of nothing" "$sexton" bench seeds /dev/null --seeds 1 --rounds 1 --json -
expect 2 "no processes" "$sexton" bench phold --lps 0
expect 2 "more events than fit" "$sexton" bench phold --lps 100000000 --events-per-lp 100000000
for command in run check merge verify explain report audit lint new list bench; do
    expect 0 "$command --help" "$sexton" "$command" --help
    says "^usage: sexton $command"
    expect 2 "$command with an unknown option" "$sexton" "$command" --nonsense
done
for command in run merge verify explain report audit lint new list; do
    expect 2 "$command of nothing" "$sexton" "$command"
done
for what in invariants records policies presets flaws schema; do
    expect 0 "list $what" "$sexton" list "$what"
done
expect 0 "a new scenario" "$sexton" new first
expect 2 "it is not overwritten" "$sexton" new first
expect 0 "it is well written" "$sexton" lint first.json
expect 0 "it runs" "$sexton" run first.json
expect 0 "it holds" "$sexton" check first.json --seeds 20

# ---- bad input ----
: >empty.jsonl
echo '{"sexton-history":1,"system":"none"}' >nothing.jsonl
echo '{"at":0,"kind":"end"}' >>nothing.jsonl
echo '{"sexton-history":1,"system":"x"' >torn.jsonl
expect 4 "an empty history: nothing judged" "$sexton" verify nothing.jsonl
expect 2 "an empty file is no history" "$sexton" verify empty.jsonl
says "^empty.jsonl:1:1: "
expect 2 "a torn history" "$sexton" verify torn.jsonl
says "^torn.jsonl:1:[0-9]*: found .*, expected "
printf '{ "sexton-scenario": 1, "name": "odd", "why": "x",\n  "seeds": 01 }\n' >odd.json
expect 2 "a number that is none" "$sexton" run odd.json
says "^odd.json:2:[0-9]*: found .*, expected "
expect 2 "a directory as a scenario" "$sexton" run .
expect 2 "a directory as a history" "$sexton" verify .
expect 2 "an unknown key" "$sexton" lint typo.json
says 'typo.json:1:[0-9]*: '
mkdir large && sed 's/"name": *"good"/"name": "good", "seeds-at-most": 0/' good.json >large/good.json
expect 4 "a large scenario, where only its folder is named" "$sexton" check large
says "large/good.json is swept only when it is named"
expect 0 "and when it is named" "$sexton" check large/good.json
expect 4 "check in an empty directory" sh -c 'mkdir -p void/scenarios && cd void && exec "$0" check' "$sexton"

# ---- where the output goes ----
expect 2 "a full disk for the result" "$sexton" run good.json --json /dev/full
says "No space left"
expect 2 "a full disk for what check writes" "$sexton" check good.json --json /dev/full
expect 2 "a full disk for the page of results" sh -c '"$0" check good.json >/dev/full' "$sexton"
expect 2 "no such directory" "$sexton" run good.json --history nowhere/h.jsonl
expect 2 "standard output is closed" sh -c '"$0" run good.json >&-' "$sexton"
expect 2 "standard output is closed, and there is a file to write" sh -c '"$0" run good.json --history closed.jsonl >&-' "$sexton"
if [ -e closed.jsonl ]; then expect 0 "it is whole" "$sexton" verify closed.jsonl; fi
if [ "$(id -u)" -ne 0 ]; then
    mkdir -p locked && chmod 500 locked
    expect 2 "a directory that cannot be written" "$sexton" run good.json --history locked/h.jsonl
    chmod 700 locked
fi
expect 2 "a file where a directory should be" "$sexton" run good.json --json good.json/r.json
expect 0 "the history on standard output" sh -c '"$0" run good.json --seed 3 --history - >piped.jsonl' "$sexton"
"$sexton" run good.json --seed 3 --history whole.jsonl >/dev/null 2>&1
same piped.jsonl whole.jsonl
expect 0 "a history from standard input" sh -c '"$0" verify - <whole.jsonl' "$sexton"
expect 0 "the life of a message" "$sexton" explain whole.jsonl m1
says "m1"
expect 0 "results to report on" "$sexton" check good.json --json good-result.json
expect 0 "a report" "$sexton" report good-result.json -o page
[ -s page/index.html ] && pass || fail "there is no page/index.html"
expect 2 "a report of something else" "$sexton" report good.json -o page2

# ---- an auditor reads what a run left ----
expect 2 "only SQLite leaves files" "$sexton" run good.json --store memory --keep-stores kept
says "expected --store sqlite"
expect 0 "a run leaves its databases" "$sexton" run good.json --seed 3 --store sqlite --keep-stores kept
expect 0 "an audit" "$sexton" audit kept/shard.0.vault.db
says "^ *1  *[0-9.]*  user [0-9]*/device [0-9]* op [0-9]*  send message [0-9.]* in [0-9.]*  accepted  version 1.[0-9]*"
says "the chain is whole, head [0-9a-f]*$"
cp out first.txt
"$sexton" audit - <kept/shard.0.vault.db | sed 's/^<stdin>/kept\/shard.0.vault.db/' >out
same first.txt out
expect 0 "the verdict alone" "$sexton" audit --quiet kept/shard.0.vault.db
if grep -q "user 1/" out; then fail "--quiet printed a row"; else pass; fi
expect 2 "the other part" "$sexton" audit kept/shard.0.main.db
says "found the part main, expected the part vault"
expect 2 "an empty file" "$sexton" audit empty.jsonl
says "found 0 bytes"
expect 2 "a file of something else" "$sexton" audit whole.jsonl
says "found no database"
expect 2 "no file" "$sexton" audit nowhere.db
says "No such file"
expect 2 "a directory" "$sexton" audit kept
head -c 6000 kept/shard.0.vault.db >torn.db
expect 2 "a torn file" "$sexton" audit torn.db
says "^torn.db: found "
: >big.db && truncate -s 2G big.db
expect 2 "a file that is too large" "$sexton" audit big.db
says "found more than 1 GiB"
rm -f big.db
cp kept/shard.0.vault.db beside.db && echo x >beside.db-wal
expect 2 "a journal that is not written back" "$sexton" audit beside.db
says "a journal beside it"
# tamper NAME SQL ROW WHAT: one change of the log, and what the auditor says of it
tamper() {
    cp kept/shard.0.vault.db "$1.db"
    python3 -c 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute(sys.argv[2]); db.commit()' "$1.db" "$2"
    cp "$1.db" "$1.before"
    expect 1 "$1" "$sexton" audit "$1.db"
    says "the chain is broken at row $3"
    says "expected $4"
    same "$1.db" "$1.before"
}
tamper changed "UPDATE audit_log SET target = target + 1 WHERE seq = 1" 1 "hash [0-9a-f]*"
tamper removed "DELETE FROM audit_log WHERE seq = 1" 1 "row 1"
tamper cut "DELETE FROM audit_log WHERE seq = (SELECT max(seq) FROM audit_log)" "[0-9]*" "rows: [0-9]*"

# ---- one verdict, however it is come by ----
mkdir -p tmp
verify_live() {
    name=$(basename "$1" .json)
    "$sexton" run "$2" --seed 2 --history "tmp/$name.jsonl" >tmp/live 2>/dev/null
    [ -f "tmp/$name.jsonl" ] || { fail "$2 left no history"; return; }
    grep -E '^(held|violated|unknown|vacuous)\(?[0-9]*\)? |^    ' tmp/live >tmp/live.verdicts
    "$sexton" verify "tmp/$name.jsonl" 2>/dev/null | grep -E '^(held|violated|unknown)\(|^    ' >tmp/stored.verdicts
    [ -s tmp/stored.verdicts ] && grep -vE "^vacuous" tmp/live.verdicts | cmp -s - tmp/stored.verdicts && pass ||
        { fail "$2: run and verify do not say the same"; diff tmp/live.verdicts tmp/stored.verdicts | head -n 10; }
    rm -f "tmp/$name.jsonl"
}
for file in "$top"/scenarios/smoke/*.json "$top"/scenarios/race/*.json "$top"/scenarios/offline/*.json \
    "$top"/scenarios/fault/*.json "$top"/scenarios/regress/*.json "$top"/scenarios/negative/*.json; do
    [ -f "$file" ] || continue
    if grep -q '"vary"' "$file"; then
        variant=$("$sexton" run "$file" 2>&1 | sed -n 's/^  .*#\(.*\)$/\1/p' | head -n 1)
        verify_live "$file" "$file#$variant"
    else
        verify_live "$file" "$file"
    fi
done
# memory runs out: a result, and nothing half written
if ! ldd "$sexton" 2>/dev/null | grep -q asan; then
    for kilobytes in 30000 60000; do
        expect 5 "out of memory at $kilobytes KiB" sh -c "ulimit -v $kilobytes; exec \"\$0\" \"\$@\"" "$sexton" run \
            "$top/scenarios/scale/crowd-1k.json" --history tmp/short.jsonl
        says "exhausted: out of memory"
        [ ! -s out ] && [ -z "$(find tmp -name 'short.jsonl*')" ] && pass || fail "out of memory at $kilobytes KiB left something"
    done
fi
for file in "$top"/scenarios/smoke/*.json; do
    [ -f "$file" ] && ! grep -q '"vary"' "$file" &&
        expect 0 "$file is deterministic" "$sexton" run "$file" --seed 5 --verify-determinism
done

echo "cli: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
