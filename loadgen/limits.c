#include "loadgen/limits.h"

#include <inttypes.h>
#include <stdio.h>

#include "loadgen/net.h"

/* Descriptors for stdin, stdout, stderr, the threads' backends and library use. */
enum { OTHER_DESCRIPTORS = 32 };

/* Estimates the kernel's memory for both ends of an idle loopback connection. */
enum { KERNEL_CONNECTION_BYTES = 8192 };

#ifdef _WIN32

#include <windows.h>

static bool raise_descriptors(uint64_t *limit) {
    (void)limit;
    return false; /* only memory limits handles */
}

/* Returns the size of the default dynamic range, 49152 to 65535. An administrator can widen it
 * (netsh int ipv4 set dynamicport tcp), but programs cannot read it simply. */
static uint64_t ephemeral_ports(void) {
    return 16384;
}

static bool available_bytes(uint64_t *bytes) {
    MEMORYSTATUSEX memory = {.dwLength = sizeof memory};
    if (!GlobalMemoryStatusEx(&memory))
        return false;
    *bytes = memory.ullAvailPhys;
    return true;
}

static const char port_remedy[] = "netsh int ipv4 set dynamicport tcp start=10000 num=55535";

#else

#include <sys/resource.h>

static bool raise_descriptors(uint64_t *limit) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return false;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0 && getrlimit(RLIMIT_NOFILE, &files) != 0)
        return false;
    *limit = files.rlim_cur;
    return true;
}

static uint64_t ephemeral_ports(void) {
    unsigned first = 32768, last = 60999; /* Linux' default */
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "r");
    if (file) {
        if (fscanf(file, "%u %u", &first, &last) != 2 || last < first)
            first = 32768, last = 60999;
        fclose(file);
    }
    return last - first + 1;
}

static bool available_bytes(uint64_t *bytes) {
    char line[128];
    unsigned long long kib = 0;
    FILE *file = fopen("/proc/meminfo", "r");
    while (file && kib == 0 && fgets(line, sizeof line, file))
        sscanf(line, "MemAvailable: %llu", &kib);
    if (file)
        fclose(file);
    *bytes = kib * 1024;
    return kib > 0;
}

static const char port_remedy[] = "sysctl net.ipv4.ip_local_port_range='1024 65535'";

#endif

static bool check_descriptors(const struct plan *plan, unsigned ends, struct limits *limits) {
    uint64_t needed =
        (uint64_t)plan->connections * ends + 2 * (uint64_t)plan->threads + OTHER_DESCRIPTORS;
    limits->descriptors_known = raise_descriptors(&limits->descriptors);
    if (!limits->descriptors_known || needed <= limits->descriptors)
        return true;
    fprintf(stderr,
            "loadgen: %" PRIu32 " connections need %" PRIu64
            " file descriptors; this process may open %" PRIu64
            "; raise the limit: ulimit -n %" PRIu64
            " (above the hard limit as root, or nofile in /etc/security/limits.conf)\n",
            plan->connections, needed, limits->descriptors, needed);
    return false;
}

/* Uses at most two fifths of a source's ports if the plan leaves the number of sources open. The
 * kernel first searches ports of one parity, then, for each connect, all ports. The rest is for
 * other programs and recently closed connections. */
static bool check_ports(struct plan *plan, struct limits *limits) {
    uint64_t ports = limits->ports_per_source = ephemeral_ports();
    uint64_t usable = ports > 2 ? ports * 2 / 5 : 1;
    uint64_t sources = (plan->connections + usable - 1) / usable;
    bool loopback = sockets_loopback(&plan->server);
    if (plan->sources == 0)
        plan->sources = loopback && sources > 1 ? (uint32_t)sources : 1;
    if (plan->connections <= plan->sources * ports)
        return true;
    fprintf(stderr,
            "loadgen: %" PRIu32 " connections need %" PRIu32 " ports on each of %" PRIu32
            " source addresses; the kernel offers %" PRIu64 "; %s%s\n",
            plan->connections, (plan->connections + plan->sources - 1) / plan->sources,
            plan->sources, ports,
            loopback ? "use --sources 0, or widen the range: " : "widen the range: ", port_remedy);
    return false;
}

static bool check_memory(const struct plan *plan, struct limits *limits) {
    uint64_t needed = 0, available;
    for (size_t i = 0; i < plan->class_count; i++) {
        const struct class *class = &plan->classes[i];
        uint64_t own = sizeof(struct client) + class->load.depth * sizeof(struct moments) +
                       net_connection_bytes(&class->load);
        limits->connection_bytes = own > limits->connection_bytes ? own : limits->connection_bytes;
        needed += class->connections * (own + KERNEL_CONNECTION_BYTES);
    }
    if (!available_bytes(&available) || needed <= available)
        return true;
    fprintf(stderr,
            "loadgen: %" PRIu32 " connections need about %" PRIu64 " MiB of memory; %" PRIu64
            " MiB are available; reduce --connections or --depth\n",
            plan->connections, needed >> 20, available >> 20);
    return false;
}

bool limits_check(struct plan *plan, unsigned ends, struct limits *limits) {
    *limits = (struct limits){0};
    return check_ports(plan, limits) && check_memory(plan, limits) &&
           check_descriptors(plan, ends, limits);
}
