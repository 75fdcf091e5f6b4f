/* console.c - the full-screen console: a session with a terminal on top. */
#include "app/app.h"
#include "app/session.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/console.h"
#include "app/past.h"
#include "base/i18n.h"
#include "base/log.h"
#include "ui/ui.h"

#define TELL_MS  5000
#define FRAME_MS         50 /* at most 20 frames a second */
#define LOADING_FRAME_MS 200 /* while stored messages come in: what is painted then is painted over */
#define FIRST_FRAME_MS   100 /* an empty screen is no news: the first one waits so long for what is stored */

struct console {
    struct session session;
    struct ui *ui;
    struct past past;
    struct ui_wishes wishes;
    struct text64 operator_name;
    int64_t painted_mono;
    bool painted; /* a frame, ever */
    int64_t told_mono;    /* by the terminal's notification */
    bool keyed;           /* since the last frame: its answer is not kept waiting */
    bool keys_wait;       /* the terminal has something to read, or keys of it are still to be acted on */
    bool idle_marked;
    bool quit;
};

static struct ui_model model_of(const struct console *c, const struct cli_globals *g)
{
    const struct session *s = &c->session;

    struct ui_model m = {
        .core = s->core,
        .link = &s->link_status,
        .store = &s->store_status,
        .now = session_now(),
        .operator_name = TEXT(c->operator_name),
        .read_only = g->read_only,
        .demo = g->demo,
        .rate = s->rate,
        .past = &s->past,
        .refusals = &s->refusals,
        .audit = session_audit_status(&c->session),
        .account = TEXT_OURS(g->config.broker.username),
        .message = s->message.id ? &s->message : NULL,
        .message_at_mono = s->message_at_mono,
    };
    past_show(&c->past, &c->wishes, &m);
    return m;
}

/* SIGSTOP to ourselves: the shell takes over with its own terminal settings until SIGCONT. */
static void suspend(struct console *c)
{
    ui_suspend(c->ui);
    kill(getpid(), SIGSTOP);
    ui_resume(c->ui);
    c->session.suspend = false;
    c->session.resized = true;
}

static void say(struct console *c, const char *id, const char *first, const char *second)
{
    struct words w = {.id = id};

    TEXT_SET(&w.arg[0], first, strlen(first));
    TEXT_SET(&w.arg[1], second, strlen(second));
    session_say(&c->session, &w);
}

/* A file that is there already is never written over. */
static void export_to(struct console *c, const char *path)
{
    size_t n, done = 0;
    const char *text = ui_export_text(c->ui, &n);
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    while (fd >= 0 && done < n) {
        const ssize_t more = write(fd, text + done, n - done);
        if (more < 0 && errno != EINTR)
            break;
        done += more > 0 ? (size_t)more : 0;
    }
    const int why = errno;
    const bool closed = fd >= 0 && close(fd) == 0;
    if (closed && done == n)
        say(c, N_("written to {1}"), path, "");
    else if (fd < 0 && why == EEXIST)
        say(c, N_("{1} exists already: give another name"), path, "");
    else
        say(c, N_("{1}: {2}: nothing was written"), path, strerror(closed ? why : errno));
    if (fd >= 0 && !(closed && done == n))
        unlink(path);
}

/* What the operator saw is over: nothing may be done about it now. */
static void operate(struct console *c, const struct intent *i, bool in_past)
{
    if (in_past)
        say(c, N_("this is the past: nothing was sent; Esc returns to now"), "", "");
    else
        session_operator(&c->session, &i->op);
}

static void act(struct console *c, const struct intent *i, bool in_past)
{
    switch (i->kind) {
    case INTENT_NONE:
    case INTENT_REDRAW:
        break;
    case INTENT_QUIT:
        c->quit = true;
        break;
    case INTENT_OPERATOR:
        operate(c, i, in_past);
        break;
    case INTENT_EXPORT:
        export_to(c, i->path);
        break;
    case INTENT_RETRY_LINK:
        link_retry_now(c->session.link);
        break;
    case INTENT_SUSPEND:
        c->session.suspend = true;
        break;
    case INTENT_AUDIT:
        session_audit(&c->session);
        break;
    }
}

static void take_keys(struct console *c, const struct cli_globals *g)
{
    struct intents intents; /* 80 KiB: not zeroed whole each turn */
    const struct ui_model m = model_of(c, g);

    intents.count = 0;
    if (!c->keys_wait && ui_next_change(c->ui, &m) > m.now.mono_ms)
        return; /* under load a turn is a slice of messages: it must not cost a read of the terminal */
    if (!ui_input(c->ui, &m, &intents))
        c->session.ended_by = SIGHUP; /* the terminal is gone */
    for (int k = 0; k < intents.count; k++)
        act(c, &intents.list[k], m.in_past);
    c->keys_wait = intents.count > 0;
    c->idle_marked = c->idle_marked && intents.count == 0;
}

static int64_t frame_ms(const struct console *c)
{
    const struct session *s = &c->session;
    const bool loading = core_link_is_up(s->core) && !s->snapshot_done;

    if (c->keyed)
        return FRAME_MS;
    if (!c->painted)
        return s->snapshot_done || s->refusal.clean[0] ? 0 : FIRST_FRAME_MS;
    return loading ? LOADING_FRAME_MS : FRAME_MS;
}

/* What the loop may wait: until the next frame is allowed if one is wanted, else until time alone changes
 * something on the screen. */
static int64_t until_frame(const struct console *c, const struct cli_globals *g)
{
    const struct ui_model m = model_of(c, g);
    const int64_t allowed = c->painted_mono + frame_ms(c) - m.now.mono_ms;
    const int64_t change = ui_next_change(c->ui, &m);

    if (ui_is_dirty(c->ui, &m))
        return allowed > 0 ? allowed : 0;
    const int64_t due = past_due(&c->past, &c->wishes, c->session.core);
    const int64_t next = change < due ? change : due;
    if (next == INT64_MAX)
        return -1;
    return next > m.now.mono_ms ? next - m.now.mono_ms : FRAME_MS;
}

/* What the history has to be asked for what is in front of the operator now. */
static void tend_past(struct console *c, const struct cli_globals *g)
{
    const struct ui_model m = model_of(c, g);

    ui_wishes(c->ui, &m, &c->wishes);
    past_tend(&c->past, &c->wishes, c->session.core, m.now.mono_ms);
}

/* The bell at once; the terminal's notification at most every few seconds, with how many more. */
static void tell(struct console *c, const struct cli_globals *g)
{
    struct notices *n = &c->session.notices;
    const int64_t now = clock_mono_ms();
    struct text160 sentence = n->told;

    if (n->bell && g->config.notify.bell)
        ui_bell(c->ui);
    n->bell = false;
    if (!n->told_count || now - c->told_mono < TELL_MS)
        return;
    if (n->told_count > 1) {
        char more[200];
        snprintf(more, sizeof more, _("%.120s (and %u more)"), n->told.clean, n->told_count - 1);
        TEXT_SET(&sentence, more, strlen(more));
    }
    ui_notify(c->ui, TEXT(sentence));
    c->told_mono = now;
    n->told_count = 0;
}

static void paint(struct console *c, const struct cli_globals *g)
{
    const struct ui_model m = model_of(c, g);

    tell(c, g);
    if (!ui_is_dirty(c->ui, &m)) {
        if (!c->idle_marked && !c->session.busy && !past_waits(&c->past))
            ui_mark_idle(c->ui);
        c->idle_marked = true;
        return;
    }
    if (m.now.mono_ms - c->painted_mono < frame_ms(c))
        return;
    c->painted_mono = m.now.mono_ms;
    c->painted = true;
    c->keyed = false;
    ui_paint(c->ui, &m); /* false: the terminal still takes the last frame; the next turn tries again */
    c->idle_marked = false;
}

static void on_key(void *user, int fd, short revents)
{
    struct console *c = user;

    (void)fd;
    c->keyed = c->keys_wait = true;
    if (revents & (POLLHUP | POLLERR | POLLNVAL))
        c->session.ended_by = SIGHUP;
}

static void run(struct console *c, const struct cli_globals *g)
{
    while (!c->quit && !c->session.ended_by) {
        session_turn(&c->session, until_frame(c, g));
        if (c->session.suspend)
            suspend(c);
        if (c->session.resized) {
            c->session.resized = false;
            ui_resized(c->ui);
        }
        take_keys(c, g);
        tend_past(c, g);
        paint(c, g);
    }
}

/* A signal ends the console like a quit, but the shell must see which one it was. */
static int exit_of(int signo)
{
    return signo && signo != SIGHUP ? 128 + signo : EXIT_DONE;
}

int app_console_with(const struct cli_globals *g, struct err *e)
{
    struct console *c = calloc(1, sizeof *c);
    const struct session_options so = {.want_role = true, .link = true};
    int code = EXIT_FAILED;

    if (!c) {
        err_set(e, EXIT_FAILED, _("out of memory: close something else"));
        return EXIT_FAILED;
    }
    if (!session_open(&c->session, g, &so, e))
        goto out;
    TEXT_SET(&c->operator_name, g->operator_name, strlen(g->operator_name));
    const struct ui_options uo = {
        .config = &g->config,
        .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
        .key_bindings = g->key_bindings,
    };
    c->ui = ui_open(&uo, e);
    if (!c->ui || !loop_add_fd(c->session.loop, ui_fd(c->ui), POLLIN, on_key, c))
        goto close;
    c->painted_mono = clock_mono_ms(); /* nothing is painted yet, but the waiting begins */
    log_to_memory();
    past_open(&c->past, c->session.loop, g->db_path, &g->config);
    run(c, g);
    ui_close(c->ui);
    c->ui = NULL;
    log_to_stderr();
    code = exit_of(c->session.ended_by);
close:
    past_close(&c->past);
    ui_close(c->ui);
    session_close(&c->session);
out:
    free(c);
    if (e->code)
        code = e->code;
    return code;
}

int app_console(const struct cli_globals *g)
{
    struct err e = {0};
    const int code = app_console_with(g, &e);

    if (e.code)
        cli_report(&e);
    return code;
}
