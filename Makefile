# pg_whatsapp: build with PGXS.  make && make install && make installcheck
EXTENSION  = pg_whatsapp
MODULE_big = pg_whatsapp
DATA       = sql/pg_whatsapp--1.0.sql
OBJS = \
	src/core/acceptance.o src/core/account.o src/core/breaker.o src/core/e164.o src/core/endpoint.o \
	src/core/error_codes.o src/core/inbound.o src/core/json_bounded.o src/core/json_view.o src/core/lineup.o \
	src/core/lineup_reading.o src/core/message.o src/core/money.o src/core/outcome.o src/core/pacer.o \
	src/core/progress.o src/core/redact.o src/core/render.o src/core/retry.o src/core/signature.o src/core/template.o \
	src/core/url.o src/core/usage.o src/core/utf8.o src/core/webhook.o \
	src/net/acceptor.o src/net/bearer.o src/net/connection_watch.o src/net/exchange.o src/net/http_client.o \
	src/net/http_server.o src/net/http_thread.o src/net/listen_address.o src/net/multi.o src/net/request_head.o \
	src/net/transfer.o \
	src/pg/account_events.o src/pg/boundary.o src/pg/columns.o src/pg/deliveries.o src/pg/directory.o \
	src/pg/early_mark.o src/pg/event_rows.o src/pg/events.o src/pg/fault_point.o src/pg/inbound.o src/pg/instance.o \
	src/pg/intake.o src/pg/key_lookup.o src/pg/mark.o src/pg/messages.o src/pg/opt_outs.o src/pg/own_table.o \
	src/pg/plain_table.o src/pg/planning.o src/pg/queue.o src/pg/reading.o src/pg/ready_rows.o src/pg/restore_hold.o \
	src/pg/row_insert.o src/pg/schema.o src/pg/secrets.o src/pg/senders.o src/pg/settings.o src/pg/settle.o \
	src/pg/shmem.o src/pg/statement.o src/pg/status_rows.o src/pg/statuses.o src/pg/table_stamp.o \
	src/pg/token_question.o src/pg/transaction.o src/pg/wait_set.o src/pg/wamids.o src/pg/worker.o \
	src/entry/arguments.o src/entry/database_commands.o src/entry/dispatcher.o src/entry/functions_contacts.o \
	src/entry/functions_phone.o src/entry/functions_send.o src/entry/functions_watch.o src/entry/functions_webhook.o \
	src/entry/inbox.o src/entry/keyring.o src/entry/launcher.o src/entry/line.o src/entry/listener.o \
	src/entry/module.o src/entry/purchase_order.o src/entry/reader.o src/entry/round.o src/entry/sender.o \
	src/entry/trigger.o src/entry/watch_partition.o
REGRESS    = phone template money send people watch errors web_tier rights
ISOLATION  = cancel
ISOLATION_OPTS = --inputdir=$(srcdir)/test/isolation --outputdir=output_iso

PG_CONFIG ?= pg_config
CURL_CONFIG ?= curl-config
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(dir $(lastword $(MAKEFILE_LIST)))pg_whatsapp.control)

# -isystem: the server's headers are C, and warn (or fail, under clang) when read as C++17 of our own
PG_CPPFLAGS = -I$(srcdir)/src -isystem $(shell $(PG_CONFIG) --includedir-server) -DPG_WHATSAPP_VERSION='"$(EXTVERSION)"'
PG_CXXFLAGS = -std=c++17 -Wall -Wextra -Wshadow -MMD -MP $(if $(WERROR),-Werror)
SHLIB_LINK  = $(shell $(CURL_CONFIG) --libs) -lmicrohttpd -lcrypto -licui18n -licuuc -Wl,--version-script=$(srcdir)/src/exports.map
EXTRA_CLEAN = $(OBJS:.o=.d) build output_iso compile_commands.json

# C++ must be linked by the C++ driver; bitcode of C++ serves nobody, and PGXS would compile it without our flags
override COMPILER  = $(CXX) $(CXXFLAGS)
override with_llvm := no

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(shlib): src/exports.map
-include $(OBJS:.o=.d) build/fault-points/fault_point.d

# The same objects, but for one: a library that dies on order, for test/tap/019_kills.pl. Nothing installs it.
fault-points: build/fault-points/$(shlib)
build/fault-points/fault_point.o: src/pg/fault_point.cpp
	@$(MKDIR_P) $(@D)
	$(CXX) $(CXXFLAGS) $(CPPFLAGS) -DFAULT_POINTS -c -o $@ $<
build/fault-points/$(shlib): $(OBJS:src/pg/fault_point.o=build/fault-points/fault_point.o) src/exports.map
	$(LINK.shared) -o $@ $(filter %.o,$^) $(LDFLAGS) $(LDFLAGS_SL) $(SHLIB_LINK)

.PHONY: fault-points unit fuzz sandbox lint tap tidy format compile_commands.json
unit fuzz sandbox:
	$(MAKE) -C test/$@
lint:
	test/lint/run
tap:
	scripts/test tap
tidy:
	@for file in $(OBJS:.o=.cpp); do clang-tidy --quiet $$file -- $(PG_CPPFLAGS) -std=c++17 -D_GNU_SOURCE || exit; done
format:
	clang-format -i $(wildcard src/*/*.?pp test/unit/*.?pp test/fuzz/*.?pp test/sandbox/*.?pp)
compile_commands.json:
	bear -- $(MAKE) -B all
