/* audit_kept.c - what a broker keeps: retained messages, and its own figures. */
#include "broker/audit_live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/i18n.h"

#define SETTLE_MS 500 /* the end of the retained messages has no mark */

struct keeping {
    struct audit_run *run;
    char (*known)[UID_TEXT]; /* sorted; NULL: nobody knows which devices there are */
    int n;
    long dropped; /* $SYS; -1: not told */
    bool sys;
};

/* Opens a reader for the filters, hands it what is retained, and closes it. */
static void read_kept(struct audit_run *r, const char *const *filters, int n, probe_message_fn fn,
                      struct keeping *k)
{
    const struct audit_target *t = r->live->target;
    struct probe p;
    char why[200];

    k->run = r;
    if (live_open(r->live, &p, live_door(r->live, false),
                  t->username ? t->username : SERVER_ACCOUNT, t->password)) {
        p.message = fn;
        p.user = k;
        probe_subscribe(&p, filters, n, 0);
        probe_settle(&p, SETTLE_MS);
    } else {
        probe_why(&p, why, sizeof why);
        audit_fault(r, _("couldn't be looked at: %s"), why);
    }
    probe_end(&p);
}

static void on_command(void *user, const struct mqtt_message *m)
{
    struct keeping *k = user;

    if (m->retained && m->len)
        audit_fault(k->run,
                    _("%s: every restart of the device begins it anew: mosquitto_pub -r -n -t %s "
                      "clears it"),
                    m->topic, m->topic);
}

void look_retained_commands(struct audit_run *r)
{
    static const char *const filters[] = {"infoscreen/+/commands", "infoscreen/+/command"};
    struct keeping k = {.run = r};

    read_kept(r, filters, 2, on_command, &k);
}

static int by_text(const void *a, const void *b)
{
    return strcasecmp(a, b);
}

static void on_kept(void *user, const struct mqtt_message *m)
{
    struct keeping *k = user;
    char uuid[UID_TEXT];
    const char *at = strchr(m->topic, '/');

    if (!m->retained || !m->len || !at)
        return;
    snprintf(uuid, sizeof uuid, "%.*s",
             (int)(strcspn(at + 1, "/") < UID_TEXT ? strcspn(at + 1, "/") : UID_TEXT - 1), at + 1);
    if (!bsearch(uuid, k->known, (size_t)k->n, sizeof *k->known, by_text))
        audit_fault(k->run, _("%s: no account belongs to it: mosquitto_pub -r -n -t %s clears it"),
                    m->topic, m->topic);
}

static bool load_known(struct keeping *k, const char *dir)
{
    struct account *list = NULL;
    struct err ignored = {0};
    int n = 0;

    if (!provision_list(dir, &list, &n, &ignored))
        return false;
    k->known = calloc((size_t)n + 1, sizeof *k->known);
    for (int i = 0; k->known && i < n; i++)
        if (list[i].client_uuid[0])
            snprintf(k->known[k->n++], UID_TEXT, "%s", list[i].client_uuid);
    if (k->known)
        qsort(k->known, (size_t)k->n, sizeof *k->known, by_text);
    free(list);
    return k->known;
}

void look_retained_unknown(struct audit_run *r)
{
    static const char *const filters[] = {"infoscreen/+/service_failed", "infoscreen/+/group_id"};
    struct keeping k = {.run = r};

    if (!r->live->target->dir || !load_known(&k, r->live->target->dir))
        audit_note(r, "%s", _("not tried: only --dir tells which devices there are"));
    else
        read_kept(r, filters, 2, on_kept, &k);
    free(k.known);
}

static void on_sys(void *user, const struct mqtt_message *m)
{
    struct keeping *k = user;
    char text[24];

    k->sys = true;
    if (!strstr(m->topic, "/dropped"))
        return;
    snprintf(text, sizeof text, "%.*s", (int)(m->len < 20 ? m->len : 20),
             m->len ? (const char *)m->payload : "");
    k->dropped = strtol(text, NULL, 10);
}

void look_sys(struct audit_run *r)
{
    static const char *const filters[] = {"$SYS/broker/version",
                                          "$SYS/broker/publish/messages/dropped"};
    struct keeping k = {.run = r, .dropped = -1};

    read_kept(r, filters, 2, on_sys, &k);
    if (!k.sys)
        audit_note(r, "%s", _("$SYS can't be read, or this broker has none"));
    else if (k.dropped > 0)
        audit_note(r,
                   _("%ld messages were dropped since the broker began: see "
                     "max_queued_messages"),
                   k.dropped);
}
