/*
 * The Linux backend: non-blocking sockets and one epoll set a thread, level-triggered.
 *
 * A socket is always watched for input; for output only while the system has refused bytes. Both buffers are
 * the thread's, not the connection's: clients remake the bytes that were not taken.
 */
#include "loadgen/net.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/clock.h"

enum { BUFFER_BYTES = 256 * 1024, EVENTS_A_WAIT = 256 };

struct connection {
    struct client *client;
    int socket;
    bool blocked; /* the system took less than was offered; watched for output */
};

struct net {
    int epoll;
    size_t count, waiting; /* connections; those whose client waits for a reply */
    struct connection *connections;
    struct epoll_event events[EVENTS_A_WAIT];
    char buffer[BUFFER_BYTES];
};

const char *const net_name = "epoll";

struct net *net_open(size_t count, int *error) {
    struct net *net = calloc(1, sizeof *net);
    if (net) {
        net->connections = calloc(count, sizeof *net->connections);
        net->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (net->connections && net->epoll >= 0)
            return net;
    }
    *error = errno;
    if (net)
        free(net->connections);
    free(net);
    return NULL;
}

void net_close(struct net *net) {
    for (size_t i = 0; i < net->count; i++)
        close(net->connections[i].socket);
    close(net->epoll);
    free(net->connections);
    free(net);
}

static int watch(struct net *net, struct connection *connection, int operation) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (connection->blocked)
        event.events |= EPOLLOUT;
    return epoll_ctl(net->epoll, operation, connection->socket, &event);
}

bool net_connect(struct net *net, struct client *client, const struct sockaddr_in *address,
                 uint32_t timeout_ms, int *error) {
    struct connection *connection = &net->connections[net->count];
    *connection = (struct connection){.client = client};
    connection->socket = sockets_connect(address, timeout_ms, error);
    if (connection->socket == SOCKET_NONE)
        return false;
    if (watch(net, connection, EPOLL_CTL_ADD) != 0) {
        *error = errno;
        close(connection->socket);
        return false;
    }
    net->count++;
    return true;
}

static void fail(struct net *net, struct connection *connection, enum client_error error) {
    if (connection->client->error == CLIENT_FINE)
        connection->client->error = error;
    epoll_ctl(net->epoll, EPOLL_CTL_DEL, connection->socket, NULL);
}

static enum client_error kind(int error) {
    return error == ECONNRESET || error == EPIPE ? CLIENT_RESET : CLIENT_OTHER;
}

/* Offers the system all that the client has to send. */
static void send_requests(struct net *net, struct connection *connection) {
    struct client *client = connection->client;
    bool blocked = false;
    for (size_t length; !blocked && (length = client_output(client, net->buffer, BUFFER_BYTES)) > 0;) {
        uint64_t now_ns = clock_now_ns();
        ssize_t sent = send(connection->socket, net->buffer, length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            fail(net, connection, kind(errno));
            return;
        }
        if (sent > 0)
            client_sent(client, (size_t)sent, now_ns);
        blocked = sent < (ssize_t)length;
    }
    if (blocked != connection->blocked) {
        connection->blocked = blocked;
        watch(net, connection, EPOLL_CTL_MOD);
    }
}

static void receive_replies(struct net *net, struct connection *connection, struct recorder *recorder) {
    ssize_t received = recv(connection->socket, net->buffer, BUFFER_BYTES, 0);
    uint64_t now_ns = clock_now_ns();
    if (received > 0) {
        if (!client_received(connection->client, net->buffer, (size_t)received, now_ns, recorder))
            fail(net, connection, CLIENT_MISMATCH);
    } else if (received == 0) {
        fail(net, connection, CLIENT_CLOSED);
    } else if (errno != EAGAIN && errno != EINTR) {
        fail(net, connection, kind(errno));
    }
}

static bool waits(const struct connection *connection) {
    return connection->client->error == CLIENT_FINE && client_waiting(connection->client);
}

static void serve(struct net *net, const struct epoll_event *event, struct recorder *recorder) {
    struct connection *connection = event->data.ptr;
    net->waiting -= waits(connection);
    if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        receive_replies(net, connection, recorder);
    if (connection->client->error == CLIENT_FINE)
        send_requests(net, connection);
    net->waiting += waits(connection);
}

void net_run(struct net *net, struct recorder *recorder, uint64_t deadline_ns) {
    net->waiting = 0;
    for (size_t i = 0; i < net->count; i++) {
        struct connection *connection = &net->connections[i];
        if (connection->client->error == CLIENT_FINE)
            send_requests(net, connection);
        net->waiting += waits(connection);
    }
    for (uint64_t now = clock_now_ns(); net->waiting > 0 && now < deadline_ns; now = clock_now_ns()) {
        uint64_t left_ms = (deadline_ns - now + 999999) / 1000000;
        int count = epoll_wait(net->epoll, net->events, EVENTS_A_WAIT, left_ms < 1000 ? (int)left_ms : 1000);
        for (int i = 0; i < count; i++)
            serve(net, &net->events[i], recorder);
    }
}
