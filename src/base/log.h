/* log.h - the program's own log. Under systemd with <n> prefixes on stderr; in the console into a
 * file or a bounded ring in memory, since stderr is its screen. Thread-safe. One line a call;
 * foreign text must be cleaned before (%s of struct text only). */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_ERROR_ = 3, LOG_WARN_ = 4, LOG_INFO_ = 6, LOG_DEBUG_ = 7 };

void log_to_stderr(void);   /* the default */
void log_to_memory(void);   /* keeps the last 200 lines; log_dump() prints them */
void log_dump_stderr(void);
void log_set_level(enum log_level least);
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_write(LOG_ERROR_, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN_, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO_, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG_, __VA_ARGS__)

#endif
