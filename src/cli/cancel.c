/* cancel.c - withdrawing commands that wait for a broker. Needs none itself: whoever holds them
 * learns of it from the database. */
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "cli/commands.h"
#include "cli/dataset.h"

#define CONFIRM_MS 5000 /* the process that holds it looks every second */

struct cancel_job {
    struct call *call;
    struct uid *ids;
    struct command *last;
    int count;
    bool submitted;
    int64_t deadline_mono;
};

static bool unknown(const struct call *call, int i, struct err *e)
{
    return err_set(e, EXIT_NOT_FOUND, _("no command %s: see infoscreen-tui commands"),
                   quote(call->args[i]).clean);
}

static bool keep(void *user, const struct command *c)
{
    *(struct command *)user = *c;
    return true;
}

/* As the database has it; *waits: a copy lies in somebody's outbox. */
static bool look_up(const struct cancel_job *c, int i, bool *waits, struct err *e)
{
    const struct command_query q = {.ids = &c->ids[i], .id_count = 1};
    struct reader *r = reader_open(c->call->globals.db_path, e);

    c->last[i] = (struct command){.ack_count = 0};
    const bool ok = r && reader_commands(r, &q, keep, &c->last[i], e) &&
                    reader_waits(r, &c->ids[i], waits, e);
    reader_close(r);
    if (ok && uid_is_zero(&c->last[i].id))
        return unknown(c->call, i, e);
    return ok || (e->code == EXIT_NOT_FOUND ? unknown(c->call, i, e) : false);
}

static bool cancel_start(struct job *j, struct job_host *h, bool connected)
{
    struct cancel_job *c = j->user;
    bool waits;

    (void)connected;
    for (int i = 0; i < c->count; i++) /* all or nothing */
        if (!look_up(c, i, &waits, &j->err))
            return true;
    for (int i = 0; i < c->count; i++) {
        struct operator_action op = {.verb = OP_CANCEL, .shelve_until_at = TIME_NONE};
        const struct call *call = c->call;
        op.order.id = c->ids[i];
        TEXT_SET(&op.by, call->globals.operator_name, strlen(call->globals.operator_name));
        if (c->last[i].status == COMMAND_QUEUED)
            job_operator(h, &op);
    }
    c->deadline_mono = job_now(h).mono_ms + CONFIRM_MS;
    return false;
}

static bool cancel_step(struct job *j, struct job_host *h)
{
    struct cancel_job *c = j->user;
    bool settled = true, waits = false;

    for (int i = 0; i < c->count; i++) {
        if (!look_up(c, i, &waits, &j->err))
            return true;
        settled &= c->last[i].status != COMMAND_QUEUED &&
                   (c->last[i].status != COMMAND_CANCELLED || !waits);
    }
    return settled || job_now(h).mono_ms >= c->deadline_mono;
}

static int print_result(struct cancel_job *c, struct err *e)
{
    struct dataset d = {0};
    const bool opened = dataset_open(&d, c->call, e);
    const int code = opened ? print_rows(c->call, &commands_listing, &d, c->last, (size_t)c->count,
                                         sizeof *c->last, e)
                            : e->code;

    for (int i = 0; i < c->count && !e->code; i++)
        if (c->last[i].status != COMMAND_CANCELLED)
            err_set(e, EXIT_FAILED,
                    _("%s is %s already: a command that was sent cannot be withdrawn"),
                    quote(c->call->args[i]).clean, _(command_statuses[c->last[i].status].label));
    dataset_close(&d);
    return e->code ? e->code : code;
}

int run_cancel(struct call *call, struct err *e)
{
    const size_t n = (size_t)call->arg_count;
    struct cancel_job c = {.call = call, .count = call->arg_count};
    struct job job = {.user = &c, .start = cancel_start, .step = cancel_step, .offline = true};
    struct reader *r;

    c.ids = calloc(n, sizeof *c.ids);
    c.last = calloc(n, sizeof *c.last);
    if (!c.ids || !c.last)
        err_set(e, EXIT_FAILED, _("out of memory: close something else"));
    for (int i = 0; i < call->arg_count && !e->code; i++)
        if (!uid_parse(call->args[i], strlen(call->args[i]), &c.ids[i]))
            unknown(call, i, e);
    /* No history yet: nothing to cancel, and none is begun for it. */
    if (!e->code && !(r = reader_open(call->globals.db_path, e)))
        (void)(e->code == EXIT_NOT_FOUND && unknown(call, 0, e));
    else if (!e->code)
        reader_close(r);
    if (!e->code && call->host->run_job(&call->globals, &job) != EXIT_DONE)
        *e = job.err;
    if (!e->code)
        print_result(&c, e);
    free(c.ids);
    free(c.last);
    return e->code;
}
