/* job.c - a subcommand's work on a running session without a screen. */
#include "app/app.h"
#include "app/session.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"

#define STEP_MS     100
#define SNAPSHOT_MS 30000 /* more for the retained messages of a large fleet, once connected */

struct job_host {
    struct session session;
    bool started, over;
};

const struct core *job_core(const struct job_host *h)
{
    return h->session.core;
}

struct now job_now(const struct job_host *h)
{
    (void)h;
    return session_now();
}

void job_operator(struct job_host *h, const struct operator_action *op)
{
    session_operator(&h->session, op);
}

bool job_other_recorder(const struct job_host *h)
{
    return h->session.store_status.other_recorder;
}

const struct words *job_store_trouble(const struct job_host *h)
{
    const struct store_status *s = &h->session.store_status;
    return s->phase == STORE_OK || s->phase == STORE_REPLACED ? NULL : &s->why;
}

bool job_outbox_empty(const struct job_host *h)
{
    return session_outbox_empty(&h->session);
}

const char *job_last_refusal(const struct job_host *h)
{
    return h->session.refusal.clean[0] ? h->session.refusal.clean : NULL;
}

bool job_is_refused(const struct job_host *h, const char *topic)
{
    const struct refusals *r = &h->session.refusals;

    for (unsigned i = 0; i < r->count; i++)
        if (r->list[i].kind != REFUSED_SUBSCRIBE && strcmp(r->list[i].topic.clean, topic) == 0)
            return true;
    return false;
}

/* Everything retained was seen, or the time for it is over. */
static bool is_ready(const struct session *s)
{
    return core_link_is_up(s->core) && s->snapshot_done;
}

static bool is_ended(struct job_host *h, struct job *j)
{
    if (h->session.ended_by == SIGINT && h->started && j->interrupted && j->interrupted(j, h))
        h->session.ended_by = 0;
    return h->over || h->session.ended_by;
}

static void run(struct job_host *h, struct job *j)
{
    const int64_t connect_by = clock_mono_ms() + j->connect_ms;

    while (!is_ended(h, j)) {
        session_turn(&h->session, STEP_MS);
        const int64_t grace = core_link_is_up(h->session.core) ? SNAPSHOT_MS : 0;
        if (!h->started && (j->offline || is_ready(&h->session) || clock_mono_ms() >= connect_by + grace)) {
            h->started = true;
            h->over = j->start(j, h, is_ready(&h->session));
        }
        if (h->started && !h->over)
            h->over = j->step(j, h);
    }
    if (h->session.ended_by && !j->err.code)
        err_set(&j->err, EXIT_FAILED, _("interrupted: what was sent stays sent"));
}

int app_run_job(const struct cli_globals *g, struct job *j)
{
    struct job_host *h = calloc(1, sizeof *h);
    const struct session_options so = {.want_role = j->record, .link = !j->offline};

    if (!h)
        err_set(&j->err, EXIT_FAILED, _("out of memory: close something else"));
    else if (session_open(&h->session, g, &so, &j->err)) {
        run(h, j);
        session_close(&h->session);
    }
    free(h);
    return j->err.code;
}
