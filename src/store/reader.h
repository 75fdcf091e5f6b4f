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

#endif
