/* audit_live.c - a running broker, by trying: whom it lets in, what it lets them publish, what it
 * delivers, what it keeps. Publishes are empty and not retained, below a uuid that nobody
 * has, and by which consoles know them. */
#include "broker/audit_live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/i18n.h"
#include "base/timefmt.h"

#define STEP_MS 15000 /* a connection and what is done on it, at most */

static const char *door_name(const struct door *d, char out[300])
{
    snprintf(out, 300, strchr(d->host, ':') ? "[%s]:%d" : "%s:%d", d->host, d->port);
    return out;
}

struct mqtt_options live_options(const struct live *v, const struct door *d, const char *username,
                                 const char *password)
{
    const struct audit_target *t = v->target;

    return (struct mqtt_options){.host = d->host,
                                 .port = d->port,
                                 .username = username,
                                 .password = password,
                                 .tls = d->tls,
                                 .cafile = !d->tls      ? NULL
                                           : t->cafile  ? t->cafile
                                           : *d->cafile ? d->cafile
                                                        : NULL,
                                 .cert = d->tls ? t->cert : NULL,
                                 .key = d->tls ? t->key : NULL,
                                 .insecure = t->insecure ||
                                             t->dir, /* a name for this machine isn't its own */
                                 .protocol = v->protocol,
                                 .clean = true,
                                 .keepalive_s = 60};
}

bool live_open(struct live *v, struct probe *p, const struct door *d, const char *username,
               const char *password)
{
    const struct mqtt_options o = live_options(v, d, username, password);

    *p = (struct probe){.until = clock_mono_ms() + STEP_MS, .cancelled = v->target->cancelled};
    return probe_open(p, &o);
}

static bool is_absent(enum mqtt_failure f)
{
    return f == MQTT_FAIL_REFUSED || f == MQTT_FAIL_UNREACHABLE || f == MQTT_FAIL_RESOLVE ||
           f == MQTT_FAIL_TIMEOUT || f == MQTT_FAIL_NONE;
}

/* ---- what anyone may try ---- */

/* Someone who must stay outside. */
static void expect_refused(struct audit_run *r, const char *username, const char *password,
                           const char *remedy)
{
    char name[300], why[200];

    for (int i = 0; i < r->live->doors; i++) {
        const struct door *d = &r->live->door[i];
        struct probe p;
        if (live_open(r->live, &p, d, username, password))
            audit_fault(r, "%s: %s", door_name(d, name), remedy);
        else if (p.failure != MQTT_FAIL_PASSWORD && p.failure != MQTT_FAIL_NOT_AUTHORIZED) {
            probe_why(&p, why, sizeof why);
            audit_fault(r, _("%s: couldn't be tried: %s"), door_name(d, name), why);
        }
        probe_end(&p);
    }
}

static void look_anonymous(struct audit_run *r)
{
    expect_refused(r, NULL, NULL,
                   _("lets everyone in without a password: write allow_anonymous false and give "
                     "the listener a password_file"));
}

static void look_wrong_password(struct audit_run *r)
{
    char username[40] = "infoscreen-nobody-", password[33];

    random_hex(username + strlen(username), 8);
    random_hex(password, 16);
    expect_refused(r, username, password,
                   _("lets any name in with any password: give the listener a password_file"));
    expect_refused(r, SERVER_ACCOUNT, password,
                   _("lets the server account in with a wrong password: give the listener a "
                     "password_file"));
}

static void look_tls(struct audit_run *r)
{
    char name[300];
    bool plain = false;

    for (int i = 0; i < r->live->doors; i++) {
        const struct door *d = &r->live->door[i];
        if (!d->tls && !host_is_loopback(d->host))
            audit_fault(r,
                        _("%s: passwords cross the network in the clear: give the listener a "
                          "certificate, and --cafile here"),
                        door_name(d, name));
        plain = plain || !d->tls;
        if (d->tls)
            tls_try(r, d, door_name(d, name));
    }
    if (plain)
        audit_note(r, "%s", _("no TLS, on this machine only"));
}

static const struct audit_rule open_rules[] = {
    {"broker.anonymous", N_("refused"), look_anonymous},
    {"broker.wrong_password", N_("refused"), look_wrong_password},
    {"broker.tls", N_("TLS 1.2 or later beyond this machine, valid for another month"), look_tls},
};

/* ---- doors ---- */

static void add_door(struct live *v, const char *host, int port, bool tls, bool device,
                     const char *cafile)
{
    struct listener_part part = {.port = port};
    struct door *d = &v->door[v->doors];

    if (v->doors == LISTENERS_MAX || port <= 0)
        return;
    snprintf(part.host, sizeof part.host, "%s", host);
    *d = (struct door){.port = port, .tls = tls, .device = device};
    snprintf(d->host, sizeof d->host, "%s", listener_host(&part));
    snprintf(d->cafile, sizeof d->cafile, "%s", cafile);
    v->doors++;
}

/* By what it says, else by whose password it takes. */
static bool is_for_devices(const struct conf *c, int i)
{
    const struct conf_line *l = conf_security(c, i, "password_file");
    struct buf text = BUF_INIT;
    const bool server =
        l && file_read(l->value, &text, NULL) && passwd_has(buf_str(&text), SERVER_ACCOUNT);

    buf_fini(&text);
    return conf_is_device(c, i) || (l && !server);
}

static bool find_doors(struct live *v, struct err *e)
{
    const struct audit_target *t = v->target;
    struct conf c;

    if (!t->dir) {
        add_door(v, t->host, t->port, t->cafile || t->cert, false, "");
        return true;
    }
    if (!conf_load(&c, t->dir, e)) {
        conf_unload(&c);
        return false;
    }
    for (int i = 0; i < c.listeners; i++) {
        char host[256] = "";
        int port = 0;
        const struct conf_line *l = conf_listener(&c, i), *ca = conf_own(&c, i, "cafile");
        if (l && sscanf(l->value, "%d %255s", &port, host) >= 1)
            add_door(v, host, port, conf_own(&c, i, "certfile") != NULL, is_for_devices(&c, i),
                     ca ? ca->value : "");
    }
    conf_unload(&c);
    return true;
}

const struct door *live_door(const struct live *v, bool device)
{
    for (int i = 0; i < v->doors; i++)
        if (v->door[i].device == device)
            return &v->door[i];
    return &v->door[0];
}

static bool answers(struct live *v, struct err *e)
{
    char name[300], why[200] = "?";

    for (int i = 0; i < v->doors; i++) {
        struct probe p;
        bool up = live_open(v, &p, &v->door[i], NULL, NULL);
        if (!up && p.failure == MQTT_FAIL_PROTOCOL_VERSION && v->protocol == 5) {
            probe_end(&p);
            v->protocol = 4;
            up = live_open(v, &p, &v->door[i], NULL, NULL);
        }
        const bool there = up || !is_absent(p.failure);
        probe_why(&p, why, sizeof why);
        probe_end(&p);
        if (there)
            return true;
    }
    return err_set(e, EXIT_BROKER, "%s: %s",
                   v->doors ? door_name(&v->door[0], name) : _("no listener"), why);
}

bool live_cannot_tell(struct audit_run *r)
{
    if (r->live->protocol == 5)
        return false;
    audit_note(r, "%s",
               _("not tried: this broker has no MQTT 5, and without it none says what it refuses"));
    return true;
}

/* A directory whose broker is down is no fault. */
static void look_running(struct audit_run *r)
{
    audit_note(r, "%s", _("no broker runs on these files: only they were looked at"));
}

static void look_no_password(struct audit_run *r)
{
    audit_note(r, "%s", _("not tried: MQTT_PASSWORD has no password of the server account"));
}

static const struct audit_rule absent_rules[] = {
    {"broker.running", N_("a broker to try, or its files alone"), look_running},
};
static const struct audit_rule no_password_rules[] = {
    {"broker.server_rows", N_("allows what consoles send, refuses the rest with 0x87"),
     look_no_password},
};

bool audit_broker(struct audit *a, const struct audit_target *t, struct err *e)
{
    struct live *v = calloc(1, sizeof *v);
    struct audit_run r = {.audit = a, .live = v};
    struct err absent = {0};
    bool ok = false;

    if (!v)
        return err_set(e, EXIT_FAILED, _("out of memory: nothing was tried"));
    v->target = t;
    v->protocol = 5;
    uid_probe(&v->nobody);
    uid_format(&v->nobody, v->nobody_text);
    if (!find_doors(v, e))
        goto out;
    ok = answers(v, &absent);
    if (!ok && t->dir) {
        audit_run_rules(&r, absent_rules, 1);
        ok = true;
    } else if (!ok) {
        err_set(e, absent.code, "%s", absent.text);
    } else {
        audit_run_rules(&r, open_rules, sizeof open_rules / sizeof *open_rules);
        if (t->password)
            live_run_server(&r);
        else
            audit_run_rules(&r, no_password_rules, 1);
        if (t->device)
            live_run_device(&r);
    }
out:
    free(v);
    return ok;
}
