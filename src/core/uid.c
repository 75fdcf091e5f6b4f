#include "core/uid.h"

#include <string.h>
#include <uuid/uuid.h>

#include "base/hash.h"

/* A digit's value and one; 0 for what is none. A table, since no processor foresees which digits come:
 * to branch on each of them took a tenth of all that a message costs the main thread. */
static const uint8_t digits_plus_one[256] = {
    ['0'] = 1,  2,  3,  4,  5, 6, 7, 8, 9, 10,
    ['A'] = 11, 12, 13, 14, 15, 16,
    ['a'] = 11, 12, 13, 14, 15, 16,
};

static bool hex_byte(const char *two, uint8_t *out)
{
    const unsigned high = digits_plus_one[(unsigned char)two[0]];
    const unsigned low = digits_plus_one[(unsigned char)two[1]];

    *out = (uint8_t)((high - 1) << 4 | ((low - 1) & 15));
    return high && low;
}

/* Where the two digits of each byte begin. */
static const uint8_t byte_at[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

/* uuid_parse() wants a string of its own and is slower: this runs for each message's topic. */
bool uid_parse(const char *s, size_t n, struct uid *out)
{
    struct uid u;
    bool good = true;

    if (n != UID_TEXT - 1 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-')
        return false;
    for (size_t k = 0; k < sizeof(u.b); k++)
        good &= hex_byte(s + byte_at[k], &u.b[k]);
    if (good)
        *out = u;
    return good;
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
        hex_byte(hex + 2 * k, &out->b[k]);
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
