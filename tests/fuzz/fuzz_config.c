/* Any configuration file, through the reader and into every key. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/ini.h"
#include "core/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool set(void *user, const char *section, const char *key, const char *value, int line,
                struct err *e)
{
    char name[512];

    (void)line;
    snprintf(name, sizeof(name), "%s.%s", section, key);
    return config_set(user, name, value, e);
}

/* What was taken reads back, and what reads back is taken again. */
static void check(const struct config *config)
{
    struct config again = *config;
    unsigned count;
    const struct config_key *keys = config_keys(&count);
    struct err e;

    for (unsigned i = 0; i < count; i++) {
        char value[1024];
        config_get(config, &keys[i], value, sizeof(value));
        if (value[0] && !config_set(&again, keys[i].name, value, &e))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config;
    struct err e = {.text = ""};
    char path[64];
    const int fd = memfd_create("config", 0);

    config_init(&config);
    if (fd < 0)
        return 0;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (write(fd, data, size) == (ssize_t)size && !ini_read(path, set, &config, &e) && !e.text[0])
        abort(); /* refused without a word */
    close(fd);
    check(&config);
    return 0;
}
