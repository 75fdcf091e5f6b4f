/* link.c - the thread and its one poll. Nothing in here waits for anything but that poll. */
#include "broker/link_impl.h"

#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/timefmt.h"

#define INBOX_BYTES  (16u << 20)
#define OUTBOX_BYTES (2u << 20)
#define LINGER_MS    300 /* at the end, for what was asked to be published */

/* ---- requests ---- */

static bool run_request(struct link *l, const struct request *r)
{
    switch (r->kind) {
    case REQUEST_PUBLISH:
        return live_publish(l, r);
    case REQUEST_FETCH:
        snapshot_fetch(l, r->fetch, r->len);
        break;
    case REQUEST_RECORDING:
        journal_record(l, r->on);
        break;
    case REQUEST_RETRY:
        live_retry_now(l);
        break;
    }
    return true;
}

static void run_requests(struct link *l)
{
    const struct request *r;
    size_t bytes;

    while (!l->window_full && (r = ring_peek(l->outbox, &bytes))) {
        l->window_full = !run_request(l, r);
        if (!l->window_full)
            ring_pop(l->outbox);
    }
}

/* ---- the poll ---- */

enum slot { SLOT_WAKE, SLOT_OUTBOX, SLOT_ROOM, SLOT_BESIDE, SLOT_LIVE, SLOT_JOURNAL, SLOTS };

static struct pollfd conn_slot(const struct conn *c, bool waits)
{
    const short events = waits ? 0 : conn_events(c);
    return (struct pollfd){.fd = events ? mqtt_fd(c->mqtt) : -1, .events = events};
}

static void fill_slots(const struct link *l, struct pollfd p[SLOTS])
{
    const bool blocked = inbox_blocked(l);

    p[SLOT_WAKE] = (struct pollfd){l->wake_fd, POLLIN, 0};
    p[SLOT_OUTBOX] = (struct pollfd){l->window_full ? -1 : ring_fd(l->outbox), POLLIN, 0};
    p[SLOT_ROOM] = (struct pollfd){blocked ? ring_room_fd(l->emit.inbox) : -1, POLLIN, 0};
    p[SLOT_BESIDE] = (struct pollfd){live_wake_fd(l), POLLIN, 0};
    p[SLOT_LIVE] = conn_slot(&l->live.conn, false);
    p[SLOT_JOURNAL] = conn_slot(&l->journal.conn, journal_waits(l));
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int timeout_of(const struct link *l)
{
    int64_t due = earlier(live_due(l), earlier(journal_due(l), snapshot_due(l)));

    if (l->status.received != l->told.received)
        due = earlier(due, l->told_at + 1000);
    const int64_t left = due - clock_mono_ms();
    return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static void take_wake(struct link *l)
{
    uint64_t count;
    const ssize_t done = read(l->wake_fd, &count, sizeof count);
    (void)done; /* EAGAIN: nobody woke us */
}

static void turn(struct link *l)
{
    struct pollfd p[SLOTS];

    fill_slots(l, p);
    if (poll(p, SLOTS, timeout_of(l)) < 0)
        memset(p, 0, sizeof p); /* EINTR: as if nothing had happened */
    l->mono = clock_mono_ms();
    l->wall = clock_wall_ms();
    if (p[SLOT_WAKE].revents)
        take_wake(l);
    if (inbox_blocked(l))
        inbox_drain(l);
    run_requests(l);
    live_turn(l, p[SLOT_LIVE].revents);
    journal_turn(l, p[SLOT_JOURNAL].revents);
    snapshot_turn(l);
    inbox_status(l);
    ring_flush(l->emit.inbox);
}

static bool is_all_published(const struct link *l)
{
    size_t bytes;

    return l->live.flying == 0 && !ring_peek(l->outbox, &bytes);
}

/* What was asked for before link_stop still goes out, the emptied presence above all. */
static void linger(struct link *l)
{
    const int64_t until = clock_mono_ms() + LINGER_MS;

    while (l->live.conn.up && clock_mono_ms() < until && !is_all_published(l)) {
        struct pollfd p = conn_slot(&l->live.conn, false);
        if (poll(&p, 1, 20) < 0)
            p.revents = 0;
        l->mono = clock_mono_ms();
        run_requests(l);
        conn_turn(&l->live.conn, p.revents, true, true);
    }
}

static void *run(void *argument)
{
    struct link *l = argument;

    while (!atomic_load(&l->stopping))
        turn(l);
    linger(l);
    journal_fini(l, true);
    live_fini(l, is_all_published(l)); /* else the last will empties the presence */
    return NULL;
}

/* ---- start and stop ---- */

static bool copy(char **to, const char *from)
{
    *to = from ? strdup(from) : NULL;
    return *to || !from;
}

static bool copy_config(struct link_config *c, const struct link_options *o)
{
    c->insecure = o->insecure;
    c->read_only = o->read_only;
    c->self_test = o->self_test;
    return copy(&c->username, o->username) && copy(&c->password, o->password) &&
           copy(&c->cafile, o->cafile) && copy(&c->cert, o->cert) && copy(&c->key, o->key) &&
           copy(&c->live_id, o->live_id) && copy(&c->journal_id, o->journal_id) &&
           copy(&c->presence_topic, o->presence_topic);
}

static void free_outbox(struct ring *outbox)
{
    const struct request *r;
    size_t bytes;

    while (outbox && (r = ring_peek(outbox, &bytes))) {
        free(r->fetch);
        ring_pop(outbox);
    }
    ring_free(outbox);
}

static void destroy(struct link *l)
{
    struct link_config *c = &l->config;

    free_outbox(l->outbox);
    inbox_fini(l);
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    if (c->password)
        explicit_bzero(c->password, strlen(c->password));
    free(c->username);
    free(c->password);
    free(c->cafile);
    free(c->cert);
    free(c->key);
    free(c->live_id);
    free(c->journal_id);
    free(c->presence_topic);
    free(l);
}

/* Signals are the main thread's. SIGPIPE comes from libmosquitto's write(2). */
static bool start_thread(struct link *l)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool ok = pthread_create(&l->thread, NULL, run, l) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

static int default_port(const struct link_options *o)
{
    if (o->port)
        return o->port;
    return o->cafile || o->cert || o->key ? 8883 : 1883;
}

/* A file that can't be used is a mistake in the configuration: said now, not at each try. */
static bool check_files(const struct link *l, const struct link_options *o, struct err *e)
{
    static const struct mqtt_handlers none;
    const struct mqtt_options m = {
        .host = l->hosts.host[0].name,
        .username = o->username,
        .password = o->password,
        .client_id = o->live_id,
        .cafile = o->cafile,
        .cert = o->cert,
        .key = o->key,
        .clean = true,
        .will_topic = o->presence_topic,
    };
    struct mqtt *trial = mqtt_new(&m, &none, NULL, e);

    mqtt_free(trial);
    return trial != NULL;
}

struct link *link_start(const struct link_options *o, struct err *e)
{
    struct link *l = calloc(1, sizeof *l);

    if (!l) {
        err_set(e, EXIT_FAILED, _("out of memory: the broker cannot be connected to"));
        return NULL;
    }
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->outbox = ring_new(OUTBOX_BYTES);
    l->emit.inbox = ring_new(INBOX_BYTES);
    l->mono = clock_mono_ms();
    l->wall = clock_wall_ms();
    atomic_init(&l->durable, 0);
    atomic_init(&l->stopping, false);
    if (l->wake_fd < 0 || !l->outbox || !l->emit.inbox || !copy_config(&l->config, o)) {
        err_set(e, EXIT_FAILED, _("out of memory: the broker cannot be connected to"));
        goto failed;
    }
    if (!hosts_parse(o->hosts, default_port(o), &l->hosts, e) || !check_files(l, o, e))
        goto failed;
    live_init(l);
    journal_init(l);
    if (start_thread(l))
        return l;
    err_set(e, EXIT_FAILED,
            _("no thread for the broker's connection: raise the limit on processes"));
failed:
    destroy(l);
    return NULL;
}

static void wake(struct link *l)
{
    const uint64_t one = 1;
    const ssize_t done = write(l->wake_fd, &one, sizeof one);
    (void)done; /* EAGAIN: it is awake */
}

void link_stop(struct link *l)
{
    if (!l)
        return;
    atomic_store(&l->stopping, true);
    wake(l);
    pthread_join(l->thread, NULL);
    destroy(l);
}

struct ring *link_inbox(struct link *l)
{
    return l->emit.inbox;
}

/* ---- the asker's side ---- */

static struct request *request_begin(struct link *l, enum request_kind kind, size_t bytes)
{
    struct request *r = ring_reserve(l->outbox, sizeof *r + bytes);

    if (r)
        *r = (struct request){.kind = kind};
    return r;
}

static bool request_end(struct link *l, size_t bytes)
{
    ring_commit(l->outbox, sizeof(struct request) + bytes);
    ring_flush(l->outbox);
    return true;
}

bool link_publish(struct link *l, uint64_t token, const char *topic, const void *payload,
                  size_t len, int qos, bool retain)
{
    const size_t n = strlen(topic);
    const size_t bytes = n + 1 + len;
    struct request *r = request_begin(l, REQUEST_PUBLISH, bytes);

    if (!r)
        return false;
    r->token = token;
    r->qos = qos;
    r->retain = retain;
    r->topic_len = n;
    r->len = len;
    memcpy(r->bytes, topic, n + 1);
    if (len)
        memcpy(r->bytes + n + 1, payload, len);
    return request_end(l, bytes);
}

bool link_fetch(struct link *l, const char *const *topics, int n)
{
    size_t len = 0;

    for (int i = 0; i < n; i++)
        len += strlen(topics[i]) + 1;
    char *bytes = malloc(len + 1), *to = bytes;
    struct request *r = bytes ? request_begin(l, REQUEST_FETCH, 0) : NULL;
    if (!r) {
        free(bytes);
        return false;
    }
    for (int i = 0; i < n; i++)
        to = stpcpy(to, topics[i]) + 1;
    r->fetch = bytes;
    r->len = len;
    return request_end(l, 0);
}

bool link_set_recording(struct link *l, bool on)
{
    struct request *r = request_begin(l, REQUEST_RECORDING, 0);

    if (!r)
        return false;
    r->on = on;
    return request_end(l, 0);
}

bool link_retry_now(struct link *l)
{
    return request_begin(l, REQUEST_RETRY, 0) && request_end(l, 0);
}

void link_journal_durable(struct link *l, uint64_t slice)
{
    uint_fast64_t known = atomic_load(&l->durable);

    while (known < slice && !atomic_compare_exchange_weak(&l->durable, &known, slice))
        ;
    if (known < slice)
        wake(l);
}
