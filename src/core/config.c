/* config.c - the table of configuration keys and what sets them. */
#include "core/config.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/i18n.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))
#define DAY          (INT64_C(86400000))
#define AT(member)   offsetof(struct config, member), sizeof(((struct config *)0)->member)

/* One row per alarm kind for the keys that end in KIND. */
#define KIND(prefix, word, kind, type, preset, doc, member, least, most)                           \
    {                                                                                              \
        prefix word, type, preset, NULL, doc, AT(member[kind]), least, most                        \
    }
#define PER_KIND(prefix, ...)                                                                      \
    KIND(prefix, "service_failed", ALARM_SERVICE_FAILED, __VA_ARGS__),                             \
        KIND(prefix, "process_crashed", ALARM_PROCESS_CRASHED, __VA_ARGS__),                       \
        KIND(prefix, "client_silent", ALARM_CLIENT_SILENT, __VA_ARGS__),                           \
        KIND(prefix, "client_flapping", ALARM_CLIENT_FLAPPING, __VA_ARGS__),                       \
        KIND(prefix, "command_failed", ALARM_COMMAND_FAILED, __VA_ARGS__),                         \
        KIND(prefix, "device_not_back", ALARM_DEVICE_NOT_BACK, __VA_ARGS__),                       \
        KIND(prefix, "group_outage", ALARM_GROUP_OUTAGE, __VA_ARGS__),                             \
        KIND(prefix, "broker_outage", ALARM_BROKER_OUTAGE, __VA_ARGS__),                           \
        KIND(prefix, "broker_unreachable", ALARM_BROKER_UNREACHABLE, __VA_ARGS__)
static_assert(ALARM_KINDS == 9, "a new alarm kind needs its rows in PER_KIND");

static const struct config_key keys[] = {
    {"broker.host", CONFIG_TEXT, "localhost", NULL,
     N_("broker, or several tried in turn: a,b:8883"), AT(broker.host), 0, 0},
    {"broker.port", CONFIG_INT, "1883", NULL, N_("port; 8883 with TLS"), AT(broker.port), 1, 65535},
    {"broker.username", CONFIG_TEXT, "", NULL, N_("account"), AT(broker.username), 0, 0},
    {"broker.password_file", CONFIG_TEXT, "", NULL, N_("file whose first line is the password"),
     AT(broker.password_file), 0, 0},
    {"broker.cafile", CONFIG_TEXT, "", NULL, N_("certificates trusted for TLS"), AT(broker.cafile),
     0, 0},
    {"broker.cert", CONFIG_TEXT, "", NULL, N_("our certificate"), AT(broker.cert), 0, 0},
    {"broker.key", CONFIG_TEXT, "", NULL, N_("our private key"), AT(broker.key), 0, 0},
    {"broker.insecure", CONFIG_BOOL, "no", NULL,
     N_("don't check the name in the broker's certificate"), AT(broker.insecure), 0, 0},
    {"console.read_only", CONFIG_BOOL, "no", NULL, N_("show everything, send nothing"),
     AT(console.read_only), 0, 0},
    {"console.operator", CONFIG_TEXT, "", NULL, N_("your name in acknowledgements and commands"),
     AT(console.operator_name), 0, 0},
    {"console.plain", CONFIG_BOOL, "no", NULL, N_("ASCII only, no boxes"), AT(console.plain), 0, 0},
    {"store.path", CONFIG_TEXT, "", NULL, N_("history database"), AT(store.path), 0, 0},
    {"store.retention", CONFIG_DURATION, "90d", NULL, N_("how long history is kept"),
     AT(store.retention), 3600000, 36500 * DAY},
    {"ui.theme", CONFIG_TEXT, "default", NULL, N_("theme file, without .theme"), AT(ui.theme), 0,
     0},
    {"ui.language", CONFIG_CHOICE, "", "en de", N_("language; empty: the environment's"),
     AT(ui.language), 0, 0},
    {"ui.color", CONFIG_CHOICE, "auto", "auto always never", N_("colours"), AT(ui.color), 0, 0},
    {"ui.mouse", CONFIG_BOOL, "yes", NULL, N_("take the mouse"), AT(ui.mouse), 0, 0},
    {"ui.screen_reader", CONFIG_BOOL, "no", NULL,
     N_("cursor on the selected row, nothing that moves by itself"), AT(ui.screen_reader), 0, 0},
    {"notify.command", CONFIG_TEXT, "", NULL,
     N_("program and arguments, run for each new alarm by the recorder alone"), AT(notify.command),
     0, 0},
    {"notify.timeout", CONFIG_DURATION, "30s", NULL, N_("when it is ended if it goes on running"),
     AT(notify.timeout), 1000, 365 * DAY},
    {"notify.max_per_minute", CONFIG_INT, "10", NULL,
     N_("how often it is run; what waits goes by priority"), AT(notify.max_per_minute), 1, 1000},
    {"notify.terminal", CONFIG_CHOICE, "auto", "auto osc9 osc777 no",
     N_("notification by the terminal; auto: where it is known to have one"), AT(notify.terminal),
     0, 0},
    {"notify.bell", CONFIG_BOOL, "yes", NULL, N_("ring the terminal's bell for a new alarm"),
     AT(notify.bell), 0, 0},
    {"notify.escalate_after", CONFIG_DURATION, "15m", NULL,
     N_("notify again when nobody acknowledged"), AT(notify.escalate_after), 0, 365 * DAY},
    {"notify.quiet_hours", CONFIG_QUIET_HOURS, "", NULL,
     N_("when not to notify, by priority: 22:00-06:00, low=20:00-08:00; critical always goes through"),
     AT(notify.quiet_hours), 0, 0},
    {"fleet.heartbeat_timeout", CONFIG_DURATION, "180s", NULL,
     N_("silence after which a client is silent"), AT(fleet.heartbeat_timeout), 1000, 365 * DAY},
    {"fleet.group_outage_min", CONFIG_INT, "3", NULL, N_("members that make a group outage"),
     AT(fleet.group_outage_min), 1, 1000000},
    {"alarms.flap_reconnects", CONFIG_INT, "5", NULL,
     N_("reconnects within the window that make flapping"), AT(alarms.flap_reconnects), 1, 1000000},
    {"alarms.flap_window", CONFIG_DURATION, "1h", NULL, N_("window for flapping"),
     AT(alarms.flap_window), 1000, 365 * DAY},
    {"alarms.ack_expires", CONFIG_DURATION, "12h", NULL,
     N_("when an acknowledgement comes back; 0 never"), AT(alarms.ack_expires), 0, 365 * DAY},
    {"alarms.on_recovery", CONFIG_CHOICE, "clear", "clear ask",
     N_("clear service_failed when the device runs again, or ask"), AT(alarms.ask_on_recovery), 0,
     0},
    {"alarms.recovered_after", CONFIG_DURATION, "60s", NULL,
     N_("running for this long is recovered"), AT(alarms.recovered_after), 0, 365 * DAY},
    PER_KIND("alarms.on_delay.", CONFIG_DURATION, "0s",
             N_("how long a condition must hold before it alarms"), alarms.on_delay, 0, 365 * DAY),
    PER_KIND("alarms.off_delay.", CONFIG_DURATION, "0s",
             N_("how long a condition must be gone before it returns"), alarms.off_delay, 0,
             365 * DAY),
    PER_KIND("alarms.priority.", CONFIG_PRIORITY, "",
             N_("low, medium, high, critical, or rules: high, group:vienna-1=critical, "
                "22:00-06:00=low; empty: the kind's own"),
             alarms.priority, 0, 0),
    {"commands.expires", CONFIG_DURATION, "4m", NULL,
     N_("how long a command may wait for its device"), AT(commands.expires), 1000, 365 * DAY},
    {"commands.alias", CONFIG_BOOL, "yes", NULL, N_("publish commands on the alias topic too"),
     AT(commands.alias), 0, 0},
    {"commands.lockout_window", CONFIG_DURATION, "15m", NULL, N_("window of the lockout"),
     AT(commands.lockout_window), 1000, 365 * DAY},
    {"commands.lockout_max", CONFIG_INT, "3", NULL, N_("commands to one client within the window"),
     AT(commands.lockout_max), 1, 1000000},
    {"commands.back_within", CONFIG_DURATION, "5m", NULL,
     N_("a rebooted device must be back within this"), AT(commands.back_within), 1000, 365 * DAY},
    {"commands.incident_after", CONFIG_DURATION, "15m", NULL,
     N_("commands this long after an alarm belong to its incident"), AT(commands.incident_after), 0,
     365 * DAY},
    {"recovery.enabled", CONFIG_BOOL, "no", NULL, N_("restart crashed clients by itself"),
     AT(recovery.enabled), 0, 0},
    {"recovery.action", CONFIG_CHOICE, "restart_app", "restart_app reboot_host",
     N_("what recovery sends"), AT(recovery.action), 0, 0},
    {"recovery.max_per_hour", CONFIG_INT, "10", NULL, N_("recoveries an hour in the whole fleet"),
     AT(recovery.max_per_hour), 0, 1000000},
    {"recovery.settle", CONFIG_DURATION, "60s", NULL,
     N_("how long a crash stands before recovery acts"), AT(recovery.settle), 0, 365 * DAY},
};

const struct config_key *config_keys(unsigned *count)
{
    *count = COUNT(keys);
    return keys;
}

/* ---- values ---- */

static bool expected(const struct config_key *k, const char *value, const char *what, struct err *e)
{
    struct text64 shown = {{0}};

    TEXT_SET(&shown, value, strlen(value));
    return err_set(e, EXIT_USAGE, _("%s: \"%s\": expected %s"), k->name, shown.clean, what);
}

/* Only what cleaning leaves as it is: these texts reach the screen, the log and the wire. */
static bool is_clean(const char *value)
{
    struct text512 cleaned = {{0}};

    TEXT_SET(&cleaned, value, strlen(value));
    return strcmp(cleaned.clean, value) == 0;
}

static bool set_text(const struct config_key *k, void *at, const char *value, struct err *e)
{
    const size_t n = strlen(value);

    if (n >= k->size)
        return expected(k, value, _("a shorter text"), e);
    if (!is_clean(value))
        return expected(k, value, _("text without control or invisible characters"), e);
    memset(at, 0, k->size);
    memcpy(at, value, n);
    return true;
}

static bool set_bool(const struct config_key *k, void *at, const char *value, struct err *e)
{
    static const char *const words[2][4] = {{"no", "false", "off", "0"},
                                            {"yes", "true", "on", "1"}};

    for (int yes = 0; yes < 2; yes++)
        for (int i = 0; i < 4; i++)
            if (strcasecmp(words[yes][i], value) == 0)
                return *(bool *)at = yes == 1, true;
    return expected(k, value, _("yes or no"), e);
}

static bool set_int(const struct config_key *k, void *at, const char *value, struct err *e)
{
    char *end, what[96];

    errno = 0;
    const long long n = strtoll(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end || errno || n < k->least || n > k->most) {
        snprintf(what, sizeof what, _("a number from %lld to %lld"), (long long)k->least,
                 (long long)k->most);
        return expected(k, value, what, e);
    }
    *(int64_t *)at = n;
    return true;
}

static bool set_duration(const struct config_key *k, void *at, const char *value, struct err *e)
{
    char what[128], least[ISO_SIZE], most[ISO_SIZE];
    int64_t ms;

    if (!duration_parse(value, &ms))
        return expected(k, value, _("a duration such as 90s"), e);
    if (ms < k->least || ms > k->most) {
        duration_format(k->least, least);
        duration_format(k->most, most);
        snprintf(what, sizeof what, _("a duration from %s to %s"), least, most);
        return expected(k, value, what, e);
    }
    *(int64_t *)at = ms;
    return true;
}

/* A choice is kept as text; on_recovery's two are a flag. */
static bool set_choice(const struct config_key *k, void *at, const char *value, struct err *e)
{
    char list[64], *save = NULL;
    int n = 0;

    snprintf(list, sizeof list, "%s", k->choices);
    for (char *w = strtok_r(list, " ", &save); w; w = strtok_r(NULL, " ", &save), n++) {
        if (strcmp(w, value) != 0)
            continue;
        if (k->size == sizeof(bool))
            *(bool *)at = n == 1;
        else
            snprintf(at, k->size, "%s", value);
        return true;
    }
    if (*value == '\0' && *k->preset == '\0')
        return *(char *)at = '\0', true;
    snprintf(list, sizeof list, _("one of: %s"), k->choices);
    return expected(k, value, list, e);
}

static bool set_priority(const struct config_key *k, void *at, const char *value, struct err *e)
{
    return (is_clean(value) && priority_rules_parse(value, at)) ||
           expected(k, value,
                    _("low, medium, high or critical, or rules such as high, group:vienna-1=critical, "
                      "22:00-06:00=low"),
                    e);
}

static bool set_quiet_hours(const struct config_key *k, void *at, const char *value, struct err *e)
{
    return (is_clean(value) && quiet_hours_parse(value, at)) ||
           expected(k, value, _("times such as 22:00-06:00, low=20:00-08:00 (critical always goes through)"),
                    e);
}

static bool (*const setters[])(const struct config_key *, void *, const char *, struct err *) = {
    [CONFIG_TEXT] = set_text,     [CONFIG_BOOL] = set_bool,
    [CONFIG_INT] = set_int,       [CONFIG_DURATION] = set_duration,
    [CONFIG_CHOICE] = set_choice, [CONFIG_PRIORITY] = set_priority,
    [CONFIG_QUIET_HOURS] = set_quiet_hours,
};

/* ---- by name ---- */

#define NAME_BYTES 64

/* Letters to change, add or leave out to get from a to b; both shorter than NAME_BYTES. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_BYTES], n = strlen(b);

    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            const size_t above = row[j];
            size_t best = diagonal + (a[i - 1] != b[j - 1]);

            if (above + 1 < best)
                best = above + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = above;
            row[j] = best;
        }
    }
    return row[n];
}

static const char *nearest(const char *name)
{
    const struct config_key *best = &keys[0];
    size_t least = SIZE_MAX;

    for (size_t i = 0; strlen(name) < NAME_BYTES && i < COUNT(keys); i++) {
        const size_t d = distance(name, keys[i].name);

        if (d < least) {
            least = d;
            best = &keys[i];
        }
    }
    return best->name;
}

bool config_set(struct config *c, const char *name, const char *value, struct err *e)
{
    struct text96 shown = {{0}};

    for (size_t i = 0; i < COUNT(keys); i++)
        if (strcmp(keys[i].name, name) == 0)
            return setters[keys[i].type](&keys[i], (char *)c + keys[i].offset, value, e);
    TEXT_SET(&shown, name, strlen(name));
    return err_set(e, EXIT_USAGE, _("%s: unknown key: did you mean %s?"), shown.clean,
                   nearest(name));
}

bool config_set_guidance(struct config *c, enum alarm_kind kind, const char *text, struct err *e)
{
    const struct config_key key = {.name = alarm_kinds[kind].word,
                                   .size = sizeof(c->guidance[kind])};

    return set_text(&key, c->guidance[kind], text, e);
}

void config_init(struct config *c)
{
    struct err e = {0};

    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < COUNT(keys); i++) {
        const bool fits =
            setters[keys[i].type](&keys[i], (char *)c + keys[i].offset, keys[i].preset, &e);
        assert(fits);
        (void)fits;
    }
    c->broker.port = 0; /* not named: TLS decides */
}

static int64_t effective_port(const struct config *c)
{
    if (c->broker.port)
        return c->broker.port;
    return c->broker.cafile[0] || c->broker.cert[0] || c->broker.key[0] ? 8883 : 1883;
}

void config_get(const struct config *c, const struct config_key *k, char *out, unsigned size)
{
    const void *at = (const char *)c + k->offset;
    char duration[ISO_SIZE];

    switch (k->type) {
    case CONFIG_TEXT:
        snprintf(out, size, "%s", (const char *)at);
        break;
    case CONFIG_BOOL:
        snprintf(out, size, "%s", *(const bool *)at ? "yes" : "no");
        break;
    case CONFIG_INT:
        snprintf(out, size, "%lld",
                 (long long)(at == &c->broker.port ? effective_port(c) : *(const int64_t *)at));
        break;
    case CONFIG_DURATION:
        duration_format(*(const int64_t *)at, duration);
        snprintf(out, size, "%s", duration);
        break;
    case CONFIG_CHOICE:
        if (k->size == sizeof(bool))
            snprintf(out, size, "%s", *(const bool *)at ? "ask" : "clear");
        else
            snprintf(out, size, "%s", (const char *)at);
        break;
    case CONFIG_PRIORITY:
        snprintf(out, size, "%s", ((const struct priority_rules *)at)->text);
        break;
    case CONFIG_QUIET_HOURS:
        snprintf(out, size, "%s", ((const struct quiet_hours *)at)->text);
        break;
    }
}
