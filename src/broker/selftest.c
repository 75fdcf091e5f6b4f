/* selftest.c - one connection with a session of its own, then the same session again, then its end.
 */
#include "broker/selftest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/i18n.h"
#include "base/timefmt.h"
#include "broker/probe.h"

#define ALL_MS           20000
#define STORED_MS        3000 /* for a stored message to come, or to be stored at all */
#define SESSION_EXPIRY_S 60   /* if we can't end it ourselves */

static const char presences[] = "infoscreen/console/presence/+";

struct trial {
    const struct selftest_options *o;
    const atomic_bool *cancelled; /* NULL: never */
    struct traits *found;
    char id[64];
    int64_t until;
    bool heard; /* a stored message */
};

static bool opens(struct trial *t, struct probe *p, bool clean)
{
    struct mqtt_options o = t->o->mqtt;

    *p = (struct probe){.until = t->until, .cancelled = t->cancelled, .user = t};
    o.client_id = t->id;
    o.clean = clean;
    o.session_expiry_s = SESSION_EXPIRY_S;
    o.keepalive_s = 15;
    return probe_open(p, &o);
}

/* ---- stored messages ---- */

static void on_message(void *user, const struct mqtt_message *m)
{
    struct trial *t = user;
    const char *wanted = t->o->presence_topic;

    if (m->retained && (!wanted || strcmp(m->topic, wanted) == 0))
        t->heard = true;
}

static bool hears(struct trial *t, struct probe *p, const char *filter, int64_t patience_ms)
{
    t->heard = false;
    if (!probe_subscribe(p, &filter, 1, 0))
        return false;
    for (const int64_t until = clock_mono_ms() + patience_ms; !t->heard && clock_mono_ms() < until;)
        if (!probe_turn(p, 50))
            break;
    return t->heard;
}

/* Our presence may be on its way there still: it is asked for by its name until it comes. */
static bool hears_exactly(struct trial *t, struct probe *p)
{
    for (const int64_t until = clock_mono_ms() + STORED_MS;
         !probe_is_done(p) && clock_mono_ms() < until;)
        if (hears(t, p, t->o->presence_topic, 300))
            return true;
    return false;
}

static void try_stored(struct trial *t, struct probe *p)
{
    unsigned char *has = t->found->has;

    p->message = on_message;
    if (!t->o->presence_topic) { /* no message proves nothing: maybe no console runs */
        if (hears(t, p, presences, 1000))
            has[TRAIT_RETAINED] = has[TRAIT_RETAINED_WILDCARD] = KNOWN_YES;
        return;
    }
    const bool exact = hears_exactly(t, p);
    if (probe_is_done(p))
        return;
    has[TRAIT_RETAINED] = exact ? KNOWN_YES : KNOWN_NO;
    if (exact)
        has[TRAIT_RETAINED_WILDCARD] = hears(t, p, presences, STORED_MS) ? KNOWN_YES : KNOWN_NO;
}

/* ---- refusals ---- */

/* A canary that no rule allows: nobody subscribes to it, and a broker with rules must refuse it. */
static void try_refusal(struct trial *t, struct probe *p)
{
    char topic[64] = "infoscreen/console/canary/";
    unsigned char *has = t->found->has;

    random_hex(topic + strlen(topic), 8);
    const int reason = probe_publish(p, topic);
    if (reason < 0 && p->over && p->failure != MQTT_FAIL_NONE)
        has[TRAIT_REFUSES] = KNOWN_NO;
    else if (reason >= 0x80)
        has[TRAIT_REFUSES] = KNOWN_YES;
    if (t->o->mqtt.protocol != 5)
        has[TRAIT_PUBACK_REASONS] = KNOWN_NO;
    else if (reason > 0) /* 0 says nothing: somebody may have subscribed to everything */
        has[TRAIT_PUBACK_REASONS] = KNOWN_YES;
}

/* ---- sessions ---- */

static void try_session(struct trial *t)
{
    struct probe again, last;

    if (opens(t, &again, false))
        t->found->has[TRAIT_SESSIONS] = again.session_present ? KNOWN_YES : KNOWN_NO;
    probe_end(&again);
    opens(t, &last, true); /* leaves nothing behind */
    probe_end(&last);
}

static bool run_trial(struct trial *t, struct words *why)
{
    struct probe p;

    *t->found = (struct traits){.tested = false};
    t->until = clock_mono_ms() + ALL_MS;
    snprintf(t->id, sizeof t->id, "infoscreen-selftest-");
    random_hex(t->id + strlen(t->id), 8);
    const bool up = opens(t, &p, t->o->read_only);
    *why = p.why;
    if (up) {
        t->found->has[TRAIT_MQTT5] = t->o->mqtt.protocol == 5 ? KNOWN_YES : KNOWN_NO;
        try_stored(t, &p);
    }
    if (up && !t->o->read_only)
        try_refusal(t, &p);
    probe_end(&p);
    if (up && !t->o->read_only)
        try_session(t);
    t->found->tested = up;
    return up;
}

bool selftest_run(const struct selftest_options *o, struct traits *out, struct err *e)
{
    struct trial t = {.o = o, .found = out};
    struct words why = {.id = NULL};
    char said[400];

    if (run_trial(&t, &why))
        return true;
    snprintf(said, sizeof said, "?");
    if (why.id)
        words_render(&why, i18n_translate, said, sizeof said);
    return err_set(e, EXIT_BROKER, "%s", said);
}

/* ---- in the background ---- */

struct selftest {
    struct selftest_options o; /* its strings lie in text */
    char *text;
    struct traits found; /* the thread's until `over` */
    atomic_bool over, cancelled;
    int fd;
    pthread_t thread;
};

static void *run(void *argument)
{
    struct selftest *s = argument;
    struct trial t = {.o = &s->o, .cancelled = &s->cancelled, .found = &s->found};
    struct words why;
    const uint64_t one = 1;

    run_trial(&t, &why);
    atomic_store(&s->over, true);
    const ssize_t done = write(s->fd, &one, sizeof one);
    (void)done; /* an eventfd at 0 takes it */
    return NULL;
}

static const char **strings_of(struct selftest_options *o, int i)
{
    const char **all[] = {&o->mqtt.host,   &o->mqtt.address, &o->mqtt.username, &o->mqtt.password,
                          &o->mqtt.cafile, &o->mqtt.cert,    &o->mqtt.key,      &o->presence_topic};

    return i < (int)(sizeof all / sizeof *all) ? all[i] : NULL;
}

static bool copy_strings(struct selftest *s)
{
    const char **at;
    size_t size = 0;

    for (int i = 0; (at = strings_of(&s->o, i)); i++)
        size += *at ? strlen(*at) + 1 : 0;
    s->text = malloc(size + 1);
    if (!s->text)
        return false;
    char *to = s->text;
    for (int i = 0; (at = strings_of(&s->o, i)); i++) {
        if (!*at)
            continue;
        const char *copy = to;
        to = stpcpy(to, *at) + 1;
        *at = copy;
    }
    return true;
}

struct selftest *selftest_start(const struct selftest_options *o)
{
    struct selftest *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->o = *o;
    s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    atomic_init(&s->over, false);
    atomic_init(&s->cancelled, false);
    if (s->fd >= 0 && copy_strings(s) && pthread_create(&s->thread, NULL, run, s) == 0)
        return s;
    if (s->fd >= 0)
        close(s->fd);
    free(s->text);
    free(s);
    return NULL;
}

int selftest_fd(const struct selftest *s)
{
    return s->fd;
}

bool selftest_answer(struct selftest *s, struct traits *out)
{
    if (!atomic_load(&s->over))
        return false;
    *out = s->found;
    return true;
}

void selftest_free(struct selftest *s)
{
    if (!s)
        return;
    atomic_store(&s->cancelled, true);
    pthread_join(s->thread, NULL);
    close(s->fd);
    if (s->o.mqtt.password) /* it lies in text */
        explicit_bzero((char *)(uintptr_t)s->o.mqtt.password, strlen(s->o.mqtt.password));
    free(s->text);
    free(s);
}
