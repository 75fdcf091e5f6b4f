#include "core/uid.h"

#include <string.h>
#include <uuid/uuid.h>

#include "base/hash.h"

static int hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* uuid_parse() wants a string of its own and is slower: this runs for each message's topic. */
bool uid_parse(const char *s, size_t n, struct uid *out)
{
    struct uid u;
    size_t k = 0;

    if (n != UID_TEXT - 1)
        return false;
    for (size_t i = 0; i < n;) {
        int high, low;

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (s[i++] != '-')
                return false;
            continue;
        }
        high = hex_value((unsigned char)s[i]);
        low = hex_value((unsigned char)s[i + 1]);
        if (high < 0 || low < 0)
            return false;
        u.b[k++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    *out = u;
    return true;
}

void uid_format(const struct uid *u, char out[UID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    char *p = out;

    for (size_t k = 0; k < sizeof(u->b); k++) {
        if (k == 4 || k == 6 || k == 8 || k == 10)
            *p++ = '-';
        *p++ = digits[u->b[k] >> 4];
        *p++ = digits[u->b[k] & 15];
    }
    *p = '\0';
}

bool uid_equal(const struct uid *a, const struct uid *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool uid_is_zero(const struct uid *u)
{
    static const struct uid zero;

    return uid_equal(u, &zero);
}

void uid_derive(const void *from, size_t n, struct uid *out)
{
    char hex[SHA256_HEX];

    hash_sha256_hex(from, n, hex);
    for (size_t k = 0; k < sizeof(out->b); k++)
        out->b[k] = (uint8_t)((hex_value((unsigned char)hex[2 * k]) & 15) << 4 |
                              (hex_value((unsigned char)hex[2 * k + 1]) & 15));
    out->b[6] = (uint8_t)((out->b[6] & 0x0f) | 0x40); /* version 4 */
    out->b[8] = (uint8_t)((out->b[8] & 0x3f) | 0x80);
}

void uid_random(struct uid *out)
{
    uuid_generate_random(out->b);
}

static const uint8_t probe_node[] = {'i', 'p', 'r', 'o', 'b', 'e'};
#define PROBE_NODE_AT (sizeof((struct uid *)0)->b - sizeof probe_node)

void uid_probe(struct uid *out)
{
    uid_random(out);
    memcpy(out->b + PROBE_NODE_AT, probe_node, sizeof probe_node);
}

bool uid_is_probe(const struct uid *u)
{
    return memcmp(u->b + PROBE_NODE_AT, probe_node, sizeof probe_node) == 0;
}
