/* checks.c - findings as a table or JSON; broker check. */
#include "cli/checks.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/i18n.h"
#include "broker/hosts.h"
#include "broker/provision.h"
#include "cli/commands.h"
#include "cli/settings.h"

static void get_name(const struct view *v, const void *row, struct cell *c)
{
    const struct audit_check *k = row;
    (void)v;
    cell_text(c, TEXT_OURS(k->name));
}

static void get_expected(const struct view *v, const void *row, struct cell *c)
{
    const struct audit_check *k = row;
    (void)v;
    cell_text(c, TEXT_OURS(k->expected));
}

static void get_actual(const struct view *v, const void *row, struct cell *c)
{
    const struct audit_check *k = row;
    (void)v;
    cell_text(c, TEXT(k->actual));
}

static void get_ok(const struct view *v, const void *row, struct cell *c)
{
    const struct audit_check *k = row;
    (void)v;
    c->kind = CELL_BOOL;
    c->number = k->ok;
}

static void get_verdict(const struct view *v, const void *row, struct cell *c)
{
    const struct audit_check *k = row;
    (void)v;
    c->role = k->ok ? ROLE_GOOD : ROLE_ALERT;
    cell_text(c, TEXT_OURS(k->ok ? _("ok") : _("FAULT")));
}

static const struct column check_fields[] = {{"name", get_name, false},
                                             {"expected", get_expected, false},
                                             {"actual", get_actual, false},
                                             {"ok", get_ok, false}};
static const struct column check_columns[] = {{N_("CHECK"), get_name, false},
                                              {N_("RESULT"), get_verdict, false},
                                              {N_("FOUND"), get_actual, false},
                                              {N_("EXPECTED"), get_expected, false}};
static const struct listing checks_listing = {
    .name = "checks",
    .fields = check_fields,
    .field_count = sizeof check_fields / sizeof *check_fields,
    .columns = check_columns,
    .column_count = sizeof check_columns / sizeof *check_columns,
};

static void print_checks_json(const struct audit *a, bool ok)
{
    struct json_out j = {.out = stdout};
    const struct view v = {.json = true};

    json_begin(&j, '{');
    json_key(&j, "checks");
    json_begin(&j, '[');
    for (size_t i = 0; i < a->n; i++) {
        json_line(&j);
        listing_row_json(&checks_listing, &v, &a->list[i], &j);
    }
    json_end(&j, ']');
    json_key(&j, "ok");
    json_bool(&j, ok);
    json_end(&j, '}');
    fputc('\n', stdout);
}

/* The first one in its own words: who is refused by the broker need not look for why. */
static bool faults_said(const struct call *call, const struct audit *a, struct err *e)
{
    const struct audit_check *first = NULL;
    unsigned faults = 0;

    for (size_t i = 0; i < a->n; i++) {
        if (!a->list[i].ok && faults++ == 0)
            first = &a->list[i];
    }
    if (a->failed)
        return err_set(e, EXIT_FAILED, _("out of memory: close something else"));
    if (first)
        return err_set(e, EXIT_FAILED,
                       P_("%s: %u fault: %s: %s", "%s: %u faults, the first one %s: %s", faults),
                       call->sub->name, faults, first->name, first->actual.clean);
    return true;
}

int checks_report(struct call *call, const struct audit *a, struct err *e)
{
    struct dataset none = {0};
    struct err output = {0};
    const bool fine = faults_said(call, a, e);
    int code = EXIT_DONE;

    if (call->globals.output == OUTPUT_JSON) {
        print_checks_json(a, fine);
        code = output_finish(stdout, &output);
    } else {
        code = print_rows(call, &checks_listing, &none, a->list, a->n, sizeof *a->list, &output);
    }
    if (code != EXIT_DONE)
        *e = output;
    return e->code;
}

/* ---- broker check ---- */

bool checks_audit(struct call *call, struct audit *a, const char *dir, const char *device,
                  bool publishes, struct err *e)
{
    const struct config *c = &call->globals.config;
    const char *password = call->globals.have_password ? call->globals.password : NULL;
    const bool tls_wanted = c->broker.cafile[0] || c->broker.cert[0];
    const int port = c->broker.port ? (int)c->broker.port : tls_wanted ? 8883 : 1883;
    struct hosts hosts;
    struct audit_target t = {
        .dir = dir,
        .username = c->broker.username[0] ? c->broker.username : NULL,
        .password = publishes && !call->globals.read_only ? password : NULL,
        .cafile = c->broker.cafile[0] ? c->broker.cafile : NULL,
        .cert = c->broker.cert[0] ? c->broker.cert : NULL,
        .key = c->broker.key[0] ? c->broker.key : NULL,
        .insecure = c->broker.insecure,
        .device = device,
        .device_password = getenv("MQTT_DEVICE_PASSWORD"),
    };

    /* The first of a list; a list's nodes are checked one after the other by naming each. */
    if (!hosts_parse(c->broker.host, port, &hosts, e))
        return false;
    t.host = hosts.host[0].name;
    t.port = hosts.host[0].port;
    return (!dir || audit_files(a, dir, e)) && audit_broker(a, &t, e);
}

/* The device in question loses its connection while it is tried. */
static bool may_take(struct call *call, const char *device, struct err *e)
{
    const char *password = getenv("MQTT_DEVICE_PASSWORD");
    char answer[16] = "";

    if (!password || !*password)
        return err_set(e, EXIT_USAGE,
                       _("--as needs the device's password: set MQTT_DEVICE_PASSWORD"));
    if (call->globals.read_only)
        return err_set(e, EXIT_POLICY, _("read-only: --as publishes as a device: leave one out"));
    if (call_has(call, "yes"))
        return true;
    if (isatty(STDIN_FILENO)) {
        fprintf(stderr, _("The check takes the connection of %s for some seconds. Go on? [y/N] "),
                quote(device).clean);
        fflush(stderr);
        if (fgets(answer, sizeof answer, stdin) && strchr(_("yY"), answer[0]) && answer[0] != '\n')
            return true;
    }
    return err_set(e, EXIT_POLICY,
                   _("the check would take that device's connection: confirm it with --yes"));
}

int run_broker_check(struct call *call, struct err *e)
{
    struct audit a = {0};
    struct err ignored = {0};
    struct uid id;
    const char *device = call_last(call, "as");

    if (device && !uid_parse(device, strlen(device), &id))
        err_set(e, EXIT_USAGE, _("--as \"%s\" is no uuid: give the whole one"),
                quote(device).clean);
    else if (!device || may_take(call, device, e)) {
        settings_load_password(call, &ignored); /* without one: what anyone may try */
        if (checks_audit(call, &a, call_last(call, "dir"), device, true, e))
            checks_report(call, &a, e);
    }
    audit_fini(&a);
    return e->code;
}
