/* log.c - one line a call, to stderr or into a bounded ring while the screen owns the terminal. */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_LINES 200
#define LINE_SIZE  512

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static enum log_level least = LOG_INFO_;
static bool in_memory;
static char (*kept)[LINE_SIZE];
static unsigned kept_count; /* ever written; the last KEPT_LINES are there */

/* journald tells by JOURNAL_STREAM=device:inode that our stderr is its socket; then it reads priorities. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;

    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &st) == 0 && st.st_dev == (dev_t)device &&
           st.st_ino == (ino_t)inode;
}

void log_to_stderr(void)
{
    pthread_mutex_lock(&mutex);
    in_memory = false;
    pthread_mutex_unlock(&mutex);
}

void log_to_memory(void)
{
    pthread_mutex_lock(&mutex);
    if (!kept)
        kept = calloc(KEPT_LINES, sizeof *kept);
    in_memory = kept != NULL;
    pthread_mutex_unlock(&mutex);
}

void log_dump_stderr(void)
{
    pthread_mutex_lock(&mutex);
    const unsigned from = kept_count > KEPT_LINES ? kept_count - KEPT_LINES : 0;
    for (unsigned i = from; kept && i < kept_count; i++)
        fprintf(stderr, "%s\n", kept[i % KEPT_LINES]);
    pthread_mutex_unlock(&mutex);
}

void log_set_level(enum log_level wanted)
{
    least = wanted;
}

void log_write(enum log_level level, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list args;

    if (level > least)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    pthread_mutex_lock(&mutex);
    if (in_memory)
        memcpy(kept[kept_count++ % KEPT_LINES], line, sizeof line);
    else if (stderr_is_journal())
        fprintf(stderr, "<%d>%s\n", (int)level, line);
    else
        fprintf(stderr, "%s\n", line);
    pthread_mutex_unlock(&mutex);
}
