/* buf.h - a growable byte buffer, always NUL-terminated behind its length. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data; /* owned; NULL only before the first append */
    size_t len; /* bytes in use, without the NUL */
    size_t cap;
    bool failed; /* an allocation failed: what was appended since is missing */
};

#define BUF_INIT ((struct buf){0})

void buf_fini(struct buf *b);
void buf_clear(struct buf *b); /* keeps the memory */
bool buf_append(struct buf *b, const void *bytes, size_t n);
bool buf_puts(struct buf *b, const char *s);
bool buf_putc(struct buf *b, char c);
bool buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The content as a string; "" while nothing was appended. Valid until the next append. */
const char *buf_str(const struct buf *b);

#endif
