/* For laws about accepting: bursts of clients over loopback, and AcceptEx operations that stay
 * outstanding. Clients close by RST, so that no port stays in TIME_WAIT. */
#ifndef IOMODELS_SHARED_ACCEPTS_H
#define IOMODELS_SHARED_ACCEPTS_H

#include "laws/law.h"

enum { ACCEPTS_DATA = 64, ACCEPTS_ADDRESS = sizeof(struct sockaddr_in) + 16 };

/* Listens on a port of loopback, with this backlog, and stores the address. */
SOCKET accepts_listen(int backlog, struct sockaddr_in *address);

/* Connects blocking sockets, without waiting for any accept. Each sends `bytes` bytes. */
void clients_connect(SOCKET *clients, int count, const struct sockaddr_in *address, int bytes);

/* Receives exactly `bytes` bytes on a blocking socket. */
void clients_receive(SOCKET, int bytes);

/* Starts to connect non-blocking sockets. Returns how many have a connection after
 * `patience_ms`. */
uint32_t clients_storm(SOCKET *clients, int count, const struct sockaddr_in *address,
                       uint32_t patience_ms);

/* Closes by RST. */
void sockets_drop(SOCKET *sockets, int count);

/* One AcceptEx. Windows owns all of it until its packet, so it lives until the process ends. */
struct accept_operation {
    OVERLAPPED overlapped;
    SOCKET socket;
    char buffer[ACCEPTS_DATA + 2 * ACCEPTS_ADDRESS];
};

struct accepts {
    SOCKET listener;
    struct sockaddr_in address;
    HANDLE port;
    uint32_t bytes;          /* of data that AcceptEx waits for; 0: it waits for none */
    uint32_t posted, pended; /* AcceptEx operations; those that returned without a client */
};

/* Listens and keeps `depth` AcceptEx operations outstanding. */
void accepts_open(struct accepts *, int backlog, uint32_t depth, uint32_t bytes);

/* Starts the AcceptEx again whose packet has come, and returns the socket of its client. */
SOCKET accepts_renew(struct accepts *, OVERLAPPED *);

/* Waits for one client, starts the next AcceptEx, and returns the client's socket. */
SOCKET accepts_next(struct accepts *);

#endif
