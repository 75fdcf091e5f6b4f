/* provision_file.c - files that must be whole at any moment: a broker that reloads a broken one
 * lets everyone in. */
#include "broker/provision_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/text.h"

#define BROKER_USER "mosquitto"

bool file_error(struct err *e, const char *path)
{
    const int why = errno;
    struct text160 shown = {""};

    TEXT_SET(&shown, path, strlen(path));
    return err_set(e, EXIT_FAILED, "%s: %s", shown.clean, strerror(why));
}

bool path_join(char out[PATH_SIZE], const char *dir, const char *name, struct err *e)
{
    const int n = snprintf(out, PATH_SIZE, "%s/%s", dir, name);

    if (n > 0 && n < PATH_SIZE)
        return true;
    return err_set(e, EXIT_FAILED,
                   _("the path of the directory is too long: choose a shorter one"));
}

bool owner_find(struct owner *o, struct err *e)
{
    const struct passwd *pw;

    *o = (struct owner){0};
    if (geteuid() != 0)
        return true;
    pw = getpwnam(BROKER_USER);
    if (!pw)
        return err_set(e, EXIT_FAILED,
                       _("there is no user %s, whom the broker becomes: install mosquitto first"),
                       BROKER_USER);
    *o = (struct owner){.change = true, .uid = pw->pw_uid, .gid = pw->pw_gid};
    return true;
}

bool dir_make_parents(const char *dir, const struct owner *o, struct err *e)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof path, "%s", dir);
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        if (mkdir(path, 0755) == 0) {
            if (o->change && chmod(path, 0755) != 0) /* a umask would shut the broker's user out */
                return file_error(e, path);
        } else if (errno != EEXIST) {
            return file_error(e, path);
        }
        *p = '/';
    }
    return true;
}

/* The longest beginning of dir that is there, with links resolved: the configuration names the real
 * place. *n is its length; free() it. */
static char *resolve_beginning(const char *dir, size_t *n)
{
    char copy[PATH_SIZE], *real;

    for (;;) {
        snprintf(copy, sizeof copy, "%.*s", (int)*n, dir);
        real = realpath(*n ? copy : ".", NULL);
        if (real || *n == 0)
            return real;
        while (*n && dir[*n - 1] != '/')
            --*n;
        while (*n > 1 && dir[*n - 1] == '/')
            --*n;
    }
}

bool dir_absolute(const char *dir, char out[PATH_SIZE], struct err *e)
{
    size_t whole = strlen(dir), there;
    char *real;
    int n;

    while (whole > 1 && dir[whole - 1] == '/')
        whole--;
    there = whole;
    if (whole == 0 || whole >= PATH_SIZE)
        return err_set(e, EXIT_USAGE, _("no usable directory was given: --dir names it"));
    real = resolve_beginning(dir, &there);
    if (!real)
        return file_error(e, dir);
    while (there < whole && dir[there] == '/')
        there++;
    n = snprintf(out, PATH_SIZE, "%s%s%.*s", real,
                 there < whole && strcmp(real, "/") != 0 ? "/" : "", (int)(whole - there),
                 dir + there);
    free(real);
    return n < PATH_SIZE ||
           err_set(e, EXIT_FAILED,
                   _("the path of the directory is too long: choose a shorter one"));
}

static bool may_enter(const struct stat *st, const struct owner *o)
{
    if (st->st_uid == o->uid)
        return st->st_mode & S_IXUSR;
    if (st->st_gid == o->gid)
        return st->st_mode & S_IXGRP;
    return st->st_mode & S_IXOTH;
}

bool dir_is_anyones(const struct stat *st)
{
    return (st->st_mode & S_IWOTH) && !(st->st_mode & S_ISVTX);
}

static bool parent_fits(const char *path, const struct owner *o, struct err *e)
{
    struct text160 shown = {""};
    struct stat st;

    if (stat(path, &st) != 0)
        return errno == ENOENT || file_error(e, path);
    TEXT_SET(&shown, path, strlen(path));
    if (o->change && !may_enter(&st, o))
        return err_set(e, EXIT_FAILED,
                       _("user %s can't enter %s: choose another directory, or chmod o+x it"),
                       BROKER_USER, shown.clean);
    if (dir_is_anyones(&st))
        return err_set(e, EXIT_FAILED,
                       _("everyone may write into %s and put another directory in the broker's "
                         "place: choose another directory, or chmod o-w it; nothing was written"),
                       shown.clean);
    return true;
}

bool dir_parents_fit(const char *dir, const struct owner *o, struct err *e)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof path, "%s", dir);
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        if (!parent_fits(path, o, e))
            return false;
        *p = '/';
    }
    return true;
}

bool file_read(const char *path, struct buf *out, struct err *e)
{
    char chunk[8192];
    ssize_t n = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0;

    while (ok && (n = read(fd, chunk, sizeof chunk)) > 0)
        ok = buf_append(out, chunk, (size_t)n);
    if (!ok || n < 0)
        file_error(e, path);
    if (fd >= 0)
        close(fd);
    return ok && n == 0;
}

bool change_begin(struct change *c, const char *path, mode_t mode, const struct owner *o,
                  struct err *e)
{
    struct stat st;

    *c = (struct change){.mode = mode, .owner = *o};
    snprintf(c->path, sizeof c->path, "%s", path);
    c->is_new = lstat(path, &st) != 0 && errno == ENOENT;
    if (c->is_new)
        return true;
    if (!file_read(path, &c->before, e))
        return false;
    if (stat(path, &st) != 0)
        return file_error(e, path);
    c->mode = st.st_mode & 07777;
    c->owner = (struct owner){.change = geteuid() == 0, .uid = st.st_uid, .gid = st.st_gid};
    return true;
}

static bool write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        const ssize_t w = write(fd, bytes, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return false;
        bytes += w;
        n -= (size_t)w;
    }
    return true;
}

static void aside_name(const struct change *c, char out[PATH_SIZE + 8])
{
    snprintf(out, PATH_SIZE + 8, "%s.new", c->path);
}

static bool write_aside(const struct change *c, const struct buf *what, struct err *e)
{
    char aside[PATH_SIZE + 8];
    int fd;
    bool ok;

    aside_name(c, aside);
    unlink(aside); /* of a run that was killed */
    fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return file_error(e, aside);
    ok = write_all(fd, buf_str(what), what->len) &&
         (!c->owner.change || fchown(fd, c->owner.uid, c->owner.gid) == 0) &&
         fchmod(fd, c->mode) == 0 && fsync(fd) == 0;
    if (!ok)
        file_error(e, aside);
    close(fd);
    if (!ok)
        unlink(aside);
    return ok;
}

static bool sync_dir_of(const char *path)
{
    char copy[PATH_SIZE];
    int fd;
    bool ok;

    snprintf(copy, sizeof copy, "%s", path);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool put_in_place(const struct change *c, struct err *e)
{
    char aside[PATH_SIZE + 8];

    aside_name(c, aside);
    if (rename(aside, c->path) == 0)
        return true;
    file_error(e, c->path);
    unlink(aside);
    return false;
}

static bool passed_over(const struct change *c)
{
    return !*c->path;
}

bool changes_apply(struct change *c, int n, struct err *e)
{
    int done = 0, written = 0;

    for (int i = 0; i < n; i++)
        if (c[i].after.failed)
            return err_set(e, EXIT_FAILED, _("out of memory: nothing was written"));
    while (written < n &&
           (passed_over(&c[written]) || write_aside(&c[written], &c[written].after, e)))
        written++;
    while (written == n && done < n && (passed_over(&c[done]) || put_in_place(&c[done], e)))
        done++;
    if (done == n) {
        for (int i = 0; i < n; i++)
            if (!passed_over(&c[i]) && !sync_dir_of(c[i].path))
                return file_error(e, c[i].path);
        return true;
    }
    for (int i = done; i < written; i++) {
        char aside[PATH_SIZE + 8];
        aside_name(&c[i], aside);
        unlink(aside);
    }
    changes_revert(c, done, NULL);
    return false;
}

bool changes_revert(struct change *c, int n, struct err *e)
{
    bool ok = true;

    for (int i = n - 1; i >= 0; i--) {
        if (passed_over(&c[i]))
            continue;
        if (c[i].is_new)
            ok = unlink(c[i].path) == 0 && ok;
        else
            ok = write_aside(&c[i], &c[i].before, e) && put_in_place(&c[i], e) && ok;
        ok = sync_dir_of(c[i].path) && ok;
    }
    return ok;
}

bool change_unchanged(const struct change *c, struct err *e)
{
    struct buf now = BUF_INIT;
    bool same = c->is_new;

    if (!same && file_read(c->path, &now, e))
        same = (now.len == c->before.len &&
                (now.len == 0 || memcmp(now.data, c->before.data, now.len) == 0)) ||
               err_set(e, EXIT_FAILED, _("%s was changed meanwhile: run it again"), c->path);
    buf_fini(&now);
    return same;
}

void changes_fini(struct change *c, int n)
{
    for (int i = 0; i < n; i++) {
        buf_fini(&c[i].before);
        buf_fini(&c[i].after);
    }
}
