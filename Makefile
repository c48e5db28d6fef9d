# sexton: deletion consistency for chat, simulated. `make help` lists the targets.
# User variables: CC CFLAGS DESTDIR PREFIX; NO_FLAWS=1; V=debug|release|fast|asan|ubsan|tsan|coverage; T=suite/name; FUZZ_S=30.

CC ?= gcc
PREFIX ?= /usr/local
V ?= release
FUZZ_S ?= 30
SEEDS ?= 834
JOBS ?= 2

PACKAGES = build-essential clang libclang-rt-dev clang-format pkg-config libuv1-dev libcjson-dev libcunit1-dev libxxhash-dev \
	libbsd-dev libsqlite3-dev libsodium-dev gnuplot-nox parallel python3 valgrind
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wmissing-prototypes -Wconversion
ifdef CI
WARNINGS += -Werror
endif
LIBRARIES = libuv libcjson libxxhash sqlite3 libsodium
PKG_CFLAGS = $(shell pkg-config --cflags $(LIBRARIES) 2>/dev/null)
PKG_LIBS = $(shell pkg-config --libs $(LIBRARIES) 2>/dev/null)

OPT_release = -O2 -g
OPT_debug = -O0 -g
OPT_asan = -O1 -g -fsanitize=address -fno-omit-frame-pointer
OPT_ubsan = -O1 -g -fsanitize=undefined -fno-sanitize-recover=all
OPT_tsan = -O1 -g -fsanitize=thread
OPT_coverage = -O0 -g --coverage
OPT_fuzz = -O1 -g -fsanitize=fuzzer-no-link,address,undefined
OPT_O0 = -O0
OPT_O3 = -O3
OPT_fast = -O3 -flto=auto

BUILD = build/$(V)$(if $(NO_FLAWS),-noflaws)$(if $(filter-out gcc cc,$(CC)),-$(notdir $(CC)))
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -I. $(WARNINGS) $(OPT_$(V)) $(if $(NO_FLAWS),-DNO_FLAWS) $(PKG_CFLAGS) $(CFLAGS)

FOLDERS = core net-model sim sim/check sim/cli sim/explore reports
SOURCES = $(filter-out sim/main.c,$(wildcard $(addsuffix /*.c,$(FOLDERS))))
TESTS = $(filter-out tests/fuzz_%.c tests/bench%.c tests/verifier_main.c,$(wildcard tests/*.c))
OBJECTS = $(SOURCES:%.c=$(BUILD)/%.o)
TEST_OBJECTS = $(TESTS:%.c=$(BUILD)/%.o)
PROGRAM = $(BUILD)/sexton
TEST_PROGRAM = $(BUILD)/tests/run
FUZZERS = $(basename $(notdir $(wildcard tests/fuzz_*.c)))
# Every scenario but the large crowds, which take minutes a seed.
LIBRARY = $(filter-out scenarios/scale/,$(sort $(wildcard scenarios/*/))) scenarios/scale/crowd-20.json \
	scenarios/scale/race-small.json
# What `verify` may need: the checkers judge without the simulator and without the chat system.
VERIFIER = tests/verifier_main.c $(wildcard sim/check/*.c sim/history*.c reports/*.c) \
	sim/names.c sim/digest.c sim/json_scan.c core/base.c

.PHONY: all help deps run test check bench report asan ubsan tsan coverage fuzz lint format format-check golden mutants removals nondeterminism instructions \
	sweep crash-everywhere swarm-digests crowd-all compile_commands.json install uninstall clean

## the program, build/sexton
all: build/sexton

build/sexton: $(PROGRAM)
	@mkdir -p build && ln -sf $(PROGRAM:build/%=%) build/sexton

$(PROGRAM): $(OBJECTS) $(BUILD)/sim/main.o
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(PKG_LIBS) $(LDFLAGS)

$(TEST_PROGRAM): $(OBJECTS) $(TEST_OBJECTS)
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(PKG_LIBS) -lcunit $(LDFLAGS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

-include $(OBJECTS:.o=.d) $(TEST_OBJECTS:.o=.d) $(BUILD)/sim/main.d

## this text
help:
	@awk '/^## /{d=substr($$0,4);next} /^[a-z_.-]+:/{split($$1,t,":"); if(d) printf "  %-22s %s\n",t[1],d; d=""}' Makefile

## install the Debian packages that are missing (sudo only when not root)
deps:
	@missing=""; for p in $(PACKAGES); do dpkg -s $$p 2>/dev/null | grep -q '^Status: install ok' || missing="$$missing $$p"; \
	done; if [ -n "$$missing" ]; then echo "installing:$$missing"; \
	if [ "$$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi; \
	$$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends $$missing; fi

## run the scenario library and draw its report: build/report/index.html
run: all
	build/sexton check $(LIBRARY) --seeds 50 --jobs $(JOBS) --json build/result.json
	build/sexton report build/result.json -o build/report
	@echo "report: build/report/index.html"

## build and run the unit tests; T=suite or T=suite/name runs a part
test: all $(TEST_PROGRAM)
	$(TEST_PROGRAM) $(T)
	@if [ -z "$(T)" ]; then sh tests/cli.sh build/sexton; fi

## tests, every scenario against its expectation, layers
check: test lint
	build/sexton check $(LIBRARY) --seeds 50 --jobs $(JOBS) --json build/check.json
	python3 tests/missed.py build/check.json

## every figure that sexton is measured by, in one table (BENCH_ROUNDS=3, BENCH_FULL=1 with the largest, PHOLD_NS3=PROGRAM)
bench:
	+@$(MAKE) -s V=fast build/fast/sexton
	python3 tests/bench.py build/fast/sexton

## draw the report of the last run
report: all
	build/sexton report build/result.json -o build/report

## tests under AddressSanitizer
asan:
	+$(MAKE) V=asan build/asan/tests/run build/asan/sexton
	build/asan/tests/run
	build/asan/sexton check $(LIBRARY) --seeds 20 --jobs $(JOBS) >/dev/null

## tests under UndefinedBehaviorSanitizer
ubsan:
	+$(MAKE) V=ubsan build/ubsan/tests/run build/ubsan/sexton
	build/ubsan/tests/run
	build/ubsan/sexton check $(LIBRARY) --seeds 20 --jobs $(JOBS) >/dev/null

## tests under ThreadSanitizer
tsan:
	+$(MAKE) V=tsan build/tsan/tests/run
	build/tsan/tests/run

## line coverage of the tests, as gcov files under build/coverage
coverage:
	+$(MAKE) V=coverage build/coverage/tests/run
	build/coverage/tests/run
	cd build/coverage && gcov -r -s $(CURDIR) $$(find . -name '*.gcda') | grep -A1 "^File '" | head -200

## each fuzz target for FUZZ_S seconds (clang)
fuzz:
	+@$(MAKE) -s V=fuzz CC=clang WARNINGS= $(FUZZERS:%=build/fuzz-clang/tests/%)
	@for n in $(FUZZERS); do mkdir -p build/fuzz/corpus-$$n; \
	build/fuzz-clang/tests/$$n -max_total_time=$(FUZZ_S) -print_final_stats=1 build/fuzz/corpus-$$n || exit 1; done

$(FUZZERS:%=$(BUILD)/tests/%): $(BUILD)/tests/%: $(OBJECTS) $(BUILD)/tests/town.o $(BUILD)/tests/%.o
	$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -o $@ $^ $(PKG_LIBS)

## layers, and a verifier linked without simulator and chat system, which judges the golden histories
lint:
	python3 tests/lint.py
	@mkdir -p build/lint
	$(CC) $(ALL_CFLAGS) -o build/lint/verifier $(VERIFIER) $(PKG_LIBS)
	for f in tests/golden/*.jsonl; do build/lint/verifier $$f >build/lint/verdicts || exit 1; done
	@grep -hv '"kind":"hide"' tests/golden/undo-within-window-1.jsonl >build/lint/deaf.jsonl; \
	build/lint/verifier build/lint/deaf.jsonl >build/lint/verdicts; \
	[ $$? -eq 1 ] || { echo "lint: the verifier found nothing in a history without its hides"; exit 1; }

## rewrite all sources with clang-format
format:
	clang-format -i $$(git ls-files '*.c' '*.h' | grep -v core/rng_tables.h)

## complain about sources that clang-format would change
format-check:
	clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h' | grep -v core/rng_tables.h)

## golden histories: byte for byte on gcc and clang at -O0 and -O3, and with the flaws compiled out
golden:
	sh tests/golden.sh

## break core's protections one at a time: a scenario must turn red, by verdict
mutants:
	sh tests/mutants/run.sh

## take each feature's handler out: its scenario must notice
removals:
	sh tests/remove_handlers.sh

## prove that --verify-determinism can fail
nondeterminism: all
	sh tests/nondeterminism.sh

## the power of a shard cut at every write, sync and commit of fifteen scenarios, both journals; POINTS=N: drawn ones (not in CI)
crash-everywhere: all
	sh tests/crash_everywhere.sh build/sexton $(POINTS)

## the same SEEDS swarm seeds on gcc and clang, -O0, -O3 and ASan give equal histories; default 500 (not in CI)
swarm-digests:
	sh tests/swarm_digests.sh $(if $(filter-out 834,$(SEEDS)),$(SEEDS),500)

## five fixed workloads cost no more instructions than tests/instructions.txt says (callgrind; gcc of Debian 12)
instructions:
	sh tests/instructions.sh

## the long sweep of the crowd: 20,000 seeds (not in CI)
sweep: all
	build/sexton check scenarios/scale/crowd-20.json --seeds 20000 --jobs $(JOBS)

## the crowd with every operation, on both stores, SEEDS of each of six variants, 5,004 in all (not in CI)
crowd-all: all
	JOBS=$(JOBS) sh tests/crowd_all.sh $(SEEDS)

## for editors and analysers
compile_commands.json:
	@python3 -c "import json,os,sys; cc,fl=sys.argv[1],sys.argv[2]; \
	print(json.dumps([dict(directory=os.getcwd(),file=f,command=f'{cc} {fl} -c {f}') for f in sys.argv[3:]],indent=1))" \
	"$(CC)" "$(ALL_CFLAGS)" $(SOURCES) sim/main.c $(TESTS) > $@

## into DESTDIR/PREFIX
install: all
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/sexton
	install -d $(DESTDIR)$(PREFIX)/share/sexton
	cp -r scenarios $(DESTDIR)$(PREFIX)/share/sexton/

## and out again
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/sexton
	rm -rf $(DESTDIR)$(PREFIX)/share/sexton

## everything that was built
clean:
	rm -rf build
