/* cancel.c - withdrawing commands that wait for a broker, and stopping rollouts. Needs no broker
 * itself: whoever holds them learns of it from the database. */
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "cli/commands.h"
#include "cli/dataset.h"

#define CONFIRM_MS 5000 /* the process that holds it looks every second */

struct cancelled {
    struct uid id;
    bool rollout, was_over;
    struct command last; /* of a single command */
};

struct cancel_job {
    struct call *call;
    struct cancelled *list;
    int count;
    int64_t deadline_mono;
};

static bool unknown(const struct call *call, int i, struct err *e)
{
    return err_set(e, EXIT_NOT_FOUND, _("no command %s: see infoscreen-tui commands"),
                   quote(call->args[i]).clean);
}

static bool keep(void *user, const struct command *c)
{
    struct cancelled *one = user;

    if (uid_equal(&c->id, &one->id))
        one->last = *c;
    return true;
}

/* As the database has it; *waits: a copy lies in somebody's outbox. */
static bool look_up(const struct cancel_job *c, int i, bool *waits, struct err *e)
{
    struct cancelled *one = &c->list[i];
    const struct command_query q = {.ids = &one->id, .id_count = 1};
    struct reader *r = reader_open(c->call->globals.db_path, e);

    one->last = (struct command){.ack_count = 0};
    const bool ok =
        r && reader_commands(r, &q, keep, one, e) && reader_waits(r, &one->id, waits, e);
    reader_close(r);
    if (ok && uid_is_zero(&one->last.id))
        return unknown(c->call, i, e);
    return ok || (e->code == EXIT_NOT_FOUND ? unknown(c->call, i, e) : false);
}

static bool is_over(const struct rollout *r)
{
    return r->state != ROLLOUT_RUNNING && r->released == r->total;
}

/* All or nothing: a wrong word must not leave half of them withdrawn. */
static bool look_all_up(const struct cancel_job *c, const struct core *core, struct err *e)
{
    bool waits;

    for (int i = 0; i < c->count; i++) {
        struct cancelled *one = &c->list[i];
        const struct rollout *r = core_find_rollout(core, &one->id);
        one->rollout = r != NULL;
        one->was_over = r && (r->state == ROLLOUT_STOPPED || r->state == ROLLOUT_DONE);
        if (!r && !look_up(c, i, &waits, e))
            return false;
    }
    return true;
}

static bool cancel_start(struct job *j, struct job_host *h, bool connected)
{
    struct cancel_job *c = j->user;
    const char *name = c->call->globals.operator_name;

    (void)connected;
    if (!look_all_up(c, job_core(h), &j->err))
        return true;
    for (int i = 0; i < c->count; i++) {
        const struct cancelled *one = &c->list[i];
        struct operator_action op = {.verb = one->rollout ? OP_ROLLOUT_STOP : OP_CANCEL,
                                     .shelve_until_at = TIME_NONE};
        op.order.id = op.rollout.id = one->id;
        TEXT_SET(&op.by, name, strlen(name));
        if (one->rollout ? !one->was_over : one->last.status == COMMAND_QUEUED)
            job_operator(h, &op);
    }
    c->deadline_mono = job_now(h).mono_ms + CONFIRM_MS;
    return false;
}

/* Its driver has heard of it, and what was not released is listed as cancelled. */
static bool is_settled(const struct cancel_job *c, int i, const struct core *core, struct err *e)
{
    const struct cancelled *one = &c->list[i];
    bool waits = false;

    if (one->rollout)
        return one->was_over || is_over(core_find_rollout(core, &one->id));
    if (!look_up(c, i, &waits, e))
        return false;
    return one->last.status != COMMAND_QUEUED && (one->last.status != COMMAND_CANCELLED || !waits);
}

static bool cancel_step(struct job *j, struct job_host *h)
{
    const struct cancel_job *c = j->user;
    bool settled = true;

    for (int i = 0; i < c->count; i++) {
        settled &= is_settled(c, i, job_core(h), &j->err);
        if (j->err.code)
            return true;
    }
    return settled || job_now(h).mono_ms >= c->deadline_mono;
}

/* ---- what came of it ---- */

static bool explain(const struct cancel_job *c, int i, struct err *e)
{
    const struct cancelled *one = &c->list[i];
    const char *word = quote(c->call->args[i]).clean;

    if (one->rollout)
        return !one->was_over ||
               err_set(e, EXIT_FAILED, _("%s is over already: nothing is left to stop"), word);
    return one->last.status == COMMAND_CANCELLED ||
           err_set(e, EXIT_FAILED,
                   _("%s is %s already: a command that was sent cannot be withdrawn"), word,
                   _(command_statuses[one->last.status].label));
}

static int print_result(const struct cancel_job *c, struct err *e)
{
    struct dataset d = {0};
    struct uid *ids = calloc((size_t)c->count, sizeof *ids);
    const struct command_query q = {.ids = ids, .id_count = c->count};
    int code = EXIT_FAILED;

    for (int i = 0; ids && i < c->count; i++)
        ids[i] = c->list[i].id;
    if (!ids)
        err_set(e, EXIT_FAILED, _("out of memory: close something else"));
    else if (dataset_open(&d, c->call, e) && dataset_commands(&d, &q, e))
        code = print_rows(c->call, &commands_listing, &d, d.commands, d.command_count,
                          sizeof *d.commands, e);
    for (int i = 0; i < c->count && !e->code; i++)
        explain(c, i, e);
    dataset_close(&d);
    free(ids);
    return e->code ? e->code : code;
}

static bool parse_ids(struct cancel_job *c, struct err *e)
{
    struct reader *r;

    for (int i = 0; i < c->count; i++) {
        const char *word = c->call->args[i];
        if (!uid_parse(word, strlen(word), &c->list[i].id))
            return unknown(c->call, i, e);
    }
    /* No history yet: nothing to cancel, and none is begun for it. */
    r = reader_open(c->call->globals.db_path, e);
    reader_close(r);
    return r || (e->code == EXIT_NOT_FOUND ? unknown(c->call, 0, e) : false);
}

int run_cancel(struct call *call, struct err *e)
{
    struct cancel_job c = {.call = call, .count = call->arg_count};
    struct job job = {.user = &c, .start = cancel_start, .step = cancel_step, .offline = true};
    int code = EXIT_FAILED;

    c.list = calloc((size_t)call->arg_count, sizeof *c.list);
    if (!c.list) {
        err_set(e, EXIT_FAILED, _("out of memory: close something else"));
    } else if (parse_ids(&c, e)) {
        if (call->host->run_job(&call->globals, &job) != EXIT_DONE)
            *e = job.err;
        else
            code = print_result(&c, e);
    }
    free(c.list);
    return e->code ? e->code : code;
}
