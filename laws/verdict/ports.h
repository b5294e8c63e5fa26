/* Verdicts on completion ports: association, parameters, callbacks. */
#ifndef IOMODELS_VERDICT_PORTS_H
#define IOMODELS_VERDICT_PORTS_H

#include "laws/verdict/verdict.h"

/* port_association: packets of a socket before and after its association, the error of a second
 * association, and the error of an association after CreateThreadpoolIo. */
#define PORT_ASSOCIATION_SEEN(X)                                                                   \
    X(packets_unassociated) X(packets_associated) X(again_error) X(pool_then_port_error)
struct port_association_seen {
    PORT_ASSOCIATION_SEEN(VERDICT_FIELD)
};
struct judgement judge_port_association(const struct port_association_seen *);
struct judgement judge_pool_association(const struct port_association_seen *);

/* port_parameters: odd_key_made_port: 1 is yes. */
#define PORT_PARAMETERS_SEEN(X) X(odd_key_made_port) X(null_handle_error) X(existing_port_error)
struct port_parameters_seen {
    PORT_PARAMETERS_SEEN(VERDICT_FIELD)
};
struct judgement judge_port_parameters(const struct port_parameters_seen *);

/* port_callback: callbacks that ran for a bare port, packets that stayed queued on it, callbacks
 * that the thread pool ran. */
#define PORT_CALLBACK_SEEN(X) X(port_callbacks) X(port_packets) X(pool_callbacks)
struct port_callback_seen {
    PORT_CALLBACK_SEEN(VERDICT_FIELD)
};
struct judgement judge_port_callback(const struct port_callback_seen *);

#endif
