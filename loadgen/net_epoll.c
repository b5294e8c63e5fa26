/* The Linux backend: non-blocking sockets and one level-triggered epoll set per thread.
 *
 * A socket is always watched for input. It is watched for output only during its connect, or after
 * the kernel rejected bytes. Each thread has two buffers; connections have none, because clients
 * can remake unsent bytes.
 *
 * The clock is read once per event: the completion of a reply is also the send time of the next
 * request. */
#include "loadgen/net.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "loadgen/agenda.h"

enum { BUFFER_BYTES = 256 * 1024, EVENTS_PER_WAIT = 256, LONGEST_WAIT_MS = 1000 };

struct connection {
    struct client *client;
    const struct sockets_route *route;
    int socket;
    bool connecting;
    bool blocked; /* the kernel took fewer bytes than offered */
    bool planned; /* on the agenda */
};

struct net {
    int epoll, timer; /* the timer ends a wait at the deadline */
    bool polls;
    size_t count, waiting; /* connections; those that wait for a reply or a connect */
    struct connection *connections;
    struct agenda agenda; /* connections whose next request is due later */
    struct epoll_event events[EVENTS_PER_WAIT];
    char buffer[BUFFER_BYTES];
};

const char *const net_name = "epoll";

size_t net_connection_bytes(const struct load *load) {
    (void)load;
    return sizeof(struct connection) + sizeof(struct agenda_entry);
}

struct net *net_open(size_t count, bool polls, int *error) {
    struct net *net = calloc(1, sizeof *net);
    if (net) {
        net->connections = calloc(count, sizeof *net->connections);
        net->epoll = epoll_create1(EPOLL_CLOEXEC);
        net->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
        net->polls = polls;
        struct epoll_event event = {.events = EPOLLIN}; /* no connection */
        if (net->connections && net->epoll >= 0 && net->timer >= 0 &&
            epoll_ctl(net->epoll, EPOLL_CTL_ADD, net->timer, &event) == 0 &&
            agenda_open(&net->agenda, count))
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
        if (net->connections[i].socket != SOCKET_NONE)
            close(net->connections[i].socket);
    close(net->timer);
    close(net->epoll);
    agenda_close(&net->agenda);
    free(net->connections);
    free(net);
}

static int watch(struct net *net, struct connection *connection, int operation) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (connection->blocked || connection->connecting)
        event.events |= EPOLLOUT;
    return epoll_ctl(net->epoll, operation, connection->socket, &event);
}

bool net_connect(struct net *net, struct client *client, const struct sockets_route *route,
                 uint32_t timeout_ms, int *error) {
    struct connection *connection = &net->connections[net->count];
    *connection = (struct connection){.client = client, .route = route};
    client_connecting(client, clock_now_ns());
    connection->socket = sockets_connect(route, timeout_ms, error);
    if (connection->socket == SOCKET_NONE)
        return false;
    client_connected(client, clock_now_ns());
    if (watch(net, connection, EPOLL_CTL_ADD) != 0) {
        *error = errno;
        close(connection->socket);
        return false;
    }
    net->count++;
    return true;
}

static void fail(struct connection *connection, enum client_error error) {
    client_fail(connection->client, error);
    if (connection->socket != SOCKET_NONE)
        close(connection->socket); /* also removes it from the epoll set */
    connection->socket = SOCKET_NONE;
}

static enum client_error kind(int error) {
    return error == ECONNRESET || error == EPIPE ? CLIENT_RESET : CLIENT_OTHER;
}

/* Closes the connection and starts a new connect; an event reports when it completes. */
static void renew(struct net *net, struct connection *connection) {
    const struct sockets_route *route = connection->route;
    int error = 0;
    if (connection->client->load->close_fin)
        sockets_close(connection->socket);
    else
        sockets_abort(connection->socket);
    client_connecting(connection->client, clock_now_ns());
    connection->connecting = true;
    connection->blocked = false;
    connection->socket = sockets_open(route, &error);
    if (connection->socket == SOCKET_NONE ||
        (connect(connection->socket, (const struct sockaddr *)&route->server,
                 sizeof route->server) != 0 &&
         errno != EINPROGRESS) ||
        watch(net, connection, EPOLL_CTL_ADD) != 0)
        fail(connection, CLIENT_CONNECT);
}

static void end_connect(struct net *net, struct connection *connection) {
    connection->connecting = false;
    if (sockets_connect_error(connection->socket) == 0 &&
        watch(net, connection, EPOLL_CTL_MOD) == 0)
        client_connected(connection->client, clock_now_ns());
    else
        fail(connection, CLIENT_CONNECT);
}

/* Sends all bytes that are due now. */
static void send_requests(struct net *net, struct connection *connection, uint64_t now_ns) {
    struct client *client = connection->client;
    bool blocked = false;
    while (!blocked && client_due_ns(client) <= now_ns) {
        size_t length = client_output(client, now_ns, net->buffer, BUFFER_BYTES);
        ssize_t sent = send(connection->socket, net->buffer, length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            fail(connection, kind(errno));
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

/* Returns the time after the read. */
static uint64_t receive_replies(struct net *net, struct connection *connection) {
    ssize_t received = recv(connection->socket, net->buffer, BUFFER_BYTES, 0);
    uint64_t now_ns = clock_now_ns();
    if (received > 0) {
        if (!client_received(connection->client, net->buffer, (size_t)received, now_ns))
            fail(connection, CLIENT_MISMATCH);
    } else if (received == 0) {
        fail(connection, CLIENT_CLOSED);
    } else if (errno != EAGAIN && errno != EINTR) {
        fail(connection, kind(errno));
    }
    return now_ns;
}

static bool waits(const struct connection *connection) {
    return connection->client->error == CLIENT_FINE &&
           (connection->connecting || client_waiting(connection->client));
}

/* Acts on the connection now; puts a request that is due later on the agenda. */
static void act(struct net *net, struct connection *connection, uint64_t now_ns) {
    struct client *client = connection->client;
    if (client->error != CLIENT_FINE || connection->connecting)
        return;
    if (client_used_up(client))
        renew(net, connection);
    else
        send_requests(net, connection, now_ns);
    if (client->error != CLIENT_FINE || connection->connecting || connection->blocked ||
        connection->planned)
        return;
    uint64_t due_ns = client_due_ns(client);
    if (due_ns != CLIENT_NEVER) {
        connection->planned = true;
        agenda_add(&net->agenda, due_ns, connection);
    }
}

static void serve(struct net *net, const struct epoll_event *event) {
    struct connection *connection = event->data.ptr;
    uint64_t now_ns = 0;
    net->waiting -= waits(connection);
    if (connection->connecting)
        end_connect(net, connection);
    else if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        now_ns = receive_replies(net, connection);
    if (now_ns == 0)
        now_ns = clock_now_ns();
    if (connection->blocked)
        client_unblocked(connection->client, now_ns);
    act(net, connection, now_ns);
    net->waiting += waits(connection);
}

/* Sends what is due, in batches; replies are served between two batches. */
static void serve_agenda(struct net *net, uint64_t now_ns) {
    for (int i = 0; i < EVENTS_PER_WAIT && agenda_next_ns(&net->agenda) <= now_ns; i++) {
        struct connection *connection = agenda_take(&net->agenda);
        connection->planned = false;
        net->waiting -= waits(connection);
        act(net, connection, now_ns);
        net->waiting += waits(connection);
        now_ns = clock_now_ns();
    }
}

/* Waits for events until the next request is due or until the deadline. A due request does not
 * wait. With an empty agenda the wait has no timeout: setting a timer would cost a tenth of a
 * request. */
static int wait_events(struct net *net, uint64_t now_ns, uint64_t deadline_ns) {
    if (net->agenda.count == 0)
        return epoll_wait(net->epoll, net->events, EVENTS_PER_WAIT, -1);
    uint64_t next_ns = agenda_next_ns(&net->agenda);
    uint64_t until_ns = next_ns < deadline_ns ? next_ns : deadline_ns;
    uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
    if (net->polls && next_ns <= now_ns + NET_POLL_NS)
        left_ns = 0;
    if (left_ns > 0) {
        struct timespec timeout = {.tv_sec = (time_t)(left_ns / 1000000000),
                                   .tv_nsec = (long)(left_ns % 1000000000)};
        int count = epoll_pwait2(net->epoll, net->events, EVENTS_PER_WAIT, &timeout, NULL);
        if (count >= 0 || errno == EINTR)
            return count;
        /* Linux before 5.11 waits in milliseconds: round down */
        left_ns -= left_ns % 1000000;
    }
    uint64_t left_ms = (left_ns + 999999) / 1000000;
    int timeout_ms = left_ms < LONGEST_WAIT_MS ? (int)left_ms : LONGEST_WAIT_MS;
    return epoll_wait(net->epoll, net->events, EVENTS_PER_WAIT, timeout_ms);
}

/* Sets the timer, whose clock is slewed, unlike ours. If it fires early, the wait is repeated. It
 * fires at most 0.05 % late. A time of 0 would disarm it. */
static void set_timer(struct net *net, uint64_t deadline_ns) {
    uint64_t now_ns = clock_now_ns(), left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 1;
    struct itimerspec left = {.it_value = {.tv_sec = (time_t)(left_ns / 1000000000),
                                           .tv_nsec = (long)(left_ns % 1000000000)}};
    timerfd_settime(net->timer, 0, &left, NULL);
}

void net_run(struct net *net, uint64_t deadline_ns) {
    set_timer(net, deadline_ns);
    /* ns; the default of 50 µs would delay every send */
    prctl(PR_SET_TIMERSLACK, 1);
    net->waiting = 0;
    uint64_t now_ns = clock_now_ns();
    for (size_t i = 0; i < net->count; i++) {
        act(net, &net->connections[i], now_ns);
        net->waiting += waits(&net->connections[i]);
        now_ns = clock_now_ns();
    }
    while ((net->waiting > 0 || net->agenda.count > 0) && now_ns < deadline_ns) {
        int count = wait_events(net, now_ns, deadline_ns);
        for (int i = 0; i < count; i++)
            if (net->events[i].data.ptr)
                serve(net, &net->events[i]);
        now_ns = clock_now_ns();
        serve_agenda(net, now_ns);
    }
}
