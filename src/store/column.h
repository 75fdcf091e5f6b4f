/* column.h - the nouns of the model as columns: one table each, from which every INSERT and SELECT is made.
 * Within the room. */
#ifndef STORE_COLUMN_H
#define STORE_COLUMN_H

#include <sqlite3.h>
#include <stddef.h>

#include "base/buf.h"
#include "core/model.h"

enum column_type {
    COL_UID,     /* lower-case text */
    COL_CLIENT,  /* struct uid here, the client table's number there; zero: NULL */
    COL_ASCII,   /* char[]: printable ASCII of our own (ids, digests, spellings) */
    COL_TEXT,    /* struct textN; cleaned again when read */
    COL_NUMBER,  /* int64_t; INT64_MIN: NULL */
    COL_INT,     /* int32_t */
    COL_FLAG,
    COL_TRISTATE,
    COL_WORD,    /* an enum, by its word: stable whatever is inserted into the enum */
    COL_RANK,    /* of a status or state that never goes backwards; not read */
    COL_SENTENCE /* struct words, packed */
};

/* What stands when the row is there already. */
enum column_merge {
    MERGE_NEW,
    MERGE_KEY,    /* never changed */
    MERGE_RANK,   /* follows the higher rank: a status never goes backwards */
    MERGE_FILLED, /* the new one unless it is empty */
    MERGE_KNOWN,  /* the new one unless it is NULL */
    MERGE_FIRST,  /* the old one unless it is NULL */
    MERGE_EVER,   /* once true, always true; of times the later one */
    MERGE_ALWAYS, /* once false, always false */
};

struct column {
    const char *name;
    enum column_type type;
    enum column_merge merge;
    size_t offset, size;
    const struct vocabulary *words; /* COL_WORD */
    int word_count;
    const int *ranks; /* COL_RANK: fixed numbers, they lie in databases */
    const char *apart; /* the joined table that holds it; NULL: the noun's own */
};

struct columns {
    const char *table, *key;
    const char *from; /* the table, joined with what lies apart */
    const struct column *list;
    int count;
};
extern const struct columns client_columns, alarm_columns, command_columns, rollout_columns;

/* "a,b,c" of one table; a client's number becomes its uuid. */
bool columns_select(const struct columns *c, struct buf *out);
/* INSERT … ON CONFLICT(key) DO UPDATE … of the noun's own columns; extra: one more column, bound last by the caller (NULL: none). */
bool columns_upsert(const struct columns *c, const char *extra, enum column_merge merge,
                    struct buf *out);
/* Binds the parameters of that statement. client_number is for COL_CLIENT (0: NULL). */
int columns_bind(const struct columns *c, sqlite3_stmt *q, const void *row, int64_t client_number);
/* Reads columns 0…count-1 into row, which the caller zeroed. */
void columns_read(const struct columns *c, sqlite3_stmt *q, void *row);

int column_bind_uid(sqlite3_stmt *q, int i, const struct uid *u);
void column_read_uid(sqlite3_stmt *q, int i, struct uid *u);
void column_read_ascii(sqlite3_stmt *q, int i, char *to, size_t size);
void column_read_text(sqlite3_stmt *q, int i, char *to, size_t size);
int64_t column_read_number(sqlite3_stmt *q, int i);
int column_bind_number(sqlite3_stmt *q, int i, int64_t v);

#endif
