/* settings.c - from file, environment and options into struct cli_globals. */
#include "cli/settings.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/i18n.h"
#include "base/ini.h"
#include "base/text.h"
#include "base/timefmt.h"

#define SYSTEM_CONFIG "/etc/infoscreen-tui/config.ini"
#define SYSTEM_DB     "/var/lib/infoscreen-tui/history.db"

/* ---- one key ---- */

struct reading {
    struct call *call;
    struct buf bindings;
};

static bool add_binding(struct reading *r, const char *action, const char *keys, struct err *e)
{
    const struct cli_host *host = r->call->host;
    const size_t at = r->bindings.len;

    if (!buf_printf(&r->bindings, "%s=%s\n", action, keys))
        return err_set(e, EXIT_FAILED, _("out of memory: close something else"));
    return !host->check_keys || host->check_keys(r->bindings.data + at, e);
}

/* The error's text without the key's name in front: whoever asked names the place instead. */
static void drop_prefix(struct err *e, const char *name)
{
    const size_t n = strlen(name);

    if (!strncmp(e->text, name, n) && !strncmp(e->text + n, ": ", 2))
        memmove(e->text, e->text + n + 2, strlen(e->text + n + 2) + 1);
}

static bool add_guidance(struct reading *r, const char *kind, const char *text, struct err *e)
{
    const int known = vocabulary_find(alarm_kinds, ALARM_KINDS, kind);
    const char *names[ALARM_KINDS];

    if (known >= 0) {
        if (config_set_guidance(&r->call->globals.config, (enum alarm_kind)known, text, e))
            return true;
        drop_prefix(e, kind);
        return false;
    }
    for (int i = 0; i < ALARM_KINDS; i++)
        names[i] = alarm_kinds[i].word;
    const char *near = nearest_word(kind, names, ALARM_KINDS);
    return err_set(e, EXIT_USAGE, _("no such kind of alarm: did you mean %s?"),
                   near ? near : alarm_kinds[0].word);
}

static bool set_key(struct reading *r, const char *section, const char *key, const char *value,
                    struct err *e)
{
    char name[160];

    if (!strcmp(section, "keys"))
        return add_binding(r, key, value, e);
    if (!strcmp(section, "guidance"))
        return add_guidance(r, key, value, e);
    snprintf(name, sizeof name, "%.64s.%.64s", section, key);
    if (config_set(&r->call->globals.config, name, value, e))
        return true;
    drop_prefix(e, name);
    return false;
}

/* Sets "section.key"; an error reads "PLACE: …". */
static bool set_from(struct reading *r, const char *place, const char *name, const char *value,
                     struct err *e)
{
    char section[64];
    struct err why = {0};
    const char *dot = strchr(name, '.');

    snprintf(section, sizeof section, "%.*s", (int)(dot - name), name);
    return set_key(r, section, dot + 1, value, &why) ||
           err_set(e, why.code, "%s: %s", place, why.text);
}

static bool set_from_file(void *user, const char *section, const char *key, const char *value,
                          int line, struct err *e)
{
    struct err why = {0};
    char name[160];

    (void)line;
    if (set_key(user, section, key, value, &why))
        return true;
    snprintf(name, sizeof name, "%.64s.%.64s", section,
             key); /* ini_read turns it into [section] key */
    return err_set(e, why.code, "%s: %s", quote(name).clean, why.text);
}

/* ---- where the file is ---- */

bool settings_xdg_path(const char *variable, const char *fallback, const char *file, char *out,
                       size_t size)
{
    const char *dir = getenv(variable), *home = getenv("HOME");
    const struct passwd *user = home ? NULL : getpwuid(getuid());
    int n = -1;

    if (user) /* as the shell does where a service or cron sets none */
        home = user->pw_dir;
    if (dir && dir[0] == '/')
        n = snprintf(out, size, "%s/infoscreen-tui/%s", dir, file);
    else if (home && home[0] == '/')
        n = snprintf(out, size, "%s/%s/infoscreen-tui/%s", home, fallback, file);
    return n > 0 && (size_t)n < size;
}

static void find_config(struct call *call)
{
    const char *given = call_last(call, "config");
    char *path = call->config_path;

    if (given) {
        snprintf(path, sizeof call->config_path, "%s", given);
        return;
    }
    if (settings_xdg_path("XDG_CONFIG_HOME", ".config", "config.ini", path,
                          sizeof call->config_path) &&
        access(path, F_OK) == 0)
        return;
    snprintf(path, sizeof call->config_path, "%s",
             access(SYSTEM_CONFIG, F_OK) == 0 ? SYSTEM_CONFIG : "");
}

/* ---- layers ---- */

static bool apply_file(struct reading *r, struct err *e)
{
    find_config(r->call);
    return r->call->config_path[0] == '\0' || ini_read(r->call->config_path, set_from_file, r, e);
}

static bool apply_environment(struct reading *r, struct err *e)
{
    unsigned n;
    const struct cli_option *o = cli_global_options(&n);
    const bool private = r->call->sub->flags & SUB_PRIVATE;

    for (unsigned i = 0; i < n; i++) {
        const char *value = o[i].env && o[i].key ? getenv(o[i].env) : NULL;
        if (!value || !value[0] || (private && !strncmp(o[i].env, "MQTT_", 5)))
            continue;
        if (!set_from(r, o[i].env, o[i].key, value, e))
            return false;
    }
    return true;
}

static bool apply_setting(struct reading *r, const char *text, struct err *e)
{
    char name[160];
    const char *equals = strchr(text, '=');

    snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    if (!strcmp(name, "broker.password_file"))
        r->call->password_file_by_option = true;
    char place[192];
    snprintf(place, sizeof place, "--set %s", quote(name).clean);
    return set_from(r, place, name, equals + 1, e);
}

static bool apply_given(struct reading *r, const struct given *g, struct err *e)
{
    char place[64];

    if (g->option->type == VALUE_SETTING)
        return apply_setting(r, g->text, e);
    snprintf(place, sizeof place, "--%s", g->option->name);
    return !g->option->key || set_from(r, place, g->option->key, g->text ? g->text : "yes", e);
}

/* --set first, wherever it stands: a key's own option is the plainer word. */
static bool apply_options(struct reading *r, struct err *e)
{
    const struct call *call = r->call;

    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < call->given_count; i++)
            if ((call->given[i].option->type == VALUE_SETTING) == (pass == 0) &&
                !apply_given(r, &call->given[i], e))
                return false;
    return true;
}

/* ---- what follows from the keys ---- */

static void choose_operator(struct cli_globals *g)
{
    const char *name = g->config.console.operator_name;
    const struct passwd *user = name[0] ? NULL : getpwuid(getuid());

    if (!name[0])
        name = user && user->pw_name ? user->pw_name : "unknown";
    text_clean(g->operator_name, sizeof g->operator_name, name, strlen(name));
}

/* --db and store.path, else $INFOSCREEN_DB, else the system's if there is one, else one's own. */
static bool choose_database(struct cli_globals *g, struct err *e)
{
    const char *from_env = getenv("INFOSCREEN_DB");
    const char *path = g->config.store.path;

    if (!path[0] && from_env && from_env[0])
        path = from_env;
    if (!path[0] && access(SYSTEM_DB, F_OK) == 0)
        path = SYSTEM_DB;
    if (!path[0])
        return settings_xdg_path("XDG_STATE_HOME", ".local/state", "history.db", g->db_path,
                                 sizeof g->db_path) ||
               err_set(e, EXIT_USAGE,
                       _("no place for the history: HOME is not set: give --db FILE"));
    if (strlen(path) >= sizeof g->db_path)
        return err_set(e, EXIT_USAGE,
                       _("the database's path is too long: give a shorter --db FILE"));
    snprintf(g->db_path, sizeof g->db_path, "%s", path);
    return true;
}

static enum output_format output_of(const char *text)
{
    if (text && !strcmp(text, "json"))
        return OUTPUT_JSON;
    if (text && !strcmp(text, "md"))
        return OUTPUT_MARKDOWN;
    return text && !strcmp(text, "csv") ? OUTPUT_CSV : OUTPUT_TABLE;
}

static bool derive(struct call *call, struct err *e)
{
    struct cli_globals *g = &call->globals;

    g->output = output_of(call_last(call, "output"));
    g->live_ms = call_duration(call, "live", 0);
    g->read_only = g->config.console.read_only;
    choose_operator(g);
    if (g->config.ui.language[0])
        i18n_init(g->config.ui.language);
    return choose_database(g, e);
}

static bool apply_layers(struct reading *r, struct err *e)
{
    const bool tolerant = r->call->sub->flags & SUB_TOLERANT;

    if (!apply_file(r, e)) {
        if (!tolerant)
            return false;
        r->call->config_error = *e;
        *e = (struct err){0};
    }
    return apply_environment(r, e) && apply_options(r, e);
}

bool settings_load(struct call *call, struct err *e)
{
    struct reading r = {.call = call};

    config_init(&call->globals.config);
    const bool ok = apply_layers(&r, e) && derive(call, e);
    call->globals.key_bindings = r.bindings.data;
    return ok;
}

/* ---- the password ---- */

static bool take_password(struct cli_globals *g, const char *text, struct err *e)
{
    const size_t n = strcspn(text, "\r\n");

    if (n >= sizeof g->password)
        return err_set(e, EXIT_USAGE, _("the password is longer than %d bytes: take a shorter one"),
                       (int)sizeof g->password - 1);
    memcpy(g->password, text, n);
    g->password[n] = '\0';
    g->have_password = true;
    return true;
}

static bool read_password(struct cli_globals *g, const char *path, struct err *e)
{
    char line[sizeof g->password + 2] = "";
    FILE *f = fopen(path, "re");

    if (!f)
        return err_set(e, EXIT_USAGE, _("password file %s: %s: check its name and permissions"),
                       quote(path).clean, strerror(errno));
    setvbuf(f, NULL, _IONBF, 0); /* no copy of the password in a buffer we cannot wipe */
    const bool read = fgets(line, sizeof line, f) != NULL;
    fclose(f);
    const bool ok =
        read ? take_password(g, line, e)
             : err_set(e, EXIT_USAGE, _("password file %s: is empty: write the password into it"),
                       quote(path).clean);
    explicit_bzero(line, sizeof line);
    return ok;
}

bool settings_load_password(struct call *call, struct err *e)
{
    struct cli_globals *g = &call->globals;
    const char *from_env = getenv("MQTT_PASSWORD"), *dir = getenv("CREDENTIALS_DIRECTORY");
    const char *file = g->config.broker.password_file;
    char path[560];

    if (file[0] && call->password_file_by_option)
        return read_password(g, file, e);
    if (from_env && from_env[0])
        return take_password(g, from_env, e);
    if (file[0])
        return read_password(g, file, e);
    if (!dir || dir[0] != '/')
        return true;
    snprintf(path, sizeof path, "%.500s/mqtt-password", dir);
    return access(path, F_OK) != 0 || read_password(g, path, e);
}
