/* audit_conf.c - a mosquitto.conf as lines that know their listener. */
#include "broker/audit_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"

static bool add_line(struct conf *c, int number, char *key, char *value)
{
    if (c->n == c->cap) {
        const size_t cap = c->cap ? c->cap * 2 : 64;
        struct conf_line *line = realloc(c->line, cap * sizeof *line);
        if (!line)
            return false;
        c->line = line;
        c->cap = cap;
    }
    if (strcmp(key, "listener") == 0 && c->listeners < LISTENERS_MAX)
        c->listeners++;
    c->line[c->n++] = (struct conf_line){
        .number = number, .listener = c->listeners - 1, .key = key, .value = value};
    return true;
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
    return add_line(c, number, p, value ? value : p + strlen(p));
}

bool conf_load(struct conf *c, const char *path, struct err *e)
{
    int number = 1;

    *c = (struct conf){.text = BUF_INIT};
    if (!path_join(c->path, path, "mosquitto.conf", e) || !file_read(c->path, &c->text, e))
        return false;
    for (char *p = c->text.data; p && *p; number++) {
        char *end = strchr(p, '\n');
        if (end)
            *end = '\0';
        if (!parse_line(c, number, p))
            return err_set(e, EXIT_FAILED, _("out of memory: nothing was read"));
        p = end ? end + 1 : p + strlen(p);
    }
    c->per_listener = conf_is(conf_global(c, "per_listener_settings"), "true");
    return true;
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
