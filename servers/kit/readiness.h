/* The common part of all readiness models: for a ready socket, they make one non-blocking call.
 * They send a reply immediately, without asking whether the socket is writable. Only the bytes that
 * the socket did not take wait until it is writable. */
#ifndef IOMODELS_READINESS_H
#define IOMODELS_READINESS_H

#include "server.h"

/* Makes one receive, if the session needs it. */
static inline enum session_next readiness_receive(struct connection *connection,
                                                  struct stats *stats) {
    struct span space = session_space(&connection->session);
    int received = recv(connection->socket, space.data, (int)space.length, 0);
    if (received >= 0)
        return session_received(&connection->session, (uint32_t)received, stats);
    DWORD error = (DWORD)WSAGetLastError();
    if (error == WSAEWOULDBLOCK) /* not ready after all: wait again */
        return SESSION_RECEIVE;
    server_lost(error, stats);
    return SESSION_CLOSE;
}

/* Makes one send. A long reply gets one per pass, so that it does not delay other clients. */
static inline enum session_next readiness_send(struct connection *connection, struct stats *stats) {
    struct span output = session_output(&connection->session);
    int sent = send(connection->socket, output.data, (int)output.length, 0);
    if (sent >= 0)
        return session_sent(&connection->session, (uint32_t)sent, stats);
    DWORD error = (DWORD)WSAGetLastError();
    if (error == WSAEWOULDBLOCK)
        return SESSION_SEND;
    server_lost(error, stats);
    return SESSION_CLOSE;
}

/* Serves a connection that is ready for `waiting_for`. Returns what it waits for next. */
static inline enum session_next
readiness_serve(struct connection *connection, enum session_next waiting_for, struct stats *stats) {
    enum session_next next = waiting_for;
    if (next == SESSION_RECEIVE)
        next = readiness_receive(connection, stats);
    if (next == SESSION_SEND)
        next = readiness_send(connection, stats);
    return next;
}

#endif
