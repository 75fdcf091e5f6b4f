/* image.h - after-images: a client, an alarm or a command as compact versioned bytes. A snapshot is all
 * of them; a change in the history carries the image of what it left behind. So the fleet at any moment
 * is the newest snapshot before it plus the images since, by seq: nothing is derived again. */
#ifndef CORE_IMAGE_H
#define CORE_IMAGE_H

#include "base/buf.h"
#include "core/core.h"

bool image_of_client(const struct client *c, struct buf *out); /* append to out; false without memory */
bool image_of_alarm(const struct alarm *a, struct buf *out);
bool image_of_command(const struct command *c, struct buf *out);
/* One image read back. Counts that the core derives (a client's alarms and commands) are not in it. */
struct image {
    enum image_kind { IMAGE_CLIENT, IMAGE_ALARM, IMAGE_COMMAND, IMAGE_KINDS } kind;
    union {
        struct client client;
        struct alarm alarm;
        struct command command;
    } u;
};
/* Reads the image that begins at bytes; *used is its length. False: damaged or of a newer version. Tags
 * that a later version of the same format added are skipped. */
bool image_read(const void *bytes, size_t n, struct image *out, size_t *used);

/* Applies one or several concatenated images to a core that is only looked at (core_restore_*
 * semantics: the last image of a thing wins). False: damaged or of a newer version, nothing applied past it. */
bool image_apply(struct core *c, const void *bytes, size_t n);

#endif
