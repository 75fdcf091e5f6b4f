/* link_inbox.c - records into the inbox. A packet that libmosquitto has begun must be placed
 * somewhere even if the ring is full: it is spilled into memory, and nothing is read until the
 * spill is gone. So the spill never holds more than one slice. */
#include "broker/link_impl.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "core/codec.h"

static struct link_record *spill_begin(struct emitter *em, size_t bytes)
{
    struct spill *s = malloc(sizeof *s + bytes);

    if (!s) {
        em->lost = true;
        return NULL;
    }
    s->next = NULL;
    s->bytes = bytes;
    em->filling = s;
    return (struct link_record *)(void *)s->record;
}

struct link_record *inbox_begin(struct link *l, enum link_record_kind kind, size_t n)
{
    struct emitter *em = &l->emit;
    const size_t head =
        kind == LINK_MESSAGE ? offsetof(struct link_record, u) : sizeof(struct link_record);
    struct link_record *r = em->first ? NULL : ring_reserve(em->inbox, head + n);

    em->size = head + n;
    em->filling = NULL;
    if (!r)
        r = spill_begin(em, em->size);
    if (!r)
        return NULL;
    memset(r, 0, head);
    r->kind = kind;
    r->mono_ms = l->mono;
    r->wall_ms = l->wall;
    return r;
}

void inbox_end(struct link *l)
{
    struct emitter *em = &l->emit;
    struct spill *s = em->filling;

    if (!s) {
        ring_commit(em->inbox, em->size);
        return;
    }
    em->filling = NULL;
    if (em->first) {
        em->last->next = s;
    } else {
        em->first = s;
        l->status.stalls++;
        ring_want_room(em->inbox);
    }
    em->last = s;
}

bool inbox_blocked(const struct link *l)
{
    return l->emit.first != NULL;
}

static bool unspill(struct emitter *em, const struct spill *s)
{
    void *to = ring_reserve(em->inbox, s->bytes);

    if (!to)
        return false;
    memcpy(to, s->record, s->bytes);
    ring_commit(em->inbox, s->bytes);
    return true;
}

void inbox_drain(struct link *l)
{
    struct emitter *em = &l->emit;

    while (em->first) {
        struct spill *s = em->first;
        if (!unspill(em, s)) {
            ring_want_room(em->inbox);
            if (!unspill(em, s))
                return;
        }
        em->first = s->next;
        free(s);
    }
    em->last = NULL;
}

void inbox_fini(struct link *l)
{
    while (l->emit.first) {
        struct spill *s = l->emit.first;
        l->emit.first = s->next;
        free(s);
    }
    ring_free(l->emit.inbox);
}

void inbox_words(struct link *l, enum link_record_kind kind, const struct words *w)
{
    struct link_record *r = inbox_begin(l, kind, 0);

    if (!r)
        return;
    r->u.words = *w;
    inbox_end(l);
}

static char *bytes_of(struct link_record *r)
{
    return (char *)r + (r->kind == LINK_MESSAGE ? offsetof(struct link_record, u) : sizeof *r);
}

void inbox_message(struct link *l, const struct mqtt_message *m, bool journal, bool rap)
{
    const size_t topic = strlen(m->topic);
    const size_t kept = m->len < PAYLOAD_MAX ? m->len : PAYLOAD_MAX;
    struct link_record *r = inbox_begin(l, LINK_MESSAGE, topic + 1 + kept);

    l->status.received++;
    if (!r)
        return;
    r->journal = journal;
    r->retained = m->retained;
    r->rap = rap;
    r->oversize = m->len > PAYLOAD_MAX;
    r->topic_len = (uint32_t)topic;
    r->payload_len = (uint32_t)m->len;
    char *to = bytes_of(r);
    memcpy(to, m->topic, topic + 1);
    if (kept)
        memcpy(to + topic + 1, m->payload, kept);
    inbox_end(l);
}

static const char *const refusal_words[REFUSALS] = {
    [REFUSED_SUBSCRIBE] =
        N_("the broker refuses the subscription to {1}: check the account's access rules"),
    [REFUSED_PUBLISH] =
        N_("the broker refuses to take {1} from the account {2}: check its access rules"),
    [REFUSED_BY_HANGING_UP] =
        N_("the broker closes the connection on {1}: check the access rules of the account {2}"),
    [REFUSED_BY_FILTERING] =
        N_("the broker keeps {1} back from the account {2}: check its access rules"),
};

void inbox_refused(struct link *l, enum refusal_kind kind, const char *topic, int reason)
{
    const size_t n = strlen(topic);
    const char *account = l->config.username ? l->config.username : _("(none)");
    struct link_record *r = inbox_begin(l, LINK_REFUSED, n + 1);

    if (!r)
        return;
    r->refusal = kind;
    r->reason = reason;
    r->topic_len = (uint32_t)n;
    memcpy(bytes_of(r), topic, n + 1);
    r->u.words = (struct words){.id = refusal_words[kind]};
    TEXT_SET(&r->u.words.arg[0], topic, n);
    TEXT_SET(&r->u.words.arg[1], account, strlen(account));
    inbox_end(l);
}

const char *link_record_topic(const struct link_record *r)
{
    return bytes_of((struct link_record *)(uintptr_t)r);
}

const void *link_record_payload(const struct link_record *r)
{
    return link_record_topic(r) + r->topic_len + 1;
}

/* ---- status ---- */

#define COUNTERS_EVERY_MS 1000

static bool same_but_counters(const struct link_status *a, const struct link_status *b)
{
    return a->phase == b->phase && strcmp(a->host.clean, b->host.clean) == 0 && a->tls == b->tls &&
           a->protocol == b->protocol && a->next_try_mono == b->next_try_mono &&
           a->journal_up == b->journal_up && a->session_present == b->session_present &&
           a->snapshot_cut == b->snapshot_cut && a->stalls == b->stalls &&
           strcmp(a->tls_version.clean, b->tls_version.clean) == 0 &&
           a->tls_expires_at == b->tls_expires_at &&
           strcmp(a->contested.clean, b->contested.clean) == 0 &&
           memcmp(&a->traits, &b->traits, sizeof a->traits) == 0;
}

/* Counters alone are not worth more than a record a second. */
void inbox_status(struct link *l)
{
    const bool same = same_but_counters(&l->status, &l->told);

    if (inbox_blocked(l) || (same && (l->status.received == l->told.received ||
                                      l->mono - l->told_at < COUNTERS_EVERY_MS)))
        return;
    struct link_record *r = inbox_begin(l, LINK_STATUS, 0);
    if (!r)
        return;
    r->u.status = l->status;
    inbox_end(l);
    l->told = l->status;
    l->told_at = l->mono;
}
