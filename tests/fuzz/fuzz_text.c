/* Any bytes through the cleaning, into texts of several sizes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *s)
{
    if (!text_is_utf8(s, strlen(s)))
        abort();
    for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
        const bool c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;
        const bool bidi = p[0] == 0xe2 && ((p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae) ||
                                           (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
        if (*p < 0x20 || *p == 0x7f || c1 || bidi)
            abort();
    }
}

/* What every user of clean text does with it. */
static void use(struct text t)
{
    unsigned char key[1200];
    int cells, used;

    const int width = text_width(t);
    if (width < 0 || text_fit(t, width, &used) > strlen(t.clean) || used > width)
        abort();
    for (const char *s = t.clean; *s;) {
        const size_t n = text_next(s, &cells);
        if (n == 0 || n > strlen(s) || cells < 0)
            abort();
        s += n;
    }
    if (text_sort_key(t, key, sizeof(key)) >= sizeof(key) || !text_contains(t, TEXT_EMPTY) ||
        text_compare(t, t) != 0)
        abort();
}

static void clean_into(char *dst, size_t size, const uint8_t *data, size_t len)
{
    dst[0] = '\0';
    text_clean(dst, size, data, len);
    if (strnlen(dst, size) == size)
        abort();
    check(dst);
    use((struct text){dst});
    if (text_clean(dst, size, data, len)) /* the same again is no change */
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text16 narrow;
    struct text96 middle;
    struct text512 wide;

    clean_into(narrow.clean, sizeof(narrow.clean), data, size);
    clean_into(middle.clean, sizeof(middle.clean), data, size);
    clean_into(wide.clean, sizeof(wide.clean), data, size);
    return 0;
}
