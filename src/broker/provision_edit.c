/* provision_edit.c - one change of a directory, whatever it is: under a lock, written aside,
 * validated, put in place, taken over by the running broker, proved. */
#include "broker/provision_parts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/i18n.h"

/* ---- what is there ---- */

/* A path that is empty stays out of every step. */
static bool begin_changes(struct edit *d, struct err *e)
{
    const struct layout *l = d->l;
    struct change *c = d->c;
    const bool plugin = *l->devices.dynsec_file;
    struct owner o;
    bool ok;

    ok = owner_find(&o, e) &&
         (plugin ? change_begin(&c[CHANGE_RULES], l->devices.dynsec_file, 0600, &o, e)
                 : change_begin(&c[CHANGE_RULES], l->devices.acl_file, 0640, &o, e) &&
                       change_begin(&c[CHANGE_PASSWORDS], l->devices.password_file, 0600, &o, e)) &&
         change_begin(&c[CHANGE_CONSOLE_PASSWORDS], l->console.password_file, 0600, &o, e) &&
         change_begin(&c[CHANGE_CONF], l->conf, 0640, &o, e) &&
         change_begin(&c[CHANGE_CANARY], l->console.acl_file, 0640, &o, e);
    /* A new file in place of a lost one would take every other account's rights. */
    for (int i = 0; ok && i < CHANGES; i++)
        if (c[i].is_new)
            ok = err_set(e, EXIT_FAILED, _("%s is missing: put it back; nothing was written"),
                         c[i].path);
    return ok;
}

static bool no_memory(struct err *e)
{
    return err_set(e, EXIT_FAILED, _("out of memory: nothing was written"));
}

/* The plugin's accounts, and both back ends' in the one form that is judged. */
static bool read_accounts(struct edit *d, struct err *e)
{
    const struct change *c = d->c;

    if (!*d->l->devices.dynsec_file)
        return (buf_puts(&d->rules, buf_str(&c[CHANGE_RULES].before)) &&
                buf_puts(&d->passwords, buf_str(&c[CHANGE_PASSWORDS].before))) ||
               no_memory(e);
    d->accounts = dynsec_parse(c[CHANGE_RULES].path, buf_str(&c[CHANGE_RULES].before), e);
    if (!d->accounts)
        return false;
    return (dynsec_rules(d->accounts, &d->rules) && dynsec_passwords(d->accounts, &d->passwords)) ||
           no_memory(e);
}

/* What nobody changes stays as it is. */
static bool copy_before(struct edit *d, const char *nonce)
{
    struct change *c = d->c;
    bool ok = true;

    for (int i = 0; ok && i < CHANGE_CANARY; i++)
        if (i != CHANGE_RULES || !d->accounts)
            ok = buf_puts(&c[i].after, buf_str(&c[i].before));
    return ok &&
           acl_replace_canary(buf_str(&c[CHANGE_CANARY].before), nonce, &c[CHANGE_CANARY].after);
}

static bool validate(const struct edit *d, struct err *e)
{
    static const int rules[] = {CHANGE_CANARY, CHANGE_RULES},
                     passwords[] = {CHANGE_CONSOLE_PASSWORDS, CHANGE_PASSWORDS};
    const struct change *c = d->c;

    for (int i = 0; i < (d->accounts ? 1 : 2); i++)
        if (!acl_validate(c[rules[i]].path, buf_str(&c[rules[i]].after), e) ||
            !passwd_validate(c[passwords[i]].path, buf_str(&c[passwords[i]].after), e))
            return false;
    return true;
}

/* ---- taking effect ---- */

/* Files in place, broker told, and proved where that is possible. If the proof fails the old files
 * come back and the broker reads them. */
static bool reload(struct edit *d, pid_t pid, const struct provision_reload *r,
                   enum provision_proof *proof, struct err *e)
{
    bool ok;

    if (!changes_apply(d->c, CHANGES, e))
        return false;
    if (!pid)
        return true;
    ok = install_accepts(d->l->conf, e) && broker_reload(pid, e);
    if (ok && !r->server_password) {
        *proof = PROOF_NO_CREDENTIALS;
        return true;
    }
    if (ok && broker_prove(d->l, r, d->nonce, e)) {
        *proof = PROOF_PASSED;
        return true;
    }
    if (!changes_revert(d->c, CHANGES, NULL))
        err_set(e, EXIT_FAILED,
                _("the reload couldn't be proved, and the old files couldn't be put back: "
                  "stop the broker and repair %s"),
                d->l->dir);
    else if (!broker_alive(pid))
        err_set(e, EXIT_FAILED,
                _("the broker ended when it was told to reload: the old files are back, its log "
                  "says why; start it again"));
    broker_reload(pid, NULL);
    return false;
}

/* The running plugin is told; its file is its own to write. The canary is proved before, since
 * what a plugin was told can't all be taken back. */
static bool tell_plugin(struct edit *d, pid_t pid, const struct edit_plan *plan,
                        const struct provision_reload *r, enum provision_proof *proof,
                        struct err *e)
{
    const double size = (double)d->c[CHANGE_RULES].before.len;
    struct control ctl;
    bool ok;

    /* 12 MB took 0.19 s for each of two commands, 103 MB 1.3 s. */
    if (r->tell && plan->n * size > 5e6)
        tell_seconds(r,
                     _("the plugin writes its whole file at each account: this takes about %d s"),
                     1 + (int)(plan->n * 2 * size / 65e6));
    if (!control_open(&ctl, d->l, r, e)) {
        control_close(&ctl);
        return false;
    }
    d->c[CHANGE_RULES].path[0] = '\0';
    ok = reload(d, pid, r, proof, e) && plan->live(&ctl, plan->user, e);
    control_close(&ctl);
    return ok;
}

static int restart_seconds(const struct edit *d)
{
    return 2 + d->devices / 10000; /* 50,000 devices were loaded in 2.7 s */
}

static bool restart(struct edit *d, pid_t pid, const struct provision_reload *r,
                    enum provision_proof *proof, struct err *e)
{
    struct revival *v = revival_stop(pid, e);
    bool ok, up;

    if (!v)
        return false;
    ok = change_unchanged(&d->c[CHANGE_RULES], e) && changes_apply(d->c, CHANGES, e);
    up = revival_start(v, d->l, ok ? e : NULL);
    *proof = PROOF_NO_CREDENTIALS;
    if (ok && up && r->server_password && broker_prove(d->l, r, d->nonce, e))
        *proof = PROOF_PASSED;
    else if (ok && (!up || r->server_password)) { /* as it was before */
        struct revival *again = up ? revival_stop(broker_find(d->l), NULL) : NULL;
        ok = false;
        changes_revert(d->c, CHANGES, NULL);
        revival_start(v, d->l, NULL);
        revival_free(again);
    }
    revival_free(v);
    return ok;
}

static bool refuse_running(const struct edit *d, const struct edit_plan *plan, struct err *e)
{
    if (d->moves)
        return err_set(e, EXIT_POLICY,
                       _("with %d devices the accounts move to the Dynamic Security plugin, for "
                         "which the running broker must be restarted (about %d s; passwords stay): "
                         "give --restart, stop it first, or stay with --backend acl; nothing was "
                         "written"),
                       d->devices, restart_seconds(d));
    if (plan->n > LIVE_MAX)
        return err_set(e, EXIT_POLICY,
                       _("a running plugin takes up to %d accounts at once, these are %d: give "
                         "--restart (about %d s without a broker), or stop it first; nothing was "
                         "written"),
                       LIVE_MAX, plan->n, restart_seconds(d));
    return err_set(e, EXIT_POLICY,
                   _("a running plugin is told by the server account: set MQTT_PASSWORD, give "
                     "--restart, or stop the broker first; nothing was written"));
}

static bool take_over_plugin(struct edit *d, pid_t pid, const struct edit_plan *plan,
                             const struct provision_reload *r, enum provision_proof *proof,
                             struct err *e)
{
    /* A pid file of a process that can't be seen: a killed broker, or one in a container. */
    const bool alive = pid || (access(d->l->pid_file, F_OK) == 0 && broker_answers(d->l));

    if (alive && !r->restart && (d->moves || plan->n > LIVE_MAX || !control_password(r)))
        return refuse_running(d, plan, e);
    if (alive && !pid)
        return err_set(e, EXIT_POLICY,
                       _("something answers on port %d, but %s names no broker that can be seen: "
                         "give --pid, or stop it first; nothing was written"),
                       d->l->devices.port, d->l->pid_file);
    if (alive && !r->restart)
        return tell_plugin(d, pid, plan, r, proof, e);
    if (!dynsec_print(d->accounts, &d->c[CHANGE_RULES].after))
        return no_memory(e);
    if (!alive)
        return reload(d, 0, r, proof, e);
    tell_seconds(r, _("the broker is stopped and started again: about %d s"), restart_seconds(d));
    return restart(d, pid, r, proof, e);
}

/* ---- moving ---- */

static bool move_one(struct edit *d, const char *line, size_t n, struct buf *rules,
                     const struct acl_blocks *blocks, struct err *e)
{
    char name[USERNAME_SIZE];
    struct hashed h;

    snprintf(name, sizeof name, "%.*s", (int)strcspn(line, ":"), line);
    if (n == 0 || *line == '#')
        return true;
    if (!passwd_read_hash(line, &h))
        return err_set(e, EXIT_FAILED,
                       _("%s: %s has a hash that the plugin doesn't know: broker rotate makes a "
                         "new one; nothing was written"),
                       d->l->devices.password_file, name);
    buf_clear(rules);
    return (acl_block(blocks, name, rules) && dynsec_add(d->accounts, name, &h, buf_str(rules))) ||
           no_memory(e);
}

/* The plugin has neither patterns nor, in its roles as they are written here, denials. */
static bool can_move(const struct edit *d, struct err *e)
{
    for (const char *p = buf_str(&d->rules); *p;) {
        const size_t n = strcspn(p, "\n");
        if (strncmp(p, "pattern ", 8) == 0 || strncmp(p, "topic deny ", 11) == 0)
            return err_set(e, EXIT_FAILED,
                           _("%s has rules that the plugin can't take over (pattern, deny): take "
                             "them out, or stay with --backend acl; nothing was written"),
                           d->l->devices.acl_file);
        p += n + (p[n] == '\n');
    }
    return true;
}

/* Accounts whose one half was lost to a kill stay behind: they worked for nobody. */
static bool move_accounts(struct edit *d, struct err *e)
{
    struct acl_blocks blocks = {0};
    struct buf rules = BUF_INIT;
    bool ok = acl_blocks(buf_str(&d->rules), &blocks) || no_memory(e);

    for (const char *p = buf_str(&d->passwords); ok && *p;) {
        const size_t n = strcspn(p, "\n");
        ok = move_one(d, p, n, &rules, &blocks, e);
        p += n + (p[n] == '\n');
    }
    free(blocks.list);
    buf_fini(&rules);
    return ok;
}

/* The control account has the server's hash, as it stands in the console's password file. */
static bool make_control(struct edit *d, struct err *e)
{
    struct hashed h;
    const char *line = passwd_line(buf_str(&d->c[CHANGE_CONSOLE_PASSWORDS].before), SERVER_ACCOUNT);

    if (!line || !passwd_read_hash(line, &h))
        return err_set(e, EXIT_FAILED, _("%s: no line of %s: broker rotate writes one"),
                       d->l->console.password_file, SERVER_ACCOUNT);
    d->accounts = dynsec_new(&h);
    return d->accounts || no_memory(e);
}

bool edit_move_to_plugin(struct edit *d, struct err *e)
{
    struct owner o;

    if (!can_move(d, e) || !layout_plan_dynsec(d->l, e) || !make_control(d, e) ||
        !move_accounts(d, e))
        return false;
    buf_clear(&d->c[CHANGE_CONF].after);
    if (!conf_to_dynsec(d->l, buf_str(&d->c[CHANGE_CONF].before), &d->c[CHANGE_CONF].after, e) ||
        !owner_find(&o, e))
        return false;
    changes_fini(&d->c[CHANGE_RULES], 2);
    d->c[CHANGE_PASSWORDS].path[0] = '\0';
    d->moves = true;
    return change_begin(&d->c[CHANGE_RULES], d->l->devices.dynsec_file, 0600, &o, e);
}

static void remove_left_over(const struct edit *d)
{
    if (d->moves && unlink(d->l->devices.acl_file) == 0)
        unlink(d->l->devices.password_file);
}

/* ---- the whole of it ---- */

static bool edit_locked(struct edit *d, const struct edit_plan *plan,
                        const struct provision_reload *r, enum provision_proof *proof,
                        struct err *e)
{
    pid_t pid;

    random_hex(d->nonce, 16);
    *proof = PROOF_NOT_RUNNING;
    if (!broker_choose(d->l, r->broker_pid, &pid, e) || !begin_changes(d, e) || !read_accounts(d, e))
        return false;
    if (!copy_before(d, d->nonce))
        return no_memory(e);
    if (!plan->edit(d, plan->user, e) || !validate(d, e))
        return false;
    if (d->accounts ? !take_over_plugin(d, pid, plan, r, proof, e) : !reload(d, pid, r, proof, e))
        return false;
    remove_left_over(d);
    return true;
}

static void edit_fini(struct edit *d)
{
    changes_fini(d->c, CHANGES);
    dynsec_free(d->accounts);
    buf_fini(&d->rules);
    buf_fini(&d->passwords);
    free(d->l);
}

bool directory_edit(const char *dir, const struct edit_plan *plan, const struct provision_reload *r,
                    enum provision_proof *proof, struct err *e)
{
    static const struct provision_reload nothing;
    struct edit d = {.l = malloc(sizeof *d.l)};
    bool ok = false;
    int lock = -1;

    if (!d.l)
        return no_memory(e);
    if (layout_read(d.l, dir, e)) {
        lock = open(d.l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (lock < 0 || flock(lock, LOCK_EX) != 0)
            file_error(e, d.l->dir);
        else
            ok = edit_locked(&d, plan, r ? r : &nothing, proof, e);
    }
    if (lock >= 0)
        close(lock);
    edit_fini(&d);
    return ok;
}
