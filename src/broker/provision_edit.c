/* provision_edit.c - one change of a directory, whatever it is: under a lock, written aside,
 * validated, put in place, reloaded, proved. */
#include "broker/provision_parts.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/i18n.h"

static bool begin_changes(const struct layout *l, struct change *c, struct err *e)
{
    struct owner o;
    bool ok;

    ok = owner_find(&o, e) && change_begin(&c[CHANGE_RULES], l->devices.acl_file, 0640, &o, e) &&
         change_begin(&c[CHANGE_PASSWORDS], l->devices.password_file, 0600, &o, e) &&
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

/* What nobody changes stays as it is. */
static bool copy_before(struct change *c)
{
    bool ok = true;

    for (int i = 0; ok && i < CHANGE_CANARY; i++)
        ok = buf_puts(&c[i].after, buf_str(&c[i].before));
    return ok;
}

static bool validate(const struct change *c, struct err *e)
{
    static const int rules[] = {CHANGE_RULES, CHANGE_CANARY},
                     passwords[] = {CHANGE_PASSWORDS, CHANGE_CONSOLE_PASSWORDS};

    for (int i = 0; i < 2; i++)
        if (!acl_validate(c[rules[i]].path, buf_str(&c[rules[i]].after), e) ||
            !passwd_validate(c[passwords[i]].path, buf_str(&c[passwords[i]].after), e))
            return false;
    return true;
}

/* Files in place, broker told, and proved where that is possible. If the proof fails the old files
 * come back and the broker reads them. */
static bool take_effect(const struct layout *l, struct change *c, const struct provision_reload *r,
                        const char *nonce, enum provision_proof *proof, struct err *e)
{
    const pid_t pid = r && r->broker_pid ? r->broker_pid : broker_find(l);
    bool ok;

    *proof = PROOF_NOT_RUNNING;
    if (!changes_apply(c, CHANGES, e))
        return false;
    if (!pid)
        return true;
    ok = broker_reload(pid, e);
    if (ok && (!r || !r->server_password)) {
        *proof = PROOF_NO_CREDENTIALS;
        return true;
    }
    if (ok && broker_prove(l, r, nonce, e)) {
        *proof = PROOF_PASSED;
        return true;
    }
    if (!changes_revert(c, CHANGES, NULL))
        err_set(e, EXIT_FAILED,
                _("the reload couldn't be proved, and the old files couldn't be put back: "
                  "stop the broker and repair %s"),
                l->dir);
    broker_reload(pid, NULL);
    return false;
}

static bool edit_locked(const struct layout *l, edit_fn fn, void *user,
                        const struct provision_reload *r, enum provision_proof *proof,
                        struct err *e)
{
    struct change c[CHANGES] = {0};
    char nonce[33];
    bool ok = begin_changes(l, c, e);

    random_hex(nonce, 16);
    if (ok && (!copy_before(c) || !acl_replace_canary(buf_str(&c[CHANGE_CANARY].before), nonce,
                                                      &c[CHANGE_CANARY].after)))
        ok = err_set(e, EXIT_FAILED, _("out of memory: nothing was written"));
    ok = ok && fn(c, user, e) && validate(c, e) && take_effect(l, c, r, nonce, proof, e);
    changes_fini(c, CHANGES);
    return ok;
}

bool directory_edit(const char *dir, edit_fn fn, void *user, const struct provision_reload *r,
                    enum provision_proof *proof, struct err *e)
{
    struct layout *l = malloc(sizeof *l);
    bool ok = false;
    int lock = -1;

    if (!l)
        return err_set(e, EXIT_FAILED, _("out of memory: nothing was written"));
    if (layout_read(l, dir, e)) {
        lock = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (lock < 0 || flock(lock, LOCK_EX) != 0)
            file_error(e, l->dir);
        else
            ok = edit_locked(l, fn, user, r, proof, e);
    }
    if (lock >= 0)
        close(lock);
    free(l);
    return ok;
}
