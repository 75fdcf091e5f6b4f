/* send.c - what is to be sent to whom, checked and confirmed before anything is connected. */
#include "cli/send.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/i18n.h"
#include "cli/commands.h"

/* ---- what was asked for ---- */

static bool find_action(const char *word, enum action *out, struct err *e)
{
    const int action = vocabulary_find(actions, ACTION_OTHER, word);

    *out = (enum action)action;
    return action >= 0 ||
           err_set(e, EXIT_USAGE,
                   _("send: unknown action %s: one of reboot_host, shutdown_host, restart_app"),
                   quote(word).clean);
}

static bool check_options(const struct call *call, struct err *e)
{
    const int ways = (call->arg_count > 1) + call_has(call, "group") + call_has(call, "state");
    const char *reason = call_last(call, "reason");

    if (ways == 0)
        return err_set(e, EXIT_USAGE,
                       _("send: to whom is missing: give UUID..., --group or --state"));
    if (ways > 1)
        return err_set(e, EXIT_USAGE,
                       _("send: UUID..., --group and --state exclude one another: give one"));
    if (call_has(call, "expires") && call_duration(call, "expires", 0) < 1000)
        return err_set(e, EXIT_USAGE,
                       _("--expires: \"%s\" is over at once: give a duration such as 4m"),
                       quote(call_last(call, "expires")).clean);
    if (reason && strlen(reason) >= sizeof(((struct command_order *)NULL)->reason.clean))
        return err_set(e, EXIT_USAGE, _("--reason: longer than %d bytes: say it shorter"),
                       (int)sizeof(((struct command_order *)NULL)->reason.clean) - 1);
    if (call_has(call, "override-lockout") && (!reason || !reason[0]))
        return err_set(e, EXIT_USAGE,
                       _("--override-lockout: a reason is missing: give --reason TEXT"));
    return call_above_zero(call, "parallel", e) && call_above_zero(call, "canary", e) &&
           call_above_zero(call, "max-failures", e);
}

/* ---- to whom ---- */

static const struct client *client_at(const void *user, uint32_t i)
{
    const struct dataset *d = user;
    return &d->clients[i];
}

static void add_target(struct sending *r, const struct uid *id, const char *spelling,
                       const struct client *known)
{
    struct send_target *t = &r->targets[r->count];
    struct text64 scratch;

    for (int i = 0; i < r->count; i++)
        if (uid_equal(&r->targets[i].client, id))
            return; /* named twice */
    *t = (struct send_target){.client = *id};
    snprintf(t->spelling, sizeof t->spelling, "%s", spelling);
    if (known)
        TEXT_COPY(&t->name, client_name(known, &scratch));
    else
        TEXT_SET(&t->name, spelling, 8);
    r->count++;
}

static bool add_named(struct sending *r, const char *word, struct err *e)
{
    struct uid id;
    const bool whole = uid_parse(word, strlen(word), &id);
    const struct client *c = find_by_prefix(word, client_at, r->data,
                                            (uint32_t)r->data->client_count, e);

    if (!c && whole && e->code == EXIT_NOT_FOUND && call_has(r->call, "unknown")) {
        *e = (struct err){0};
        add_target(r, &id, word, NULL);
        return true;
    }
    if (c)
        add_target(r, &c->id, c->spelling, c);
    else if (whole && e->code == EXIT_NOT_FOUND)
        err_set(e, EXIT_NOT_FOUND, _("no client %s was ever heard: check it, or give --unknown"),
                quote(word).clean);
    return c != NULL;
}

static bool is_meant(const struct call *call, const struct client *c)
{
    const char *group = call_last(call, "group"), *word;

    if (group)
        return strcmp(c->group.clean, group) == 0;
    for (int k = 0; (word = call_value(call, "state", k)) != NULL; k++)
        if (vocabulary_find(client_states, CLIENT_STATES, word) == (int)c->state)
            return true;
    return false;
}

static bool find_targets(struct sending *r, struct err *e)
{
    const struct call *call = r->call;
    const size_t most = r->data->client_count + (size_t)call->arg_count;

    r->targets = calloc(most, sizeof *r->targets);
    if (!r->targets)
        return err_set(e, EXIT_FAILED, _("out of memory: close something else"));
    for (int i = 1; i < call->arg_count; i++)
        if (!add_named(r, call->args[i], e))
            return false;
    for (size_t i = 0; call->arg_count == 1 && i < r->data->client_count; i++)
        if (is_meant(call, &r->data->clients[i]))
            add_target(r, &r->data->clients[i].id, r->data->clients[i].spelling,
                       &r->data->clients[i]);
    return r->count > 0 ||
           err_set(e, EXIT_NOT_FOUND, _("send: no client is meant: see infoscreen-tui clients"));
}

/* ---- are you sure ---- */

static void list_targets(const struct sending *r)
{
    enum { SHOWN = 10 };

    for (int i = 0; i < r->count && i < SHOWN; i++)
        fprintf(stderr, "  %s  %s\n", r->targets[i].spelling, r->targets[i].name.clean);
    if (r->count > SHOWN)
        fprintf(stderr, _("  and %d more\n"), r->count - SHOWN);
}

/* A host that is switched off stays off: its name, or their number, has to be typed. */
static bool ask(const struct sending *r)
{
    char wanted[80], line[128] = "";

    snprintf(wanted, sizeof wanted, "%s", _("yes"));
    if (r->action == ACTION_SHUTDOWN_HOST && r->count == 1)
        snprintf(wanted, sizeof wanted, "%s", r->targets[0].name.clean);
    else if (r->action == ACTION_SHUTDOWN_HOST)
        snprintf(wanted, sizeof wanted, "%d", r->count);
    fprintf(stderr, P_("%s to %d client:\n", "%s to %d clients:\n", r->count),
            actions[r->action].word, r->count);
    list_targets(r);
    fprintf(stderr, _("Type %s to send: "), wanted);
    fflush(stderr);
    if (!fgets(line, sizeof line, stdin))
        return false;
    line[strcspn(line, "\r\n")] = '\0';
    return strcmp(line, wanted) == 0;
}

static bool is_confirmed(const struct sending *r, struct err *e)
{
    if (r->call->globals.yes || (r->action == ACTION_RESTART_APP && r->count == 1))
        return true;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return err_set(e, EXIT_POLICY,
                       _("send: %s to %d of them is not confirmed: give --yes if you mean it"),
                       actions[r->action].word, r->count);
    return ask(r) || err_set(e, EXIT_POLICY, _("send: not confirmed: nothing was sent"));
}

/* ---- the subcommand ---- */

/* The cache, without the hint of a list: where there is none, no client is known. */
static bool open_cache(struct sending *r, struct err *e)
{
    struct err why = {0};
    struct reader *probe = reader_open(r->call->globals.db_path, &why);

    reader_close(probe);
    if (!probe && why.code != EXIT_NOT_FOUND) {
        *e = why;
        return false;
    }
    return !probe || dataset_open(r->data, r->call, e);
}

static void choose_pace(struct sending *r)
{
    const struct call *call = r->call;

    r->canary = call_count(call, "canary", 0);
    r->parallel = call_count(call, "parallel", 0);
    r->max_failures = call_count(call, "max-failures", 0);
    /* Where failures shall stop it, not all may be on their way at once. */
    if (!r->parallel && r->max_failures)
        r->parallel = 1;
    /* Somebody must stay to release those that are held back. */
    r->wait = call_has(call, "wait") || (r->canary && r->canary < r->count) ||
              (r->parallel && r->parallel < r->count);
}

int run_send(struct call *call, struct err *e)
{
    struct dataset d = {.as_of = clock_wall_ms(), .english = call->globals.output != OUTPUT_TABLE};
    struct sending r = {.call = call, .data = &d};
    int code = EXIT_FAILED;

    call->globals.yes = call_has(call, "yes");
    if (find_action(call->args[0], &r.action, e) && check_options(call, e) && open_cache(&r, e) &&
        find_targets(&r, e) && is_confirmed(&r, e)) {
        choose_pace(&r);
        code = sending_run(&r, e);
    }
    free(r.targets);
    dataset_close(&d);
    return e->code ? e->code : code;
}
