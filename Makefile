# pg_whatsapp: build with PGXS.  make && make install && make installcheck
EXTENSION  = pg_whatsapp
MODULE_big = pg_whatsapp
# Committed scripts: those of released versions, and upgrades. They never change again (src/README.md, "The install script").
DATA       = sql/pg_whatsapp--1.0.sql sql/pg_whatsapp--1.0--1.1.sql
# The install script of the version that is not released yet: joined from these parts of sql/parts, in this order.
DATA_built = sql/pg_whatsapp--1.1.sql
SQL_PARTS  = \
	00-library \
	20-senders \
	21-sender_rights \
	30-phone \
	31-money \
	32-template \
	33-errors \
	40-messages \
	41-queue \
	42-attempts \
	43-wamids \
	44-send \
	45-identity \
	46-free_form \
	47-day_counts \
	47-requests \
	48-numbers \
	48-probes \
	48-samples \
	49-definitions \
	50-people \
	60-events \
	61-web_tier \
	62-inbound \
	63-media \
	64-codes \
	70-watch \
	71-watches \
	72-send_window \
	73-callbacks \
	80-status \
	81-rates \
	82-billing \
	82-cost_units \
	83-prices \
	84-budgets \
	84-campaigns \
	84-checks \
	84-meta_costs \
	84-security \
	85-privacy \
	85-row_security \
	86-rights \
	87-help \
	90-local_tables
# A library of its own for libphonenumber, loaded when the first number is read: src/core/value/phone_numbers.hpp says why.
MODULES    = pg_whatsapp_phone
PHONE_OBJS = src/core/value/phone_numbers.o src/entry/phone/module.o
# every source of a floor and of its rooms
HERE := $(dir $(lastword $(MAKEFILE_LIST)))
OBJS := $(filter-out $(PHONE_OBJS),$(patsubst $(HERE)%.cpp,%.o,$(sort $(wildcard $(HERE)src/*/*.cpp $(HERE)src/*/*/*.cpp))))
# JOINED=1 compiles these rooms as one source each, see test/joined.mk: for who waits for the compiler (scripts/quickstart). Not the one with a
# source of the other library.
ifdef JOINED
JOINED_HERE := $(filter-out core/value,$(patsubst $(HERE)src/%,%,$(wildcard $(HERE)src/core/*)) net/client net/server)
OBJS := $(filter-out $(JOINED_HERE:%=src/%/%),$(OBJS)) $(JOINED_HERE:%=build/joined/%.o)
endif
# what the library of the tests has instead, see "fault-points"
FAULT_OBJS = src/pg/server/fault_point.o src/entry/functions/worker_steps.o
REGRESS    = phone phone_numbers template money prices budgets send on_error free_form people watch watch_general watch_due watch_changes watch_truncate watch_lost watch_waiting watch_edges callbacks send_window errors web_tier requests definitions media codes campaigns privacy rights rights_levels operations
ISOLATION  = cancel watches
# by scripts/test alone: with the library of fault-points
ISOLATION_STEPS = worker_steps statuses watch_items
ISOLATION_OPTS = --inputdir=$(srcdir)/test/isolation --outputdir=output_iso

PG_CONFIG ?= pg_config
CURL_CONFIG ?= curl-config
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(HERE)pg_whatsapp.control)

# -isystem: the server's headers are C, and warn (or fail, under clang) when read as C++17 of our own
PG_CPPFLAGS = -I$(srcdir)/src -isystem $(shell $(PG_CONFIG) --includedir-server) -DPG_WHATSAPP_VERSION='"$(EXTVERSION)"'
PG_CXXFLAGS = -std=c++17 -Wall -Wextra -Wshadow -MMD -MP $(if $(WERROR),-Werror) $(COPT)
SHLIB_LINK  = $(shell $(CURL_CONFIG) --libs) -lcrypto -licui18n -licuuc -lzip -lexpat -Wl,--version-script=$(srcdir)/src/exports.map
EXTRA_CLEAN = $(OBJS:.o=.d) $(PHONE_OBJS) $(PHONE_OBJS:.o=.d) build output_iso compile_commands.json

# C++ must be linked by the C++ driver; bitcode of C++ serves nobody, and PGXS would compile it without our flags
override COMPILER  = $(CXX) $(CXXFLAGS)
override with_llvm := no

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

ifdef JOINED
TOP := $(abspath $(HERE))
OUT := build
include $(HERE)test/joined.mk
.DEFAULT_GOAL := all
endif

# a build in another folder than that of the sources has none of these yet
$(shell $(MKDIR_P) $(sort $(dir $(OBJS) $(PHONE_OBJS) $(DATA_built))))

$(shlib): src/exports.map
$(MODULES)$(DLSUFFIX): $(PHONE_OBJS) src/exports.map
	$(LINK.shared) -o $@ $(PHONE_OBJS) $(LDFLAGS) $(LDFLAGS_SL) -lphonenumber -Wl,--version-script=$(srcdir)/src/exports.map
-include $(OBJS:.o=.d) $(PHONE_OBJS:.o=.d) $(FAULT_OBJS:%.o=build/fault-points/%.d)

# Depends on the Makefile, whose list may have changed.
$(DATA_built): $(SQL_PARTS:%=sql/parts/%.sql) Makefile
	{ echo '/* Joined by make from sql/parts. */'; for part in $(filter %.sql,$^); do echo; cat $$part || exit; done; } >$@

# The same objects, but for two: a library that dies on order (test/tap/019_kills.pl) and lets a session take the steps of the workers
# (test/isolation). Nothing installs it.
fault-points: build/fault-points/$(shlib)
$(FAULT_OBJS:%=build/fault-points/%): build/fault-points/%.o: %.cpp
	@$(MKDIR_P) $(@D)
	$(CXX) $(CXXFLAGS) $(CPPFLAGS) -DFAULT_POINTS -c -o $@ $<
build/fault-points/$(shlib): $(filter-out $(FAULT_OBJS),$(OBJS)) $(FAULT_OBJS:%=build/fault-points/%) src/exports.map
	$(LINK.shared) -o $@ $(filter %.o,$^) $(LDFLAGS) $(LDFLAGS_SL) $(SHLIB_LINK)

.PHONY: fault-points unit fuzz sandbox lint tap tidy format compile_commands.json
unit fuzz sandbox:
	$(MAKE) -C test/$@
lint:
	test/lint/run
tap:
	scripts/test tap
tidy:
	@for file in $(OBJS:.o=.cpp) $(PHONE_OBJS:.o=.cpp); do clang-tidy --quiet $$file -- $(PG_CPPFLAGS) -std=c++17 -D_GNU_SOURCE || exit; done
format:
	test/lint/format --write
compile_commands.json:
	bear -- $(MAKE) -B all
