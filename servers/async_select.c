/* async_select: WSAAsyncSelect reports changes of a socket as messages to a window.
 *
 * It is the model of the first Winsock: a program with one thread and a message loop also wants to
 * use the network. Winsock posts a message for each change: bytes arrived, writable again, closed.
 * The window procedure makes non-blocking calls. Here the window is invisible, and the number of
 * the message says which client it is.
 *
 * Waits: in MsgWaitForMultipleObjects, for messages.
 * Cost: a message per change, through the thread's message queue. One thread serves all: a slow
 * request delays all clients. Winsock reports a change once, so a call that was skipped must be
 * made up for.
 * Limit: 16,383 clients, because a program has 16,384 numbers for messages. A message queue takes
 * 10,000 messages; a client has at most a few in it. */
#include "readiness.h"

enum { ACCEPTS_PER_MESSAGE = 64 };
enum { FIRST_MESSAGE = WM_APP, MESSAGES = 0x4000, LISTENER = FIRST_MESSAGE + MESSAGES - 1 };
enum { ACCEPT_NOW = WM_USER }; /* a message of our own */

struct client {
    struct connection connection;
    enum session_next waiting_for;
    bool closed; /* the client sends no more; what it sent before may still be unread */
};

static const struct server *server;
static struct stats *stats;
static HWND window;
static struct client *clients[MESSAGES - 1]; /* clients[i] has the message FIRST_MESSAGE + i */
static uint32_t free_slots[MESSAGES - 1];    /* the last one is taken first */
static uint32_t free_count;
static bool accepting; /* ACCEPT_NOW is in the queue */

static void close_client(uint32_t slot) {
    server_dismiss(&clients[slot]->connection, stats);
    free(clients[slot]);
    clients[slot] = NULL;
    free_slots[free_count++] = slot;
}

static void serve_client(uint32_t slot, bool closed) {
    struct client *client = clients[slot];
    SOCKET socket = client->connection.socket;
    bool again;
    client->closed = client->closed || closed;
    do {
        stats->events++;
        client->waiting_for = readiness_serve_change(&client->connection, client->waiting_for,
                                                     client->closed, &again, stats);
        if (client->waiting_for == SESSION_CLOSE) {
            close_client(slot);
            return;
        } /* other clients get a turn first, unless the message queue is full */
    } while (again && !PostMessageW(window, FIRST_MESSAGE + slot, (WPARAM)socket, 0));
}

static void admit(SOCKET socket) {
    struct client *client = calloc(1, sizeof *client);
    if (!client) {
        stats->failures++;
        closesocket(socket);
        return;
    }
    if (!server_admit(&client->connection, socket, stats)) {
        free(client);
        return;
    }
    uint32_t slot = free_slots[--free_count]; /* --max-conns is not above the number of slots */
    clients[slot] = client;
    if (WSAAsyncSelect(socket, window, FIRST_MESSAGE + slot, FD_READ | FD_WRITE | FD_CLOSE) != 0) {
        server_lost((DWORD)WSAGetLastError(), stats);
        close_client(slot);
        return;
    }
    serve_client(slot, false); /* Wine does not report what happened before that call */
}

static void accept_clients(void) {
    bool starved = false;
    for (int i = 0; i < ACCEPTS_PER_MESSAGE; i++) { /* Winsock posts a message for what is left */
        SOCKET socket = readiness_accept(server, &starved, stats);
        if (socket == INVALID_SOCKET)
            break;
        admit(socket);
    }
    if (starved)
        SetTimer(window, 1, SERVER_POLL_MS, NULL); /* the next accept */
}

/* Accepts once the messages that are in the queue now are handled. Winsock posts a message for each
 * accept, so under load these would fill the queue before older clients get theirs. */
static void accept_later(void) {
    if (!accepting && !PostMessageW(window, ACCEPT_NOW, 0, 0))
        accept_clients();
    else
        accepting = true;
}

/* Messages of a closed client may still be in the queue, when its slot has another one. */
static LRESULT CALLBACK on_message(HWND target, UINT message, WPARAM socket, LPARAM change) {
    uint32_t slot = message - FIRST_MESSAGE;
    if (message == WM_TIMER) {
        KillTimer(window, 1);
        accept_clients();
    } else if (message == ACCEPT_NOW) {
        accepting = false;
        accept_clients();
    } else if (message == LISTENER) {
        accept_later();
    } else if (message < FIRST_MESSAGE || message > LISTENER) {
        return DefWindowProcW(target, message, socket, change);
    } else if (clients[slot] && clients[slot]->connection.socket == (SOCKET)socket) {
        serve_client(slot, WSAGETSELECTEVENT(change) == FD_CLOSE);
    }
    return 0;
}

/* Opens a window that only gets messages, and asks for those of the listener. */
static bool open_window(void) {
    WNDCLASSW class = {.lpfnWndProc = on_message,
                       .hInstance = GetModuleHandleW(NULL),
                       .lpszClassName = L"iomodels"};
    if (!RegisterClassW(&class))
        return false;
    window = CreateWindowExW(0, class.lpszClassName, NULL, 0, 0, 0, 0, 0, HWND_MESSAGE, NULL,
                             class.hInstance, NULL);
    /* It makes the listener non-blocking, and accepted sockets inherit both. */
    return window && WSAAsyncSelect(server->listener, window, LISTENER, FD_ACCEPT) == 0;
}

static int run(const struct server *the_server) {
    server = the_server;
    stats = server_stats();
    for (uint32_t slot = MESSAGES - 1; slot-- > 0;)
        free_slots[free_count++] = slot;
    if (!open_window())
        return server_error("opening the window", GetLastError());
    server_ready();
    while (!server_stopping()) {
        MSG message;
        if (MsgWaitForMultipleObjects(0, NULL, FALSE, SERVER_POLL_MS, QS_ALLINPUT) == WAIT_TIMEOUT)
            accept_clients(); /* Wine sometimes loses the message of a new client */
        stats->waits++;
        while (!server_stopping() && PeekMessageW(&message, NULL, 0, 0, PM_REMOVE))
            DispatchMessageW(&message);
    }
    for (uint32_t slot = 0; slot < MESSAGES - 1; slot++)
        if (clients[slot])
            close_client(slot);
    DestroyWindow(window);
    return EXIT_SUCCESS;
}

static bool supported(void) {
    HWND probe = CreateWindowExW(0, L"STATIC", NULL, 0, 0, 0, 0, 0, HWND_MESSAGE, NULL, NULL, NULL);
    return probe && DestroyWindow(probe);
}

const struct server_model model = {
    .name = "async_select",
    .summary = "Changes of a socket come as messages to a window; one thread makes non-blocking "
               "calls.",
    .family = "readiness",
    .cost = "a message per change, through one queue",
    .since = "Windows NT 3.1",
    .limit = "16,383 clients (numbers of messages); one thread serves all",
    .max_conns = MESSAGES - 1,
    .max_threads = 1,
    .supported = supported,
    .run = run,
};
