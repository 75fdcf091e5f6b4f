#include "base/place.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool place_beside(const char *below, char *out, size_t size)
{
    char exe[PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

    if (n <= 0)
        return false;
    exe[n] = '\0';
    const char *slash = strrchr(exe, '/');
    return slash && snprintf(out, size, "%.*s%s", (int)(slash - exe), exe, below) < (int)size;
}
