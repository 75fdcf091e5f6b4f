/* text_utf8.c - is it UTF-8 at all? Asked of a whole payload before anything parses it. */
#include <utf8proc.h>

#include "base/text.h"

bool text_is_utf8(const void *src, size_t len)
{
    const utf8proc_uint8_t *s = src;
    utf8proc_int32_t c;

    while (len > 0) {
        const utf8proc_ssize_t n = *s < 0x80 ? 1 : utf8proc_iterate(s, (utf8proc_ssize_t)len, &c);
        if (n <= 0)
            return false;
        s += n;
        len -= (size_t)n;
    }
    return true;
}
