/* audit.c - the files of a broker: the table of what is looked at, and the settings of
 * mosquitto.conf. */
#include "broker/audit_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/i18n.h"

#define QUEUED_LEAST 10000 /* the default, 1000, loses retained messages of fleets of thousands */

/* ---- findings ---- */

void audit_add(struct audit *a, const char *name, const char *expected, bool ok, const char *actual)
{
    struct audit_check *check = array_add(&a->list, &a->n, &a->cap, sizeof *check);

    if (!check) {
        a->failed = true;
        return;
    }
    *check = (struct audit_check){.name = name, .expected = expected, .ok = ok};
    TEXT_SET(&check->actual, actual, strlen(actual));
}

static void add(struct audit *a, const struct audit_rule *rule, bool ok, const char *actual)
{
    audit_add(a, rule->name, _(rule->expected), ok, actual);
}

void audit_fault(struct audit_run *r, const char *format, ...)
{
    char text[700];
    va_list args;

    if (r->faults++ >= FAULTS_EACH)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    add(r->audit, r->rule, false, text);
}

void audit_note(struct audit_run *r, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(r->note, sizeof r->note, format, args);
    va_end(args);
}

void audit_run_rules(struct audit_run *r, const struct audit_rule *rules, size_t n)
{
    char text[96];

    for (size_t i = 0; i < n; i++) {
        r->rule = &rules[i];
        r->faults = 0;
        r->note[0] = '\0';
        rules[i].look(r);
        if (r->faults == 0)
            add(r->audit, r->rule, true, r->note[0] ? r->note : _("as expected"));
        if (r->faults > FAULTS_EACH) {
            snprintf(text, sizeof text, _("and %zu more of the same kind"),
                     r->faults - FAULTS_EACH);
            add(r->audit, r->rule, false, text);
        }
    }
}

void audit_fini(struct audit *a)
{
    free(a->list);
    *a = (struct audit){0};
}

bool audit_ok(const struct audit *a)
{
    for (size_t i = 0; i < a->n; i++)
        if (!a->list[i].ok)
            return false;
    return !a->failed;
}

const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void audit_each_file(struct audit_run *r, const char *key,
                     void (*fn)(struct audit_run *r, const char *path))
{
    const struct conf *c = &r->conf;

    for (size_t i = 0; i < c->n; i++) {
        bool seen = strcmp(c->line[i].key, key) != 0 || !c->line[i].value[0];
        for (size_t k = 0; !seen && k < i; k++)
            seen =
                strcmp(c->line[k].key, key) == 0 && strcmp(c->line[k].value, c->line[i].value) == 0;
        if (!seen)
            fn(r, c->line[i].value);
    }
}

/* ---- mosquitto.conf ---- */

static void look_whole(struct audit_run *r)
{
    const struct conf *c = &r->conf;

    for (size_t i = 0; i < c->n; i++) {
        const struct conf_line *l = &c->line[i];
        if (strcmp(l->key, "include_dir") == 0)
            audit_fault(r,
                        _("mosquitto.conf:%d: include_dir brings in files that nobody audits: "
                          "put their lines here"),
                        l->number);
        else if (strcmp(l->key, "connection") == 0)
            audit_fault(r,
                        _("mosquitto.conf:%d: a bridge to another broker carries messages past "
                          "these rules: take it out, or give it topics of its own"),
                        l->number);
        else if (strcmp(l->key, "user") == 0 && conf_is(l, "root"))
            audit_fault(r, _("mosquitto.conf:%d: the broker stays root: take the line out"),
                        l->number);
        else if (strcmp(l->key, "retain_available") == 0 && conf_is(l, "false"))
            audit_fault(r,
                        _("mosquitto.conf:%d: without retained messages a fault that nobody saw "
                          "is lost: take the line out"),
                        l->number);
    }
    if (c->listeners == 0)
        audit_fault(r, _("mosquitto.conf: no listener: Mosquitto opens one of its own, without "
                         "passwords: write one for consoles and one for devices"));
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->line[i].key, "port") == 0)
            audit_fault(r,
                        _("mosquitto.conf:%d: port opens one more listener, without a name: "
                          "write listener instead"),
                        c->line[i].number);
}

static int listener_line(const struct conf *c, int i)
{
    const struct conf_line *l = conf_listener(c, i);
    return l ? l->number : 0;
}

static void look_anonymous(struct audit_run *r)
{
    const struct conf *c = &r->conf;

    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->line[i].key, "allow_anonymous") == 0 && !conf_is(&c->line[i], "false"))
            audit_fault(r,
                        _("mosquitto.conf:%d: allow_anonymous %s lets everyone in: write "
                          "allow_anonymous false"),
                        c->line[i].number, c->line[i].value);
    for (int i = 0; i < c->listeners; i++)
        if (!conf_security(c, i, "allow_anonymous"))
            audit_fault(r,
                        _("mosquitto.conf:%d: this listener doesn't say allow_anonymous false: "
                          "write it, older brokers let everyone in"),
                        listener_line(c, i));
}

static bool has_plugin(const struct conf *c, int i)
{
    return conf_security(c, i, "plugin") || conf_security(c, i, "auth_plugin") ||
           conf_security(c, i, "plugin_opt_config_file");
}

static void look_passwords(struct audit_run *r)
{
    const struct conf *c = &r->conf;

    for (int i = 0; i < c->listeners; i++)
        if (!conf_security(c, i, "password_file") && !has_plugin(c, i) &&
            !conf_is(conf_own(c, i, "use_identity_as_username"), "true"))
            audit_fault(r,
                        _("mosquitto.conf:%d: this listener asks for no password: give it a "
                          "password_file"),
                        listener_line(c, i));
}

static void look_rules(struct audit_run *r)
{
    const struct conf *c = &r->conf;

    for (int i = 0; i < c->listeners; i++)
        if (!conf_security(c, i, "acl_file") && !has_plugin(c, i))
            audit_fault(r,
                        _("mosquitto.conf:%d: this listener has no access rules, every account "
                          "may do everything: give it an acl_file"),
                        listener_line(c, i));
}

static void look_client_ids(struct audit_run *r)
{
    const struct conf *c = &r->conf;
    int devices = 0;

    for (int i = 0; i < c->listeners; i++)
        devices += conf_is_device(c, i);
    if (c->listeners && devices == 0)
        audit_fault(r, _("mosquitto.conf: no listener binds the client id to the account, so any "
                         "device can take a console's place: write use_username_as_clientid true "
                         "for the devices' listener"));
    else if (c->listeners && devices == c->listeners)
        audit_fault(r, _("mosquitto.conf: consoles have no listener of their own, so two of one "
                         "account throw each other out: give them one without "
                         "use_username_as_clientid"));
}

static bool is_loopback(const struct conf_line *l)
{
    char host[256] = "";

    return l && sscanf(l->value, "%*d %255s", host) == 1 &&
           (host[0] == '/' || host_is_loopback(host));
}

static void look_tls(struct audit_run *r)
{
    const struct conf *c = &r->conf;
    bool plain = false;

    for (int i = 0; i < c->listeners; i++) {
        const struct conf_line *version = conf_own(c, i, "tls_version");
        const bool tls = conf_own(c, i, "certfile") || conf_own(c, i, "psk_file");
        if (!tls && !is_loopback(conf_listener(c, i)))
            audit_fault(r,
                        _("mosquitto.conf:%d: passwords cross the network in the clear: give "
                          "the listener certfile and keyfile, or an address of this machine"),
                        listener_line(c, i));
        plain = plain || !tls;
        if (tls && !version)
            audit_fault(r,
                        _("mosquitto.conf:%d: this listener takes TLS 1.1 too: write "
                          "tls_version tlsv1.2"),
                        listener_line(c, i));
        else if (version && !conf_is(version, "tlsv1.2") && !conf_is(version, "tlsv1.3"))
            audit_fault(r, _("mosquitto.conf:%d: tls_version %s is broken: write tlsv1.2"),
                        version->number, version->value);
    }
    if (plain)
        audit_note(r, "%s", _("no TLS, on this machine only"));
}

/* A numeric setting, or what it is without its line. */
static long number_of(const struct conf *c, const char *key, long preset)
{
    const struct conf_line *l = conf_global(c, key);
    return l ? strtol(l->value, NULL, 10) : preset;
}

static int number_line(const struct conf *c, const char *key)
{
    const struct conf_line *l = conf_global(c, key);
    return l ? l->number : 0;
}

static void look_persistence(struct audit_run *r)
{
    const struct conf *c = &r->conf;
    const bool on_changes = conf_is(conf_global(c, "autosave_on_changes"), "true");
    const long interval = number_of(c, "autosave_interval", 1800);

    if (!conf_is(conf_global(c, "persistence"), "true"))
        audit_fault(r,
                    _("mosquitto.conf:%d: a restarted broker forgets every fault and every "
                      "session: write persistence true"),
                    number_line(c, "persistence"));
    else if (interval <= 0 || (!on_changes && interval > 60))
        audit_fault(r,
                    _("mosquitto.conf:%d: a killed broker loses what came in the last %ld s: "
                      "write autosave_interval 1"),
                    number_line(c, "autosave_interval"), interval > 0 ? interval : 1800);
}

static void look_limits(struct audit_run *r)
{
    const struct conf *c = &r->conf;
    const long queued = number_of(c, "max_queued_messages", 1000);

    if (queued > 0 && queued < QUEUED_LEAST)
        audit_fault(r,
                    _("mosquitto.conf:%d: max_queued_messages %ld cuts retained messages off on "
                      "a fleet of thousands: write max_queued_messages 100000"),
                    number_line(c, "max_queued_messages"), queued);
    if (number_of(c, "max_packet_size", 0) <= 0 && number_of(c, "message_size_limit", 0) <= 0)
        audit_fault(r, _("mosquitto.conf: one device can send messages of 256 MB: write "
                         "max_packet_size 262144"));
    if (number_of(c, "max_queued_bytes", 0) <= 0)
        audit_fault(r, _("mosquitto.conf: what waits for an absent client may fill the memory: "
                         "write max_queued_bytes 268435456"));
    if (!conf_global(c, "persistent_client_expiration"))
        audit_fault(r, _("mosquitto.conf: sessions of clients that are gone stay for ever: write "
                         "persistent_client_expiration 14d"));
}

static const struct audit_rule rules[] = {
    {"files.configuration", N_("two listeners, nothing that goes past the rules"), look_whole},
    {"files.anonymous", N_("nobody without a password"), look_anonymous},
    {"files.passwords", N_("every listener asks for one"), look_passwords},
    {"files.rules", N_("every listener has access rules"), look_rules},
    {"files.client_ids", N_("no device can take another client's place"), look_client_ids},
    {"files.tls", N_("TLS 1.2 or later beyond this machine"), look_tls},
    {"files.persistence", N_("a killed broker loses a second at most"), look_persistence},
    {"files.limits", N_("queues and packets are bounded, and long enough"), look_limits},
    {"files.accounts", N_("each account once; the consoles' listener has the server's only"),
     look_accounts},
    {"files.prefixes", N_("no two devices share an account"), look_prefixes},
    {"files.plugin", N_("each client of a plugin has its own role and no more"), look_plugin},
    {"files.everyone", N_("no rule for every account at once"), look_everyone},
    {"files.device_rules", N_("each device its own topics and no more"), look_device_rules},
    {"files.server_rules", N_("the server account what consoles need and no more"),
     look_server_rules},
    {"files.canary", N_("one canary, by which reloads are proved"), look_canary},
    {"files.modes", N_("passwords and keys closed to others, nothing writable by others"),
     look_modes},
    {"files.owners", N_("files belong to the broker's user, who can read them"), look_owners},
    {"files.certificate", N_("valid for another month"), look_certificate},
};

bool audit_files(struct audit *a, const char *dir, struct err *e)
{
    struct audit_run *r = calloc(1, sizeof *r);
    char *whole = realpath(dir, NULL);
    bool ok = false;

    if (!r)
        err_set(e, EXIT_FAILED, _("out of memory: nothing was read"));
    else if (!whole)
        file_error(e, dir);
    else if (snprintf(r->dir, sizeof r->dir, "%s", whole) >= PATH_SIZE)
        err_set(e, EXIT_FAILED, _("the path of the directory is too long: choose a shorter one"));
    else if (conf_load(&r->conf, r->dir, e)) {
        r->audit = a;
        audit_run_rules(r, rules, sizeof rules / sizeof *rules);
        ok = true;
    }
    if (r) {
        conf_unload(&r->conf);
        dynsec_free(r->plugin);
        buf_fini(&r->plugin_rules);
    }
    free(r);
    free(whole);
    return ok;
}
