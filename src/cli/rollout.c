/* rollout.c - what was asked for is given to the core, followed to its end, and told of. The core
 * releases, at the pace that was asked for; who leaves early leaves the rest to the recorder. */
#include "cli/send.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/i18n.h"
#include "cli/commands.h"

#define CONNECT_MS 10000

static bool has_ended(enum command_status s)
{
    return s != COMMAND_QUEUED && s != COMMAND_PUBLISHED && s != COMMAND_ACCEPTED &&
           s != COMMAND_EXECUTION_STARTED;
}

static bool is_rollout(const struct sending *r)
{
    return r->count > 1;
}

/* ---- giving it to the core ---- */

static struct operator_action action_of(const struct sending *r, enum operator_verb verb)
{
    const char *name = r->call->globals.operator_name;
    struct operator_action op = {.verb = verb, .shelve_until_at = TIME_NONE};

    TEXT_SET(&op.by, name, strlen(name));
    return op;
}

static void submit_one(struct sending *r, struct job_host *h)
{
    const char *reason = call_last(r->call, "reason");
    struct send_target *t = &r->targets[0];
    struct operator_action op = action_of(r, OP_SEND);

    uid_random(&t->command);
    op.order = (struct command_order){
        .id = t->command,
        .client = t->client,
        .action = r->action,
        .expires = call_duration(r->call, "expires", 0),
        .override_lockout = call_has(r->call, "override-lockout"),
    };
    memcpy(op.order.spelling, t->spelling, sizeof op.order.spelling);
    if (reason)
        TEXT_SET(&op.order.reason, reason, strlen(reason));
    job_operator(h, &op);
}

static bool submit_rollout(struct sending *r, struct job_host *h)
{
    const char *reason = call_last(r->call, "reason");
    struct rollout_target *targets = calloc((size_t)r->count, sizeof *targets);
    struct operator_action op = action_of(r, OP_ROLLOUT);

    for (int i = 0; targets && i < r->count; i++) {
        targets[i].client = r->targets[i].client;
        memcpy(targets[i].spelling, r->targets[i].spelling, sizeof targets[i].spelling);
    }
    op.rollout = (struct rollout_order){
        .id = r->id,
        .action = r->action,
        .expires = call_duration(r->call, "expires", 0),
        .parallel = r->parallel,
        .canary = r->canary,
        .max_failures = r->max_failures,
        .override_lockout = call_has(r->call, "override-lockout"),
        .targets = targets,
        .count = (uint32_t)r->count,
    };
    if (reason)
        TEXT_SET(&op.rollout.reason, reason, strlen(reason));
    if (targets)
        job_operator(h, &op);
    free(targets);
    return targets && core_find_rollout(job_core(h), &r->id);
}

static bool submit(struct sending *r, struct job *j, struct job_host *h)
{
    uid_random(&r->id);
    if (!is_rollout(r))
        submit_one(r, h);
    else if (!submit_rollout(r, h))
        return err_set(&j->err, EXIT_FAILED, _("out of memory: close something else"));
    return true;
}

/* ---- following ---- */

static void tell_progress(const struct sending *r, const struct core *core,
                          const struct send_target *t)
{
    const struct rollout *row = is_rollout(r) ? core_find_rollout(core, &r->id) : NULL;

    if (r->call->globals.output || !isatty(STDERR_FILENO))
        return;
    if (row)
        fprintf(stderr, "%u/%u  ", (unsigned)(row->released - rollout_in_flight(row)),
                (unsigned)row->total);
    fprintf(stderr, "%s  %s  %s%s\n", t->name.clean, actions[r->action].word,
            _(command_statuses[t->last.status].label),
            t->last.not_connected ? _(" (the device is not connected)") : "");
}

/* A member that waits for its release is queued. */
static struct command row_of_waiting(const struct sending *r, const struct send_target *t)
{
    const char *reason = call_last(r->call, "reason"), *name = r->call->globals.operator_name;
    struct command row = {
        .id = t->command,
        .client = t->client,
        .action = r->action,
        .status = COMMAND_QUEUED,
        .issued_at = TIME_NONE,
        .expires_at = TIME_NONE,
    };

    command_clear_progress(&row);
    TEXT_SET(&row.requested_by, name, strlen(name));
    TEXT_SET(&row.action_text, actions[r->action].word, strlen(actions[r->action].word));
    if (reason)
        TEXT_SET(&row.reason, reason, strlen(reason));
    uid_format(&r->id, row.rollout_id.clean);
    return row;
}

/* The core keeps the latest commands: how one that is gone has ended its rollout knows. */
static bool is_forgotten(const struct send_target *t, const struct command *now,
                         const struct rollout_member *m)
{
    return !now && m && m->status < COMMAND_STATUSES && t->last.issued_at != TIME_NONE &&
           !uid_is_zero(&t->last.id);
}

static void follow_one(struct sending *r, const struct core *core, struct send_target *t, int k)
{
    const struct rollout_member *m =
        is_rollout(r) ? core_rollout_member(core, &r->id, (uint32_t)k) : NULL;

    if (m)
        t->command = m->command;
    const struct command *now = core_find_command(core, &t->command);
    const bool first = uid_is_zero(&t->last.id) || t->last.issued_at == TIME_NONE;
    const struct command last = t->last;

    const bool forgotten = is_forgotten(t, now, m);

    if (forgotten)
        t->last.status = m->status;
    else
        t->last = now ? *now : row_of_waiting(r, t);
    t->over = (now || forgotten) &&
              (r->wait ? has_ended(t->last.status) : t->last.status != COMMAND_QUEUED);
    r->over += t->over;
    if (now && (first || now->status != last.status || now->not_connected != last.not_connected))
        tell_progress(r, core, t);
}

static void follow(struct sending *r, const struct core *core)
{
    r->over = 0;
    for (int i = 0; i < r->count; i++)
        follow_one(r, core, &r->targets[i], i);
}

/* ---- withdrawing the rest, or leaving it to the recorder ---- */

static void withdraw(struct sending *r, struct job_host *h)
{
    struct operator_action op = action_of(r, is_rollout(r) ? OP_ROLLOUT_STOP : OP_CANCEL);
    const struct command *one = core_find_command(job_core(h), &r->targets[0].command);

    op.order.id = r->targets[0].command;
    op.rollout.id = r->id;
    if (is_rollout(r) || (one && one->status == COMMAND_QUEUED))
        job_operator(h, &op);
}

/* Nothing waits for its release any more. */
static bool is_all_released(const struct sending *r, const struct core *core)
{
    const struct rollout *row = is_rollout(r) ? core_find_rollout(core, &r->id) : NULL;

    return !row || row->released == row->total;
}

/* With a recorder it stays queued, and that one sends it; nobody else would, so it is withdrawn. */
static void leave(struct sending *r, struct job_host *h)
{
    r->leaving = true;
    r->withdrawn = !job_other_recorder(h);
    if (r->withdrawn)
        withdraw(r, h);
}

static bool has_left(struct sending *r, struct job_host *h)
{
    const bool sent = job_outbox_empty(h) || !core_link_is_up(job_core(h));

    return r->leaving && (!r->withdrawn || (sent && is_all_released(r, job_core(h))));
}

static void give_up(struct sending *r, struct job *j, struct job_host *h)
{
    struct err why = {0};

    leave(r, h);
    err_no_broker(&why, h);
    err_set(&j->err, EXIT_BROKER,
            r->withdrawn ? _("%.300s: cancelled, no recorder runs that could send it")
                         : _("%.300s: queued, the recorder sends it until it expires"),
            why.text);
}

/* Without a broker nothing more can happen: nothing is under way whose end would be waited for. */
static bool is_stuck(struct sending *r, struct job_host *h)
{
    const int64_t now = job_now(h).mono_ms;
    const struct rollout *row = is_rollout(r) ? core_find_rollout(job_core(h), &r->id) : NULL;

    if (core_link_is_up(job_core(h)))
        r->offline_since = 0;
    else if (!r->offline_since)
        r->offline_since = now;
    if (!r->offline_since || now - r->offline_since < CONNECT_MS)
        return false;
    return !r->wait || (row && rollout_in_flight(row) == 0 && row->released < row->total);
}

/* What cannot be stored is not sent; and nobody but us knows of it. */
static void give_up_unstored(struct sending *r, struct job *j, struct job_host *h)
{
    struct text160 why = {{0}};

    r->leaving = r->withdrawn = true;
    withdraw(r, h);
    WORDS_RENDER(job_store_trouble(h), i18n_translate, &why);
    err_set(&j->err, EXIT_FAILED, _("not sent, it cannot be stored: %s"), why.clean);
}

static bool is_unstorable(struct sending *r, struct job_host *h)
{
    const int64_t now = job_now(h).mono_ms;

    if (!job_store_trouble(h) || r->over > 0)
        r->unstorable_since = 0;
    else if (!r->unstorable_since)
        r->unstorable_since = now;
    return r->unstorable_since && now - r->unstorable_since >= CONNECT_MS;
}

/* ---- Ctrl-C ---- */

static void leave_interrupted(struct sending *r, struct job *j, struct job_host *h)
{
    char id[UID_TEXT];

    uid_format(&r->id, id);
    leave(r, h);
    err_set(&j->err, EXIT_FAILED,
            r->withdrawn ? _("interrupted, no recorder runs: the rest is cancelled")
                         : _("interrupted, the recorder goes on with the rest: infoscreen-tui "
                             "commands cancel %s stops it"),
            id);
}

static bool send_interrupted(struct job *j, struct job_host *h)
{
    struct sending *r = j->user;

    if (is_all_released(r, job_core(h)) || r->leaving)
        return false;
    if (r->asking || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        leave_interrupted(r, j, h);
        return true;
    }
    r->asking = true;
    fputs(_("\nStop the rest, or leave it to the recorder? Type s to stop, l to leave, nothing "
            "to go on: "),
          stderr);
    fflush(stderr);
    return true;
}

static void hear_answer(struct sending *r, struct job_host *h)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    char line[64] = "";

    if (!r->asking || poll(&in, 1, 0) <= 0)
        return;
    r->asking = false;
    if (!fgets(line, sizeof line, stdin) || line[0] == 'l')
        leave(r, h);
    else if (line[0] == 's')
        withdraw(r, h);
}

/* ---- the job ---- */

static bool send_step(struct job *j, struct job_host *h)
{
    struct sending *r = j->user;

    hear_answer(r, h);
    follow(r, job_core(h));
    if (has_left(r, h))
        return true;
    if (r->over == r->count && (job_outbox_empty(h) || !core_link_is_up(job_core(h))))
        return true;
    if (!r->leaving && is_unstorable(r, h))
        give_up_unstored(r, j, h);
    else if (!r->leaving && is_stuck(r, h))
        give_up(r, j, h);
    return false;
}

static bool send_start(struct job *j, struct job_host *h, bool connected)
{
    struct sending *r = j->user;

    if (!submit(r, j, h))
        return true;
    if (!connected)
        give_up(r, j, h);
    return send_step(j, h);
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
        return err_set(e, EXIT_TIMED_OUT, _("%s: %s expired: %s: look at the device"), name, action,
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

/* A person reads how each kind of end came out; a program has the list. */
static void summarize(const struct sending *r)
{
    int counts[COMMAND_STATUSES] = {0};
    const char *comma = "";

    if (!is_rollout(r) || !isatty(STDERR_FILENO))
        return;
    for (int i = 0; i < r->count; i++)
        counts[r->targets[i].last.status]++;
    fprintf(stderr, P_("%d client: ", "%d clients: ", r->count), r->count);
    for (int k = 0; k < COMMAND_STATUSES; k++) {
        if (!counts[k])
            continue;
        fprintf(stderr, "%s%d %s", comma, counts[k], _(command_statuses[k].label));
        comma = ", ";
    }
    fputs("\n", stderr);
}

int sending_run(struct sending *r, struct err *e)
{
    struct job job = {.user = r,
                      .start = send_start,
                      .step = send_step,
                      .interrupted = send_interrupted,
                      .connect_ms = CONNECT_MS};
    struct err print = {0};

    r->call->host->run_job(&r->call->globals, &job);
    *e = job.err;
    if (!e->code)
        explain(r, e);
    summarize(r);
    const int code = print_result(r, &print);
    if (!e->code)
        *e = print;
    return e->code ? e->code : code;
}
