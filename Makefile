# SPDX-License-Identifier: BSD-2-Clause
# steerway's build. `make help` lists what it can do. Everything built lands under $(BUILD).

BUILD ?= build
ROOMS := base http dns metric cfg io fleet health proxy gslb admin
CONFIG := $(BUILD)/config.mk
JOBS ?= $(shell nproc)

# What runs without a configured tree.
BARE := help demo check bench bench-http bench-dns bench-scale clean distclean format fuzz deps-build deps-check deps-bench deps-coverage asan tsan ubsan coverage
ifneq ($(filter-out $(BARE),$(or $(MAKECMDGOALS),all)),)
include $(CONFIG)
endif

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wwrite-strings -Wvla -Wformat=2 -Wundef $(WERROR)
HARDENING := -fPIE -fstack-protector-strong -fno-plt
FORTIFY := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
SANITIZE ?=
OPTIMIZE ?= -O2 -g
ifneq ($(SANITIZE),)
FORTIFY :=
SANITIZE_FLAGS := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
# jemalloc would hide what the sanitizers look for.
DEPS_LIBS_USED = $(filter-out -ljemalloc -l:libjemalloc%,$(DEPS_LIBS)) -lm
else
DEPS_LIBS_USED = $(DEPS_LIBS) -lm
endif
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE $(OPTIMIZE) $(WARNINGS) $(HARDENING) $(FORTIFY) $(SANITIZE_FLAGS) -pthread \
	-Iinclude -Isrc -I$(BUILD) $(DEPS_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -pthread $(SANITIZE_FLAGS) $(LDFLAGS)

SRC_ROOMS := $(foreach room,$(ROOMS),$(wildcard src/$(room)/*.c))
SRC_MAIN := $(wildcard src/main/*.c)
OBJ_ROOMS := $(SRC_ROOMS:%.c=$(BUILD)/obj/%.o)
OBJ_MAIN := $(SRC_MAIN:%.c=$(BUILD)/obj/%.o)
OBJ_CTL := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard src/steerctl/*.c))
LIBRARY := $(BUILD)/libsteerway.a

UNIT_SRC := $(wildcard tests/unit/*/test_*.c tests/sim/test_*.c)
UNIT := $(UNIT_SRC:%.c=$(BUILD)/%)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_REPLAY := $(FUZZ_SRC:%.c=$(BUILD)/%)

.PHONY: all
all: $(BUILD)/steerway $(BUILD)/steerctl

.PHONY: help
help:
	@echo 'make              build $(BUILD)/steerway and $(BUILD)/steerctl'
	@echo 'make demo         install what is missing, build, run the embedded demonstration'
	@echo 'make check        install what is missing, build, run all tests'
	@echo 'make unit ROOM=x  run the unit tests of one room'
	@echo 'make bench        measure beside haproxy, nginx, h2o and nghttpx, and DNS beside gdnsd, knot, nsd and PowerDNS'
	@echo 'make bench-http   HTTP alone with all columns (BENCH=pattern picks rows); bench-dns: DNS; bench-scale: connections, servers, routes, workers'
	@echo 'make asan | tsan  run unit, sim, fuzz-replay and box tests under sanitizers (in build/asan, build/tsan)'
	@echo 'make fuzz         build the libFuzzer targets (clang) under build/fuzz'
	@echo 'make coverage     line coverage of the tests, as HTML under build/coverage'
	@echo 'make docs         write conf/ sample and the generated manual page anew'
	@echo 'make format tidy  clang-format in place; clang-tidy'
	@echo 'make install      PREFIX=$(or $(PREFIX),/usr/local) DESTDIR=$(DESTDIR)'

# `make V=1` shows whole commands.
QUIET = $(if $(V),,@echo '  $(1)  $(patsubst $(BUILD)/%,%,$@)';)

# ---- configure ----
# Runs by itself when config.mk is missing or older than what it is made from. CC=clang BUILD=build/clang is another tree.
configure: configure.ac
	@mkdir -p $(BUILD)
	autom4te --language=autoconf --cache=$(BUILD)/autom4te.cache -o configure configure.ac
	@rm -f configure~; touch $@

$(CONFIG): configure contrib/config.mk.in
	@mkdir -p $(BUILD)
	cd $(BUILD) && $(abspath configure) --quiet $(if $(filter command environment,$(origin CC)),CC='$(CC)') $(CONFIGURE_FLAGS)
	@touch $@

# ---- programs ----
$(BUILD)/obj/%.o: %.c $(CONFIG)
	@mkdir -p $(@D)
	$(call QUIET,CC)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(LIBRARY): $(OBJ_ROOMS)
	@rm -f $@
	$(call QUIET,AR)$(AR) rcs $@ $^

$(BUILD)/steerway: $(OBJ_MAIN) $(LIBRARY)
	$(call QUIET,LD)$(CC) $(ALL_LDFLAGS) -o $@ $(OBJ_MAIN) $(LIBRARY) $(DEPS_LIBS_USED)

# steerctl needs no library but libc and jansson: it has to work when the house burns.
$(BUILD)/steerctl: $(OBJ_CTL)
	$(call QUIET,LD)$(CC) $(ALL_LDFLAGS) -o $@ $(OBJ_CTL) -ljansson

# ---- tests ----
$(BUILD)/tests/%: tests/%.c $(LIBRARY)
	@mkdir -p $(@D)
	$(call QUIET,CC)$(CC) $(ALL_CFLAGS) $(CMOCKA_CFLAGS) -Itests -MMD -MP -MF $@.d $(ALL_LDFLAGS) -o $@ $< $(EXTRA) $(LIBRARY) $(CMOCKA_LIBS) $(DEPS_LIBS_USED)

$(FUZZ_REPLAY): EXTRA = tests/fuzz/replay.c
$(FUZZ_REPLAY): tests/fuzz/replay.c $(wildcard tests/fuzz/*.h)

# libFuzzer's programs, in a tree of their own: build/fuzz/fuzz_x -max_total_time=60 tests/fuzz/corpus/x
.PHONY: fuzz fuzz-programs
fuzz:
	@$(MAKE) --no-print-directory BUILD=build/fuzz CC=clang SANITIZE=fuzzer-no-link,address,undefined OPTIMIZE='-O1 -g' fuzz-programs

fuzz-programs: $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/%)

$(BUILD)/fuzz_%: tests/fuzz/fuzz_%.c $(LIBRARY)
	$(call QUIET,CC)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $< $(LIBRARY) $(DEPS_LIBS_USED)

.PHONY: tests-build
tests-build: all bench-programs $(UNIT) $(FUZZ_REPLAY)

.PHONY: unit
unit: $(filter $(BUILD)/tests/unit/$(ROOM)/% $(if $(ROOM),,$(BUILD)/tests/%),$(UNIT))
	@status=0; for t in $^; do $$t || status=1; done; exit $$status

.PHONY: check
check: deps-check
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(BUILD) tests-build
	@python3 tests/run.py --build $(BUILD) $(TESTS)

.PHONY: asan tsan coverage
asan:
	@ASAN_OPTIONS=detect_leaks=1 $(MAKE) --no-print-directory check BUILD=build/asan SANITIZE=address,undefined OPTIMIZE='-O1 -g'
tsan:
	@$(MAKE) --no-print-directory check BUILD=build/tsan SANITIZE=thread OPTIMIZE='-O1 -g'
coverage: deps-coverage
	@find build/cov -name '*.gcda' -delete 2>/dev/null || true
	@$(MAKE) --no-print-directory check BUILD=build/cov OPTIMIZE='-O0 -g --coverage' LDFLAGS=--coverage FORTIFY=
	lcov --quiet --capture --directory build/cov/obj --output-file build/cov/info
	lcov --summary build/cov/info
	genhtml --quiet --output-directory build/coverage build/cov/info && echo 'see build/coverage/index.html'

# ---- for users ----
.PHONY: deps-build deps-check deps-bench deps-coverage
deps-build deps-check deps-bench deps-coverage:
	@contrib/install-deps.sh $(@:deps-%=%)

.PHONY: demo
demo: deps-build
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(BUILD) all
	@exec $(BUILD)/steerway demo

# The load and the origin of measurements: no part of steerway, and linked with nothing of it.
BENCH_LOAD := $(patsubst %,$(BUILD)/obj/bench/%.o,load load_tls histogram)
BENCH_ORIGIN := $(patsubst %,$(BUILD)/obj/bench/%.o,origin origin_h2)
BENCH_LOAD_DNS := $(patsubst %,$(BUILD)/obj/bench/%.o,load_dns load_dns_questions load_dns_udp load_dns_tcp histogram)
BENCH_FLOORS := $(patsubst %,$(BUILD)/obj/bench/%.o,floor parse)
BENCH_PROGRAMS := $(patsubst %,$(BUILD)/bench/%,load load_dns origin floor parse)
.PHONY: bench-programs
bench-programs: $(BENCH_PROGRAMS)
$(BUILD)/bench/load: $(BENCH_LOAD)
$(BUILD)/bench/load_dns: $(BENCH_LOAD_DNS)
$(BUILD)/bench/origin: $(BENCH_ORIGIN)
$(BUILD)/bench/floor $(BUILD)/bench/parse: $(BUILD)/bench/%: $(BUILD)/obj/bench/%.o
$(BENCH_PROGRAMS):
	@mkdir -p $(@D)
	$(call QUIET,LD)$(CC) $(ALL_LDFLAGS) -Wl,--as-needed -o $@ $^ -lssl -lcrypto -lldns

.PHONY: bench bench-http bench-dns bench-scale
bench bench-http bench-dns bench-scale: deps-bench
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(BUILD) all bench-programs $(BUILD)/tests/unit/gslb/test_switch
	@python3 bench/run.py --build $(BUILD) $(@:bench-%=%) $(BENCH)

.PHONY: docs
docs: all
	$(BUILD)/steerway config-reference --sample > conf/steerway.yaml.sample
	$(BUILD)/steerway config-reference --man > contrib/man/steerway.yaml.5

.PHONY: format tidy
format:
	clang-format -i $(shell git ls-files '*.c' '*.h' ':!:src/http/field_slots.h')
tidy:
	clang-tidy --quiet $(SRC_ROOMS) $(SRC_MAIN) -- -std=c11 -D_GNU_SOURCE -Iinclude -Isrc -I$(BUILD) $(DEPS_CFLAGS)

.PHONY: install
install: all
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 \
		$(DESTDIR)$(PREFIX)/share/man/man8 $(DESTDIR)$(PREFIX)/share/doc/steerway $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -m 755 $(BUILD)/steerway $(DESTDIR)$(PREFIX)/sbin/
	install -m 755 $(BUILD)/steerctl $(DESTDIR)$(PREFIX)/bin/
	install -m 644 contrib/man/steerctl.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 contrib/man/steerway.yaml.5 $(DESTDIR)$(PREFIX)/share/man/man5/
	install -m 644 contrib/man/steerway.8 $(DESTDIR)$(PREFIX)/share/man/man8/
	install -m 644 conf/steerway.yaml.sample $(DESTDIR)$(PREFIX)/share/doc/steerway/
	install -d $(DESTDIR)$(PREFIX)/share/doc/steerway/examples/zones
	install -m 644 conf/*.yaml $(DESTDIR)$(PREFIX)/share/doc/steerway/examples/
	install -m 644 contrib/logrotate/steerway $(DESTDIR)$(PREFIX)/share/doc/steerway/examples/logrotate
	install -m 644 conf/zones/* $(DESTDIR)$(PREFIX)/share/doc/steerway/examples/zones/
	sed 's,@PREFIX@,$(PREFIX),g' contrib/systemd/steerway.service > $(BUILD)/steerway.service
	install -m 644 $(BUILD)/steerway.service $(DESTDIR)$(PREFIX)/lib/systemd/system/

.PHONY: clean distclean
clean:
	rm -rf $(BUILD)/obj $(BUILD)/tests $(BUILD)/steerway $(BUILD)/steerctl $(LIBRARY)
distclean:
	rm -rf build configure

-include $(BENCH_LOAD:.o=.d) $(BENCH_ORIGIN:.o=.d) $(BENCH_LOAD_DNS:.o=.d) $(BENCH_FLOORS:.o=.d) $(OBJ_ROOMS:.o=.d) $(OBJ_MAIN:.o=.d) $(OBJ_CTL:.o=.d) $(UNIT:=.d) $(FUZZ_REPLAY:=.d) $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/%.d)
