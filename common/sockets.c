#include "common/sockets.h"

#include <stdio.h>
#include <string.h>

#ifdef _WIN32

#ifndef SO_REUSE_UNICASTPORT
#define SO_REUSE_UNICASTPORT 0x3007 /* Windows 10; mstcpip.h of the SDK */
#endif
#ifndef SO_PORT_SCALABILITY
#define SO_PORT_SCALABILITY 0x3006
#endif

bool sockets_start(const char *program) {
    WSADATA data;
    char text[SOCKETS_ERROR_TEXT_BYTES];
    int error = WSAStartup(MAKEWORD(2, 2), &data);
    if (error != 0)
        fprintf(stderr, "%s: WSAStartup: %s\n", program, sockets_error_text(error, text));
    return error == 0;
}

void sockets_close(socket_handle handle) {
    closesocket(handle);
}

const char *sockets_error_text(int error, char text[SOCKETS_ERROR_TEXT_BYTES]) {
    /* in the user's language, so not in a code page */
    wchar_t words[SOCKETS_ERROR_TEXT_BYTES];
    DWORD count = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL,
                                 (DWORD)error, 0, words, SOCKETS_ERROR_TEXT_BYTES, NULL);
    int room = SOCKETS_ERROR_TEXT_BYTES - 16;
    int length = WideCharToMultiByte(CP_UTF8, 0, words, (int)count, text, room, NULL, NULL);
    while (length > 0 &&
           (text[length - 1] == '\n' || text[length - 1] == '\r' || text[length - 1] == '.'))
        length--;
    snprintf(text + length, (size_t)(SOCKETS_ERROR_TEXT_BYTES - length),
             length > 0 ? " (%d)" : "error %d", error);
    return text;
}

int sockets_last_error(void) {
    return WSAGetLastError();
}

static socket_handle open_socket(void) {
    SOCKET handle = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    u_long on = 1;
    if (handle != INVALID_SOCKET)
        ioctlsocket(handle, (long)FIONBIO, &on);
    return handle;
}

bool sockets_would_block(int error) {
    return error == WSAEWOULDBLOCK;
}

bool sockets_unblock(socket_handle handle) {
    u_long on = 1;
    return ioctlsocket(handle, (long)FIONBIO, &on) == 0;
}

static bool under_way(int error) {
    return error == WSAEWOULDBLOCK;
}

/* Uses select: before Windows 10 2004, WSAPoll did not report a failed connect. */
static bool wait_connected(socket_handle handle, uint32_t timeout_ms) {
    fd_set writable, failed;
    FD_ZERO(&writable);
    FD_ZERO(&failed);
    FD_SET(handle, &writable);
    FD_SET(handle, &failed);
    struct timeval timeout = {.tv_sec = (long)(timeout_ms / 1000),
                              .tv_usec = (long)(timeout_ms % 1000) * 1000};
    return select(0, NULL, &writable, &failed, &timeout) > 0;
}

enum { TIMED_OUT = WSAETIMEDOUT };

#else

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

bool sockets_start(const char *program) {
    (void)program;
    return true;
}

void sockets_close(socket_handle handle) {
    close(handle);
}

const char *sockets_error_text(int error, char text[SOCKETS_ERROR_TEXT_BYTES]) {
    /* strerror() is not thread-safe */
    if (strerror_r(error, text, SOCKETS_ERROR_TEXT_BYTES) != 0)
        snprintf(text, SOCKETS_ERROR_TEXT_BYTES, "error %d", error);
    return text;
}

int sockets_last_error(void) {
    return errno;
}

static socket_handle open_socket(void) {
    int handle = socket(AF_INET, SOCK_STREAM, 0);
    if (handle >= 0)
        fcntl(handle, F_SETFL, fcntl(handle, F_GETFL) | O_NONBLOCK);
    return handle;
}

bool sockets_would_block(int error) {
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

bool sockets_unblock(socket_handle handle) {
    return fcntl(handle, F_SETFL, fcntl(handle, F_GETFL) | O_NONBLOCK) == 0;
}

static bool under_way(int error) {
    return error == EINPROGRESS;
}

static bool wait_connected(socket_handle handle, uint32_t timeout_ms) {
    struct pollfd writable = {.fd = handle, .events = POLLOUT};
    return poll(&writable, 1, (int)timeout_ms) > 0;
}

enum { TIMED_OUT = ETIMEDOUT };

#endif

bool sockets_loopback(const struct sockaddr_in *address) {
    return ntohl(address->sin_addr.s_addr) >> 24 == 127;
}

bool sockets_address(const char *host, uint32_t port, struct sockaddr_in *address) {
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, host, &address->sin_addr) == 1;
}

/* Leaves the port to connect(), which can reuse a port for another server. */
static bool bind_source(socket_handle handle, const struct sockaddr_in *source) {
    int on = 1;
#if defined(IP_BIND_ADDRESS_NO_PORT)
    setsockopt(handle, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
#elif defined(_WIN32)
    /* since Windows 10; before it an own range of ports for each address */
    if (setsockopt(handle, SOL_SOCKET, SO_REUSE_UNICASTPORT, (const char *)&on, sizeof on) != 0)
        setsockopt(handle, SOL_SOCKET, SO_PORT_SCALABILITY, (const char *)&on, sizeof on);
#else
    (void)on;
#endif
    return bind(handle, (const struct sockaddr *)source, sizeof *source) == 0;
}

socket_handle sockets_open(const struct sockets_route *route, int *error) {
    socket_handle handle = open_socket();
    if (handle == SOCKET_NONE) {
        *error = sockets_last_error();
        return SOCKET_NONE;
    }
    if (route->bound && !bind_source(handle, &route->source)) {
        *error = sockets_last_error();
        sockets_close(handle);
        return SOCKET_NONE;
    }
    int on = 1;
    setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, (const char *)&on, sizeof on);
    return handle;
}

int sockets_connect_error(socket_handle handle) {
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(handle, SOL_SOCKET, SO_ERROR, (char *)&error, &length) == 0
               ? error
               : sockets_last_error();
}

socket_handle sockets_connect(const struct sockets_route *route, uint32_t timeout_ms, int *error) {
    socket_handle handle = sockets_open(route, error);
    if (handle == SOCKET_NONE)
        return SOCKET_NONE;
    *error = 0;
    if (connect(handle, (const struct sockaddr *)&route->server, sizeof route->server) != 0) {
        *error = sockets_last_error();
        if (under_way(*error))
            *error = wait_connected(handle, timeout_ms) ? sockets_connect_error(handle) : TIMED_OUT;
    }
    if (*error == 0)
        return handle;
    sockets_close(handle);
    return SOCKET_NONE;
}

void sockets_abort(socket_handle handle) {
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(handle, SOL_SOCKET, SO_LINGER, (const char *)&at_once, sizeof at_once);
    sockets_close(handle);
}
