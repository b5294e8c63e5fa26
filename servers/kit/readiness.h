/*
 * What all readiness models have in common by definition: once told that a socket is ready, they make one
 * non-blocking call that cannot make them wait. A reply is sent at once, without asking whether the socket is
 * writable; only what the socket did not take waits for writability.
 */
#ifndef IOMODELS_READINESS_H
#define IOMODELS_READINESS_H

#include "server.h"

/* One receive, if that is what the session is after. */
static inline enum session_next readiness_receive(struct connection *connection,
                                                  struct stats *stats) {
    struct span space = session_space(&connection->session);
    int received = recv(connection->socket, space.data, (int)space.length, 0);
    if (received >= 0)
        return session_received(&connection->session, (uint32_t)received, stats);
    DWORD error = (DWORD)WSAGetLastError();
    if (error == WSAEWOULDBLOCK) /* told too early: the socket is asked again */
        return SESSION_RECEIVE;
    server_lost(error, stats);
    return SESSION_CLOSE;
}

/* One send. A long reply gets one per turn, so that it cannot keep the others waiting. */
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

/* The turn of a connection that is ready for what it waits for. Returns what it waits for next. */
static inline enum session_next readiness_turn(struct connection *connection,
                                               enum session_next waiting_for, struct stats *stats) {
    enum session_next next = waiting_for;
    if (next == SESSION_RECEIVE)
        next = readiness_receive(connection, stats);
    if (next == SESSION_SEND)
        next = readiness_send(connection, stats);
    return next;
}

#endif
