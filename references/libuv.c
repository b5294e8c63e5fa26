/* libuv: one thread and one event loop. Callbacks report what the loop received and sent.
 *
 * On Windows the loop waits for a completion port, on Linux for epoll. A handle stays with its
 * loop, so one loop serves all clients; --threads is therefore 1.
 *
 * A reply leaves by uv_try_write(), as in Node.js: it sends what the system takes immediately. Only
 * the rest needs a write request. Meanwhile the program does not read from that client, because
 * libuv itself would keep any number of unsent replies in memory. */
#include "reference.h"

#include <signal.h>
#include <stdlib.h>

#include <uv.h>

struct client {
    uv_tcp_t socket;
    uv_write_t rest; /* of a reply that did not leave immediately */
    char buffer[REFERENCE_BUFFER];
};

static uv_loop_t loop;
static uv_tcp_t listener;
static uv_async_t end; /* the one handle that another thread may touch */

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

static void close_client(struct client *client) {
    uv_handle_t *handle = (uv_handle_t *)&client->socket;
    if (!uv_is_closing(handle))
        uv_close(handle, on_closed);
}

/* One buffer per client is enough: nothing is read while it holds an unsent reply. */
static void lend_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    struct client *client = handle->data;
    (void)suggested;
    *buffer = uv_buf_init(client->buffer, sizeof client->buffer);
}

static void on_received(uv_stream_t *stream, ssize_t received, const uv_buf_t *buffer);

static void on_rest_sent(uv_write_t *request, int status) {
    struct client *client = request->data;
    if (status < 0 || uv_read_start((uv_stream_t *)&client->socket, lend_buffer, on_received) < 0)
        close_client(client);
}

static void on_received(uv_stream_t *stream, ssize_t received, const uv_buf_t *buffer) {
    struct client *client = stream->data;
    if (received == 0) /* no more for now */
        return;
    if (received < 0) { /* the end of the stream, or an error */
        close_client(client);
        return;
    }
    uv_buf_t reply = uv_buf_init(buffer->base, (unsigned)received);
    int sent = uv_try_write(stream, &reply, 1);
    if (sent == (int)received)
        return;
    if (sent < 0 && sent != UV_EAGAIN) {
        close_client(client);
        return;
    }
    size_t begin = sent < 0 ? 0 : (size_t)sent;
    reply = uv_buf_init(buffer->base + begin, (unsigned)((size_t)received - begin));
    uv_read_stop(stream);
    if (uv_write(&client->rest, stream, &reply, 1, on_rest_sent) < 0)
        close_client(client);
}

static void on_connection(uv_stream_t *server, int status) {
    struct client *client = status < 0 ? NULL : calloc(1, sizeof *client);
    if (!client)
        return;
    uv_tcp_init(&loop, &client->socket);
    client->socket.data = client;
    client->rest.data = client;
    uv_stream_t *stream = (uv_stream_t *)&client->socket;
    if (uv_accept(server, stream) < 0 || uv_tcp_nodelay(&client->socket, 1) < 0 ||
        uv_read_start(stream, lend_buffer, on_received) < 0)
        close_client(client);
}

static void close_handle(uv_handle_t *handle, void *unused) {
    (void)unused;
    if (!uv_is_closing(handle))
        uv_close(handle, on_closed);
}

/* The loop ends once its last handle is closed. */
static void on_end(uv_async_t *handle) {
    uv_walk(handle->loop, close_handle, NULL);
}

static void stop(void *unused) {
    (void)unused;
    uv_async_send(&end);
}

/* Returns the port of the listener; 0: `error` says why there is none. */
static unsigned listen_on(const struct reference *reference, int *error) {
    struct sockaddr_in address;
    int length = sizeof address;
    *error = uv_ip4_addr(reference->host, (int)reference->port, &address);
    if (*error == 0)
        *error = uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0);
    if (*error == 0)
        *error = uv_listen((uv_stream_t *)&listener, REFERENCE_BACKLOG, on_connection);
    if (*error == 0)
        *error = uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &length);
    return *error == 0 ? ntohs(address.sin_port) : 0;
}

int main(int argc, char **argv) {
    struct reference reference = {
        .program = "reference_libuv",
        .framework = "libuv",
        .version = uv_version_string,
        .details = "style=callbacks writes=uv_try_write",
        .summary = "An echo server on libuv: one event loop, callbacks.",
        .max_threads = 1,
    };
    reference_options(&reference, argc, argv);
#ifdef SIGPIPE
    signal(SIGPIPE, SIG_IGN); /* libuv leaves it to the program: a lost client must not end it */
#endif
    int error = uv_loop_init(&loop);
    if (error == 0)
        error = uv_async_init(&loop, &end, on_end);
    if (error == 0)
        error = uv_tcp_init(&loop, &listener);
    if (error < 0)
        return reference_failed(&reference, "make a loop", uv_strerror(error));
    unsigned port = listen_on(&reference, &error);
    if (error < 0)
        return reference_failed(&reference, "listen", uv_strerror(error));
    if (!reference_ready(&reference, port, stop, NULL))
        return EXIT_FAILURE;
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
