/* Two sockets whose blocking receives have a deadline. */
#ifndef IOMODELS_LAW_STREAM_H
#define IOMODELS_LAW_STREAM_H

#include "laws/law.h"

/* Connects them over loopback. */
void stream_pair(SOCKET pair[2]);
void stream_close(SOCKET pair[2]);

/* Receives exactly `count` bytes: a receive may return any part of them. */
void stream_receive(SOCKET, char *bytes, uint32_t count);

#endif
