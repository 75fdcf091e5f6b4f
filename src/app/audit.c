/* audit.c - `broker check` of the running broker for the screen: in a thread of its own, since it
 * waits for the network at every step, and its findings as plain data when it is over. */
#include "app/session.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/i18n.h"
#include "broker/audit.h"
#include "broker/hosts.h"

struct broker_audit {
    struct audit_status status; /* the main thread's, as all but what the comments say */
    struct audit_line *lines;
    bool running;
    struct hosts hosts; /* the thread's while it runs, as the next two */
    struct audit found;
    struct err error;
    atomic_bool cancelled;
    int fd; /* written at the end */
    pthread_t thread;
    const struct cli_globals *globals;
};

static void *run(void *argument)
{
    struct broker_audit *a = argument;
    const struct config *c = &a->globals->config;
    const bool publishes = a->globals->have_password && !a->globals->read_only;
    const struct audit_target t = {
        .host = a->hosts.host[0].name,
        .port = a->hosts.host[0].port,
        .username = c->broker.username[0] ? c->broker.username : NULL,
        .password = publishes ? a->globals->password : NULL,
        .cafile = c->broker.cafile[0] ? c->broker.cafile : NULL,
        .cert = c->broker.cert[0] ? c->broker.cert : NULL,
        .key = c->broker.key[0] ? c->broker.key : NULL,
        .insecure = c->broker.insecure,
        .cancelled = &a->cancelled,
    };
    const uint64_t one = 1;

    audit_broker(&a->found, &t, &a->error);
    const ssize_t done = write(a->fd, &one, sizeof one);
    (void)done; /* an eventfd at 0 takes it */
    return NULL;
}

/* ---- its end ---- */

static void put_line(struct audit_line *to, const struct audit_check *from)
{
    const char *actual = from->actual.clean;

    *to = (struct audit_line){.ok = from->ok};
    TEXT_SET(&to->name, from->name, strlen(from->name));
    TEXT_SET(&to->expected, from->expected, strlen(from->expected));
    TEXT_SET(&to->actual, actual, strlen(actual));
}

/* What is wrong stands first. */
static void take_findings(struct broker_audit *a)
{
    struct audit_status *s = &a->status;

    free(a->lines);
    a->lines = calloc(a->found.n + 1, sizeof *a->lines);
    s->lines = s->faults = 0;
    for (int ok = 0; ok <= 1 && a->lines; ok++)
        for (size_t i = 0; i < a->found.n; i++)
            if (a->found.list[i].ok == ok)
                put_line(&a->lines[s->lines++], &a->found.list[i]);
    while (s->faults < s->lines && !a->lines[s->faults].ok)
        s->faults++;
    s->line = a->lines;
    s->phase = AUDIT_DONE;
    if (!a->lines || a->found.failed)
        err_set(&a->error, EXIT_FAILED, _("out of memory: close something else"));
}

static void finish(struct broker_audit *a)
{
    pthread_join(a->thread, NULL);
    a->running = false;
    take_findings(a);
    if (a->error.code) {
        a->status.phase = AUDIT_IMPOSSIBLE;
        TEXT_SET(&a->status.why, a->error.text, strlen(a->error.text));
    }
    a->status.at = clock_wall_ms();
    a->status.generation++;
    audit_fini(&a->found);
}

static void on_over(void *user, int fd, short revents)
{
    struct broker_audit *a = user;
    uint64_t count;

    (void)revents;
    if (read(fd, &count, sizeof count) == sizeof count && a->running)
        finish(a);
}

/* ---- its beginning ---- */

static struct broker_audit *audit_of(struct session *s)
{
    struct broker_audit *a = s->audit ? s->audit : calloc(1, sizeof *a);

    if (!a || s->audit)
        return a;
    a->globals = s->globals;
    a->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (a->fd >= 0 && loop_add_fd(s->loop, a->fd, POLLIN, on_over, a))
        return s->audit = a;
    if (a->fd >= 0)
        close(a->fd);
    free(a);
    return NULL;
}

/* The broker that is connected, or that is being tried. */
void session_audit(struct session *s)
{
    struct broker_audit *a = audit_of(s);

    if (!a || a->running)
        return;
    a->error = (struct err){0};
    a->found = (struct audit){.list = NULL};
    atomic_store(&a->cancelled, false);
    a->running = hosts_parse(s->link_status.host.clean, 1883, &a->hosts, &a->error) &&
                 pthread_create(&a->thread, NULL, run, a) == 0;
    a->status.generation++;
    a->status.at = clock_wall_ms();
    a->status.begun_mono = clock_mono_ms();
    a->status.phase = a->running ? AUDIT_RUNNING : AUDIT_IMPOSSIBLE;
    a->status.lines = a->status.faults = 0;
    if (!a->running && !a->error.code)
        err_set(&a->error, EXIT_FAILED, _("out of memory: close something else"));
    TEXT_SET(&a->status.why, a->error.text, strlen(a->error.text));
}

const struct audit_status *session_audit_status(const struct session *s)
{
    return s->audit ? &s->audit->status : NULL;
}

void session_audit_end(struct session *s)
{
    struct broker_audit *a = s->audit;

    if (!a)
        return;
    atomic_store(&a->cancelled, true);
    if (a->running)
        pthread_join(a->thread, NULL);
    audit_fini(&a->found);
    close(a->fd);
    free(a->lines);
    free(a);
    s->audit = NULL;
}
