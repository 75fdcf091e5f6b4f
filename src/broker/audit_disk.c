/* audit_disk.c - password files, modes, owners and the certificate of a broker's directory. */
#include "broker/audit_parts.h"

#include <errno.h>
#include <openssl/pem.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/i18n.h"

#define DAYS_LEAST 30

/* ---- accounts ---- */

static void judge_twins(struct audit_run *r, const char *path, const struct buf *text)
{
    struct names s = {0};

    r->audit->failed |= !passwd_each(buf_str(text), names_add, &s);
    names_sort(&s);
    for (size_t i = 1; i < s.n; i++)
        if (strcmp(s.list[i - 1], s.list[i]) == 0)
            audit_fault(r, _("%s: %s stands there twice: broker rotate leaves one"),
                        base_name(path), s.list[i]);
    free(s.list);
}

static void judge_passwords(struct audit_run *r, const char *path)
{
    struct buf text = BUF_INIT;
    struct err e = {0};

    if (!file_read(path, &text, &e) || !passwd_validate(path, buf_str(&text), &e))
        audit_fault(r, "%s", e.text);
    else
        judge_twins(r, path, &text);
    buf_fini(&text);
}

struct devices {
    struct audit_run *run;
    struct names with_rules; /* sorted */
};

static bool add_with_rules(void *user, const char *username, const char *uuid)
{
    struct devices *d = user;

    (void)uuid;
    return names_add(&d->with_rules, username);
}

static bool is_device(const char *username)
{
    return strncmp(username, DEVICE_ACCOUNT, sizeof DEVICE_ACCOUNT - 1) == 0;
}

static bool judge_stranger(void *user, const char *username)
{
    if (!is_device(username))
        audit_fault(user,
                    _("%s is no device, and may use the devices' listener: take its line out of "
                      "that password file"),
                    username);
    return true;
}

static bool judge_without_rules(void *user, const char *username)
{
    struct devices *d = user;

    if (is_device(username) && !names_have(&d->with_rules, username))
        audit_fault(d->run,
                    _("%s has no access rules, so everything is refused to it: broker remove it "
                      "by this name, then broker add its uuid"),
                    username);
    return true;
}

static void judge_devices(struct audit_run *r, const struct buf *rules, const struct buf *passwords)
{
    struct devices d = {.run = r};

    r->audit->failed |= !acl_each_account(buf_str(rules), add_with_rules, &d);
    names_sort(&d.with_rules);
    passwd_each(buf_str(passwords), judge_without_rules, &d);
    free(d.with_rules.list);
}

static void judge_plugin_passwords(struct audit_run *r, const char *path)
{
    const struct dynsec *d = audit_plugin(r, path);
    struct buf text = BUF_INIT;
    struct err e = {0};

    if (d && !dynsec_passwords(d, &text)) {
        r->audit->failed = true;
    } else if (d && !passwd_validate(path, buf_str(&text), &e)) {
        audit_fault(r, "%s", e.text);
    } else if (d) { /* files.plugin tells who is no device */
        judge_twins(r, path, &text);
        judge_devices(r, &r->plugin_rules, &text);
    }
    buf_fini(&text);
}

static bool judge_console_account(void *user, const char *username)
{
    struct audit_run *r = user;

    if (strcmp(username, SERVER_ACCOUNT) != 0)
        audit_fault(r,
                    _("%s may use the consoles' listener and take a console's client id: take "
                      "its line out of that password file"),
                    username);
    return true;
}

static void look_console(struct audit_run *r, int listener)
{
    const struct conf_line *l = conf_security(&r->conf, listener, "password_file");
    struct buf passwords = BUF_INIT;

    if (l && file_read(l->value, &passwords, NULL))
        passwd_each(buf_str(&passwords), judge_console_account, r);
    buf_fini(&passwords);
}

/* What isn't there or can't be read is a fault of its own. */
static void look_devices(struct audit_run *r, int listener)
{
    const struct conf_line *rules = conf_security(&r->conf, listener, "acl_file"),
                           *passwords = conf_security(&r->conf, listener, "password_file");
    struct buf rules_text = BUF_INIT, passwords_text = BUF_INIT;

    if (rules && passwords && file_read(rules->value, &rules_text, NULL) &&
        file_read(passwords->value, &passwords_text, NULL)) {
        passwd_each(buf_str(&passwords_text), judge_stranger, r);
        judge_devices(r, &rules_text, &passwords_text);
    }
    buf_fini(&rules_text);
    buf_fini(&passwords_text);
}

void look_accounts(struct audit_run *r)
{
    audit_each_file(r, "password_file", judge_passwords);
    audit_each_file(r, "plugin_opt_config_file", judge_plugin_passwords);
    for (int i = 0; i < r->conf.listeners; i++) {
        if (conf_is_device(&r->conf, i))
            look_devices(r, i);
        else
            look_console(r, i);
    }
}

/* ---- modes and owners ---- */

/* What others may not have: bits of a mode. */
static const struct kept {
    const char *key; /* of mosquitto.conf; NULL: a name in the directory */
    const char *name;
    mode_t never;
} kept[] = {
    {NULL, "", 0027},         {NULL, "mosquitto.conf", 0022},
    {NULL, "ca.key", 0077},   {"password_file", NULL, 0037},
    {"acl_file", NULL, 0022}, {"plugin_opt_config_file", NULL, 0037},
    {"keyfile", NULL, 0037},  {"certfile", NULL, 0022},
    {"cafile", NULL, 0022},   {"persistence_location", NULL, 0027},
};

static void judge_mode(struct audit_run *r, const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        if (r->looking->key)
            audit_fault(r, _("%s: %s: put it back, or correct mosquitto.conf"), path,
                        strerror(errno));
    } else if (st.st_mode & r->looking->never) {
        audit_fault(r, _("%s has mode %03o: chmod %03o it"), path, (unsigned)(st.st_mode & 0777),
                    (unsigned)(st.st_mode & 0777 & ~r->looking->never));
    }
}

static void each_kept(struct audit_run *r, void (*fn)(struct audit_run *r, const char *path))
{
    char path[PATH_SIZE];

    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        r->looking = &kept[i];
        if (kept[i].key)
            audit_each_file(r, kept[i].key, fn);
        else if (!kept[i].name[0])
            fn(r, r->dir);
        else if (path_join(path, r->dir, kept[i].name, NULL))
            fn(r, path);
    }
}

/* Who may write into a parent may put another directory in this one's place. */
static void judge_parents(struct audit_run *r)
{
    char path[PATH_SIZE];
    struct stat st;

    snprintf(path, sizeof path, "%s", r->dir);
    for (char *p = strrchr(path, '/'); p && p != path; p = strrchr(path, '/')) {
        *p = '\0';
        if (stat(path, &st) == 0 && dir_is_anyones(&st))
            audit_fault(r,
                        _("everyone may write into %s and put another directory in this one's "
                          "place: chmod o-w it"),
                        path);
    }
}

void look_modes(struct audit_run *r)
{
    each_kept(r, judge_mode);
    judge_parents(r);
}

static bool may_read(const struct stat *st, const struct owner *o)
{
    if (st->st_uid == o->uid)
        return st->st_mode & S_IRUSR;
    return st->st_mode & (st->st_gid == o->gid ? S_IRGRP : S_IROTH);
}

/* The broker that root starts becomes user mosquitto; any other stays who started it. */
static void judge_owner(struct audit_run *r, const char *path)
{
    const struct passwd *pw = getpwnam("mosquitto");
    struct stat st, dir;
    struct owner o = {.change = false};

    if (stat(path, &st) != 0 || stat(r->dir, &dir) != 0)
        return;
    if (st.st_uid != 0 && st.st_uid != dir.st_uid && !(pw && st.st_uid == pw->pw_uid))
        audit_fault(r,
                    _("%s belongs to user %lu, who may change it: chown it to the broker's "
                      "user"),
                    path, (unsigned long)st.st_uid);
    if (!pw || (dir.st_uid != 0 && dir.st_uid != pw->pw_uid) ||
        strcmp(base_name(path), "ca.key") == 0)
        return;
    o = (struct owner){.uid = pw->pw_uid, .gid = pw->pw_gid};
    if (!may_read(&st, &o))
        audit_fault(r,
                    _("user mosquitto, whom the broker becomes, can't read %s: chown mosquitto "
                      "it"),
                    path);
}

void look_owners(struct audit_run *r)
{
    each_kept(r, judge_owner);
}

/* ---- the certificate ---- */

void judge_certificate(struct audit_run *r, const X509 *x, const char *name)
{
    int days = 0, seconds = 0;

    if (!ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(x)))
        audit_fault(r, _("%s: its certificate has no end that could be read: make a new one"),
                    name);
    else if (days < 0 || seconds < 0)
        audit_fault(r, _("%s: its certificate has expired: make a new one"), name);
    else if (days < DAYS_LEAST)
        audit_fault(r, _("%s: its certificate expires in %d days: make a new one"), name, days);
    else
        audit_note(r, _("valid for %d days"), days);
}

static void judge_certificate_file(struct audit_run *r, const char *path)
{
    FILE *f = fopen(path, "re");
    X509 *x = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

    if (x)
        judge_certificate(r, x, base_name(path));
    else
        audit_fault(r, _("%s holds no certificate in PEM form: give the broker's own"), path);
    X509_free(x);
    if (f)
        fclose(f);
}

void look_certificate(struct audit_run *r)
{
    audit_note(r, "%s", _("none: no TLS here"));
    audit_each_file(r, "certfile", judge_certificate_file);
    audit_each_file(r, "cafile", judge_certificate_file);
}
