#include "base/hash.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static const char hex_digits[] = "0123456789abcdef";

static void hex_write(char *out, const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = hex_digits[bytes[i] >> 4];
        out[2 * i + 1] = hex_digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

void hash_sha256_hex(const void *bytes, size_t n, char out[SHA256_HEX])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;

    /* Only a lack of memory inside libcrypto can fail here; an alarm's identity must not be wrong.
     */
    if (!EVP_Digest(bytes, n, digest, &len, EVP_sha256(), NULL) || len != 32) {
        fputs("infoscreen-tui: SHA-256 is not available: check libcrypto\n", stderr);
        abort();
    }
    hex_write(out, digest, len);
}

void random_bytes(void *out, size_t n)
{
    unsigned char *p = out;

    while (n) {
        ssize_t got = getrandom(p, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            fputs("infoscreen-tui: the kernel gives no random bytes: check getrandom(2)\n", stderr);
            abort();
        }
        p += got;
        n -= (size_t)got;
    }
}

void random_hex(char *out, size_t n)
{
    unsigned char chunk[32];

    while (n) {
        size_t now = n < sizeof(chunk) ? n : sizeof(chunk);

        random_bytes(chunk, now);
        hex_write(out, chunk, now);
        out += 2 * now;
        n -= now;
    }
    *out = '\0';
}
