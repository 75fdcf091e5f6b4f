#include "rig.h"

#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ring.h"

void rig_begin(struct rig *r)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(r->dir, sizeof r->dir, "%s/infoscreen-store-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(r->dir));
    snprintf(r->db, sizeof r->db, "%s/state/history.db", r->dir);
}

void rig_end(struct rig *r)
{
    char command[400];

    snprintf(command, sizeof command, "rm -rf '%s'", r->dir);
    assert_int_equal(system(command), 0);
}

int rig_setup(void **state)
{
    static struct rig r;

    rig_begin(&r);
    *state = &r;
    return 0;
}

int rig_teardown(void **state)
{
    rig_end(*state);
    return 0;
}

static struct store *open_with(const struct store_options *o)
{
    struct err e = {0};
    struct store *s = store_open(o, &e);

    if (!s)
        fail_msg("%s", e.text);
    return s;
}

struct store *rig_open(const struct rig *r, bool may_send, bool want_role)
{
    return open_with(&(struct store_options){.path = r->db,
                                             .retention_ms = INT64_C(400) * 365 * 86400000,
                                             .may_send = may_send,
                                             .want_role = want_role});
}

struct store *rig_open_retaining(const struct rig *r, int64_t retention_ms, bool want_role)
{
    return open_with(&(struct store_options){
        .path = r->db, .retention_ms = retention_ms, .may_send = true, .want_role = want_role});
}

typedef bool (*wanted_fn)(const struct store_report *r, const void *what);

static bool wait_for(struct store *s, wanted_fn wanted, const void *what, int64_t wait_ms,
                     struct store_report *out)
{
    struct ring *ring = store_reports(s);
    const int64_t until = clock_mono_ms() + wait_ms;

    for (;;) {
        const struct store_report *r;
        size_t bytes;
        while ((r = ring_peek(ring, &bytes))) {
            const bool found = wanted(r, what);
            if (found && out) {
                *out = *r;
            } else { /* the receiver's to free */
                free(r->adopted);
                free(r->rollout);
            }
            ring_pop(ring);
            if (found)
                return true;
        }
        const int64_t left = until - clock_mono_ms();
        if (left <= 0)
            return false;
        struct pollfd fd = {.fd = ring_fd(ring), .events = POLLIN};
        poll(&fd, 1, (int)left);
    }
}

struct kind_and_token {
    enum store_report_kind kind;
    uint64_t token;
};

static bool is_report(const struct store_report *r, const void *what)
{
    const struct kind_and_token *k = what;

    return r->kind == k->kind && (!k->token || r->token == k->token);
}

bool rig_report(struct store *s, enum store_report_kind kind, uint64_t token, int64_t wait_ms,
                struct store_report *out)
{
    const struct kind_and_token k = {kind, token};

    return wait_for(s, is_report, &k, wait_ms, out);
}

static bool is_phase(const struct store_report *r, const void *what)
{
    return (r->kind == STORE_STATUS || r->kind == STORE_ROLE) &&
           r->status.phase == *(const enum store_phase *)what;
}

bool rig_phase(struct store *s, enum store_phase phase, int64_t wait_ms, struct store_report *out)
{
    return wait_for(s, is_phase, &phase, wait_ms, out);
}

static bool is_role(const struct store_report *r, const void *what)
{
    return r->kind == STORE_ROLE && r->status.recorder == *(const bool *)what;
}

bool rig_role(struct store *s, bool recorder, int64_t wait_ms)
{
    return wait_for(s, is_role, &recorder, wait_ms, NULL);
}

void rig_settle(struct store *s)
{
    static uint64_t token = 1u << 30;

    assert_true(store_barrier(s, ++token));
    assert_true(rig_report(s, STORE_DURABLE, token, RIG_WAIT_MS, NULL));
}

static struct uid uid_of(unsigned space, unsigned n)
{
    struct uid u = {{0xA0, (uint8_t)space, 1, 2, 3, 4, 0x45, 6, 0x87, 8}};

    for (int i = 0; i < 4; i++)
        u.b[12 + i] = (uint8_t)(n >> (24 - 8 * i));
    return u;
}

struct client rig_client(unsigned n)
{
    struct client c = {.id = uid_of(1, n),
                       .index = n,
                       .state = CLIENT_ONLINE,
                       .pid = 1000 + n,
                       .current_event_id = NUMBER_NONE,
                       .expected_event_id = 42,
                       .reconnect_count = n,
                       .first_seen_at = 1000,
                       .last_heartbeat_at = 2000,
                       .last_health_at = TIME_NONE,
                       .last_disconnect_at = TIME_NONE,
                       .state_since_at = 1000,
                       .broker_reachable = TRI_YES};
    char name[32];

    uid_format(&c.id, c.spelling);
    for (char *p = c.spelling; *p; p++)
        *p = (char)(*p >= 'a' && *p <= 'f' ? *p - 32 : *p);
    snprintf(name, sizeof name, "lobby-%u", n);
    TEXT_SET(&c.hostname, name, strlen(name));
    TEXT_SET(&c.group, "vienna", 6);
    return c;
}

struct alarm rig_alarm(unsigned n, enum alarm_state state)
{
    struct alarm a = {.kind = ALARM_SERVICE_FAILED,
                      .state = state,
                      .priority = PRIORITY_HIGH,
                      .client = uid_of(1, n),
                      .raised_at = 5000 + n,
                      .cleared_at = TIME_NONE,
                      .acknowledged_at = TIME_NONE,
                      .shelved_until = TIME_NONE,
                      .occurrences = 3,
                      .summary = {.id = "{1} gave up"},
                      .active = true};
    char subject[UID_TEXT];

    uid_format(&a.client, subject);
    TEXT_SET(&a.subject, subject, UID_TEXT - 1);
    TEXT_SET(&a.summary.arg[0], "display", 7);
    alarm_make_id(a.kind, TEXT(a.subject), a.id);
    return a;
}

struct command rig_command(unsigned n, enum command_status status)
{
    struct command c = {.id = uid_of(2, n),
                        .client = uid_of(1, n),
                        .action = ACTION_RESTART_APP,
                        .status = status,
                        .issued_at = 10000 + n,
                        .expires_at = 20000 + n,
                        .published_at = TIME_NONE,
                        .accepted_at = TIME_NONE,
                        .execution_started_at = TIME_NONE,
                        .finished_at = TIME_NONE,
                        .allowed_at = TIME_NONE};

    TEXT_SET(&c.action_text, "restart_app", 11);
    TEXT_SET(&c.requested_by, "anna", 4);
    return c;
}

struct history_event rig_event(unsigned client, int64_t at, enum event_kind kind)
{
    struct history_event ev = {.at = at, .kind = kind, .client = uid_of(1, client)};

    ev.summary.id = "{1} is {2}";
    TEXT_SET(&ev.summary.arg[0], "lobby", 5);
    TEXT_SET(&ev.summary.arg[1], "silent", 6);
    return ev;
}

static sqlite3 *open_plain(const struct rig *r)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(r->db, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    return db;
}

void rig_sql(const struct rig *r, const char *sql)
{
    sqlite3 *db = open_plain(r);
    char *why = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
}

int64_t rig_number(const struct rig *r, const char *sql)
{
    sqlite3 *db = open_plain(r);
    sqlite3_stmt *q = NULL;

    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
    const int64_t v = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : INT64_MIN;
    sqlite3_finalize(q);
    sqlite3_close(db);
    return v;
}
