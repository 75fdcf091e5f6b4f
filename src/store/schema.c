/* schema.c - the tables, as steps. A step that was released is never edited: a change is a new
 * step. */
#include "store/db.h"

/* Measured with 2 million rows of 10,000 clients: the last 200 of a client from a cold cache take
 * 0.8 ms where the rows lie by client (20 ms with an index and a row looked up for each), for 0.7
 * times the rows a second. Images are read by seq alone, so they lie apart, in the order they come,
 * and do not thin out the lines.
 *
 * span: which seqs were given out in ten minutes of wall time. Times may step back, seq never does,
 * so a time is only ever a hint where in seq to look. */
static const char step_1[] =
    "CREATE TABLE meta(id INTEGER PRIMARY KEY CHECK(id=1), seq INTEGER NOT NULL DEFAULT 0,"
    " as_of INTEGER NOT NULL DEFAULT 0, connected INTEGER NOT NULL DEFAULT 0,"
    " outage INTEGER NOT NULL DEFAULT 0);"
    "INSERT INTO meta(id) VALUES(1);"
    "CREATE TABLE client(id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE,"
    " spelling TEXT NOT NULL DEFAULT '', state TEXT NOT NULL DEFAULT 'unknown',"
    " hostname TEXT NOT NULL DEFAULT '', ip TEXT NOT NULL DEFAULT '',"
    " version TEXT NOT NULL DEFAULT '', process TEXT NOT NULL DEFAULT '',"
    " process_status TEXT NOT NULL DEFAULT '', group_id TEXT NOT NULL DEFAULT '', pid INTEGER,"
    " current_event_id INTEGER, expected_event_id INTEGER, reconnect_count INTEGER,"
    " first_seen_at INTEGER, last_heartbeat_at INTEGER, last_health_at INTEGER,"
    " last_disconnect_at INTEGER, state_since_at INTEGER,"
    " broker_reachable INTEGER NOT NULL DEFAULT -1, failed INTEGER NOT NULL DEFAULT 0,"
    " crashed INTEGER NOT NULL DEFAULT 0, silent INTEGER NOT NULL DEFAULT 0,"
    " failed_unit TEXT NOT NULL DEFAULT '', failed_at TEXT NOT NULL DEFAULT '');"
    "CREATE TABLE alarm(id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL,"
    " priority TEXT NOT NULL, subject TEXT NOT NULL, client INTEGER, group_id TEXT NOT NULL,"
    " raised_at INTEGER, cleared_at INTEGER, acknowledged_at INTEGER, shelved_until INTEGER,"
    " acknowledged_by TEXT NOT NULL, suppressed_by TEXT NOT NULL, occurrences INTEGER NOT NULL,"
    " summary TEXT NOT NULL, note TEXT NOT NULL, mark TEXT NOT NULL, payload_sha TEXT NOT NULL,"
    " active INTEGER NOT NULL, payload BLOB) WITHOUT ROWID;"
    "CREATE INDEX alarm_raised ON alarm(raised_at);"
    "CREATE INDEX alarm_standing ON alarm(raised_at) WHERE state<>'normal';"
    "CREATE INDEX alarm_client ON alarm(client) WHERE state<>'normal' AND state<>'suppressed';"
    "CREATE INDEX alarm_over ON alarm(coalesce(cleared_at,raised_at,0)) WHERE state='normal';"
    "CREATE TABLE command(command_id TEXT NOT NULL PRIMARY KEY, client INTEGER,"
    " action TEXT NOT NULL, action_text TEXT NOT NULL, status TEXT NOT NULL,"
    " rank INTEGER NOT NULL, requested_by TEXT NOT NULL, reason TEXT NOT NULL,"
    " error_code TEXT NOT NULL, error_message TEXT NOT NULL, rollout_id TEXT NOT NULL,"
    " issued_at INTEGER, expires_at INTEGER, published_at INTEGER, accepted_at INTEGER,"
    " execution_started_at INTEGER, finished_at INTEGER, allowed_at INTEGER,"
    " late INTEGER NOT NULL, foreign_origin INTEGER NOT NULL);"
    "CREATE INDEX command_client ON command(client,issued_at);"
    "CREATE INDEX command_issued ON command(issued_at);"
    "CREATE INDEX command_active ON command(issued_at)"
    " WHERE status IN('queued','published','accepted','execution_started');"
    "CREATE INDEX command_busy ON command(client)"
    " WHERE status IN('queued','published','accepted','execution_started');"
    "CREATE TABLE command_ack(command_id TEXT NOT NULL, status TEXT NOT NULL,"
    " topic INTEGER NOT NULL, received_at INTEGER, PRIMARY KEY(command_id,status,topic))"
    " WITHOUT ROWID;"
    "CREATE TABLE word(id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE);"
    "CREATE TABLE event(client INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, alarm_id TEXT, command_id TEXT, by TEXT, summary TEXT,"
    " PRIMARY KEY(client,seq)) WITHOUT ROWID;"
    "CREATE INDEX event_seq ON event(seq);"
    "CREATE INDEX event_kind ON event(kind,seq);"
    "CREATE TABLE image(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, bytes BLOB NOT NULL);"
    "CREATE TABLE span(slot INTEGER PRIMARY KEY, first_seq INTEGER NOT NULL,"
    " last_seq INTEGER NOT NULL);"
    "CREATE TABLE snapshot(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, seq INTEGER NOT NULL,"
    " complete INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE snapshot_image(snapshot INTEGER NOT NULL, n INTEGER NOT NULL,"
    " bytes BLOB NOT NULL, PRIMARY KEY(snapshot,n)) WITHOUT ROWID;"
    "CREATE TABLE log(id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL,"
    " client INTEGER NOT NULL, level TEXT NOT NULL, message TEXT NOT NULL);"
    "CREATE INDEX log_at ON log(at);"
    "CREATE INDEX log_client ON log(client,at);"
    "CREATE INDEX log_level ON log(level,at);"
    "CREATE TABLE outbox(token INTEGER PRIMARY KEY, topic TEXT NOT NULL, payload BLOB,"
    " retain INTEGER NOT NULL, expires_at INTEGER, alarm_id TEXT, sha TEXT,"
    " created_at INTEGER NOT NULL, owner INTEGER NOT NULL);";

/* When a command's row was first written, by our own clock. issued_at is what another console's
 * clock says, or nothing where only its acks were heard: neither what is old nor the order may hang
 * on it. */
static const char step_2[] =
    "ALTER TABLE command ADD COLUMN stored_at INTEGER;"
    "UPDATE command SET stored_at=coalesce(CASE WHEN foreign_origin=0 THEN issued_at END,"
    " published_at,accepted_at,execution_started_at,finished_at,"
    " CAST(strftime('%s','now') AS INTEGER)*1000);"
    "DROP INDEX command_client; DROP INDEX command_issued; DROP INDEX command_active;"
    "CREATE INDEX command_client ON command(client,stored_at);"
    "CREATE INDEX command_stored ON command(stored_at);"
    "CREATE INDEX command_active ON command(stored_at)"
    " WHERE status IN('queued','published','accepted','execution_started');";

/* What is overdue is looked for every second. */
static const char step_3[] =
    "CREATE INDEX command_due ON command(expires_at)"
    " WHERE status IN('queued','published','accepted','execution_started');";

/* `changed` counts all writes to the table: what is new to another process. `owner` drives it; a
 * member's end is its command's. */
static const char step_4[] =
    "CREATE TABLE rollout(rollout_id TEXT NOT NULL PRIMARY KEY, action TEXT NOT NULL,"
    " state TEXT NOT NULL, rank INTEGER NOT NULL, requested_by TEXT NOT NULL,"
    " stopped_by TEXT NOT NULL, reason TEXT NOT NULL, began_at INTEGER NOT NULL,"
    " active_at INTEGER NOT NULL, ended_at INTEGER, expires INTEGER NOT NULL,"
    " parallel INTEGER NOT NULL, canary INTEGER NOT NULL, max_failures INTEGER NOT NULL,"
    " override_lockout INTEGER NOT NULL, owner INTEGER NOT NULL,"
    " changed INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX rollout_changed ON rollout(changed);"
    "CREATE INDEX rollout_began ON rollout(began_at);"
    "CREATE INDEX rollout_active ON rollout(began_at) WHERE state IN('running','stopping');"
    "CREATE TABLE rollout_member(rollout_id TEXT NOT NULL, place INTEGER NOT NULL,"
    " command_id TEXT NOT NULL, client TEXT NOT NULL, PRIMARY KEY(rollout_id,place))"
    " WITHOUT ROWID;"
    "CREATE INDEX command_rollout ON command(rollout_id,stored_at) WHERE rollout_id<>'';";

/* Last-seen times are most of what is written: in rows of their own, by number, they cost a third of
 * what rewriting the client's row did. */
static const char step_5[] =
    "CREATE TABLE life(client INTEGER PRIMARY KEY, last_heartbeat_at INTEGER,"
    " last_health_at INTEGER);"
    "INSERT INTO life SELECT id,last_heartbeat_at,last_health_at FROM client"
    " WHERE coalesce(last_heartbeat_at,last_health_at) IS NOT NULL;"
    "ALTER TABLE client DROP COLUMN last_heartbeat_at;"
    "ALTER TABLE client DROP COLUMN last_health_at;";

const struct db_step db_steps[] = {{step_1}, {step_2}, {step_3}, {step_4}, {step_5}};
const int db_version = sizeof db_steps / sizeof *db_steps;
