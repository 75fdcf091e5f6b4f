/* provision_conf_read.c - what an existing directory's mosquitto.conf says: its two listeners and
 * where they keep their accounts and rules, as Mosquitto 2.0 and 2.1 are told. */
#include "broker/provision_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"

#define PLUGINS_MAX 8

struct reading {
    struct listener_part part[2];
    bool of_devices[2];
    int n; /* listeners seen */
    /* Plugins that were loaded by name, and the one whose options follow (NULL: of a listener). */
    struct listener_part plugin[PLUGINS_MAX];
    char name[PLUGINS_MAX][64];
    int plugins;
    bool of_plugin;
    struct layout *l;
};

static void take(char *dst, size_t size, const char *value)
{
    snprintf(dst, size, "%s", value);
}

static void read_listener(struct reading *r, const char *value)
{
    struct listener_part *p;

    r->of_plugin = false;
    if (r->n >= 2) {
        r->n++;
        return;
    }
    p = &r->part[r->n++];
    if (sscanf(value, "%d %255s", &p->port, p->host) < 1)
        p->port = 0;
}

static void load_plugin(struct reading *r, const char *value)
{
    char path[PATH_SIZE] = "";

    if (r->plugins == PLUGINS_MAX)
        return;
    r->of_plugin = true;
    if (sscanf(value, "%63s %511s", r->name[r->plugins], path) == 2) {
        if (strstr(path, "/mosquitto_acl_file."))
            take(r->l->acl_plugin, sizeof r->l->acl_plugin, path);
        if (strstr(path, "/mosquitto_password_file."))
            take(r->l->password_plugin, sizeof r->l->password_plugin, path);
        r->plugins++;
    }
}

static void use_plugin(struct reading *r, struct listener_part *p, const char *name)
{
    for (int i = 0; i < r->plugins; i++) {
        const struct listener_part *from = &r->plugin[i];
        if (strcmp(r->name[i], name) != 0)
            continue;
        if (*from->password_file)
            take(p->password_file, sizeof p->password_file, from->password_file);
        if (*from->acl_file)
            take(p->acl_file, sizeof p->acl_file, from->acl_file);
        if (*from->dynsec_file)
            take(p->dynsec_file, sizeof p->dynsec_file, from->dynsec_file);
    }
}

/* The files that a listener, or a plugin for one, is given. */
static bool read_file_setting(struct listener_part *p, const char *key, const char *value)
{
    const struct {
        const char *key;
        char *to;
    } files[] = {{"password_file", p->password_file},
                 {"plugin_opt_password_file", p->password_file},
                 {"acl_file", p->acl_file},
                 {"plugin_opt_acl_file", p->acl_file},
                 {"plugin_opt_config_file", p->dynsec_file},
                 {"cafile", p->cafile}};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(key, files[i].key) == 0) {
            take(files[i].to, PATH_SIZE, value);
            return true;
        }
    return false;
}

static void read_setting(struct reading *r, const char *key, const char *value)
{
    struct listener_part *p = r->of_plugin && r->plugins ? &r->plugin[r->plugins - 1]
                              : r->n >= 1 && r->n <= 2   ? &r->part[r->n - 1]
                                                         : NULL;

    if (strcmp(key, "listener") == 0)
        read_listener(r, value);
    else if (strcmp(key, "pid_file") == 0)
        take(r->l->pid_file, sizeof r->l->pid_file, value);
    else if (strcmp(key, "plugin_load") == 0)
        load_plugin(r, value);
    else if (!p || read_file_setting(p, key, value))
        return;
    else if (strcmp(key, "plugin_use") == 0)
        use_plugin(r, p, value);
    else if (strcmp(key, "certfile") == 0)
        p->tls = true;
    else if (strcmp(key, "use_username_as_clientid") == 0)
        r->of_devices[r->n - 1] = strcmp(value, "true") == 0;
}

static void read_line(struct reading *r, const char *line, size_t n)
{
    char key[64], copy[PATH_SIZE + 64];
    char *value;

    if (n == 0 || *line == '#' || n >= sizeof copy)
        return;
    snprintf(copy, sizeof copy, "%.*s", (int)n, line);
    value = strchr(copy, ' ');
    if (!value)
        return;
    *value++ = '\0';
    value += strspn(value, " ");
    value[strcspn(value, "\r")] = '\0';
    snprintf(key, sizeof key, "%.*s", (int)sizeof key - 1, copy);
    read_setting(r, key, value);
}

static bool part_complete(const struct listener_part *p)
{
    return p->port > 0 && (*p->dynsec_file || (*p->password_file && *p->acl_file));
}

/* The console's listener keeps its files: its one account, and the canary. */
static bool take_listeners(struct reading *r)
{
    const int devices = r->of_devices[0] ? 0 : 1;

    if (r->n != 2 || r->of_devices[0] == r->of_devices[1] || !part_complete(&r->part[0]) ||
        !part_complete(&r->part[1]) || *r->part[1 - devices].dynsec_file)
        return false;
    r->l->devices = r->part[devices];
    r->l->console = r->part[1 - devices];
    return true;
}

bool layout_read(struct layout *l, const char *dir, struct err *e)
{
    struct buf text = BUF_INIT;
    struct reading *r = calloc(1, sizeof *r);
    char *whole = realpath(dir, NULL);
    bool ok = r && whole;

    *l = (struct layout){0};
    if (!whole)
        file_error(e, dir);
    else
        take(l->dir, sizeof l->dir, whole);
    ok = ok && path_join(l->conf, l->dir, "mosquitto.conf", e) && file_read(l->conf, &text, e);
    if (ok)
        r->l = l;
    for (const char *p = buf_str(&text); ok && *p;) {
        const size_t n = strcspn(p, "\n");
        read_line(r, p, n);
        p += n + (p[n] == '\n');
    }
    if (ok && !take_listeners(r))
        ok =
            err_set(e, EXIT_FAILED,
                    _("%s has no console and device listener with accounts and rules of their own: "
                      "make it with broker init"),
                    l->conf);
    buf_fini(&text);
    free(whole);
    free(r);
    return ok;
}
