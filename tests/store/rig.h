/* rig.h - a directory of its own, stores in it, and waiting for what they report. */
#ifndef TESTS_STORE_RIG_H
#define TESTS_STORE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "store/read.h"
#include "store/store.h"

#define RIG_WAIT_MS 10000

struct rig {
    char dir[256];
    char db[512];
};
void rig_begin(struct rig *r);
void rig_end(struct rig *r); /* removes everything */

/* A test whose state is a rig of its own. */
#define RIG_TEST(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)
int rig_setup(void **state);
int rig_teardown(void **state);

/* Forgets nothing, so that rows may bear any date. */
struct store *rig_open(const struct rig *r, bool may_send, bool want_role);
struct store *rig_open_retaining(const struct rig *r, int64_t retention_ms, bool want_role);
/* Waits for a report of this kind; token 0: any. False: it did not come in time. */
bool rig_report(struct store *s, enum store_report_kind kind, uint64_t token, int64_t wait_ms,
                struct store_report *out);
bool rig_phase(struct store *s, enum store_phase phase, int64_t wait_ms, struct store_report *out);
bool rig_role(struct store *s, bool recorder, int64_t wait_ms);
/* Everything put so far is on disk. */
void rig_settle(struct store *s);

struct client rig_client(unsigned n);
struct alarm rig_alarm(unsigned n, enum alarm_state state);
struct command rig_command(unsigned n, enum command_status status);
struct history_event rig_event(unsigned client, int64_t at, enum event_kind kind);
void rig_sql(const struct rig *r, const char *sql);
int64_t rig_number(const struct rig *r, const char *sql);

#endif
