/* checks.h - what doctor and broker check print: findings, and the verdict over all. */
#ifndef CLI_CHECKS_H
#define CLI_CHECKS_H

#include "broker/audit.h"
#include "cli/call.h"

/* Prints all; e and the exit code say whether something is wrong. */
int checks_report(struct call *call, const struct audit *a, struct err *e);
/* Audits dir (may be NULL) and the broker that runs on it or that the connection options name, with
 * the password that the call has if it may publish. False: e says what kept it. */
bool checks_audit(struct call *call, struct audit *a, const char *dir, const char *device,
                  bool publishes, struct err *e);

#endif
