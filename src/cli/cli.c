/* cli.c - parse, settle what holds, run. */
#include "cli/cli.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "cli/call.h"
#include "cli/listing.h"
#include "cli/settings.h"

void cli_report(const struct err *e)
{
    fprintf(stderr, "infoscreen-tui: %s\n", e->text);
}

/* Refused here for every subcommand that sends, before anything is connected; the link refuses once
 * more. */
static bool may_run(const struct call *call, struct err *e)
{
    if (!(call->sub->flags & SUB_SENDS) || !call->globals.read_only)
        return true;
    return err_set(e, EXIT_POLICY,
                   _("%s: refused, this console is read-only: leave out --read-only "
                     "or set console.read_only = no"),
                   call->sub->name);
}

static bool wants_password(const struct call *call)
{
    return call->sub->flags & SUB_BROKER || call->globals.live_ms > 0;
}

static int run(struct call *call, struct err *e)
{
    if (!settings_load(call, e) || !may_run(call, e) ||
        (wants_password(call) && !settings_load_password(call, e)))
        return e->code;
    return call->sub->run(call, e);
}

/* The words behind __complete are not ours to parse. */
static int complete(struct call *call, int argc, char **argv, struct err *e)
{
    char *one[] = {argv[0], argv[1], NULL};

    if (!call_parse(call, 2, one, e))
        return e->code;
    free(call->args);
    call->args = calloc((size_t)argc, sizeof *call->args);
    for (int i = 2; call->args && i < argc; i++)
        call->args[call->arg_count++] = argv[i];
    const int code = run(call, e);
    *e = (struct err){0}; /* a shell waits for words, not for complaints */
    return code;
}

static int dispatch(struct call *call, int argc, char **argv, struct err *e)
{
    if (argc > 1 && !strcmp(argv[1], "__complete"))
        return complete(call, argc, argv, e);
    if (!call_parse(call, argc, argv, e))
        return e->code;
    if (call->help || call->version) {
        if (call->help)
            help_print(call, stdout);
        else
            version_print(stdout);
        return output_finish(stdout, e);
    }
    return run(call, e);
}

int cli_main(int argc, char **argv, const struct cli_host *host)
{
    struct call *call = calloc(1, sizeof *call);
    struct err e = {0};
    int code = EXIT_FAILED;

    signal(
        SIGPIPE,
        SIG_IGN); /* TLS writes would die of it; output_finish ends us where a reader went away */
    if (!call) {
        err_set(&e, EXIT_FAILED, _("out of memory: close something else"));
    } else {
        call->host = host;
        code = dispatch(call, argc, argv, &e);
        call_fini(call);
    }
    free(call);
    if (e.code)
        cli_report(&e);
    return e.code ? e.code : code;
}
