/* mqtt_failure.h - why a connection failed, from a code; MQTT_FAIL_OTHER for what is in no table. */
#ifndef BROKER_MQTT_FAILURE_H
#define BROKER_MQTT_FAILURE_H

#include "broker/mqtt.h"

enum mqtt_failure mqtt_failure_of_errno(int error);
enum mqtt_failure mqtt_failure_of_library(int rc); /* MOSQ_ERR_*, but not MOSQ_ERR_ERRNO */
/* Of a CONNACK or DISCONNECT: MQTT 5's reason codes from 0x80 on, below them MQTT 3.1.1's. */
enum mqtt_failure mqtt_failure_of_reason(int rc);

#endif
