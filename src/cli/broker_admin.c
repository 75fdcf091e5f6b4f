/* broker_admin.c - broker init, add, remove, rotate: the accounts of a Mosquitto. */
#include "cli/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/buf.h"
#include "base/i18n.h"
#include "broker/provision.h"
#include "cli/settings.h"

const char *broker_directory(const struct call *call, struct err *e)
{
    const char *dir = call_last(call, "dir");

    if (!dir)
        err_set(e, EXIT_USAGE, _("%s: the directory is missing: give --dir DIR"), call->sub->name);
    return dir;
}

/* ---- accounts: what all these subcommands answer ---- */

static void accounts_json(const struct account *a, int n, FILE *out)
{
    struct json_out j = {.out = out};

    json_begin(&j, '{');
    json_key(&j, "accounts");
    json_begin(&j, '[');
    for (int i = 0; i < n; i++) {
        json_line(&j);
        json_begin(&j, '{');
        json_key(&j, "username");
        json_text(&j, TEXT_OURS(a[i].username));
        json_key(&j, "password");
        json_text_or_null(&j, TEXT_OURS(a[i].password));
        json_key(&j, "client_uuid");
        json_text_or_null(&j, TEXT_OURS(a[i].client_uuid));
        json_end(&j, '}');
    }
    json_end(&j, ']');
    json_end(&j, '}');
    fputc('\n', out);
}

static void accounts_csv(const struct account *a, int n, FILE *out)
{
    fputs("username,password,client_uuid\r\n", out);
    for (int i = 0; i < n; i++)
        fprintf(out, "%s,%s,%s\r\n", a[i].username, a[i].password, a[i].client_uuid);
}

/* ---- how accounts are kept ---- */

static bool backend_of(const struct call *call, enum backend *out, struct err *e)
{
    const char *name = call_last(call, "backend");

    *out = BACKEND_AUTO;
    if (!name)
        return true;
    if (strcmp(name, "acl") == 0)
        *out = BACKEND_ACL;
    else if (strcmp(name, "dynsec") == 0)
        *out = BACKEND_DYNSEC;
    else
        return err_set(e, EXIT_USAGE, _("--backend %s: it is acl or dynsec"), quote(name).clean);
    return true;
}

/* What is going to happen, and how long it takes. Someone who watches is told at once; in a pipe an
 * error must be the first line, so it waits until the outcome is known. */
static struct buf told;

static void tell(const char *text)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "infoscreen-tui: %s\n", text);
    else
        buf_printf(&told, "infoscreen-tui: %s\n", text);
}

static void tell_rest(void)
{
    fputs(buf_str(&told), stderr);
    buf_fini(&told);
    told = BUF_INIT;
}

/* ---- init ---- */

static void print_connection(const char *dir, const struct account *server, FILE *out)
{
    struct provision_console c = {.host = "localhost"};
    struct err ignored = {0};

    if (!provision_console(dir, &c, &ignored))
        return;
    fprintf(out, _("The broker:   mosquitto -c %s/mosquitto.conf\n"), dir);
    fprintf(out, _("The console:  MQTT_PASSWORD=%s infoscreen-tui -h %s -p %d -u %s"),
            server->password, c.host, c.port, server->username);
    if (c.cafile[0])
        fprintf(out, " --cafile %s", c.cafile);
    fprintf(out, _("\nDevices:      infoscreen-tui broker add UUID... --dir %s\n"), dir);
    fputs(_("The password is shown this once.\n"), out);
}

int run_broker_init(struct call *call, struct err *e)
{
    struct account server = {.username = ""};
    const char *dir = broker_directory(call, e);
    const struct config *c = &call->globals.config;
    struct provision_init o = {
        .dir = dir,
        .listen = call_last(call, "listen"),
        .device_listen = call_last(call, "device-listen"),
        .cert = call_last(call, "cert"),
        .key = call_last(call, "key"),
        .cafile = call_last(call, "cafile"),
        .self_signed = call_has(call, "self-signed"),
        .insecure = c->broker.insecure,
    };

    if (!dir || !backend_of(call, &o.backend, e) || !provision_create(&o, &server, e))
        return e->code;
    if (call->globals.output == OUTPUT_JSON)
        accounts_json(&server, 1, stdout);
    else if (call->globals.output == OUTPUT_CSV)
        accounts_csv(&server, 1, stdout);
    else
        print_connection(dir, &server, stdout);
    const int code = output_finish(stdout, e);
    explicit_bzero(&server, sizeof server);
    return code;
}

/* ---- add ---- */

struct uuid_list {
    const char **list;
    int n;
    size_t cap;
    char *lines; /* owned text of --file */
};

static bool push(struct uuid_list *l, const char *uuid, struct err *e)
{
    if (!array_make_room(&l->list, (size_t)l->n, &l->cap, sizeof *l->list))
        return err_set(e, EXIT_FAILED, _("out of memory: give fewer uuids at once"));
    l->list[l->n++] = uuid;
    return true;
}

static bool read_lines(const char *path, struct buf *b, struct err *e)
{
    const bool standard = !strcmp(path, "-");
    FILE *f = standard ? stdin : fopen(path, "re");
    char chunk[4096];
    size_t n;

    if (!f)
        return err_set(e, EXIT_USAGE, _("--file %s: %s: check its name"), quote(path).clean,
                       strerror(errno));
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        if (!buf_append(b, chunk, n))
            break;
    const bool ok = !ferror(f) && !b->failed;
    if (!standard)
        fclose(f);
    return ok ||
           err_set(e, EXIT_FAILED, _("--file %s: cannot be read: check it"), quote(path).clean);
}

/* One uuid a line; blank lines and # are skipped. */
static bool push_lines(struct uuid_list *l, const char *path, struct err *e)
{
    struct buf b = BUF_INIT;
    char *state = NULL;

    if (!read_lines(path, &b, e)) {
        buf_fini(&b);
        return false;
    }
    free(l->lines);
    l->lines = b.data;
    for (char *word = l->lines ? strtok_r(l->lines, "\r\n", &state) : NULL; word;
         word = strtok_r(NULL, "\r\n", &state)) {
        word += strspn(word, " \t");
        word[strcspn(word, " \t#")] = '\0';
        if (word[0] && !push(l, word, e))
            return false;
    }
    return true;
}

/* Account names stand for uuids where accounts exist already. */
static bool is_name(const char *text)
{
    return strncmp(text, "infoscreen-", 11) == 0;
}

static bool collect(const struct call *call, struct uuid_list *l, bool names, struct err *e)
{
    const char *file = call_last(call, "file");
    struct uid ignored;

    for (int i = 0; i < call->arg_count; i++) {
        const bool standard = !strcmp(call->args[i], "-");
        if (standard ? (file = "-", false) : !push(l, call->args[i], e))
            return false;
    }
    if (file && !push_lines(l, file, e))
        return false;
    for (int i = 0; i < l->n; i++)
        if (!(names && is_name(l->list[i])) && !uid_parse(l->list[i], strlen(l->list[i]), &ignored))
            return err_set(e, EXIT_USAGE,
                           _("\"%s\" is not a uuid: expected 8-4-4-4-12 hexadecimal digits"),
                           quote(l->list[i]).clean);
    return l->n > 0 || err_set(e, EXIT_USAGE, _("%s: no uuid given: name them or give --file F"),
                               call->sub->name);
}

/* Devices and consoles call it differently in their environments. */
static const char *secret_name(const struct account *a)
{
    return strcmp(a->username, SERVER_ACCOUNT) == 0 ? "MQTT_PASSWORD" : "MQTT_PASSWORD_BROKER";
}

/* The line for the device's .env, readable by its owner only. */
static bool write_env(const char *dir, const struct account *a)
{
    char path[640], line[96];
    const int n = snprintf(line, sizeof line, "%s=%s\n", secret_name(a), a->password);

    snprintf(path, sizeof path, "%.500s/%s.env", dir,
             a->client_uuid[0] ? a->client_uuid : a->username);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool ok = fchmod(fd, 0600) == 0 && write(fd, line, (size_t)n) == n && fsync(fd) == 0;
    ok &= close(fd) == 0;
    explicit_bzero(line, sizeof line);
    return ok;
}

/* A password that found no file is shown after all: it cannot be asked for again. */
static void hand_out(const char *env_dir, const struct account *a, int n)
{
    for (int i = 0; i < n; i++) {
        if (env_dir && write_env(env_dir, &a[i]))
            continue;
        if (env_dir)
            fprintf(stderr, _("infoscreen-tui: %s/%s.env: %s: the line follows instead\n"), env_dir,
                    a[i].client_uuid[0] ? a[i].client_uuid : a[i].username, strerror(errno));
        printf("# %s%s%s\n%s=%s\n", a[i].client_uuid, a[i].client_uuid[0] ? " " : "", a[i].username,
               secret_name(&a[i]), a[i].password);
    }
}

static bool prepare_env_dir(const char *dir, struct err *e)
{
    if (!dir || ((mkdir(dir, 0700) == 0 || errno == EEXIST) && access(dir, W_OK | X_OK) == 0))
        return true;
    return err_set(e, EXIT_FAILED, _("--env-dir %s: %s: give a directory that can be written"),
                   quote(dir).clean, strerror(errno));
}

static void say_proof(enum provision_proof proof)
{
    if (proof == PROOF_NOT_RUNNING)
        fputs(_("infoscreen-tui: files written; no broker runs on them, so the reload is not "
                "proved\n"),
              stderr);
    else if (proof == PROOF_NO_CREDENTIALS)
        fputs(_("infoscreen-tui: files written and the broker told; without MQTT_PASSWORD the "
                "reload is not "
                "proved\n"),
              stderr);
}

/* What is done with the accounts that were named. */
typedef bool (*account_verb)(struct call *call, const char *dir, const struct uuid_list *l,
                             const struct provision_reload *r, struct account *out,
                             enum provision_proof *proof, struct err *e);

static bool do_add(struct call *call, const char *dir, const struct uuid_list *l,
                   const struct provision_reload *r, struct account *out,
                   enum provision_proof *proof, struct err *e)
{
    return provision_add_accounts(dir, l->list, l->n, call_last(call, "group"), r, out, proof, e);
}

static bool do_rotate(struct call *call, const char *dir, const struct uuid_list *l,
                      const struct provision_reload *r, struct account *out,
                      enum provision_proof *proof, struct err *e)
{
    (void)call;
    return provision_rotate(dir, l->list, l->n, r, out, proof, e);
}

static bool do_remove(struct call *call, const char *dir, const struct uuid_list *l,
                      const struct provision_reload *r, struct account *out,
                      enum provision_proof *proof, struct err *e)
{
    (void)call;
    return provision_remove(dir, l->list, l->n, r, out, proof, e);
}

/* Without passwords: the accounts that are gone. */
static void print_removed(const struct account *a, int n)
{
    for (int i = 0; i < n; i++)
        printf(_("removed %s %s\n"), a[i].username, a[i].client_uuid);
}

static void print_accounts(struct call *call, account_verb verb, const struct account *a, int n)
{
    const char *env_dir = call_last(call, "env-dir");

    if (call->globals.output == OUTPUT_JSON)
        accounts_json(a, n, stdout);
    else if (call->globals.output == OUTPUT_CSV)
        accounts_csv(a, n, stdout);
    if (verb == do_remove && call->globals.output == OUTPUT_TABLE)
        print_removed(a, n);
    else if (verb != do_remove && (env_dir || call->globals.output == OUTPUT_TABLE))
        hand_out(env_dir, a, n);
}

/* Mosquitto knows one password for an account: what is to be done, and when. */
static void say_plan(enum provision_proof proof)
{
    if (proof == PROOF_NOT_RUNNING)
        fputs(_("infoscreen-tui: the old passwords end when the broker starts: bring the new lines "
                "to the devices before\n"),
              stderr);
    else
        fputs(_("infoscreen-tui: the old passwords have ended and their connections with them: "
                "bring the new lines to the devices and restart their services; until then they "
                "are silent\n"),
              stderr);
}

static int change(struct call *call, const char *dir, const struct uuid_list *l, account_verb verb,
                  struct account *made, struct err *e)
{
    const char *cafile = call->globals.config.broker.cafile;
    enum provision_proof proof = PROOF_NOT_RUNNING;
    struct err ignored = {0};

    settings_load_password(call, &ignored); /* without one the reload is done, only not proved */
    struct provision_reload reload = {
        .restart = call_has(call, "restart"),
        .tell = tell,
        .broker_pid = (pid_t)call_count(call, "pid", 0),
        .server_password = call->globals.have_password ? call->globals.password : NULL,
        .cafile = cafile[0] ? cafile : NULL,
    };

    if (!call_above_zero(call, "pid", e) || !backend_of(call, &reload.backend, e) ||
        !prepare_env_dir(call_last(call, "env-dir"), e) ||
        !verb(call, dir, l, &reload, made, &proof, e)) {
        buf_fini(&told);
        return e->code;
    }
    tell_rest();
    print_accounts(call, verb, made, l->n);
    say_proof(proof);
    if (verb == do_rotate)
        say_plan(proof);
    return output_finish(stdout, e);
}

static int run_accounts(struct call *call, account_verb verb, struct err *e)
{
    struct uuid_list l = {0};
    struct account *made = NULL;
    const char *dir = broker_directory(call, e);
    int code = EXIT_FAILED;

    if (dir && collect(call, &l, verb != do_add, e)) {
        made = calloc((size_t)l.n + 1, sizeof *made);
        if (made)
            code = change(call, dir, &l, verb, made, e);
        else
            err_set(e, EXIT_FAILED, _("out of memory: give fewer uuids at once"));
    }
    if (made)
        explicit_bzero(made, (size_t)l.n * sizeof *made);
    free(made);
    free(l.list);
    free(l.lines);
    return e->code ? e->code : code;
}

int run_broker_add(struct call *call, struct err *e)
{
    return run_accounts(call, do_add, e);
}

int run_broker_remove(struct call *call, struct err *e)
{
    return run_accounts(call, do_remove, e);
}

int run_broker_rotate(struct call *call, struct err *e)
{
    return run_accounts(call, do_rotate, e);
}
