/* timefmt.h - times and durations as text. All times are milliseconds; wall times since the epoch,
 * UTC. TIME_NONE stands for "never" / null. */
#ifndef BASE_TIMEFMT_H
#define BASE_TIMEFMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIME_NONE INT64_MIN
#define ISO_SIZE 32 /* bytes that any time here needs, NUL included */

/* "2026-04-05T08:00:00.000Z". Out of the years 0..9999 (or TIME_NONE): "". */
void time_iso(int64_t wall_ms, char out[ISO_SIZE]);
/* ISO 8601 with optional fraction and Z, ±hh:mm or ±hhmm (none: UTC). Refuses 30 February. */
bool time_parse_iso(const char *s, size_t n, int64_t *wall_ms);
/* What --since takes: ISO 8601, "2026-04-05 08:00" (local), "03:12" (when it last was that late),
 * "today", "yesterday", or a duration before now. */
bool time_parse_when(const char *s, int64_t now_wall_ms, int64_t *wall_ms);
/* "90s" "15m" "2h" "7d" "0" (also "500ms"); "0s" is 0. No sign, no blank; a thousand
 * years at most. */
bool duration_parse(const char *s, int64_t *ms);
void duration_format(int64_t ms, char out[ISO_SIZE]); /* the shortest such text */
/* Ages for people, as coarse as they are useful: "0:04" "3m12s" "2h05m" "3d4h". */
void age_format(int64_t ms, char out[ISO_SIZE]);
/* Local clock time "14:03:27"; with the day where it isn't today ("04-04 10:30"). */
void time_local(int64_t wall_ms, int64_t now_wall_ms, char out[ISO_SIZE]);
/* For what is read elsewhere, on another day: "2026-04-05 14:03:27", local. */
void time_local_whole(int64_t wall_ms, char out[ISO_SIZE]);

/* Local time minus UTC then, in seconds. */
int32_t time_zone_s(int64_t wall_ms);

int64_t clock_mono_ms(void); /* CLOCK_BOOTTIME: runs through suspend */
int64_t clock_wall_ms(void);

#endif
