/* notices.c - what the server last told a group: its event and whether it is wanted on. Shown as it
 * is; the rules that an intent means something to are in groups.c. */
#include <stdlib.h>
#include <string.h>

#include "core/core_internal.h"

#define NOTICES_MAX 1000u /* a fleet has some dozens of groups; a stranger must not grow us */

struct notice {
    struct link link;
    struct text64 group;
    struct group_notice told;
    uint32_t event_epoch, intent_epoch; /* connection that brought it */
};

static struct notice *find(const struct core *c, struct text group)
{
    struct link *l =
        c->notices.count ? table_first(&c->notices, hash_bytes(group.clean, strlen(group.clean)))
                         : NULL;

    while (l && strcmp(((struct notice *)l)->group.clean, group.clean) != 0)
        l = table_next(l);
    return (struct notice *)l;
}

static struct notice *find_or_add(struct core *c, struct text group)
{
    struct notice *n = find(c, group);

    if (n || c->notices.count >= NOTICES_MAX || !(n = core_alloc(c, sizeof *n)))
        return n;
    TEXT_COPY(&n->group, group);
    n->told.issued_at = n->told.expires_at = TIME_NONE;
    if (table_add(&c->notices, &n->link, hash_bytes(group.clean, strlen(group.clean))))
        return n;
    c->counts.no_memory++;
    core_free_now(n);
    return NULL;
}

void notice_event(struct core *c, const struct msg *m)
{
    struct notice *n = find_or_add(c, TEXT(m->u.event.group));

    if (!n)
        return;
    n->told.event = m->u.event.shown;
    n->event_epoch = c->contact.epoch;
    c->counts.generation++;
}

void notice_intent(struct core *c, const struct msg *m)
{
    struct notice *n = find_or_add(c, TEXT(m->u.intent.group));

    if (!n)
        return;
    n->told.wanted = m->u.intent.wanted;
    n->told.reason = m->u.intent.reason;
    n->told.issued_at = m->device_at;
    n->told.expires_at = m->u.intent.expires_at;
    n->intent_epoch = c->contact.epoch;
    c->counts.generation++;
}

/* All retained messages have come: what did not was withdrawn. */
void notices_conclude(struct core *c)
{
    for (uint32_t i = 0; i < c->notices.size; i++)
        for (struct link *l = c->notices.buckets[i]; l; l = l->next) {
            struct notice *n = (struct notice *)l;
            if (n->event_epoch != c->contact.epoch)
                n->told.event = (struct text512){""};
            if (n->intent_epoch != c->contact.epoch)
                n->told.wanted = (struct text16){""};
        }
}

void notices_fini(struct core *c)
{
    for (uint32_t i = 0; i < c->notices.size; i++)
        for (struct link *l = c->notices.buckets[i], *next; l; l = next) {
            next = l->next;
            core_free_now(l);
        }
    free(c->notices.buckets);
}

const struct group_notice *core_group_notice(const struct core *c, struct text group)
{
    const struct notice *n = find(c, group);

    return n ? &n->told : NULL;
}
