/* store.c - opening and closing: the database, the lock beside it, the thread. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/i18n.h"
#include "store/inside.h"

#define REPORT_BYTES (1u << 20)
#define CLOSE_MS     2000

static bool make_parts(struct store *s, struct err *e)
{
    s->path = strdup(s->options.path);
    s->records = ring_new(RECORD_BYTES);
    s->reports = ring_new(REPORT_BYTES);
    if (s->records)
        ring_keep_room(s->records, RECORD_BYTES / 4); /* a batch is taken every 100 ms */
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->path && s->records && s->reports && s->wake_fd >= 0)
        return true;
    return err_set(e, EXIT_FAILED, _("out of memory: close something else"));
}

/* A full or locked disk is waited out by the thread; what can't be put right by waiting is told
 * now. */
static bool open_database(struct store *s, struct err *e)
{
    char name[128];
    enum db_verdict v = writer_open(&s->writer, s->path, e);

    if (v == DB_DAMAGED && role_lock_repair(&s->role)) {
        if (db_set_aside(s->path, name, sizeof name)) {
            s->trouble.id = N_("the database was damaged: it is kept as {1}, a new one was begun");
            TEXT_SET(&s->trouble.arg[0], name, strlen(name));
        }
        v = writer_open(&s->writer, s->path, e);
        role_unlock_repair(&s->role);
    }
    return v == DB_DONE || v == DB_FULL || v == DB_LOCKED;
}

static bool start_thread(struct store *s, struct err *e)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int rc = pthread_create(&s->thread, NULL, store_run, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    s->started = rc == 0;
    if (!s->started)
        err_set(e, EXIT_FAILED, _("no thread for the history: %s: close something else"),
                strerror(rc));
    return s->started;
}

bool store_prepare(const char *path, struct err *e)
{
    return db_prepare_file(path, e);
}

struct store *store_open(const struct store_options *o, struct err *e)
{
    struct store *s = calloc(1, sizeof *s);

    if (!s) {
        err_set(e, EXIT_FAILED, _("out of memory: close something else"));
        return NULL;
    }
    s->options = *o;
    s->wake_fd = -1;
    s->role.fd = -1;
    pthread_mutex_init(&s->durable_lock, NULL);
    if (make_parts(s, e) && db_prepare_file(s->path, e) &&
        role_open(&s->role, s->path, o->want_role, o->may_send, e) && open_database(s, e) &&
        start_thread(s, e)) {
        if (e)
            *e = (struct err){0};
        return s;
    }
    store_close(s);
    return NULL;
}

/* Taken from another process and never looked at: the rows lie in the database, for the next. */
static void forget_adopted(struct store *s)
{
    const struct store_report *r;
    size_t bytes;

    while (s->reports && (r = ring_peek(s->reports, &bytes))) {
        free(r->adopted);
        free(r->rollout);
        ring_pop(s->reports);
    }
    for (size_t at = 0; at < s->late_reports.len; at += sizeof *r) {
        r = (const struct store_report *)(const void *)(s->late_reports.data + at);
        free(r->adopted);
        free(r->rollout);
    }
}

void store_close(struct store *s)
{
    if (!s)
        return;
    if (s->started) {
        s->stop_mono = clock_mono_ms() + CLOSE_MS; /* published by the store to `stopping` */
        atomic_store(&s->stopping, true);
        store_wake(s);
        pthread_join(s->thread, NULL);
    }
    writer_close(&s->writer);
    role_close(&s->role); /* after the last write: whoever takes over finds it */
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    forget_adopted(s);
    ring_free(s->records);
    ring_free(s->reports);
    buf_fini(&s->batch.bytes);
    buf_fini(&s->late_reports);
    pthread_mutex_destroy(&s->durable_lock);
    free(s->path);
    free(s);
}

/* Once this returns the former function is not running and won't be called again. */
void store_on_durable(struct store *s, void (*fn)(void *user, uint64_t token), void *user)
{
    pthread_mutex_lock(&s->durable_lock);
    s->on_durable = fn;
    s->durable_user = user;
    pthread_mutex_unlock(&s->durable_lock);
}

struct ring *store_reports(struct store *s)
{
    return s->reports;
}
