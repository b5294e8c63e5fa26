/* A backend moves the bytes of one thread's clients: net_epoll.c on Linux, net_iocp.c on Windows.
 *
 *     net = net_open(count, polls, &error);
 *     net_connect(net, &client, route, …)     for each client
 *     net_run(net, deadline)                  repeatedly: resumes where it stopped
 *     net_close(net); */
#ifndef IOMODELS_NET_H
#define IOMODELS_NET_H

#include "common/sockets.h"
#include "loadgen/client.h"

struct net;

/* A polling net looks for events without a pause if its next send is due this soon. The kernel may
 * wake a sleeping thread late, and a hypervisor may deschedule an idle CPU for milliseconds. */
enum { NET_POLL_NS = 1000000 };

extern const char *const net_name; /* "epoll" or "iocp" */

/* Opens a net for `count` clients; see NET_POLL_NS for `polls`. NULL: `error` holds the system's
 * error code. */
struct net *net_open(size_t count, bool polls, int *error);
void net_close(struct net *); /* closes the connections */

/* Connects a client within `timeout_ms`. Returns false with the platform's error code in `error`.
 * `client` and `route` must outlive the net. */
bool net_connect(struct net *, struct client *client, const struct sockets_route *route,
                 uint32_t timeout_ms, int *error);

/* Returns the backend's memory per connection, without the client itself. */
size_t net_connection_bytes(const struct load *);

/* Sends what is due, receives, and reconnects used-up connections, until `deadline_ns` or until no
 * client waits for anything. A failed connection gets client->error and is left alone. */
void net_run(struct net *, uint64_t deadline_ns);

#endif
