/* The socket calls that differ between Windows and POSIX and that both ends need. */
#ifndef IOMODELS_SOCKETS_H
#define IOMODELS_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
typedef SOCKET socket_handle;
typedef int socket_length; /* bytes of a receive or send */
#define SOCKET_NONE INVALID_SOCKET
#else
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
typedef int socket_handle;
typedef size_t socket_length;
#define SOCKET_NONE (-1)
#endif

/* Calls WSAStartup on Windows, once per process. Returns false after a line on stderr. */
bool sockets_start(const char *program);

/* Makes an address of a numeric IPv4 address and a port. Returns false if `host` is not numeric. */
bool sockets_address(const char *host, uint32_t port, struct sockaddr_in *address);

/* Returns whether the first octet is 127: all of 127.0.0.0/8 is this machine. */
bool sockets_loopback(const struct sockaddr_in *address);

/* The two ends of a connection. Without `bound` the kernel chooses the source address; it always
 * chooses the port. */
struct sockets_route {
    struct sockaddr_in server, source;
    bool bound;
};

/* Opens a socket to connect along `route`: non-blocking, without Nagle's algorithm, on Windows also
 * overlapped. SOCKET_NONE: `error` holds the platform's error code. */
socket_handle sockets_open(const struct sockets_route *, int *error);

/* Connects a socket within `timeout_ms`. SOCKET_NONE: `error` holds the platform's error code. */
socket_handle sockets_connect(const struct sockets_route *, uint32_t timeout_ms, int *error);

/* Returns the error of a completed connect, 0 if it succeeded. */
int sockets_connect_error(socket_handle);

/* Closes by RST instead of FIN: the connection disappears immediately and leaves no TIME_WAIT. */
void sockets_abort(socket_handle);

void sockets_close(socket_handle);

/* Returns the platform's error code of the last socket call of this thread. */
int sockets_last_error(void);

/* Returns whether a non-blocking call had nothing to do, and may be made again later. */
bool sockets_would_block(int error);

/* Makes the calls on a socket return immediately. Returns false if that failed. */
bool sockets_unblock(socket_handle);

/* Writes the platform's message for an error code to `text` and returns `text`. */
enum { SOCKETS_ERROR_TEXT_BYTES = 256 };
const char *sockets_error_text(int error, char text[SOCKETS_ERROR_TEXT_BYTES]);

#endif
