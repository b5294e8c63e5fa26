#include "laws/verdict/ports.h"

#include <inttypes.h>

#define N "%" PRIu64

struct judgement judge_port_association(const struct port_association_seen *seen) {
    bool holds =
        seen->packets_unassociated == 0 && seen->packets_associated == 1 && seen->again_error != 0;
    return judgement(holds ? HOLDS : DOES_NOT_HOLD, "",
                     "packets: " N " before association, " N
                     " after; a second association: error " N,
                     seen->packets_unassociated, seen->packets_associated, seen->again_error);
}

struct judgement judge_pool_association(const struct port_association_seen *seen) {
    bool holds = seen->pool_then_port_error != 0;
    return judgement(holds ? HOLDS : DOES_NOT_HOLD,
                     holds ? "" : "the handle could still be associated with another port",
                     "association after CreateThreadpoolIo: error " N, seen->pool_then_port_error);
}

struct judgement judge_port_parameters(const struct port_parameters_seen *seen) {
    bool others_matter = seen->null_handle_error != 0 || seen->existing_port_error != 0;
    enum verdict verdict = !seen->odd_key_made_port ? DOES_NOT_HOLD
                           : others_matter          ? HOLDS_ONLY_WHEN
                                                    : HOLDS;
    return judgement(
        verdict,
        verdict == HOLDS_ONLY_WHEN ? "the handle is INVALID_HANDLE_VALUE and the existing port NULL"
                                   : "",
        "an odd key makes a port: %s; handle NULL: error " N "; existing port given: error " N,
        seen->odd_key_made_port ? "yes" : "no", seen->null_handle_error, seen->existing_port_error);
}

struct judgement judge_port_callback(const struct port_callback_seen *seen) {
    bool port = seen->port_callbacks > 0, pool = seen->pool_callbacks > 0;
    enum verdict verdict = port ? HOLDS : pool ? HOLDS_ONLY_WHEN : DOES_NOT_HOLD;
    return judgement(
        verdict,
        verdict == HOLDS_ONLY_WHEN ? "the thread pool waits for the port (CreateThreadpoolIo)" : "",
        "callbacks: " N " for a bare port (packets that stayed queued: " N "), " N " by the pool",
        seen->port_callbacks, seen->port_packets, seen->pool_callbacks);
}
