/* demo.c - a private broker and a simulated fleet with the console on top; headless it prints tables. */
#include "app/app.h"
#include "app/console.h"
#include "app/session.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/i18n.h"
#include "sim/demo.h"

#define HEADLESS_MS      20000
#define HEARTBEAT_S      5.0 /* devices of the demo speak often, so that a story fits into a minute */
#define DEMO_TIMEOUT     "30s" /* … and are missed sooner than a real fleet's 180 s */

static bool set(struct config *c, const char *key, const char *value, struct err *e)
{
    return config_set(c, key, value, e);
}

/* The demo's own broker and history, whatever the environment says. */
static bool point_at(struct cli_globals *g, const struct demo *d, struct err *e)
{
    char port[16];

    snprintf(port, sizeof port, "%d", demo_console_port(d));
    snprintf(g->db_path, sizeof g->db_path, "%s/history.db", demo_dir(d));
    snprintf(g->password, sizeof g->password, "%s", demo_server_password(d));
    g->have_password = true;
    g->demo = true;
    return set(&g->config, "broker.host", "127.0.0.1", e) &&
           set(&g->config, "broker.port", port, e) &&
           set(&g->config, "broker.username", SERVER_ACCOUNT, e) &&
           set(&g->config, "broker.cafile", "", e) && set(&g->config, "broker.cert", "", e) &&
           set(&g->config, "broker.key", "", e) &&
           set(&g->config, "fleet.heartbeat_timeout", DEMO_TIMEOUT, e);
}

/* Listens for as long as asked, then prints what a screen would have shown. */
static int run_headless(const struct cli_globals *g, int64_t ms, struct err *e)
{
    struct session *s = calloc(1, sizeof *s);
    const struct session_options so = {.want_role = true, .link = true};
    const int64_t until = clock_mono_ms() + ms;
    int code = EXIT_FAILED;

    if (s && session_open(s, g, &so, e)) {
        while (!s->ended_by && clock_mono_ms() < until)
            session_turn(s, until - clock_mono_ms());
        code = cli_print_overview(g, s->core, stdout);
        session_close(s);
    }
    free(s);
    return e->code ? e->code : code;
}

int app_demo(const struct cli_globals *globals, const struct cli_demo *d)
{
    struct cli_globals *g = malloc(sizeof *g);
    const bool screen = d->headless_ms == 0 && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    const struct demo_options o = {.clients = d->clients,
                                   .seed = d->seed,
                                   .script = d->script,
                                   .heartbeat_s = HEARTBEAT_S};
    struct err e = {0};
    int code = EXIT_FAILED;
    struct demo *demo = g ? demo_start(&o, &e) : NULL;

    if (demo) {
        *g = *globals;
        if (point_at(g, demo, &e))
            code = screen ? app_console_with(g, &e)
                          : run_headless(g, d->headless_ms ? d->headless_ms : HEADLESS_MS, &e);
        demo_stop(demo);
    }
    free(g);
    if (e.code)
        cli_report(&e);
    return e.code ? e.code : code;
}
