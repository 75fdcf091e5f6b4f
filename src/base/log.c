#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINES          200
#define LINE_MAX_BYTES 512

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum log_level least_urgent = LOG_INFO_;
static enum { TO_UNKNOWN, TO_STDERR, TO_JOURNAL, TO_MEMORY } target;
static struct {
    enum log_level level;
    char text[LINE_MAX_BYTES];
} kept[LINES];
static unsigned long kept_count;

/* systemd sets JOURNAL_STREAM=device:inode of the stream that it gave us; a child of ours with
 * another stderr inherits the variable, so the numbers decide. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    char ours[64];

    if (!stream || fstat(STDERR_FILENO, &st) != 0)
        return false;
    snprintf(ours, sizeof(ours), "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    return strcmp(stream, ours) == 0;
}

/* One write() a line, so that lines of several threads and processes don't mix. */
static void line_out(enum log_level level, const char *text)
{
    char line[LINE_MAX_BYTES + 32];
    int n;
    ssize_t done;

    if (target == TO_JOURNAL)
        n = snprintf(line, sizeof(line), "<%d>%s\n", (int)level, text);
    else
        n = snprintf(line, sizeof(line), "infoscreen-tui: %s\n", text);
    if (n <= 0)
        return;
    done = write(STDERR_FILENO, line, (size_t)n);
    (void)done; /* a log that cannot be written has nobody to tell */
}

static void choose_stderr(void)
{
    target = stderr_is_journal() ? TO_JOURNAL : TO_STDERR;
}

void log_to_stderr(void)
{
    pthread_mutex_lock(&lock);
    choose_stderr();
    pthread_mutex_unlock(&lock);
}

void log_to_memory(void)
{
    pthread_mutex_lock(&lock);
    target = TO_MEMORY;
    pthread_mutex_unlock(&lock);
}

void log_dump_stderr(void)
{
    unsigned long from;

    pthread_mutex_lock(&lock);
    from = kept_count > LINES ? kept_count - LINES : 0;
    if (target != TO_JOURNAL)
        choose_stderr();
    for (unsigned long i = from; i < kept_count; i++)
        line_out(kept[i % LINES].level, kept[i % LINES].text);
    kept_count = 0;
    pthread_mutex_unlock(&lock);
}

void log_set_level(enum log_level least)
{
    pthread_mutex_lock(&lock);
    least_urgent = least;
    pthread_mutex_unlock(&lock);
}

/* One line a call: whatever came in through the arguments cannot begin a second one or speak to the
 * terminal. */
static void flatten(char *s)
{
    for (; *s; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = ' ';
    }
}

void log_write(enum log_level level, const char *format, ...)
{
    char text[LINE_MAX_BYTES];
    va_list args;

    va_start(args, format);
    if (vsnprintf(text, sizeof(text), format, args) < 0)
        text[0] = '\0';
    va_end(args);
    flatten(text);
    pthread_mutex_lock(&lock);
    if (level <= least_urgent) {
        if (target == TO_UNKNOWN)
            choose_stderr();
        if (target == TO_MEMORY) {
            kept[kept_count % LINES].level = level;
            memcpy(kept[kept_count % LINES].text, text, sizeof(text));
            kept_count++;
        } else {
            line_out(level, text);
        }
    }
    pthread_mutex_unlock(&lock);
}
