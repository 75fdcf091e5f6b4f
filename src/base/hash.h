/* hash.h - digests and random bytes (libcrypto, getrandom). */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>

#define SHA256_HEX 65

void hash_sha256_hex(const void *bytes, size_t n, char out[SHA256_HEX]); /* lower case */
/* n random bytes; aborts where the kernel has none (a guessable id would be worse). */
void random_bytes(void *out, size_t n);
/* Lower-case hex of n random bytes into out[2n+1]. */
void random_hex(char *out, size_t n);

#endif
