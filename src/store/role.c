#include "store/role.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/i18n.h"
#include "store/db.h"

enum { BYTE_RECORDER, BYTE_WAITING, BYTE_REPAIR };
#define BYTE_OWNERS INT64_C(4096)

static bool lock_byte(int fd, int64_t byte, short type)
{
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

    return fcntl(fd, F_OFD_SETLK, &l) == 0;
}

/* Would a write lock meet somebody else's? */
static bool taken_by_other(int fd, int64_t byte)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

    return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

static bool take_owner_byte(struct role *r)
{
    for (int tries = 0; tries < 16; tries++) {
        uint32_t random;
        random_bytes(&random, sizeof random);
        r->owner = (int64_t)(random >> 1) + 1;
        if (lock_byte(r->fd, BYTE_OWNERS + r->owner, F_WRLCK))
            return true;
    }
    return false;
}

bool role_open(struct role *r, const char *path, bool want, bool may_send, struct err *e)
{
    char lock[1100];
    const mode_t mode = db_file_mode(path);

    *r = (struct role){.want = want, .may_send = may_send};
    snprintf(lock, sizeof lock, "%s.lock", path);
    r->fd = open(lock, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (r->fd >= 0)
        fchmod(r->fd, mode); /* whatever the umask */
    else if (errno == EEXIST)
        r->fd = open(lock, O_RDWR | O_CLOEXEC);
    if (r->fd >= 0 && take_owner_byte(r))
        return true;
    err_set(e, EXIT_FAILED, _("%s: %s: check its permissions or give another --db"), lock,
            strerror(errno));
    role_close(r);
    return false;
}

void role_close(struct role *r)
{
    if (r->fd >= 0)
        close(r->fd); /* drops all locks */
    r->fd = -1;
    r->held = r->waiting = false;
}

static void wait_in_line(struct role *r, bool wait)
{
    if (wait != r->waiting && lock_byte(r->fd, BYTE_WAITING, wait ? F_RDLCK : F_UNLCK))
        r->waiting = wait;
}

bool role_tick(struct role *r)
{
    const bool before = r->held;

    if (!r->want)
        return false;
    const bool yields = !r->may_send && taken_by_other(r->fd, BYTE_WAITING);
    if (r->held && yields) {
        lock_byte(r->fd, BYTE_RECORDER, F_UNLCK);
        r->held = false;
    } else if (!r->held && !yields) {
        r->held = lock_byte(r->fd, BYTE_RECORDER, F_WRLCK);
    }
    wait_in_line(r, r->may_send && !r->held);
    return r->held != before;
}

bool role_held_by_other(const struct role *r)
{
    return taken_by_other(r->fd, BYTE_RECORDER);
}

bool role_owner_lives(const struct role *r, int64_t owner)
{
    return owner == r->owner || taken_by_other(r->fd, BYTE_OWNERS + owner);
}

bool role_lock_repair(const struct role *r)
{
    return lock_byte(r->fd, BYTE_REPAIR, F_WRLCK);
}

void role_unlock_repair(const struct role *r)
{
    lock_byte(r->fd, BYTE_REPAIR, F_UNLCK);
}

bool role_exists(const char *path)
{
    char lock[1100];

    snprintf(lock, sizeof lock, "%s.lock", path);
    const int fd = open(lock, O_RDONLY | O_CLOEXEC);
    const bool exists = fd >= 0 && taken_by_other(fd, BYTE_RECORDER);
    if (fd >= 0)
        close(fd);
    return exists;
}
