#include "store/column.h"

#include <assert.h>
#include <string.h>

#define AT(type, member)      offsetof(type, member), sizeof(((type *)NULL)->member)
#define PLAIN(t, m, ct, mg)   {#m, ct, mg, AT(t, m), NULL, 0, NULL, NULL}
#define NAMED(n, t, m, ct, mg) {n, ct, mg, AT(t, m), NULL, 0, NULL, NULL}
#define WORD(t, m, table, n, mg) {#m, COL_WORD, mg, AT(t, m), table, n, NULL, NULL}
#define LIFE(m)               {#m, COL_NUMBER, MERGE_KNOWN, AT(struct client, m), NULL, 0, NULL, "life"}
#define RANK(t, m, ranks)      {"rank", COL_RANK, MERGE_RANK, AT(t, m), NULL, 0, ranks, NULL}

#define COUNT(list) (int)(sizeof(list) / sizeof *(list))

/* The order is the rule that a status never goes backwards. */
static const int status_ranks[] = {
    [COMMAND_QUEUED] = 10,    [COMMAND_CANCELLED] = 20, [COMMAND_PUBLISHED] = 30,
    [COMMAND_ACCEPTED] = 40,  [COMMAND_EXECUTION_STARTED] = 50, [COMMAND_EXPIRED] = 60,
    [COMMAND_COMPLETED] = 70, [COMMAND_FAILED] = 80,    [COMMAND_BLOCKED] = 90,
};
static_assert(COUNT(status_ranks) == COMMAND_STATUSES, "a status without a rank");

static const int rollout_ranks[] = {
    [ROLLOUT_RUNNING] = 10, [ROLLOUT_STOPPING] = 20, [ROLLOUT_STOPPED] = 30, [ROLLOUT_DONE] = 40,
};
static_assert(COUNT(rollout_ranks) == ROLLOUT_STATES, "a state without a rank");

static const struct column client_list[] = {
    NAMED("uuid", struct client, id, COL_UID, MERGE_KEY),
    PLAIN(struct client, spelling, COL_ASCII, MERGE_NEW),
    WORD(struct client, state, client_states, CLIENT_STATES, MERGE_NEW),
    PLAIN(struct client, hostname, COL_TEXT, MERGE_NEW),
    PLAIN(struct client, ip, COL_TEXT, MERGE_NEW),
    PLAIN(struct client, version, COL_TEXT, MERGE_NEW),
    PLAIN(struct client, process, COL_TEXT, MERGE_NEW),
    PLAIN(struct client, process_status, COL_TEXT, MERGE_NEW),
    NAMED("group_id", struct client, group, COL_TEXT, MERGE_NEW),
    PLAIN(struct client, pid, COL_NUMBER, MERGE_NEW),
    PLAIN(struct client, current_event_id, COL_NUMBER, MERGE_NEW),
    PLAIN(struct client, expected_event_id, COL_NUMBER, MERGE_NEW),
    PLAIN(struct client, reconnect_count, COL_NUMBER, MERGE_NEW),
    PLAIN(struct client, first_seen_at, COL_NUMBER, MERGE_FIRST),
    LIFE(last_heartbeat_at),
    LIFE(last_health_at),
    PLAIN(struct client, last_disconnect_at, COL_NUMBER, MERGE_NEW),
    PLAIN(struct client, state_since_at, COL_NUMBER, MERGE_NEW),
    PLAIN(struct client, broker_reachable, COL_TRISTATE, MERGE_NEW),
    PLAIN(struct client, failed, COL_FLAG, MERGE_NEW),
    PLAIN(struct client, crashed, COL_FLAG, MERGE_NEW),
    PLAIN(struct client, silent, COL_FLAG, MERGE_NEW),
    PLAIN(struct client, failed_unit, COL_TEXT, MERGE_NEW),
    PLAIN(struct client, failed_at, COL_TEXT, MERGE_NEW),
};

static const struct column alarm_list[] = {
    PLAIN(struct alarm, id, COL_ASCII, MERGE_KEY),
    WORD(struct alarm, kind, alarm_kinds, ALARM_KINDS, MERGE_NEW),
    WORD(struct alarm, state, alarm_states, ALARM_STATES, MERGE_NEW),
    WORD(struct alarm, priority, priorities, PRIORITIES, MERGE_NEW),
    PLAIN(struct alarm, subject, COL_TEXT, MERGE_NEW),
    PLAIN(struct alarm, client, COL_CLIENT, MERGE_NEW),
    NAMED("group_id", struct alarm, group, COL_TEXT, MERGE_NEW),
    PLAIN(struct alarm, raised_at, COL_NUMBER, MERGE_NEW),
    PLAIN(struct alarm, cleared_at, COL_NUMBER, MERGE_NEW),
    PLAIN(struct alarm, acknowledged_at, COL_NUMBER, MERGE_NEW),
    PLAIN(struct alarm, shelved_until, COL_NUMBER, MERGE_NEW),
    PLAIN(struct alarm, acknowledged_by, COL_TEXT, MERGE_NEW),
    PLAIN(struct alarm, suppressed_by, COL_ASCII, MERGE_NEW),
    PLAIN(struct alarm, occurrences, COL_INT, MERGE_NEW),
    PLAIN(struct alarm, summary, COL_SENTENCE, MERGE_NEW),
    PLAIN(struct alarm, note, COL_TEXT, MERGE_NEW),
    PLAIN(struct alarm, mark, COL_TEXT, MERGE_NEW),
    PLAIN(struct alarm, payload_sha, COL_ASCII, MERGE_NEW),
    PLAIN(struct alarm, active, COL_FLAG, MERGE_NEW),
};

static const struct column command_list[] = {
    NAMED("command_id", struct command, id, COL_UID, MERGE_KEY),
    PLAIN(struct command, client, COL_CLIENT, MERGE_KNOWN),
    WORD(struct command, action, actions, ACTIONS, MERGE_NEW),
    PLAIN(struct command, action_text, COL_TEXT, MERGE_FILLED),
    WORD(struct command, status, command_statuses, COMMAND_STATUSES, MERGE_RANK),
    RANK(struct command, status, status_ranks),
    PLAIN(struct command, requested_by, COL_TEXT, MERGE_FILLED),
    PLAIN(struct command, reason, COL_TEXT, MERGE_FILLED),
    PLAIN(struct command, error_code, COL_TEXT, MERGE_RANK),
    PLAIN(struct command, error_message, COL_TEXT, MERGE_RANK),
    PLAIN(struct command, rollout_id, COL_TEXT, MERGE_FILLED),
    PLAIN(struct command, issued_at, COL_NUMBER, MERGE_KNOWN),
    PLAIN(struct command, expires_at, COL_NUMBER, MERGE_KNOWN),
    PLAIN(struct command, published_at, COL_NUMBER, MERGE_FIRST),
    PLAIN(struct command, accepted_at, COL_NUMBER, MERGE_FIRST),
    PLAIN(struct command, execution_started_at, COL_NUMBER, MERGE_FIRST),
    PLAIN(struct command, finished_at, COL_NUMBER, MERGE_RANK),
    PLAIN(struct command, allowed_at, COL_NUMBER, MERGE_KNOWN),
    PLAIN(struct command, late, COL_FLAG, MERGE_EVER),
    NAMED("foreign_origin", struct command, foreign, COL_FLAG, MERGE_ALWAYS),
};

static const struct column rollout_list[] = {
    NAMED("rollout_id", struct rollout, id, COL_UID, MERGE_KEY),
    WORD(struct rollout, action, actions, ACTIONS, MERGE_KEY),
    WORD(struct rollout, state, rollout_states, ROLLOUT_STATES, MERGE_RANK),
    RANK(struct rollout, state, rollout_ranks),
    PLAIN(struct rollout, requested_by, COL_TEXT, MERGE_KEY),
    PLAIN(struct rollout, stopped_by, COL_TEXT, MERGE_FILLED),
    PLAIN(struct rollout, reason, COL_TEXT, MERGE_KEY),
    PLAIN(struct rollout, began_at, COL_NUMBER, MERGE_KEY),
    PLAIN(struct rollout, active_at, COL_NUMBER, MERGE_EVER),
    PLAIN(struct rollout, ended_at, COL_NUMBER, MERGE_KNOWN),
    PLAIN(struct rollout, expires, COL_NUMBER, MERGE_KEY),
    PLAIN(struct rollout, parallel, COL_NUMBER, MERGE_KEY),
    PLAIN(struct rollout, canary, COL_NUMBER, MERGE_KEY),
    PLAIN(struct rollout, max_failures, COL_NUMBER, MERGE_KEY),
    PLAIN(struct rollout, override_lockout, COL_FLAG, MERGE_KEY),
};

const struct columns client_columns = {"client", "uuid",
                                       "client LEFT JOIN life ON life.client=client.id",
                                       client_list, COUNT(client_list)};
const struct columns alarm_columns = {"alarm", "id", "alarm", alarm_list, COUNT(alarm_list)};
const struct columns command_columns = {"command", "command_id", "command", command_list,
                                        COUNT(command_list)};
const struct columns rollout_columns = {"rollout", "rollout_id", "rollout", rollout_list,
                                        COUNT(rollout_list)};

/* ---- statements ---- */

bool columns_select(const struct columns *c, struct buf *out)
{
    for (int i = 0; i < c->count; i++) {
        const char *comma = i ? "," : "";
        if (c->list[i].type == COL_CLIENT)
            buf_printf(out, "%s(SELECT uuid FROM client WHERE id=%s.client)", comma, c->table);
        else
            buf_printf(out, "%s%s.%s", comma, c->list[i].apart ? c->list[i].apart : c->table,
                       c->list[i].name);
    }
    return !out->failed;
}

/* # is the column; excluded.# the new value, # alone the one that is there. */
static const char *const merge_forms[] = {
    [MERGE_NEW] = "#=excluded.#",
    [MERGE_KEY] = NULL,
    [MERGE_RANK] = "#=CASE WHEN excluded.rank>=rank THEN excluded.# ELSE # END",
    [MERGE_FILLED] = "#=CASE WHEN excluded.#<>'' THEN excluded.# ELSE # END",
    [MERGE_KNOWN] = "#=coalesce(excluded.#,#)",
    [MERGE_FIRST] = "#=coalesce(#,excluded.#)",
    [MERGE_EVER] = "#=max(excluded.#,#)",
    [MERGE_ALWAYS] = "#=min(excluded.#,#)",
};
static_assert(sizeof merge_forms / sizeof *merge_forms == MERGE_ALWAYS + 1, "a merge without SQL");

static void put_merge(struct buf *out, enum column_merge merge, const char *comma, const char *name)
{
    buf_puts(out, comma);
    for (const char *p = merge_forms[merge]; *p; p++) {
        if (*p == '#')
            buf_puts(out, name);
        else
            buf_putc(out, *p);
    }
}

bool columns_upsert(const struct columns *c, const char *extra, enum column_merge merge,
                    struct buf *out)
{
    int own = 0;

    buf_printf(out, "INSERT INTO %s(", c->table);
    for (int i = 0; i < c->count; i++) {
        if (!c->list[i].apart)
            buf_printf(out, "%s%s", own++ ? "," : "", c->list[i].name);
    }
    if (extra)
        buf_printf(out, ",%s", extra);
    buf_puts(out, ") VALUES(");
    for (int i = 0; i < own + (extra != NULL); i++)
        buf_puts(out, i ? ",?" : "?");
    buf_printf(out, ") ON CONFLICT(%s) DO UPDATE SET ", c->key);
    const char *comma = "";
    for (int i = 0; i < c->count; i++) {
        if (!merge_forms[c->list[i].merge] || c->list[i].apart)
            continue;
        put_merge(out, c->list[i].merge, comma, c->list[i].name);
        comma = ",";
    }
    if (extra)
        put_merge(out, merge, comma, extra);
    return !out->failed;
}

/* ---- values ---- */

int column_bind_uid(sqlite3_stmt *q, int i, const struct uid *u)
{
    char text[UID_TEXT];

    uid_format(u, text);
    return sqlite3_bind_text(q, i, text, UID_TEXT - 1, SQLITE_TRANSIENT);
}

int column_bind_number(sqlite3_stmt *q, int i, int64_t v)
{
    return v == NUMBER_NONE ? sqlite3_bind_null(q, i) : sqlite3_bind_int64(q, i, v);
}

static int bind_sentence(sqlite3_stmt *q, int i, const struct words *w)
{
    char packed[WORDS_PACKED];
    const size_t n = words_pack(w, packed, sizeof packed);

    return sqlite3_bind_text(q, i, packed, (int)n, SQLITE_TRANSIENT);
}

static int enum_value(const void *p, size_t size)
{
    int v = 0;

    memcpy(&v, p, size < sizeof v ? size : sizeof v);
    return v;
}

static int bind_one(const struct column *c, sqlite3_stmt *q, int i, const char *p, int64_t client)
{
    switch (c->type) {
    case COL_UID:
        return column_bind_uid(q, i, (const struct uid *)p);
    case COL_CLIENT:
        return client ? sqlite3_bind_int64(q, i, client) : sqlite3_bind_null(q, i);
    case COL_ASCII:
    case COL_TEXT:
        return sqlite3_bind_text(q, i, p, (int)strnlen(p, c->size), SQLITE_STATIC);
    case COL_NUMBER: {
        int64_t v;
        memcpy(&v, p, sizeof v);
        return column_bind_number(q, i, v);
    }
    case COL_INT: {
        int32_t v;
        memcpy(&v, p, sizeof v);
        return sqlite3_bind_int(q, i, v);
    }
    case COL_FLAG:
        return sqlite3_bind_int(q, i, *(const bool *)p);
    case COL_TRISTATE:
        return sqlite3_bind_int(q, i, enum_value(p, c->size));
    case COL_WORD:
        return sqlite3_bind_text(q, i, c->words[enum_value(p, c->size)].word, -1, SQLITE_STATIC);
    case COL_RANK:
        return sqlite3_bind_int(q, i, c->ranks[enum_value(p, c->size)]);
    case COL_SENTENCE:
        return bind_sentence(q, i, (const struct words *)(const void *)p);
    }
    return SQLITE_MISUSE;
}

int columns_bind(const struct columns *c, sqlite3_stmt *q, const void *row, int64_t client_number)
{
    int rc = SQLITE_OK, n = 0;

    for (int i = 0; rc == SQLITE_OK && i < c->count; i++) {
        if (!c->list[i].apart)
            rc = bind_one(&c->list[i], q, ++n, (const char *)row + c->list[i].offset,
                          client_number);
    }
    return rc;
}

void column_read_uid(sqlite3_stmt *q, int i, struct uid *u)
{
    const char *text = (const char *)sqlite3_column_text(q, i);

    if (!text || !uid_parse(text, strlen(text), u))
        *u = (struct uid){{0}};
}

void column_read_ascii(sqlite3_stmt *q, int i, char *to, size_t size)
{
    const char *text = (const char *)sqlite3_column_text(q, i);
    size_t n = 0;

    for (; text && text[n] > ' ' && text[n] < 0x7f && n + 1 < size; n++)
        to[n] = text[n];
    to[n] = '\0';
}

void column_read_text(sqlite3_stmt *q, int i, char *to, size_t size)
{
    const void *text = sqlite3_column_text(q, i);

    to[0] = '\0';
    text_clean(to, size, text ? text : "", text ? (size_t)sqlite3_column_bytes(q, i) : 0);
}

int64_t column_read_number(sqlite3_stmt *q, int i)
{
    return sqlite3_column_type(q, i) == SQLITE_NULL ? NUMBER_NONE : sqlite3_column_int64(q, i);
}

static void read_sentence(sqlite3_stmt *q, int i, struct words *w)
{
    const char *packed = (const char *)sqlite3_column_text(q, i);

    words_unpack(packed ? packed : "", w);
}

static void read_word(const struct column *c, sqlite3_stmt *q, int i, void *p)
{
    const char *word = (const char *)sqlite3_column_text(q, i);
    const int found = word ? vocabulary_find(c->words, c->word_count, word) : -1;
    const int v = found < 0 ? 0 : found;

    memcpy(p, &v, c->size < sizeof v ? c->size : sizeof v);
}

static void read_one(const struct column *c, sqlite3_stmt *q, int i, char *p)
{
    switch (c->type) {
    case COL_UID:
    case COL_CLIENT:
        column_read_uid(q, i, (struct uid *)p);
        break;
    case COL_ASCII:
        column_read_ascii(q, i, p, c->size);
        break;
    case COL_TEXT:
        column_read_text(q, i, p, c->size);
        break;
    case COL_NUMBER: {
        const int64_t v = column_read_number(q, i);
        memcpy(p, &v, sizeof v);
        break;
    }
    case COL_INT: {
        const int32_t v = sqlite3_column_int(q, i);
        memcpy(p, &v, sizeof v);
        break;
    }
    case COL_FLAG:
        *(bool *)p = sqlite3_column_int(q, i) != 0;
        break;
    case COL_TRISTATE: {
        const int stored = sqlite3_column_int(q, i);
        const int v = stored < 0 ? TRI_UNKNOWN : stored ? TRI_YES : TRI_NO;
        memcpy(p, &v, c->size);
        break;
    }
    case COL_WORD:
        read_word(c, q, i, p);
        break;
    case COL_RANK:
        break;
    case COL_SENTENCE:
        read_sentence(q, i, (struct words *)(void *)p);
        break;
    }
}

void columns_read(const struct columns *c, sqlite3_stmt *q, void *row)
{
    for (int i = 0; i < c->count; i++)
        read_one(&c->list[i], q, i, (char *)row + c->list[i].offset);
}
