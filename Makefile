# infoscreen-tui. Quiet by default (V=1 shows commands), out of tree (build/), no configure step.
#   make            the program: build/infoscreen-tui
#   make demo       the console over a private broker and a simulated fleet
#   make check      the tests
PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= gcc
CFLAGS  ?= -O2 -g
BUILD   ?= build

VERSION  := 0.1.0
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
HARDEN   := -fstack-protector-strong -fPIE
CPPFLAGS += -D_GNU_SOURCE -D_XOPEN_SOURCE_EXTENDED=1 -Isrc -I$(BUILD)/gen -DVERSION='"$(VERSION)"' -DPREFIX='"$(PREFIX)"'
# The tests are strict; a packager's newer compiler may warn: make check WERROR=
ifneq ($(filter check check-%,$(MAKECMDGOALS)),)
WERROR ?= -Werror
endif
ALL_CFLAGS = -std=c11 $(WARNINGS) $(WERROR) $(HARDEN) $(CFLAGS) $(SANITIZE)
LINK       = $(CC) $(ALL_CFLAGS) -pie $(LDFLAGS)

# What each room may link; a room's tests link these and nothing more.
LIBS_base   := -linih -lutf8proc -lcrypto -pthread
LIBS_core   := -lcjson -luuid -lm
LIBS_broker := -lmosquitto -lssl
LIBS_store  := -lsqlite3
LIBS_ui     := -lncursesw -ltinfo
LIBS_cli    :=
LIBS_sim    :=

ROOMS := base core broker store ui cli sim
# A room and all below it, as docs/architecture.md draws the arrows.
DEPS_base   := base
DEPS_core   := core base
DEPS_broker := broker core base
DEPS_store  := store core base
DEPS_ui     := ui core base
DEPS_cli    := cli store broker core base
DEPS_sim    := sim broker core base
# The journeys run the program as it is and link none of it.
DEPS_e2e    :=

Q := $(if $(V),,@)
say = $(if $(V),,@echo "  $(1)	$(2)")

SRC_app := $(wildcard src/*.c src/app/*.c)
$(foreach r,$(ROOMS),$(eval SRC_$(r) := $(wildcard src/$(r)/*.c)))
objects = $(patsubst %.c,$(BUILD)/%.o,$(1))
SRC_all := $(SRC_app) $(foreach r,$(ROOMS),$(SRC_$(r)))
OBJ_all := $(call objects,$(SRC_all))
LIBS_all := $(foreach r,$(ROOMS),$(LIBS_$(r)))
PROGRAM := $(BUILD)/infoscreen-tui
CATALOGS := $(patsubst po/%.po,$(BUILD)/locale/%/LC_MESSAGES/infoscreen-tui.mo,$(wildcard po/*.po))

.DELETE_ON_ERROR:
.PHONY: all demo check check-long check-asan check-tsan check-layers fuzz bench bench-outage soak lint golden install uninstall clean tests

all: $(PROGRAM) $(CATALOGS) themes-beside

$(PROGRAM): $(OBJ_all)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS_all)

$(BUILD)/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The default theme is compiled in, line by line: what the file says is what a bare program shows.
$(BUILD)/src/ui/theme.o: $(BUILD)/gen/theme_default.inc
$(BUILD)/gen/theme_default.inc: themes/default.theme
	@mkdir -p $(@D)
	$(Q)awk -F' *= *' '/^\[/ { gsub(/[][]/, ""); s = $$0; next } \
		/^[a-z_]+ *=/ { printf "{\"%s\", \"%s\", \"%s\"},\n", s, $$1, $$2 }' $< >$@

$(BUILD)/locale/%/LC_MESSAGES/infoscreen-tui.mo: po/%.po
	$(call say,MO,$@)
	@mkdir -p $(@D)
	$(Q)msgfmt -c -o $@ $<

.PHONY: themes-beside
themes-beside:
	@mkdir -p $(BUILD)/themes && cp -u themes/*.theme $(BUILD)/themes/ 2>/dev/null || true

-include $(OBJ_all:.o=.d)

# ---- tests: tests/<room>/test_*.c, each a program of its own that links its room and those below ----
# tests/*.c is for every room that starts a broker.
define room_tests
TESTS_$(1) := $$(patsubst %.c,$$(BUILD)/%,$$(wildcard tests/$(1)/test_*.c))
HELP_$(1)  := $$(call objects,$$(filter-out tests/$(1)/test_%.c,$$(wildcard tests/*.c tests/$(1)/*.c)))
$$(TESTS_$(1)): $$(BUILD)/tests/$(1)/%: $$(BUILD)/tests/$(1)/%.o $$(HELP_$(1)) $$(foreach d,$$(DEPS_$(1)),$$(call objects,$$(SRC_$$(d))))
	$$(call say,LINK,$$@)
	$$(Q)$$(LINK) -o $$@ $$^ $$(foreach d,$$(DEPS_$(1)),$$(LIBS_$$(d))) -lcmocka $$(TESTLIBS_$(1))
-include $$(TESTS_$(1):=.d) $$(HELP_$(1):.o=.d)
endef
TESTLIBS_e2e := -lvterm -lutil
$(foreach r,$(ROOMS) e2e,$(eval $(call room_tests,$(r))))
TESTS := $(foreach r,$(ROOMS) e2e,$(TESTS_$(r)))
CHECKS := $(patsubst %,tests/e2e/check_%.py,cli send rollout incident alarms outage checklist)

tests: all $(TESTS)

check: tests check-layers po-check
	$(Q)BUILD=$(BUILD) sh tests/run.sh $(TESTS) $(CHECKS)

# Draws the panels anew into tests/ui/golden; the review is git diff.
golden: $(BUILD)/tests/ui/test_panels $(CATALOGS)
	$(Q)GOLDEN_UPDATE=1 BUILD=$(BUILD) LC_ALL=C.UTF-8 TZ=UTC $<

demo: all
	$(Q)$(PROGRAM) demo

check-layers:
	$(Q)sh tests/layers.sh

clean:
	rm -rf build

# ---- the same tests under sanitizers, each in a build directory of its own ----
ASAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
check-asan:
	$(Q)ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1 TEST_SECONDS=900 \
	    $(MAKE) --no-print-directory BUILD=$(BUILD)/asan CFLAGS="-O1 -g" SANITIZE="$(ASAN)" check

# TSan's shadow memory doesn't fit the address layout of newer kernels: without randomisation it does.
check-tsan:
	$(Q)TSAN_OPTIONS=suppressions=$(CURDIR)/tests/tsan.supp:halt_on_error=1 TEST_SECONDS=900 \
	    $$(command -v setarch >/dev/null && echo setarch -R) \
	    $(MAKE) --no-print-directory BUILD=$(BUILD)/tsan CFLAGS="-O1 -g" SANITIZE=-fsanitize=thread check

check-long: check check-asan check-tsan fuzz
	$(Q)BUILD=$(BUILD) TEST_SECONDS=1800 ROUNDS=20 sh tests/run.sh tests/e2e/check_provision.py tests/e2e/check_kill.py tests/e2e/check_killed.py tests/e2e/check_alarms.py tests/e2e/check_aedes.py
	$(Q)BUILD=$(BUILD) TEST_SECONDS=900 CLIENTS=1000 sh tests/run.sh tests/e2e/check_outage.py
	$(Q)SHARING_SEEDS=20000 $(BUILD)/tests/core/test_sharing
	$(Q)FAULTS=all $(BUILD)/tests/store/test_nth

# ---- words ----
.PHONY: pot po-check
pot:
	$(Q)sh tools/pot.sh po/infoscreen-tui.pot

po-check:
	$(Q)BUILD=$(BUILD) sh tests/catalogs.sh

lint:
	$(Q)BUILD=$(BUILD) sh tools/lint.sh

# ---- installing ----
share  := $(DESTDIR)$(PREFIX)/share
install: all
	$(call say,INSTALL,$(DESTDIR)$(PREFIX))
	$(Q)install -Dm755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/infoscreen-tui
	$(Q)install -Dm644 infoscreen-tui.1 $(share)/man/man1/infoscreen-tui.1
	$(Q)install -d $(share)/infoscreen-tui/themes
	$(Q)install -m644 themes/*.theme $(share)/infoscreen-tui/themes
	$(Q)$(foreach c,$(CATALOGS),install -Dm644 $(c) $(patsubst $(BUILD)/%,$(share)/%,$(c)) &&) true
	$(Q)install -Dm644 completions/infoscreen-tui.bash $(share)/bash-completion/completions/infoscreen-tui
	$(Q)install -Dm644 completions/_infoscreen-tui $(share)/zsh/site-functions/_infoscreen-tui
	$(Q)install -Dm644 completions/infoscreen-tui.fish $(share)/fish/vendor_completions.d/infoscreen-tui.fish
	$(Q)install -Dm644 dist/infoscreen-tui.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/infoscreen-tui.conf
	$(Q)install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	$(Q)sed 's|@PREFIX@|$(PREFIX)|' dist/infoscreen-tui.service \
	    >$(DESTDIR)$(PREFIX)/lib/systemd/system/infoscreen-tui.service

uninstall:
	$(call say,REMOVE,$(DESTDIR)$(PREFIX))
	$(Q)rm -f $(DESTDIR)$(PREFIX)/bin/infoscreen-tui $(share)/man/man1/infoscreen-tui.1 \
	    $(patsubst $(BUILD)/%,$(share)/%,$(CATALOGS)) $(share)/bash-completion/completions/infoscreen-tui \
	    $(share)/zsh/site-functions/_infoscreen-tui $(share)/fish/vendor_completions.d/infoscreen-tui.fish \
	    $(DESTDIR)$(PREFIX)/lib/sysusers.d/infoscreen-tui.conf \
	    $(DESTDIR)$(PREFIX)/lib/systemd/system/infoscreen-tui.service
	$(Q)rm -rf $(share)/infoscreen-tui

# ---- figures: ratios in one run against programs that users know; asserts nothing ----
DEPS_bench := sim store broker core base
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))
$(BENCHES): $(BUILD)/bench/%: $(BUILD)/tests/bench/%.o $(foreach d,$(DEPS_bench),$(call objects,$(SRC_$(d))))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $^ $(LIBS_all)

$(BUILD)/bench/outage: $(BUILD)/tests/core/world.o

# How soon an outage is named, and how often without one; SEEDS of each kind of fleet.
SEEDS ?= 300
bench-outage: $(BUILD)/bench/outage
	$(Q)$< $(SEEDS)

# make bench BENCH="cpu calm" runs only these.
bench: all $(BENCHES)
	$(Q)/usr/bin/python3 tests/bench/bench.py $(BUILD) $(BENCH)

soak: all $(BENCHES)
	$(Q)/usr/bin/python3 tests/bench/soak.py $(BUILD)

# ---- fuzzing: tests/fuzz/fuzz_<target>.c with the corpus beside it; finds go to the build directory ----
FUZZ_SECONDS ?= 20
FUZZ_CC      ?= clang
FUZZ_FLAGS   := -std=c11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_OBJECTS := $(patsubst %.c,$(BUILD)/fuzz/%.o,$(SRC_core) $(SRC_base))

$(BUILD)/fuzz/%.o: %.c
	$(call say,FUZZCC,$<)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(CPPFLAGS) $(WARNINGS) $(FUZZ_FLAGS) -MMD -MP -c -o $@ $<

$(FUZZ_TARGETS:%=$(BUILD)/fuzz/%): $(BUILD)/fuzz/%: $(BUILD)/fuzz/tests/fuzz/fuzz_%.o $(FUZZ_OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) -o $@ $^ $(LIBS_core) $(LIBS_base)
-include $(FUZZ_OBJECTS:.o=.d) $(FUZZ_TARGETS:%=$(BUILD)/fuzz/tests/fuzz/fuzz_%.d)

fuzz: $(FUZZ_TARGETS:%=$(BUILD)/fuzz/%)
	$(Q)for t in $(FUZZ_TARGETS); do \
	    log=$(BUILD)/fuzz/$$t.log; mkdir -p $(BUILD)/fuzz/corpus/$$t; \
	    $(BUILD)/fuzz/$$t -max_total_time=$(FUZZ_SECONDS) -max_len=70000 -timeout=2 -rss_limit_mb=512 \
	        -verbosity=0 -print_final_stats=1 -artifact_prefix=$(BUILD)/fuzz/$$t- \
	        $(BUILD)/fuzz/corpus/$$t tests/fuzz/corpus/$$t >$$log 2>&1 || { cat $$log; exit 1; }; \
	    echo "$$t: $$(sed -n 's/^stat::number_of_executed_units: *//p' $$log) inputs, no fault"; done
