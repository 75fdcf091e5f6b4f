/* service_failed.c - services that gave up: retained messages that stand on the broker until
 * somebody clears them. MQTT has no compare-and-clear, so all that is known of a payload is
 * watched: raised by live and stored copies alike, ended by a clear that we see coming back, put
 * back when our clear took away a newer one. */
#include <stdlib.h>
#include <string.h>

#include "core/core_internal.h"

static struct failure *failure_get(struct core *c, struct device *d)
{
    if (d->failure)
        return d->failure;
    struct failure *f = core_alloc_timed(c, sizeof(*f));
    if (!f)
        return NULL;
    f->device = d;
    f->recovered.kind = TIMER_RECOVERED;
    d->failure = f;
    return f;
}

/* ---- two connections bring the same sequence of payloads and clears, one of them later ---- */

#define AHEAD (sizeof(((struct failure *)NULL)->ahead) / sizeof(uint32_t))

static void ahead_drop(struct failure *f, unsigned n)
{
    f->ahead_count = (uint8_t)(f->ahead_count - n);
    memmove(f->ahead, f->ahead + n, f->ahead_count * sizeof(*f->ahead));
}

/* True if the other connection brought it already. Without this a `journal` that lags (its store
 * cannot commit) would raise what is long over, and clear what came since. */
static bool heard_before(const struct core *c, struct failure *f, uint32_t tag, bool journal)
{
    if (f->ahead_epoch != c->contact.dup_epoch) {
        f->ahead_epoch = c->contact.dup_epoch;
        f->ahead_count = 0;
    }
    if (f->ahead_count > 0 && f->journal_ahead != journal) {
        for (unsigned i = 0; i < f->ahead_count; i++) {
            if (f->ahead[i] == tag) {
                ahead_drop(f, i + 1);
                return true;
            }
        }
        f->ahead_count = 0; /* it knows something that the other one lacked */
    }
    f->journal_ahead = journal;
    if (f->ahead_count == AHEAD)
        ahead_drop(f, 1);
    f->ahead[f->ahead_count++] = tag;
    return false;
}

static uint32_t tag_of(const char *sha)
{
    char first[9] = "";

    memcpy(first, sha, 8);
    const uint32_t tag = (uint32_t)strtoul(first, NULL, 16);
    return tag ? tag : 1;
}

/* ---- raised ---- */

/* Kept for publishing it again, unchanged, should our clear take it away. */
static void keep_payload(struct core *c, struct failure *f, const void *payload, size_t len)
{
    core_bury(c, f->payload);
    f->payload = len ? core_alloc(c, len) : NULL;
    f->len = f->payload ? len : 0;
    if (f->payload)
        memcpy(f->payload, payload, len);
}

static void stop_recovery(struct core *c, struct failure *f)
{
    heap_remove(&c->mono, &f->recovered);
}

static void set_row(struct core *c, struct device *d, const struct msg *m)
{
    d->row.failed = true;
    TEXT_COPY(&d->row.failed_unit, TEXT(m->u.failed.unit));
    TEXT_COPY(&d->row.failed_at, TEXT(m->u.failed.failed_at));
    fleet_update_state(c, d);
    fleet_touch(c, d);
    fleet_image(c, d);
}

static void raise_alarm(struct core *c, struct device *d, const struct msg *m)
{
    struct standing *a = alarm_of_device(c, d, ALARM_SERVICE_FAILED, true);
    struct text64 name;

    if (!a)
        return;
    const char *mark =
        m->u.failed.failed_at.clean[0] ? m->u.failed.failed_at.clean : m->u.failed.sha;
    TEXT_COPY(&a->row.mark, TEXT_OURS(mark));
    memcpy(a->row.payload_sha, m->u.failed.sha, sizeof(a->row.payload_sha));
    const struct text unit = TEXT(m->u.failed.unit);
    const struct words why =
        words_of(alarm_kind_raised(ALARM_SERVICE_FAILED),
                 text_is_empty(unit) ? client_name(&d->row, &name) : unit, TEXT_EMPTY);
    if (a->row.active)
        alarm_reoccur(c, a, &why);
    else
        alarm_condition(c, a, true, &why);
}

void failure_raise(struct core *c, struct device *d, const struct msg *m, bool journal)
{
    struct failure *f = failure_get(c, d);

    if (!f)
        return;
    if (!journal) {
        d->failed_epoch = c->contact.epoch;
        f->epoch = c->contact.epoch;
    }
    if (!m->snapshot && heard_before(c, f, tag_of(m->u.failed.sha), journal))
        return;
    if (f->standing && strcmp(f->sha, m->u.failed.sha) == 0) {
        f->by_snapshot &= !journal;
        if (!f->payload)
            keep_payload(c, f, m->u.failed.payload, m->u.failed.len);
        return;
    }
    f->hit = f->clearing && !m->snapshot;
    f->standing = true;
    f->by_snapshot = m->snapshot;
    f->cleared_by_us = false;
    memcpy(f->sha, m->u.failed.sha, sizeof(f->sha));
    keep_payload(c, f, m->u.failed.payload, m->u.failed.len);
    stop_recovery(c, f);
    set_row(c, d, m);
    raise_alarm(c, d, m);
}

bool failure_restore(struct core *c, struct device *d, const char *sha, const void *payload,
                     size_t len)
{
    struct failure *f = failure_get(c, d);

    if (!f)
        return false;
    f->standing = true;
    if (sha)
        memcpy(f->sha, sha, sizeof(f->sha));
    if (!len)
        return true;
    core_free_now(f->payload);
    f->payload = NULL;
    f->len = 0;
    keep_payload(c, f, payload, len);
    return f->payload != NULL;
}

/* ---- over ---- */

static void put_back(struct core *c, struct device *d)
{
    struct failure *f = d->failure;
    char topic[UID_TEXT + 32] = "infoscreen/";

    f->hit = false;
    strcat(strcat(topic, d->row.spelling), "/service_failed");
    if (f->payload)
        outbox_put(c, &(struct outbox_put){.topic = topic, .payload = f->payload, .len = f->len});
}

static void end_alarm(struct core *c, struct device *d, bool ours)
{
    static const struct words elsewhere = {.id = N_("cleared elsewhere")};
    struct standing *a = alarm_of_device(c, d, ALARM_SERVICE_FAILED, false);

    if (!a)
        return;
    outbox_drop_clears(c, a->row.id);
    if (ours || a->row.acknowledged_at != TIME_NONE || !a->row.active) {
        alarm_condition(c, a, false, NULL);
        return;
    }
    a->row.active = false;
    a->row.cleared_at = c->now.wall_ms;
    a->row.summary = elsewhere;
    alarm_happen(c, a, HAPPENS_CLEAR, NO_CAUSE);
}

static void failure_end(struct core *c, struct device *d, bool ours)
{
    struct failure *f = d->failure;

    f->standing = f->clearing = f->cleared_by_us = f->hit = false;
    keep_payload(c, f, NULL, 0);
    f->sha[0] = '\0';
    stop_recovery(c, f);
    d->row.failed = false;
    d->row.failed_unit.clean[0] = '\0';
    d->row.failed_at.clean[0] = '\0';
    fleet_update_state(c, d);
    fleet_touch(c, d);
    fleet_image(c, d);
    end_alarm(c, d, ours);
}

void failure_cleared(struct core *c, struct device *d, bool journal)
{
    struct failure *f = d->failure;

    /* A backlog on `journal` is older than the stored copy that `live` has just brought; what is
     * newer, `live` brings too. */
    if (!f || (journal && f->standing && f->by_snapshot))
        return;
    if (heard_before(c, f, 0, journal) || !f->standing)
        return;
    const bool ours = f->clearing || f->cleared_by_us;
    if (f->clearing && f->hit) {
        f->clearing = false;
        put_back(c, d);
        return;
    }
    failure_end(c, d, ours);
}

/* ---- after a connection ---- */

void failure_forget_clearing(struct core *c)
{
    for (uint32_t i = 0; i < c->counts.clients; i++) {
        struct failure *f = fleet_device(c, i)->failure;
        if (!f)
            continue;
        f->clearing = false;
        stop_recovery(c, f);
    }
}

void failure_conclude(struct core *c)
{
    for (uint32_t i = 0; i < c->counts.clients; i++) {
        struct device *d = fleet_device(c, i);
        struct failure *f = d->failure;
        if (!f || !f->standing)
            continue;
        if (f->epoch == c->contact.epoch)
            f->hit = false;
        else if (f->hit)
            put_back(c, d);
        else
            failure_end(c, d, f->cleared_by_us);
    }
}

/* ---- live and running again ---- */

/* Counts from the first sign of life after the failure, as long as nothing speaks against it. */
void failure_sign_of_recovery(struct core *c, struct device *d)
{
    struct failure *f = d->failure;

    if (!f->standing)
        return;
    if (d->row.crashed)
        stop_recovery(c, f);
    else if (!f->recovered.place)
        heap_set(&c->mono, &f->recovered, c->now.mono_ms + c->config.alarms.recovered_after);
}

void failure_recovered_due(struct core *c, struct timer *t)
{
    struct failure *f = CONTAINER(t, struct failure, recovered);
    struct device *d = f->device;

    stop_recovery(c, f);
    if (!f->standing || d->row.silent || d->row.crashed || !c->contact.up)
        return;
    if (!c->recorder || c->config.alarms.ask_on_recovery) {
        /* Another process may hand the role to us, or the operator change his mind. */
        heap_set(&c->mono, t, c->now.mono_ms + c->config.alarms.recovered_after + SECOND_MS);
        return;
    }
    const struct standing *a = alarm_of_device(c, d, ALARM_SERVICE_FAILED, false);
    if (a && !f->clearing && !f->cleared_by_us && !outbox_has(c, a->row.id, true))
        outbox_clear(c, a, d);
}
