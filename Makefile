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
CPPFLAGS += -D_GNU_SOURCE -D_XOPEN_SOURCE_EXTENDED=1 -Isrc -DVERSION='"$(VERSION)"' -DPREFIX='"$(PREFIX)"'
ALL_CFLAGS = -std=c11 $(WARNINGS) $(WERROR) $(HARDEN) $(CFLAGS) $(SANITIZE)
LINK       = $(CC) $(ALL_CFLAGS) -pie $(LDFLAGS)

# What each room may link; a room's tests link these and nothing more.
LIBS_base   := -linih -lutf8proc -lcrypto -pthread
LIBS_core   := -lcjson -luuid -lm
LIBS_broker := -lmosquitto -lssl
LIBS_store  := -lsqlite3
LIBS_ui     := -lncursesw -ltinfo
LIBS_cli    := -lcjson
LIBS_sim    :=

ROOMS := base core broker store ui cli sim
# A room and all below it (design: arrows run one way).
DEPS_base   := base
DEPS_core   := core base
DEPS_broker := broker core base
DEPS_store  := store core base
DEPS_ui     := ui core base
DEPS_cli    := cli store broker core base
DEPS_sim    := sim broker core base
DEPS_e2e    := sim cli broker store core base

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
.PHONY: all demo check check-long check-asan check-tsan check-layers fuzz bench soak lint golden install uninstall clean tests

all: $(PROGRAM) $(CATALOGS) themes-beside

$(PROGRAM): $(OBJ_all)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LIBS_all)

$(BUILD)/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/locale/%/LC_MESSAGES/infoscreen-tui.mo: po/%.po
	$(call say,MO,$@)
	@mkdir -p $(@D)
	$(Q)msgfmt -c -o $@ $<

.PHONY: themes-beside
themes-beside:
	@mkdir -p $(BUILD)/themes && cp -u themes/*.theme $(BUILD)/themes/ 2>/dev/null || true

-include $(OBJ_all:.o=.d)

# ---- tests: tests/<room>/test_*.c, each a program of its own that links its room and those below ----
define room_tests
TESTS_$(1) := $$(patsubst %.c,$$(BUILD)/%,$$(wildcard tests/$(1)/test_*.c))
HELP_$(1)  := $$(call objects,$$(filter-out tests/$(1)/test_%.c,$$(wildcard tests/$(1)/*.c)))
$$(TESTS_$(1)): $$(BUILD)/tests/$(1)/%: $$(BUILD)/tests/$(1)/%.o $$(HELP_$(1)) $$(foreach d,$$(DEPS_$(1)),$$(call objects,$$(SRC_$$(d))))
	$$(call say,LINK,$$@)
	$$(Q)$$(LINK) -o $$@ $$^ $$(foreach d,$$(DEPS_$(1)),$$(LIBS_$$(d))) -lcmocka $$(TESTLIBS_$(1))
-include $$(TESTS_$(1):=.d) $$(HELP_$(1):.o=.d)
endef
TESTLIBS_e2e := -lvterm -lutil
$(foreach r,$(ROOMS) e2e,$(eval $(call room_tests,$(r))))
TESTS := $(foreach r,$(ROOMS) e2e,$(TESTS_$(r)))

tests: all $(TESTS)

check: tests check-layers
	$(Q)BUILD=$(BUILD) sh tests/run.sh $(TESTS)

demo: all
	$(Q)$(PROGRAM) demo

check-layers:
	$(Q)sh tests/layers.sh

clean:
	rm -rf build

# ---- figures: ratios in one run against programs that users know; asserts nothing ----
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))
$(BENCHES): $(BUILD)/bench/%: $(BUILD)/tests/bench/%.o $(foreach d,$(DEPS_e2e),$(call objects,$(SRC_$(d))))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $^ $(LIBS_all)

# make bench BENCH="cpu calm" runs only these.
bench: all $(BENCHES)
	$(Q)/usr/bin/python3 tests/bench/bench.py $(BUILD) $(BENCH)

soak: all $(BENCHES)
	$(Q)/usr/bin/python3 tests/bench/soak.py $(BUILD)
