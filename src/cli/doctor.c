/* doctor.c - what keeps the console from working, and what to do about it. */
#include "cli/commands.h"

#include <dirent.h>
#include <errno.h>
#include <langinfo.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "broker/hosts.h"
#include "broker/selftest.h"
#include "cli/checks.h"
#include "cli/dataset.h"
#include "cli/settings.h"

#define CONNECT_MS 5000

struct doctor {
    struct call *call;
    struct audit found;
    bool connected;
};

static void __attribute__((format(printf, 5, 6)))
note(struct doctor *d, const char *name, bool ok, const char *expected, const char *format, ...)
{
    char text[400];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    audit_add(&d->found, name, expected, ok, text);
}

static void check_terminal(struct doctor *d)
{
    const char *term = getenv("TERM");
    const bool tty = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
    const bool usable = term && term[0] && strcmp(term, "dumb") != 0;

    /* Without a terminal nobody wants the screen now: that is no fault. */
    note(d, "terminal", usable || !tty, _("TERM names a terminal with a movable cursor"), "%s%s",
         term && term[0] ? term : _("TERM is not set"), tty ? "" : _(" (not a terminal now)"));
}

/* Plain ASCII is a choice where the environment asks for it (or for nothing); where it asks for
 * UTF-8 and does not get it, the locale is missing. */
static void check_locale(struct doctor *d)
{
    const char *codeset = nl_langinfo(CODESET), *wanted = getenv("LC_ALL");

    if (!wanted || !wanted[0])
        wanted = getenv("LC_CTYPE");
    if (!wanted || !wanted[0])
        wanted = getenv("LANG");
    const bool asked = wanted && (strcasestr(wanted, "utf-8") || strcasestr(wanted, "utf8"));
    note(d, "locale", !asked || !strcmp(codeset, "UTF-8"),
         _("UTF-8 (else set LC_ALL=C.UTF-8; the screen is plain ASCII)"), "%s", codeset);
}

static void check_configuration(struct doctor *d)
{
    const struct call *call = d->call;

    note(d, "configuration", call->config_error.code == 0, _("every key known, every value usable"),
         "%s",
         call->config_error.code ? call->config_error.text
         : call->config_path[0]  ? call->config_path
                                 : _("no file: defaults"));
}

static void check_theme(struct doctor *d)
{
    const char *name = d->call->globals.config.ui.theme;
    struct err e = {0};

    if (!d->call->host->check_theme)
        return;
    const bool ok = d->call->host->check_theme(name, &e);
    note(d, "ui.theme", ok, _("a theme that can be read"), "%s", ok ? quote(name).clean : e.text);
}

/* Is there a program of this name? Along PATH, as the recorder looks for it. */
static bool is_program(const char *name)
{
    char list[4096], path[4608], *save = NULL;

    if (strchr(name, '/'))
        return access(name, X_OK) == 0;
    snprintf(list, sizeof list, "%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
    for (char *dir = strtok_r(list, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
        snprintf(path, sizeof path, "%s/%s", dir, name);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

static void check_notify(struct doctor *d)
{
    const char *command = d->call->globals.config.notify.command;
    const bool quoted = command[0] == '"';
    char program[512];

    if (!command[0])
        return;
    snprintf(program, sizeof program, "%.*s", (int)strcspn(command + quoted, quoted ? "\"" : " \t"),
             command + quoted);
    note(d, "notify.command", is_program(program), _("a program that may be run"), "%s",
         quote(program).clean);
}

/* Others on this machine must not read a secret. */
static void check_mode(struct doctor *d, const char *name, const char *path)
{
    struct stat st;

    if (!path[0])
        return;
    if (stat(path, &st) != 0)
        note(d, name, false, _("a readable file"), "%s: %s", path, strerror(errno));
    else
        note(d, name, (st.st_mode & 0007) == 0, _("not open to everyone (chmod 600)"), "%s: %03o",
             path, (unsigned)(st.st_mode & 0777));
}

static void check_password(struct doctor *d)
{
    struct err e = {0};
    const bool ok = settings_load_password(d->call, &e);

    note(d, "password", ok, _("readable, if there is one"), "%s",
         !ok                              ? e.text
         : d->call->globals.have_password ? _("found")
                                          : _("none"));
}

static void check_database(struct doctor *d)
{
    const char *path = d->call->globals.db_path;
    struct err e = {0};
    struct reader *r = reader_open(path, &e);
    struct reader_meta meta = {0};

    if (!r && e.code == EXIT_NOT_FOUND) {
        note(d, "database", true, _("readable, or not there yet"), _("%s: not there yet"), path);
    } else if (!r || !reader_meta(r, &meta, &e)) {
        note(d, "database", false, _("readable, or not there yet"), "%s", e.text);
    } else {
        note(d, "database", access(path, R_OK | W_OK) == 0, _("readable and writable"), "%s%s",
             path, meta.recorder_alive ? _(" (a recorder is running)") : "");
        check_mode(d, "database mode", path);
    }
    reader_close(r);
}

/* ---- the broker ---- */

static bool broker_start(struct job *j, struct job_host *h, bool connected)
{
    struct doctor *d = j->user;
    const struct config *c = &d->call->globals.config;
    const char *why = job_last_refusal(h);

    d->connected = connected;
    note(d, "broker", connected, _("reachable, and takes the account"), "%s: %s", c->broker.host,
         connected ? _("connected")
         : why     ? why
                   : _("no answer in time"));
    return true;
}

static bool broker_step(struct job *j, struct job_host *h)
{
    (void)j, (void)h;
    return true;
}

/* A session needs a history: this one is thrown away, and nothing is published, not even our
 * presence. */
static bool borrow_globals(const struct cli_globals *from, struct cli_globals *to, char *dir,
                           size_t size)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(dir, size, "%.200s/infoscreen-doctor-XXXXXX", tmp && tmp[0] == '/' ? tmp : "/tmp");
    if (!mkdtemp(dir))
        return false;
    *to = *from;
    snprintf(to->db_path, sizeof to->db_path, "%s/history.db", dir);
    to->read_only = true;
    return true;
}

static void remove_directory(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;

    while (dir && (entry = readdir(dir)) != NULL)
        unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(path);
}

static void check_broker(struct doctor *d)
{
    struct cli_globals *g = malloc(sizeof *g);
    char dir[256];
    struct job job = {
        .user = d, .start = broker_start, .step = broker_step, .connect_ms = CONNECT_MS};
    const size_t before = d->found.n;

    if (g && borrow_globals(&d->call->globals, g, dir, sizeof dir)) {
        d->call->host->run_job(g, &job);
        explicit_bzero(g->password, sizeof g->password);
        remove_directory(dir);
    }
    free(g);
    if (d->found.n == before)
        note(d, "broker", false, _("reachable, and takes the account"), "%s",
             job.err.text[0] ? job.err.text : _("not tried"));
}

/* ---- what the broker can do ---- */

/* Of a list of hosts the first that answers, over the newest MQTT that it speaks. */
static bool try_hosts(struct doctor *d, const struct hosts *hosts, struct traits *found,
                      struct err *e)
{
    const struct cli_globals *g = &d->call->globals;
    const struct config *c = &g->config;
    struct selftest_options o = {
        .mqtt = {.username = c->broker.username[0] ? c->broker.username : NULL,
                 .password = g->have_password ? g->password : NULL,
                 .cafile = c->broker.cafile[0] ? c->broker.cafile : NULL,
                 .cert = c->broker.cert[0] ? c->broker.cert : NULL,
                 .key = c->broker.key[0] ? c->broker.key : NULL,
                 .insecure = c->broker.insecure},
        .read_only = g->read_only,
    };

    for (int i = 0; i < hosts->n; i++) {
        o.mqtt.host = hosts->host[i].name;
        o.mqtt.port = hosts->host[i].port;
        o.mqtt.tls = o.mqtt.port == 8883;
        for (o.mqtt.protocol = 5; o.mqtt.protocol >= 4; o.mqtt.protocol--)
            if (selftest_run(&o, found, e))
                return true;
    }
    return false;
}

static void note_trait(struct doctor *d, const struct traits *t, int i)
{
    const struct trait_words *w = &trait_words[i];

    if (t->has[i] == KNOWN_NO)
        note(d, w->name, !w->fault, _("the broker can do it"), "%s: %s", _(w->lacks), _(w->costs));
    else
        note(d, w->name, true, _("the broker can do it"), "%s",
             t->has[i] == KNOWN_YES ? _("yes") : _("not known"));
}

/* Where the broker takes us: what it then cannot do, and what that costs. */
static void check_abilities(struct doctor *d)
{
    const struct config *c = &d->call->globals.config;
    const bool tls = c->broker.cafile[0] || c->broker.cert[0] || c->broker.key[0];
    const int port = c->broker.port ? (int)c->broker.port : tls ? 8883 : 1883;
    struct traits found;
    struct hosts hosts;
    struct err e = {0};

    if (!d->connected || !hosts_parse(c->broker.host, port, &hosts, &e))
        return; /* the check of the connection said so */
    if (!try_hosts(d, &hosts, &found, &e)) {
        note(d, "broker.self_test", false, _("a second connection of the account"), "%s", e.text);
        return;
    }
    for (int i = 0; i < TRAITS; i++)
        if (i != TRAIT_QUEUES) /* shows with many clients only: the console tells it then */
            note_trait(d, &found, i);
}

/* The audit of the broker where its directory is known, without a publish: whom it lets in. */
static void check_hardening(struct doctor *d)
{
    const char *dir = call_last(d->call, "dir");
    struct err e = {0};

    if (dir && !checks_audit(d->call, &d->found, dir, NULL, false, &e))
        note(d, "audit", false, _("files that can be read"), "%s", e.text);
}

int run_doctor(struct call *call, struct err *e)
{
    struct doctor d = {.call = call};

    check_terminal(&d);
    check_locale(&d);
    check_configuration(&d);
    check_theme(&d);
    check_mode(&d, "password file", call->globals.config.broker.password_file);
    check_mode(&d, "private key", call->globals.config.broker.key);
    check_notify(&d);
    check_password(&d);
    check_database(&d);
    check_broker(&d);
    check_abilities(&d);
    check_hardening(&d);
    checks_report(call, &d.found, e);
    audit_fini(&d.found);
    return e->code;
}
