/* provision_conf.c - the mosquitto.conf of a provisioned directory: written, and read again. */
#include "broker/provision_parts.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/text.h"

#define LOOPBACK     "127.0.0.1"
#define CONSOLE_PORT 1884
#define DEVICE_PORT  1883
#define TLS_OFFSET   7000 /* 1883 → 8883 */

static bool bad_listen(const char *text, struct err *e)
{
    struct text96 shown = {""};

    TEXT_SET(&shown, text, strlen(text));
    return err_set(e, EXIT_USAGE, _("\"%s\" is no address to listen on: write HOST:PORT"),
                   shown.clean);
}

static bool port_parse(const char *s, int *port)
{
    char *end;
    const long n = strtol(s, &end, 10);

    if (end == s || *end || n < 1 || n > 65535)
        return false;
    *port = (int)n;
    return true;
}

bool listen_parse(const char *text, const char *default_host, int default_port,
                  struct listener_part *out, struct err *e)
{
    const char *host = default_host, *colon, *close = NULL;
    size_t n = strlen(default_host);

    out->port = default_port;
    if (text) {
        host = text;
        if (*text == '[' && (close = strchr(text, ']'))) { /* an IPv6 address */
            host = text + 1;
            n = (size_t)(close - host);
            colon = close[1] == ':' ? close + 1 : NULL;
            if (close[1] && !colon)
                return bad_listen(text, e);
        } else {
            colon = strrchr(text, ':');
            if (colon && strchr(text, ':') != colon)
                return bad_listen(text, e); /* which colon is the port's? */
            n = colon ? (size_t)(colon - text) : strlen(text);
        }
        if (colon && !port_parse(colon + 1, &out->port))
            return bad_listen(text, e);
    }
    if (n >= sizeof out->host || strcspn(host, " \t\r\n\"'/") < n)
        return bad_listen(text ? text : default_host, e);
    snprintf(out->host, sizeof out->host, "%.*s", (int)n, host);
    if (strcmp(out->host, "*") == 0)
        out->host[0] = '\0';
    return true;
}

bool host_is_loopback(const char *host)
{
    struct in_addr a;
    struct in6_addr b;

    if (strcmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &a) == 1)
        return (ntohl(a.s_addr) >> 24) == 127;
    return inet_pton(AF_INET6, host, &b) == 1 && IN6_IS_ADDR_LOOPBACK(&b);
}

/* What 2.1 deprecates it still takes: the plugins are used where they are. */
static void plan_plugins(struct layout *l)
{
    if (!install_is_2_1() || !install_plugin("acl_file", l->acl_plugin) ||
        !install_plugin("password_file", l->password_plugin))
        l->acl_plugin[0] = l->password_plugin[0] = '\0';
}

static bool plan_devices(struct layout *l, enum backend backend, struct err *e)
{
    if (backend != BACKEND_DYNSEC)
        return path_join(l->devices.password_file, l->dir, "devices.passwd", e) &&
               path_join(l->devices.acl_file, l->dir, "devices.acl", e);
    return layout_plan_dynsec(l, e);
}

bool layout_plan_dynsec(struct layout *l, struct err *e)
{
    if (!install_plugin("dynamic_security", l->dynsec_plugin))
        return err_set(e, EXIT_FAILED,
                       _("mosquitto_dynamic_security.so isn't installed: install mosquitto, or "
                         "give --backend acl"));
    return path_join(l->devices.dynsec_file, l->dir, "dynsec.json", e);
}

bool layout_plan(struct layout *l, const struct provision_init *o, struct err *e)
{
    const bool tls = o->cert || o->self_signed;
    const int add = tls ? TLS_OFFSET : 0;
    const char *const dir = l->dir;

    l->console.tls = l->devices.tls = tls;
    plan_plugins(l);
    return listen_parse(o->listen, LOOPBACK, CONSOLE_PORT + add, &l->console, e) &&
           listen_parse(o->device_listen, LOOPBACK, DEVICE_PORT + add, &l->devices, e) &&
           path_join(l->conf, dir, "mosquitto.conf", e) &&
           path_join(l->pid_file, dir, "mosquitto.pid", e) &&
           path_join(l->console.password_file, dir, "console.passwd", e) &&
           path_join(l->console.acl_file, dir, "console.acl", e) &&
           plan_devices(l, o->backend, e) &&
           (!tls || (path_join(l->certfile, dir, "server.crt", e) &&
                     path_join(l->keyfile, dir, "server.key", e) &&
                     ((o->cert && !o->cafile) || path_join(l->console.cafile, dir, "ca.crt", e))));
}

/* 2.1: plugins are loaded by name before the listeners that use them. */
static bool write_plugins(const struct layout *l, const struct listener_part *p, const char *who,
                          struct buf *out)
{
    if (!*l->acl_plugin)
        return true;
    if (*p->dynsec_file)
        return buf_printf(out, "plugin_load %s-accounts %s\nplugin_opt_config_file %s\n", who,
                          l->dynsec_plugin, p->dynsec_file);
    return buf_printf(out, "plugin_load %s-passwords %s\nplugin_opt_password_file %s\n", who,
                      l->password_plugin, p->password_file) &&
           buf_printf(out, "plugin_load %s-rules %s\nplugin_opt_acl_file %s\n", who, l->acl_plugin,
                      p->acl_file);
}

static bool write_access(const struct layout *l, const struct listener_part *p, const char *who,
                         struct buf *out)
{
    if (*l->acl_plugin && *p->dynsec_file)
        return buf_printf(out, "listener_allow_anonymous false\nplugin_use %s-accounts\n", who);
    if (*l->acl_plugin)
        return buf_printf(out,
                          "listener_allow_anonymous false\nplugin_use %s-passwords\n"
                          "plugin_use %s-rules\n",
                          who, who);
    if (*p->dynsec_file)
        return buf_printf(out, "allow_anonymous false\nplugin %s\nplugin_opt_config_file %s\n",
                          l->dynsec_plugin, p->dynsec_file);
    return buf_printf(out, "allow_anonymous false\npassword_file %s\nacl_file %s\n",
                      p->password_file, p->acl_file);
}

static bool write_listener(const struct layout *l, const struct listener_part *p, const char *who,
                           struct buf *out)
{
    bool ok = buf_printf(out, "listener %d%s%s\n", p->port, *p->host ? " " : "", p->host) &&
              write_access(l, p, who, out);

    if (ok && p->tls)
        ok = buf_printf(out, "certfile %s\nkeyfile %s\ntls_version tlsv1.2\n", l->certfile,
                        l->keyfile);
    if (ok && p->tls && *l->console.cafile)
        ok = buf_printf(out, "cafile %s\n", l->console.cafile);
    return ok;
}

/* The device listener stands first on purpose: Mosquitto stops loading rules at the first broken
 * file and leaves the listeners behind it open. So broken device rules open the console's listener
 * too, and there the proof after a reload sees it. */
bool conf_write(const struct layout *l, struct buf *out)
{
    return buf_puts(out, "# Made by infoscreen-tui broker init.\n") &&
           (*l->acl_plugin || buf_puts(out, "per_listener_settings true\n")) &&
           buf_puts(out, "\n"
                         "# A killed broker loses at most what came after the last save.\n"
                         "persistence true\n") &&
           buf_printf(out, "persistence_location %s/data/\n", l->dir) &&
           buf_puts(out,
                    "autosave_on_changes true\n"
                    "autosave_interval 1\n"
                    "persistent_client_expiration 14d\n"
                    "\n"
                    "# Its default of 1000 cuts retained messages off on a fleet of thousands.\n"
                    "max_queued_messages 100000\n"
                    "max_queued_bytes 268435456\n"
                    "max_packet_size 262144\n"
                    "set_tcp_nodelay true\n"
                    "\n") &&
           buf_printf(out, "pid_file %s\n", l->pid_file) &&
           buf_puts(out, "log_dest stderr\n"
                         "log_type error\n"
                         "log_type warning\n"
                         "log_type notice\n"
                         "log_timestamp_format %Y-%m-%dT%H:%M:%S\n"
                         "\n") &&
           write_plugins(l, &l->devices, "devices", out) &&
           write_plugins(l, &l->console, "consoles", out) &&
           buf_puts(out,
                    "# Devices: the account is the client id, so that no device can take another "
                    "client's place.\n") &&
           write_listener(l, &l->devices, "devices", out) &&
           buf_puts(out, "use_username_as_clientid true\n\n# Consoles.\n") &&
           write_listener(l, &l->console, "consoles", out);
}

/* ---- changing ---- */

/* One line in place of another, told by how it begins; NULL: left out. */
struct replaced {
    char line[PATH_SIZE + 64], by[2 * PATH_SIZE + 64];
    bool seen;
};

static void plan_replaced(const struct layout *l, struct replaced r[6])
{
    const char *passwords = l->devices.password_file, *rules = l->devices.acl_file;

    memset(r, 0, 6 * sizeof *r);
    snprintf(r[0].by, sizeof r[0].by,
             *l->acl_plugin ? "plugin_load devices-accounts %s\nplugin_opt_config_file %s\n"
                            : "plugin %s\nplugin_opt_config_file %s\n",
             l->dynsec_plugin, l->devices.dynsec_file);
    if (!*l->acl_plugin) {
        snprintf(r[0].line, sizeof r[0].line, "password_file %s", passwords);
        snprintf(r[1].line, sizeof r[1].line, "acl_file %s", rules);
        return;
    }
    snprintf(r[0].line, sizeof r[0].line, "plugin_load devices-passwords ");
    snprintf(r[1].line, sizeof r[1].line, "plugin_opt_password_file %s", passwords);
    snprintf(r[2].line, sizeof r[2].line, "plugin_load devices-rules ");
    snprintf(r[3].line, sizeof r[3].line, "plugin_opt_acl_file %s", rules);
    snprintf(r[4].line, sizeof r[4].line, "plugin_use devices-passwords");
    snprintf(r[4].by, sizeof r[4].by, "plugin_use devices-accounts\n");
    snprintf(r[5].line, sizeof r[5].line, "plugin_use devices-rules");
}

static struct replaced *find_replaced(struct replaced r[6], const char *line)
{
    for (int i = 0; i < 6; i++)
        if (*r[i].line && strncmp(line, r[i].line, strlen(r[i].line)) == 0)
            return &r[i];
    return NULL;
}

bool conf_to_dynsec(const struct layout *l, const char *text, struct buf *out, struct err *e)
{
    struct replaced r[6];
    bool ok = true;

    plan_replaced(l, r);
    for (const char *p = text; ok && *p;) {
        const size_t n = strcspn(p, "\n"), whole = n + (p[n] == '\n');
        struct replaced *it = find_replaced(r, p);
        ok = it ? buf_puts(out, it->by) : buf_append(out, p, whole);
        if (it)
            it->seen = true;
        p += whole;
    }
    for (int i = 0; i < 6; i++)
        if (*r[i].line && !r[i].seen)
            return err_set(e, EXIT_FAILED,
                           _("%s no longer says \"%s\", as broker init wrote it: put the line "
                             "back, or stay with --backend acl"),
                           l->conf, r[i].line);
    return ok || err_set(e, EXIT_FAILED, _("out of memory: nothing was written"));
}

bool conf_fit(const char *text, int devices, struct buf *out)
{
    static const char on[] = "autosave_on_changes true";
    const char *at = devices > SAVE_ON_CHANGES_MAX ? strstr(text, on) : NULL;

    if (!at)
        return buf_puts(out, text);
    return buf_append(out, text, (size_t)(at - text)) &&
           buf_puts(out, "autosave_on_changes false") && buf_puts(out, at + sizeof on - 1);
}
