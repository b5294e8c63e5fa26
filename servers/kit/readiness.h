/* The common part of all readiness models: for a ready socket, they make one non-blocking call.
 * They send a reply immediately, without asking whether the socket is writable. Only the bytes that
 * the socket did not take wait until it is writable. */
#ifndef IOMODELS_READINESS_H
#define IOMODELS_READINESS_H

#include "server.h"

/* Returns the next client's socket, or SOCKET_NONE if none waits. Sets `starved` if handles or
 * memory are short: the listener then stays ready, but the next accept would fail, too. */
static inline socket_handle readiness_accept(const struct server *server, bool *starved,
                                             struct stats *stats) {
    for (;;) {
        socket_handle socket = accept(server->listener, NULL, NULL);
        if (socket != SOCKET_NONE) {
#ifndef _WIN32 /* Winsock passes it on from the listener; Linux does not */
            sockets_unblock(socket);
#endif
            return socket;
        }
        int error = sockets_last_error();
        bool blocked = sockets_would_block(error);
        *starved = !blocked && !server_not_accepted((system_error)error, stats);
        if (*starved || blocked)
            return SOCKET_NONE;
    }
}

/* Makes one receive. `blocked` says whether it found nothing. */
static inline enum session_next readiness_receive(struct connection *connection, bool *blocked,
                                                  struct stats *stats) {
    struct span space = session_space(&connection->session);
    int received = (int)recv(connection->socket, space.data, (socket_length)space.length, 0);
    int error = received >= 0 ? 0 : sockets_last_error();
    *blocked = sockets_would_block(error); /* not ready after all: wait again */
    if (received >= 0)
        return session_received(&connection->session, (uint32_t)received, stats);
    if (*blocked)
        return SESSION_RECEIVE;
    server_lost((system_error)error, stats);
    return SESSION_CLOSE;
}

/* Makes one send. A long reply gets one per pass, so that it does not delay other clients. */
static inline enum session_next readiness_send(struct connection *connection, bool *blocked,
                                               struct stats *stats) {
    struct span output = session_output(&connection->session);
    int sent = (int)send(connection->socket, output.data, (socket_length)output.length, 0);
    int error = sent >= 0 ? 0 : sockets_last_error();
    *blocked = sockets_would_block(error);
    if (sent >= 0)
        return session_sent(&connection->session, (uint32_t)sent, stats);
    if (*blocked)
        return SESSION_SEND;
    server_lost((system_error)error, stats);
    return SESSION_CLOSE;
}

/* Serves a connection that is ready for `waiting_for`. Returns what it waits for next, and in
 * `blocked` whether its last call found nothing or no room. */
static inline enum session_next readiness_step(struct connection *connection,
                                               enum session_next waiting_for, bool *blocked,
                                               struct stats *stats) {
    enum session_next next = waiting_for;
    if (next == SESSION_RECEIVE)
        next = readiness_receive(connection, blocked, stats);
    if (next == SESSION_SEND)
        next = readiness_send(connection, blocked, stats);
    return next;
}

/* The same for a model that is told as long as a call would succeed. */
static inline enum session_next
readiness_serve(struct connection *connection, enum session_next waiting_for, struct stats *stats) {
    bool blocked;
    return readiness_step(connection, waiting_for, &blocked, stats);
}

/* The same for a model that is told of a change once (FD_READ, FD_WRITE, FD_CLOSE). Sets `again` if
 * no further event is due, although a call may succeed:
 * - Winsock reports new bytes again only after a receive, which a client that waits to send skips;
 * - it reports a writable socket only after a send that took nothing, not after a partial send;
 * - it reports the client's close once, perhaps before its last bytes are received. */
static inline enum session_next readiness_serve_change(struct connection *connection,
                                                       enum session_next waiting_for, bool closed,
                                                       bool *again, struct stats *stats) {
    bool blocked = false;
    enum session_next next = readiness_step(connection, waiting_for, &blocked, stats);
    *again = !blocked && (closed || waiting_for == SESSION_SEND || next == SESSION_SEND);
    return next;
}

#endif
