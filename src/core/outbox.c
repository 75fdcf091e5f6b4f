/* outbox.c - what we publish, durable before it is on the wire: put, stored, handed over, taken by
 * the broker, done. Rows of one alarm go in their order, each after the broker took the one before:
 * the acknowledgement first, the clear after it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/core_internal.h"

#define REASON_FAILURES       0x80 /* from here on the broker said no */
#define REASON_NOT_AUTHORIZED 0x87

/* ---- rows: one block, the strings behind the struct ---- */

static size_t size_of(const char *s)
{
    return s ? strlen(s) + 1 : 0;
}

static void *copy_into(char **to, const void *from, size_t n)
{
    if (!from || n == 0)
        return NULL;
    void *at = memcpy(*to, from, n);
    *to += n;
    return at;
}

static bool is_alias(const char *topic)
{
    const char *last = strrchr(topic, '/');

    return last && strcmp(last, "/command") == 0;
}

static uint64_t hash_of_key(const char *key)
{
    return hash_bytes(key, strlen(key));
}

static uint64_t hash_of_token(uint64_t token)
{
    return hash_bytes(&token, sizeof(token));
}

static bool row_link(struct core *c, struct outbox_row *row)
{
    if (!table_add(&c->outbox_rows, &row->link, hash_of_token(row->token)))
        return false;
    if (row->alarm_id && !table_add(&c->outbox_keys, &row->of_key, hash_of_key(row->alarm_id))) {
        table_remove(&c->outbox_rows, &row->link);
        return false;
    }
    row->order = c->outbox_order++;
    row->at = c->outbox_end;
    *c->outbox_end = row;
    c->outbox_end = &row->next;
    c->outbox_count++;
    c->counts.generation++;
    return true;
}

static void row_unlink(struct core *c, struct outbox_row *row)
{
    table_remove(&c->outbox_rows, &row->link);
    if (row->alarm_id)
        table_remove(&c->outbox_keys, &row->of_key);
    *row->at = row->next;
    if (row->next)
        row->next->at = row->at;
    else
        c->outbox_end = row->at;
    c->outbox_count--;
    c->counts.generation++;
    core_bury(c, row);
}

static struct outbox_row *row_find(const struct core *c, uint64_t token)
{
    struct link *l = table_first(&c->outbox_rows, hash_of_token(token));

    for (; l; l = table_next(l)) {
        struct outbox_row *row = (struct outbox_row *)l;
        if (row->token == token)
            return row;
    }
    return NULL;
}

/* The rows of an alarm or a command, in no order: first with r = NULL. A row may go while the next
 * one is known. */
static struct outbox_row *row_of_key(const struct core *c, const char *key,
                                     const struct outbox_row *r)
{
    struct link *l = r ? table_next(&r->of_key) : table_first(&c->outbox_keys, hash_of_key(key));

    for (; l; l = table_next(l)) {
        struct outbox_row *row = CONTAINER(l, struct outbox_row, of_key);
        if (strcmp(row->alarm_id, key) == 0)
            return row;
    }
    return NULL;
}

static struct outbox_row *row_new(struct core *c, const struct outbox_put *put, uint64_t token)
{
    const size_t bytes =
        put->len + size_of(put->topic) + size_of(put->alarm_id) + size_of(put->sha);
    struct outbox_row *row = core_alloc(c, sizeof(*row) + bytes);

    if (!row)
        return NULL;
    char *to = (char *)(row + 1);
    row->topic = copy_into(&to, put->topic, size_of(put->topic));
    row->alarm_id = copy_into(&to, put->alarm_id, size_of(put->alarm_id));
    row->sha = copy_into(&to, put->sha, size_of(put->sha));
    row->payload = copy_into(&to, put->payload, put->len);
    row->len = row->payload ? put->len : 0;
    row->of_command =
        put->alarm_id && uid_parse(put->alarm_id, strlen(put->alarm_id), &row->command);
    row->alias = row->of_command && is_alias(put->topic);
    row->retain = !row->of_command; /* a retained reboot is a reboot loop */
    row->expires_at = row->of_command ? put->expires_at : TIME_NONE;
    row->local = put->alarm_id && alarm_id_is_local(put->alarm_id);
    row->token = token;
    if (row_link(c, row))
        return row;
    c->counts.no_memory++;
    core_free_now(row);
    return NULL;
}

static void fill(struct effect *e, const struct outbox_row *row)
{
    if (!e)
        return;
    e->durable = true;
    e->u.publish.token = row->token;
    e->u.publish.topic = row->topic;
    e->u.publish.payload = row->payload;
    e->u.publish.len = row->len;
    e->u.publish.retain = row->retain;
    e->u.publish.local = row->local;
    e->u.publish.expires_at = row->expires_at;
    e->u.publish.alarm_id = row->alarm_id;
    e->u.publish.sha = row->sha;
}

static void row_done(struct core *c, struct outbox_row *row)
{
    fill(emit(c, OUT_OUTBOX_DONE), row);
    row_unlink(c, row);
}

bool outbox_put(struct core *c, const struct outbox_put *put)
{
    const uint64_t token = (uint64_t)c->token_seed << 32 | ++c->token_last;
    struct outbox_row *row = row_new(c, put, token);

    if (!row)
        return false;
    struct effect *e = emit(c, OUT_OUTBOX_PUT);
    if (!e) {
        row_unlink(c, row);
        return false;
    }
    fill(e, row);
    return true;
}

bool outbox_share(struct core *c, struct standing *a, const char *action, struct text by)
{
    char topic[64 + ALARM_ID] = "infoscreen/console/ack/";
    struct buf payload = BUF_INIT;
    bool put = false;

    const bool local = alarm_kind_is_local(a->row.kind);

    if (local && c->recorder)
        return false;
    strcat(topic, a->row.id);
    if (codec_encode_console_ack(&a->row, action, by, c->now.wall_ms, &payload))
        put = outbox_put(c, &(struct outbox_put){.topic = topic,
                                                 .payload = payload.data,
                                                 .len = payload.len,
                                                 .alarm_id = a->row.id});
    else
        c->counts.no_memory++;
    buf_fini(&payload);
    a->shared |= put && !local;
    return put && !local;
}

bool outbox_clear(struct core *c, const struct standing *a, const struct device *d)
{
    char topic[UID_TEXT + 32] = "infoscreen/";

    strcat(strcat(topic, d->row.spelling), "/service_failed");
    return outbox_put(
        c, &(struct outbox_put){.topic = topic, .alarm_id = a->row.id, .sha = d->failure->sha});
}

/* What an operator did to an alarm, for the other consoles. */
static bool is_share(const struct outbox_row *row)
{
    return row->alarm_id && !row->of_command && !row->sha && row->len;
}

bool outbox_has(const struct core *c, const char *alarm_id, bool clears)
{
    for (const struct outbox_row *r = NULL; (r = row_of_key(c, alarm_id, r));)
        if ((r->sha != NULL) == clears)
            return true;
    return false;
}

void outbox_drop_clears(struct core *c, const char *alarm_id)
{
    for (struct outbox_row *r = row_of_key(c, alarm_id, NULL), *next; r; r = next) {
        next = row_of_key(c, alarm_id, r);
        if (!r->handed && r->sha)
            row_done(c, r);
    }
}

void outbox_drop_shares(struct core *c, const char *alarm_id)
{
    for (struct outbox_row *r = row_of_key(c, alarm_id, NULL), *next; r; r = next) {
        next = row_of_key(c, alarm_id, r);
        if (!r->handed && is_share(r))
            row_done(c, r);
    }
}

/* Nobody says it: not its process, which ended, and not this one. */
void outbox_drop_adopted(struct core *c, const struct effect *e)
{
    struct outbox_row *row = core_restore_outbox(c, e) ? row_find(c, e->u.publish.token) : NULL;

    if (row && !row->handed)
        row_done(c, row);
}

void outbox_drop_command(struct core *c, const struct uid *command)
{
    char key[UID_TEXT];

    uid_format(command, key);
    for (struct outbox_row *r = row_of_key(c, key, NULL), *next; r; r = next) {
        next = row_of_key(c, key, r);
        if (!r->handed)
            row_done(c, r);
    }
}

bool outbox_holds_command(const struct core *c, const struct uid *command)
{
    char key[UID_TEXT];

    uid_format(command, key);
    for (const struct outbox_row *r = NULL; (r = row_of_key(c, key, r));)
        if (!r->alias)
            return !r->handed;
    return false;
}

/* ---- handing over ---- */

static struct outbox_row *eldest(const struct core *c, const char *key)
{
    struct outbox_row *first = NULL;

    for (struct outbox_row *r = NULL; (r = row_of_key(c, key, r));)
        if (!first || r->order < first->order)
            first = r;
    return first;
}

static bool has_elder(const struct core *c, const struct outbox_row *row)
{
    return row->alarm_id && eldest(c, row->alarm_id) != row;
}

static struct failure *failure_of(const struct core *c, const char *alarm_id)
{
    const struct standing *a = alarm_id ? alarm_find(c, alarm_id) : NULL;
    const struct device *d = a ? fleet_find(c, &a->row.client) : NULL;

    return d ? d->failure : NULL;
}

/* What stands now is known once this connection brought it, or all of its retained messages. */
static bool payload_known(const struct core *c, const struct outbox_row *row)
{
    const struct failure *f = failure_of(c, row->alarm_id);

    return c->contact.snapshot_done || (f && f->epoch == c->contact.epoch);
}

/* A clear is for the payload that somebody looked at, never for a newer one. */
static bool still_stands(struct core *c, const struct outbox_row *row)
{
    const struct failure *f = failure_of(c, row->alarm_id);

    if (f && f->standing && strcmp(f->sha, row->sha) == 0)
        return true;
    if (f && f->standing)
        emit_message(c, N_("not cleared, a newer failure has come: {1}"), TEXT_OURS(row->topic),
                     TEXT_EMPTY);
    return false;
}

static void hand_over(struct core *c, struct outbox_row *row)
{
    if (!row->stored || row->handed || !c->contact.up || has_elder(c, row))
        return;
    if (row->local) { /* of a recorder that ended over it: whose alarm it was, nobody knows now */
        row_done(c, row);
        return;
    }
    /* What others said while we were away comes first, in the broker's order and in ours. */
    if (is_share(row) && !c->contact.snapshot_done)
        return;
    if (row->of_command && !command_may_go(c, &row->command)) {
        row_done(c, row);
        return;
    }
    if (row->sha) {
        if (!payload_known(c, row))
            return;
        if (!still_stands(c, row)) {
            row_done(c, row);
            return;
        }
    }
    struct effect *e = emit(c, OUT_PUBLISH);
    if (!e)
        return; /* tried again with the next pump */
    fill(e, row);
    row->handed = true;
    if (row->sha)
        failure_of(c, row->alarm_id)->clearing = true;
}

/* One that is dropped makes way for the one behind it. */
static void hand_over_next(struct core *c, const char *key)
{
    struct outbox_row *row, *before = NULL;

    while ((row = eldest(c, key)) && row != before) {
        hand_over(c, row);
        before = row;
    }
}

void outbox_pump(struct core *c)
{
    for (struct outbox_row *r = c->outbox, *next; r; r = next) {
        next = r->next;
        hand_over(c, r);
    }
}

void outbox_stored(struct core *c, uint64_t token)
{
    struct outbox_row *row = row_find(c, token);

    if (!row)
        return;
    row->stored = true;
    if (!row->local)
        hand_over(c, row);
    else if (c->recorder)
        row_done(c, row);
    else
        row_unlink(c, row); /* the recorder's from here on */
}

/* ---- the broker's answer ---- */

static void refused(struct core *c, const struct outbox_row *row, int reason)
{
    struct text24 number = {{0}};

    if (reason == REASON_NOT_AUTHORIZED) {
        emit_message(c, N_("the broker's access rules refuse this: {1}"), TEXT_OURS(row->topic),
                     TEXT_EMPTY);
        return;
    }
    snprintf(number.clean, sizeof(number.clean), "0x%02x", (unsigned)reason & 0xffu);
    emit_message(c, N_("the broker refuses this ({2}): {1}"), TEXT_OURS(row->topic), TEXT(number));
}

static void clear_answered(struct core *c, const struct outbox_row *row, bool taken)
{
    struct failure *f = failure_of(c, row->alarm_id);

    if (!f)
        return;
    if (!taken)
        f->clearing = false;
    else if (strcmp(f->sha, row->sha) == 0)
        f->cleared_by_us = true;
}

void outbox_published(struct core *c, uint64_t token, int reason)
{
    struct outbox_row *row = row_find(c, token);
    char alarm_id[ALARM_ID] = "";

    if (!row)
        return;
    row->handed = true;
    const bool taken = reason >= 0 && reason < REASON_FAILURES;
    if (!taken)
        refused(c, row, reason);
    if (row->sha)
        clear_answered(c, row, taken);
    if (row->of_command)
        command_published(c, &row->command, row->alias, reason);
    if (is_share(row))
        sharing_answered(c, row->alarm_id, taken);
    if (row->alarm_id)
        snprintf(alarm_id, sizeof(alarm_id), "%s", row->alarm_id);
    row_done(c, row);
    hand_over_next(c, alarm_id);
}

/* What was on its way is not known to have arrived: again, with the same token. */
void outbox_link_down(struct core *c)
{
    for (struct outbox_row *r = c->outbox; r; r = r->next)
        r->handed = false;
}

/* ---- life ---- */

bool core_restore_outbox(struct core *c, const struct effect *e)
{
    const char *alarm_id = e->u.publish.alarm_id, *sha = e->u.publish.sha;
    const struct outbox_put put = {.topic = e->u.publish.topic,
                                   .payload = e->u.publish.payload,
                                   .len = e->u.publish.len,
                                   .alarm_id = alarm_id && alarm_id[0] ? alarm_id : NULL,
                                   .sha = sha && sha[0] ? sha : NULL,
                                   .expires_at = e->u.publish.expires_at};
    struct outbox_row *row;

    if (row_find(c, e->u.publish.token))
        return true;
    row = row_new(c, &put, e->u.publish.token);
    if (!row)
        return false;
    row->retain = e->u.publish.retain;
    row->expires_at = e->u.publish.expires_at;
    row->stored = true;
    return true;
}

uint32_t core_outbox_count(const struct core *c)
{
    return c->outbox_count;
}

void outbox_fini(struct core *c)
{
    for (struct outbox_row *r = c->outbox, *next; r; r = next) {
        next = r->next;
        core_free_now(r);
    }
    free(c->outbox_rows.buckets);
    free(c->outbox_keys.buckets);
}
