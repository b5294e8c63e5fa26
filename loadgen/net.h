/*
 * A backend: moves the bytes of one thread's clients. net_epoll.c on Linux, net_iocp.c on Windows; a program
 * has one.
 *
 *     net = net_open(count);
 *     net_connect(net, &client, address, …)     for each client
 *     net_run(net, &recorder, deadline)         as often as wanted: goes on where it stopped
 *     net_close(net);
 */
#ifndef IOMODELS_NET_H
#define IOMODELS_NET_H

#include "common/sockets.h"
#include "loadgen/client.h"

struct net;

extern const char *const net_name; /* "epoll", "iocp" */

/* Room for `count` clients. NULL: `error` holds the system's code. */
struct net *net_open(size_t count, int *error);
void net_close(struct net *); /* closes the connections */

/* Connects a client within `timeout_ms`; false: `error` holds the system's code. `client` must outlive the
 * net. */
bool net_connect(struct net *, struct client *client, const struct sockaddr_in *, uint32_t timeout_ms,
                 int *error);

/* Sends what the clients have to send and receives, until clock_now_ns() is `deadline_ns` or until no client
   waits for a reply. A connection that fails gets client->error and is left alone. */
void net_run(struct net *, struct recorder *, uint64_t deadline_ns);

#endif
