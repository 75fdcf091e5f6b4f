/* lookback.c - the thread that reads for the screen. */
#include "store/lookback.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/array.h"
#include "base/i18n.h"
#include "base/ring.h"
#include "core/filter.h"
#include "store/reader.h"

#define RING_BYTES  65536
#define SEARCH_MS   2000 /* a search gives what it found after this time */
#define BREAK_STEPS 2000 /* of SQLite's machine, between two looks whether we shall end */

struct lookback {
    char *path;
    struct config config;
    struct ring *questions, *answers; /* of struct past_question; of pointers */
    pthread_t thread;
    bool started;
    int wake_fd;
    atomic_bool stopping;

    /* The thread alone. */
    struct past_question waiting[PAST_KINDS];
    bool waits[PAST_KINDS];
    uint64_t serial;
};

/* ---- history and logs, with a filter ---- */

#define CACHED 256
/* The clients of the rows at hand, for filters that ask for names and groups. */
struct names {
    struct reader *reader;
    struct {
        struct uid id;
        bool known, there;
        struct client client;
    } slot[CACHED];
};

static bool take_client(void *user, const struct client *c)
{
    *(struct client *)user = *c;
    return false;
}

static const struct client *client_of(struct names *n, const struct uid *id)
{
    const size_t at = (id->b[0] ^ id->b[3] ^ id->b[15]) % CACHED;
    struct err ignored = {0};

    if (uid_is_zero(id))
        return NULL;
    if (!n->slot[at].known || !uid_equal(&n->slot[at].id, id)) {
        n->slot[at].id = *id;
        n->slot[at].known = true;
        n->slot[at].client.id = (struct uid){{0}};
        reader_client(n->reader, id, take_client, &n->slot[at].client, &ignored);
        n->slot[at].there = !uid_is_zero(&n->slot[at].client.id);
    }
    return n->slot[at].there ? &n->slot[at].client : NULL;
}

struct search {
    struct past_answer *answer;
    struct filter *filter; /* NULL: everything */
    struct names *names;
    int64_t until_mono;
    size_t room;
    bool no_memory;
};

static void *slot_in(struct search *s, void *list, size_t *count, size_t size)
{
    if (!*(void **)list)
        *(void **)list = calloc(PAST_ROWS, size);
    s->no_memory = !*(void **)list;
    return s->no_memory ? NULL : (char *)*(void **)list + (*count)++ * size;
}

static bool goes_on(struct search *s, int64_t at, size_t found)
{
    s->answer->searched_to_at = at;
    s->answer->more = found >= PAST_ROWS || clock_mono_ms() > s->until_mono;
    return !s->answer->more;
}

static bool take_event(void *user, const struct history_event *ev, const char *packed)
{
    struct search *s = user;
    struct past_answer *a = s->answer;

    (void)packed;
    if (!s->filter || filter_event(s->filter, ev, client_of(s->names, &ev->client))) {
        struct history_event *slot = slot_in(s, &a->events, &a->event_count, sizeof *a->events);
        if (!slot)
            return false;
        *slot = *ev;
    }
    return goes_on(s, ev->at, a->event_count);
}

static bool take_log(void *user, const struct log_line *l)
{
    struct search *s = user;
    struct past_answer *a = s->answer;

    if (!s->filter || filter_log(s->filter, l, client_of(s->names, &l->client))) {
        struct log_line *slot = slot_in(s, &a->logs, &a->log_count, sizeof *a->logs);
        if (!slot)
            return false;
        *slot = *l;
    }
    return goes_on(s, l->at, a->log_count);
}

static bool search(struct lookback *l, struct reader *r, struct past_answer *a, struct err *e)
{
    const struct past_question *q = &a->question;
    struct search s = {.answer = a, .until_mono = clock_mono_ms() + SEARCH_MS};
    const struct history_query hq = {
        .since_at = TIME_NONE, .until_at = q->until_at, .kind = -1, .limit = INT64_MAX};
    bool ok;

    (void)l;
    if (q->filter[0]) {
        s.filter = filter_new(q->filter, e);
        s.names = calloc(1, sizeof *s.names);
        if (!s.filter || !s.names) {
            filter_free(s.filter);
            free(s.names);
            return e->code ? false : err_set(e, EXIT_FAILED, _("out of memory: narrow the query"));
        }
        s.names->reader = r;
    }
    ok = q->kind == PAST_HISTORY ? reader_history(r, &hq, take_event, &s, e)
                                 : reader_logs_back(r, q->until_at, take_log, &s, e);
    filter_free(s.filter);
    free(s.names);
    return ok && (!s.no_memory || err_set(e, EXIT_FAILED, _("out of memory: narrow the query")));
}

/* ---- one client ---- */

struct course {
    struct history_event *events;
    struct command *commands;
    size_t event_count, event_room, command_count, command_room;
};

static bool add_event(void *user, const struct history_event *ev, const char *packed)
{
    struct course *c = user;
    struct history_event *slot =
        array_add(&c->events, &c->event_count, &c->event_room, sizeof *slot);

    (void)packed;
    if (slot)
        *slot = *ev;
    return slot != NULL;
}

static bool add_command(void *user, const struct command *row)
{
    struct course *c = user;
    struct command *slot =
        array_add(&c->commands, &c->command_count, &c->command_room, sizeof *slot);

    if (slot)
        *slot = *row;
    return slot != NULL && c->command_count < 1000;
}

static void turn_around(struct course *c)
{
    for (size_t i = 0; i < c->event_count / 2; i++) {
        const struct history_event swapped = c->events[i];
        c->events[i] = c->events[c->event_count - 1 - i];
        c->events[c->event_count - 1 - i] = swapped;
    }
}

static bool look_at_client(struct lookback *l, struct reader *r, struct past_answer *a,
                           struct err *e)
{
    const struct uid *client = &a->question.client;
    const struct history_query hq = {.client = client,
                                     .since_at = clock_wall_ms() - PAST_DAYS_MS,
                                     .until_at = TIME_NONE,
                                     .kind = -1,
                                     .limit = 20000};
    const struct command_query cq = {.client = client};
    struct course c = {0};
    const bool ok =
        reader_history(r, &hq, add_event, &c, e) && reader_commands(r, &cq, add_command, &c, e);

    (void)l;
    turn_around(&c);
    if (ok)
        past_client_make(c.events, c.event_count, c.commands, c.command_count, &a->client);
    free(c.events);
    free(c.commands);
    return ok;
}

/* ---- the others ---- */

static bool find_incidents(struct lookback *l, struct reader *r, struct past_answer *a,
                           struct err *e)
{
    const struct incident_query q = {.since_at = a->question.since_at,
                                     .until_at = a->question.until_at,
                                     .after_ms = l->config.commands.incident_after};

    return reader_incidents(r, &q, &a->incidents, e);
}

static bool rebuild_fleet(struct lookback *l, struct reader *r, struct past_answer *a,
                          struct err *e)
{
    a->fleet = core_new(&l->config, "past");
    if (!a->fleet)
        return err_set(e, EXIT_FAILED, _("out of memory: close something else"));
    return reader_fleet_at(r, a->question.until_at, a->fleet, e) &&
           (core_client_count(a->fleet) > 0 ||
            err_set(e, EXIT_NOT_FOUND, _("the history does not reach back to then")));
}

/* ---- the thread ---- */

static int shall_break(void *lookback)
{
    return atomic_load(&((struct lookback *)lookback)->stopping);
}

static struct past_answer *answer(struct lookback *l, const struct past_question *q)
{
    static bool (*const kinds[PAST_KINDS])(struct lookback *, struct reader *, struct past_answer *,
                                           struct err *) = {
        [PAST_INCIDENTS] = find_incidents, [PAST_HISTORY] = search,      [PAST_LOGS] = search,
        [PAST_CLIENT] = look_at_client,    [PAST_FLEET] = rebuild_fleet,
    };
    const int64_t began = clock_mono_ms();
    struct past_answer *a = calloc(1, sizeof *a);
    struct reader *r;

    if (!a)
        return NULL;
    a->question = *q;
    a->incidents.handed_over_at = a->searched_to_at = TIME_NONE;
    a->serial = ++l->serial;
    r = reader_open(l->path, &a->error);
    if (r) {
        sqlite3_progress_handler(r->db, BREAK_STEPS, shall_break, l);
        kinds[q->kind](l, r, a, &a->error);
    }
    reader_close(r);
    a->cost_ms = clock_mono_ms() - began;
    return a;
}

static void take_questions(struct lookback *l)
{
    const struct past_question *q;
    size_t n;

    while ((q = ring_peek(l->questions, &n)) != NULL) {
        l->waiting[q->kind] = *q;
        l->waits[q->kind] = true;
        ring_pop(l->questions);
    }
}

static void give(struct lookback *l, struct past_answer *a)
{
    struct past_answer **slot = a ? ring_reserve(l->answers, sizeof *slot) : NULL;

    if (!slot) {
        past_answer_free(a);
        return;
    }
    *slot = a;
    ring_commit(l->answers, sizeof *slot);
    ring_flush(l->answers);
}

static void *run(void *lookback)
{
    struct lookback *l = lookback;

    while (!atomic_load(&l->stopping)) {
        struct pollfd fds[2] = {{.fd = ring_fd(l->questions), .events = POLLIN},
                                {.fd = l->wake_fd, .events = POLLIN}};
        bool idle = true;
        take_questions(l);
        for (int k = 0; k < PAST_KINDS && !atomic_load(&l->stopping); k++) {
            if (!l->waits[k])
                continue;
            idle = false;
            l->waits[k] = false;
            give(l, answer(l, &l->waiting[k]));
            take_questions(l);
        }
        if (idle)
            poll(fds, 2, -1);
    }
    return NULL;
}

/* ---- life ---- */

static bool start(struct lookback *l)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    l->started = pthread_create(&l->thread, NULL, run, l) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return l->started;
}

struct lookback *lookback_open(const char *path, const struct config *config)
{
    struct lookback *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->config = *config;
    l->path = strdup(path);
    l->questions = ring_new(RING_BYTES);
    l->answers = ring_new(RING_BYTES);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->path && l->questions && l->answers && l->wake_fd >= 0 && start(l))
        return l;
    lookback_close(l);
    return NULL;
}

void lookback_close(struct lookback *l)
{
    const uint64_t one = 1;
    struct past_answer *a;

    if (!l)
        return;
    atomic_store(&l->stopping, true);
    if (l->started) {
        while (write(l->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
            ;
        pthread_join(l->thread, NULL);
    }
    while (l->answers && (a = lookback_take(l)) != NULL)
        past_answer_free(a);
    ring_free(l->questions);
    ring_free(l->answers);
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    free(l->path);
    free(l);
}

bool lookback_ask(struct lookback *l, const struct past_question *q)
{
    void *to = ring_reserve(l->questions, sizeof *q);

    if (!to)
        return false;
    memcpy(to, q, sizeof *q);
    ring_commit(l->questions, sizeof *q);
    ring_flush(l->questions);
    return true;
}

int lookback_fd(const struct lookback *l)
{
    return ring_fd(l->answers);
}

struct past_answer *lookback_take(struct lookback *l)
{
    size_t n;
    struct past_answer *const *slot = ring_peek(l->answers, &n);
    struct past_answer *a = slot ? *slot : NULL;

    if (slot)
        ring_pop(l->answers);
    return a;
}
