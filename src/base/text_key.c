/* text_key.c - the order of text_compare() as bytes, for sorting very many texts. */
#include <string.h>
#include <utf8proc.h>

#include "base/text.h"

#define NUMBER '0' /* where any digit stands among the other characters */

struct key {
    unsigned char *dst;
    size_t at, most;
};

static void put(struct key *k, unsigned char c)
{
    if (k->at < k->most)
        k->dst[k->at++] = c;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number sorts by its count of digits, then by these. Returns the bytes it took. */
static size_t put_number(struct key *k, const char *s)
{
    const size_t all = strspn(s, "0123456789");
    const size_t zeros = strspn(s, "0");

    put(k, NUMBER);
    put(k, (unsigned char)(all - zeros < 254 ? all - zeros + 1 : 255));
    for (size_t i = zeros; i < all; i++)
        put(k, (unsigned char)s[i]);
    return all;
}

static size_t put_folded(struct key *k, const char *s)
{
    utf8proc_uint8_t folded[4];
    utf8proc_int32_t c;
    const utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)s, -1, &c);

    if (n <= 0) {
        put(k, (unsigned char)*s);
        return 1;
    }
    c = utf8proc_tolower(utf8proc_toupper(c));
    const utf8proc_ssize_t bytes = utf8proc_encode_char(c, folded);
    for (utf8proc_ssize_t i = 0; i < bytes; i++)
        put(k, folded[i]);
    return (size_t)n;
}

size_t text_sort_key(struct text t, unsigned char *dst, size_t size)
{
    struct key k = {.dst = dst, .most = size - 1};

    for (const char *s = t.clean; *s;) {
        if (is_digit(*s)) {
            s += put_number(&k, s);
        } else if ((unsigned char)*s < 0x80) {
            const char c = *s++;
            put(&k, (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c));
        } else {
            s += put_folded(&k, s);
        }
    }
    dst[k.at] = '\0';
    return k.at;
}
