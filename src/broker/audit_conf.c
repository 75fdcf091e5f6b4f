/* audit_conf.c - a mosquitto.conf as lines that know their listener. */
#include "broker/audit_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/i18n.h"

static bool add_line(struct conf *c, int number, const char *key, const char *value, int listener)
{
    struct conf_line *line = array_add(&c->line, &c->n, &c->cap, sizeof *line);

    if (line)
        *line =
            (struct conf_line){.number = number, .listener = listener, .key = key, .value = value};
    return line != NULL;
}

/* Mosquitto takes the first word as the key and the rest as the value. */
static bool parse_line(struct conf *c, int number, char *p)
{
    char *value;

    p += strspn(p, " ");
    if (!*p || *p == '#')
        return true;
    for (size_t n = strlen(p); n && strchr(" \t\r", p[n - 1]); n--)
        p[n - 1] = '\0';
    value = strchr(p, ' ');
    if (value) {
        *value++ = '\0';
        value += strspn(value, " ");
    }
    if (strcmp(p, "listener") == 0 && c->listeners < LISTENERS_MAX)
        c->listeners++;
    return add_line(c, number, p, value ? value : p + strlen(p), c->listeners - 1);
}

/* ---- Mosquitto 2.1: plugins for files, used by name ---- */

/* What an option of a plugin is called where no plugin is needed. */
static const char *plain_key(const char *key)
{
    static const struct {
        const char *key, *plain;
    } keys[] = {{"plugin_opt_acl_file", "acl_file"},
                {"plugin_opt_password_file", "password_file"},
                {"plugin_opt_config_file", "plugin_opt_config_file"}};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(key, keys[i].key) == 0)
            return keys[i].plain;
    return NULL;
}

/* The listener has what the options behind "plugin_load NAME …" say. */
static bool use_plugin(struct conf *c, const struct conf_line *use)
{
    const struct conf_line at = *use; /* the list moves as it grows */
    const size_t n = c->n, length = strlen(at.value);
    bool mine = false, ok = true;

    for (size_t i = 0; ok && i < n; i++) {
        const struct conf_line *l = &c->line[i];
        const char *plain = plain_key(l->key);
        if (strcmp(l->key, "plugin_load") == 0)
            mine = strncmp(l->value, at.value, length) == 0 && l->value[length] == ' ';
        else if (mine && plain && l->listener == GLOBAL)
            ok = add_line(c, at.number, plain, l->value, at.listener);
    }
    return ok;
}

static bool resolve_plugins(struct conf *c)
{
    const size_t n = c->n;
    bool ok = true;

    for (size_t i = 0; ok && i < n; i++) {
        if (strcmp(c->line[i].key, "listener_allow_anonymous") == 0)
            c->line[i].key = "allow_anonymous";
        if (strcmp(c->line[i].key, "plugin_use") == 0) {
            c->per_listener = true;
            ok = use_plugin(c, &c->line[i]);
        }
    }
    return ok;
}

bool conf_load(struct conf *c, const char *path, struct err *e)
{
    int number = 1;
    bool ok = true;

    *c = (struct conf){.text = BUF_INIT};
    if (!path_join(c->path, path, "mosquitto.conf", e) || !file_read(c->path, &c->text, e))
        return false;
    for (char *p = c->text.data; ok && p && *p; number++) {
        char *end = strchr(p, '\n');
        if (end)
            *end = '\0';
        ok = parse_line(c, number, p);
        p = end ? end + 1 : p + strlen(p);
    }
    c->per_listener = conf_is(conf_global(c, "per_listener_settings"), "true");
    return (ok && resolve_plugins(c)) ||
           err_set(e, EXIT_FAILED, _("out of memory: nothing was read"));
}

void conf_unload(struct conf *c)
{
    buf_fini(&c->text);
    free(c->line);
    *c = (struct conf){.text = BUF_INIT};
}

const struct conf_line *conf_own(const struct conf *c, int listener, const char *key)
{
    for (size_t i = c->n; i-- > 0;)
        if (c->line[i].listener == listener && strcmp(c->line[i].key, key) == 0)
            return &c->line[i];
    return NULL;
}

const struct conf_line *conf_global(const struct conf *c, const char *key)
{
    for (size_t i = c->n; i-- > 0;)
        if (strcmp(c->line[i].key, key) == 0)
            return &c->line[i];
    return NULL;
}

const struct conf_line *conf_security(const struct conf *c, int listener, const char *key)
{
    return c->per_listener ? conf_own(c, listener, key) : conf_global(c, key);
}

const struct conf_line *conf_listener(const struct conf *c, int listener)
{
    return conf_own(c, listener, "listener");
}

bool conf_is(const struct conf_line *l, const char *value)
{
    return l && strcmp(l->value, value) == 0;
}

bool conf_is_device(const struct conf *c, int listener)
{
    return conf_is(conf_own(c, listener, "use_username_as_clientid"), "true");
}
