/* commands.h - the run functions of the subcommands. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/call.h"
#include "cli/listing.h"

int run_console(struct call *call, struct err *e);
int run_demo(struct call *call, struct err *e);
int run_record(struct call *call, struct err *e);
int run_clients(struct call *call, struct err *e);
int run_alarms(struct call *call, struct err *e);
int run_ack(struct call *call, struct err *e);
int run_shelve(struct call *call, struct err *e);
int run_unshelve(struct call *call, struct err *e);
int run_commands(struct call *call, struct err *e);
int run_cancel(struct call *call, struct err *e);
int run_send(struct call *call, struct err *e);
int run_history(struct call *call, struct err *e);
int run_logs(struct call *call, struct err *e);
int run_incident(struct call *call, struct err *e);
int run_doctor(struct call *call, struct err *e);
int run_broker_init(struct call *call, struct err *e);
int run_broker_add(struct call *call, struct err *e);
int run_broker_remove(struct call *call, struct err *e);
int run_broker_rotate(struct call *call, struct err *e);
int run_broker_list(struct call *call, struct err *e);
int run_broker_check(struct call *call, struct err *e);
int run_complete(struct call *call, struct err *e);

/* --dir; NULL: e says that it is missing. */
const char *broker_directory(const struct call *call, struct err *e);
/* Prints rows of `size` bytes that lie one after the other. */
int print_rows(const struct call *call, const struct listing *l, const struct dataset *d,
               const void *first, size_t n, size_t size, struct err *e);
int print_metrics(const struct call *call, struct dataset *d, struct err *e);

#endif
