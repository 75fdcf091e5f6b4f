/* reader.h - what the files of the reading side share. */
#ifndef STORE_READER_H
#define STORE_READER_H

#include <sqlite3.h>

#include "base/buf.h"
#include "store/read.h"

struct reader {
    sqlite3 *db;
    char *path;
};

/* Prepares what sql holds and empties it; NULL: e says why. */
sqlite3_stmt *reader_prepare(struct reader *r, struct buf *sql, struct err *e);
/* Ends a statement; rc is its last result. False: e says what broke. */
bool reader_finish(struct reader *r, sqlite3_stmt *q, int rc, struct err *e);
/* The client table's number, 0: not known. */
int64_t reader_client_number(struct reader *r, const struct uid *id);
/* A line of the history, read from READER_EVENT_COLUMNS. */
#define READER_EVENT_COLUMNS                                                                       \
    "seq,at,(SELECT word FROM word WHERE id=kind),(SELECT uuid FROM client WHERE id=event.client)," \
    "alarm_id,command_id,by,summary"
const char *reader_read_event(sqlite3_stmt *q, struct history_event *ev); /* its packed summary */
/* The first seq that may be as young as that; INT64_MAX: none is. */
int64_t reader_seq_since(struct reader *r, int64_t at);
/* "3,17,4": the numbers of these kinds, for IN (). */
bool reader_kind_numbers(struct reader *r, const bool wanted[EVENT_KINDS], struct buf *out);

#endif
