/*
 * A backend: moves the bytes of one thread's clients. net_epoll.c on Linux, net_iocp.c on Windows; a program
 * has one.
 *
 *     net = net_open(count, polls, &error);
 *     net_connect(net, &client, route, …)     for each client
 *     net_run(net, deadline)                  as often as wanted: goes on where it stopped
 *     net_close(net);
 */
#ifndef IOMODELS_NET_H
#define IOMODELS_NET_H

#include "common/sockets.h"
#include "loadgen/client.h"

struct net;

/* A net that polls looks for events without a pause once its next send is this close: a thread that sleeps is
   woken when the system sees fit, and a virtual processor that idles is often given away for milliseconds. */
enum { NET_POLL_NS = 1000000 };

extern const char *const net_name; /* "epoll", "iocp" */

/* Room for `count` clients. `polls`: see NET_POLL_NS. NULL: `error` holds the system's code. */
struct net *net_open(size_t count, bool polls, int *error);
void net_close(struct net *); /* closes the connections */

/* Connects a client within `timeout_ms`; false: `error` holds the system's code. `client` and `route` must
 * outlive the net. */
bool net_connect(struct net *, struct client *client, const struct sockets_route *route,
                 uint32_t timeout_ms, int *error);

/* Memory that a connection costs a backend, without the client itself. */
size_t net_connection_bytes(const struct load *);

/* Sends what the clients have to send, when it is due, receives, and renews connections that are used up,
   until clock_now_ns() is `deadline_ns` or until no client waits for anything. A connection that fails gets
   client->error and is left alone. */
void net_run(struct net *, uint64_t deadline_ns);

#endif
