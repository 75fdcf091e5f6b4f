/* rollout.c - commands on their way: released at the pace that was asked for, followed to their
 * end, told of. */
#include "cli/send.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/i18n.h"
#include "cli/commands.h"

#define CONNECT_MS 10000

static bool has_failed(const struct send_target *t)
{
    return t->last.status == COMMAND_FAILED || t->last.status == COMMAND_EXPIRED;
}

static bool has_ended(enum command_status s)
{
    return s != COMMAND_QUEUED && s != COMMAND_PUBLISHED && s != COMMAND_ACCEPTED &&
           s != COMMAND_EXECUTION_STARTED;
}

/* ---- releasing ---- */

static void release(struct sending *r, struct job_host *h, struct send_target *t, bool withheld)
{
    const struct call *call = r->call;
    const char *reason = call_last(call, "reason");
    struct operator_action op = {.verb = OP_SEND, .shelve_until_at = TIME_NONE};

    op.order = (struct command_order){
        .id = t->command,
        .client = t->client,
        .action = r->action,
        .expires = call_duration(call, "expires", 0),
        .override_lockout = call_has(call, "override-lockout"),
        .withheld = withheld,
    };
    memcpy(op.order.spelling, t->spelling, sizeof op.order.spelling);
    TEXT_SET(&op.by, call->globals.operator_name, strlen(call->globals.operator_name));
    if (reason)
        TEXT_SET(&op.order.reason, reason, strlen(reason));
    TEXT_SET(&op.order.rollout_id, r->id, strlen(r->id));
    job_operator(h, &op);
    t->released = true;
    r->released++;
}

static void release_rest(struct sending *r, struct job_host *h, bool withheld)
{
    for (int i = 0; i < r->count; i++)
        if (!r->targets[i].released)
            release(r, h, &r->targets[i], withheld);
}

static int count_failed(const struct sending *r)
{
    int n = 0;

    for (int i = 0; i < r->count; i++)
        n += r->targets[i].released && has_failed(&r->targets[i]);
    return n;
}

static int count_over(const struct sending *r)
{
    int n = 0;

    for (int i = 0; i < r->count; i++)
        n += r->targets[i].over;
    return n;
}

/* A canary that did not come through stops all the rest; else the number that was given does. */
static bool must_stop(const struct sending *r)
{
    const int failed = count_failed(r);
    const bool in_canary = r->canary && r->released <= r->canary;

    return (r->max_failures && failed >= r->max_failures) ||
           (in_canary && !r->max_failures && failed > 0);
}

static void release_what_may_go(struct sending *r, struct job_host *h)
{
    const int over = count_over(r);

    for (int i = 0; i < r->count; i++) {
        const bool canaries_wait = r->canary && r->released >= r->canary && over < r->canary;
        const bool lanes_full = r->parallel && r->released - over >= r->parallel;
        if (r->targets[i].released)
            continue;
        if (canaries_wait || lanes_full)
            return;
        release(r, h, &r->targets[i], false);
    }
}

/* ---- following ---- */

static void tell_progress(const struct sending *r, const struct send_target *t)
{
    if (!r->call->globals.output && isatty(STDERR_FILENO))
        fprintf(stderr, "%s  %s  %s%s\n", t->name.clean, actions[r->action].word,
                _(command_statuses[t->last.status].label),
                t->last.not_connected ? _(" (the device is not connected)") : "");
}

static void follow(struct sending *r, const struct core *core)
{
    for (int i = 0; i < r->count; i++) {
        struct send_target *t = &r->targets[i];
        const struct command *now = t->released ? core_find_command(core, &t->command) : NULL;
        if (!now)
            continue;
        const bool changed =
            now->status != t->last.status || now->not_connected != t->last.not_connected;
        const bool first = uid_is_zero(&t->last.id);
        t->last = *now;
        t->over = r->wait ? has_ended(now->status) : now->status != COMMAND_QUEUED;
        if (changed || first)
            tell_progress(r, t);
    }
}

/* ---- no broker ---- */

/* With a recorder it stays queued, and that one sends it; nobody else would, so it is withdrawn. */
static void give_up(struct sending *r, struct job *j, struct job_host *h)
{
    const bool recorder = job_other_recorder(h);
    struct err why = {0};

    release_rest(r, h, !recorder);
    for (int i = 0; i < r->count && !recorder; i++) {
        struct operator_action op = {.verb = OP_CANCEL, .shelve_until_at = TIME_NONE};
        const struct command *now = core_find_command(job_core(h), &r->targets[i].command);
        op.order.id = r->targets[i].command;
        if (now && now->status == COMMAND_QUEUED)
            job_operator(h, &op);
    }
    follow(r, job_core(h));
    err_no_broker(&why, h);
    err_set(&j->err, EXIT_BROKER,
            recorder ? _("%.300s: queued, the recorder sends it until it expires")
                     : _("%.300s: cancelled, no recorder runs that could send it"),
            why.text);
}

static bool is_stuck(struct sending *r, struct job_host *h)
{
    const int64_t now = job_now(h).mono_ms;

    if (core_link_is_up(job_core(h)))
        r->offline_since = 0;
    else if (!r->offline_since)
        r->offline_since = now;
    return !r->wait && r->offline_since && now - r->offline_since >= CONNECT_MS;
}

/* ---- the job ---- */

static bool rollout_step(struct job *j, struct job_host *h)
{
    struct sending *r = j->user;

    follow(r, job_core(h));
    if (!r->stopped && r->released < r->count && must_stop(r)) {
        r->stopped = true;
        release_rest(r, h, true);
    } else {
        release_what_may_go(r, h);
    }
    follow(r, job_core(h));
    if (count_over(r) == r->count && (job_outbox_empty(h) || !core_link_is_up(job_core(h))))
        return true;
    if (!is_stuck(r, h))
        return false;
    give_up(r, j, h);
    return true;
}

static bool rollout_start(struct job *j, struct job_host *h, bool connected)
{
    if (connected)
        return rollout_step(j, h);
    give_up(j->user, j, h);
    return true;
}

/* ---- what is said about it ---- */

static bool explain_one(const struct sending *r, const struct send_target *t, struct err *e)
{
    const struct command *c = &t->last;
    const char *action = actions[r->action].word, *name = t->name.clean;
    char at[ISO_SIZE];

    switch (c->status) {
    case COMMAND_FAILED:
        return err_set(e, EXIT_FAILED, _("%s: %s failed: %s%s%s: see infoscreen-tui commands"),
                       name, action, c->error_code.clean[0] ? c->error_code.clean : "-",
                       c->error_message.clean[0] ? ", " : "", c->error_message.clean);
    case COMMAND_EXPIRED:
        return err_set(e, EXIT_TIMED_OUT, _("%s: %s expired: %s: look at the device"), name,
                       action,
                       c->error_message.clean[0] ? c->error_message.clean : _("no result came"));
    case COMMAND_BLOCKED:
        time_local(c->allowed_at, clock_wall_ms(), at);
        return err_set(e, EXIT_POLICY,
                       _("%s: %s is blocked, too many commands lately: allowed at %s, or give "
                         "--override-lockout with a --reason"),
                       name, action, at);
    case COMMAND_CANCELLED:
        return err_set(e, EXIT_FAILED, _("%s: %s was cancelled: send it again"), name, action);
    default:
        return true;
    }
}

/* 1 if any failed, else 5 if any expired, else 6. */
static void explain(const struct sending *r, struct err *e)
{
    static const enum command_status order[] = {COMMAND_FAILED, COMMAND_EXPIRED, COMMAND_BLOCKED,
                                                COMMAND_CANCELLED};

    for (size_t k = 0; k < sizeof order / sizeof *order; k++)
        for (int i = 0; i < r->count; i++)
            if (r->targets[i].last.status == order[k]) {
                explain_one(r, &r->targets[i], e);
                return;
            }
}

static int print_result(struct sending *r, struct err *e)
{
    struct command *rows = calloc((size_t)r->count, sizeof *rows);
    int n = 0, code = EXIT_FAILED;

    r->data->as_of = clock_wall_ms();
    for (int i = 0; rows && i < r->count; i++)
        if (!uid_is_zero(&r->targets[i].last.id))
            rows[n++] = r->targets[i].last;
    if (!rows)
        err_set(e, EXIT_FAILED, _("out of memory: close something else"));
    else
        code = print_rows(r->call, &commands_listing, r->data, rows, (size_t)n, sizeof *rows, e);
    free(rows);
    return code;
}

int sending_run(struct sending *r, struct err *e)
{
    struct job job = {.user = r, .start = rollout_start, .step = rollout_step,
                      .connect_ms = CONNECT_MS};
    struct err print = {0};

    r->call->host->run_job(&r->call->globals, &job);
    *e = job.err;
    if (!e->code)
        explain(r, e);
    const int code = print_result(r, &print);
    if (!e->code)
        *e = print;
    return e->code ? e->code : code;
}
