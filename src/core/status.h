/* status.h - what the link and the store tell of themselves, as plain data for the screen. */
#ifndef CORE_STATUS_H
#define CORE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/words.h"

enum link_phase { LINK_CONNECTING, LINK_UP, LINK_WAITING /* for the next try */, LINK_STOPPED };

struct link_status {
    enum link_phase phase;
    struct text96 host;      /* "ops-broker:8883" of the try or the connection */
    bool tls;
    int protocol;            /* 5 or 4 (3.1.1); 0 unknown */
    int64_t next_try_mono;   /* LINK_WAITING */
    bool journal_up;
    bool session_present;    /* of journal's last CONNACK */
    bool snapshot_cut;       /* "raise max_queued_messages" */
    uint64_t received;       /* messages since start */
    uint64_t stalls;         /* how often the inbox was full and reading stopped */
};

enum store_phase { STORE_OK, STORE_FULL, STORE_LOCKED, STORE_FAILING, STORE_REPLACED /* damaged: set aside */ };

struct store_status {
    enum store_phase phase;
    struct words why;
    bool recorder;           /* this process holds the role */
    bool other_recorder;     /* another one does */
    uint64_t lost;           /* history rows that found no room */
    int64_t durable_at;      /* wall time of the last commit */
};

#endif
