/* life_parts.h: what life.c gathers and life_print.c prints. Private to the two. */
#ifndef SEXTON_SIM_CLI_LIFE_PARTS_H
#define SEXTON_SIM_CLI_LIFE_PARTS_H

#include "sim/cli/life.h"

struct life_line {
    uint32_t in;   /* the conversation that it speaks of */
    bool specific; /* of the target itself, not only of its conversation */
    char *text;
};
struct life_fact { /* a deletion or undo that took effect */
    uint64_t at_us;
    uint32_t in;
    bool specific, undo, committed;
};
struct life_op {
    uint32_t in, what;
    bool specific;
    uint64_t at_us;
};
struct life_cell { /* one copy on one device */
    uint32_t message, copy;
    uint32_t next; /* of the same device, 0 = none */
    bool shown;
    uint64_t view; /* the last view that listed it */
};
enum life_connection { LIFE_NEVER, LIFE_CONNECTED, LIFE_AWAY };
struct life_device {
    uint32_t name, user, because, cause, first_cell;
    enum life_connection connection;
    bool ever, hidden, exempt;
    uint64_t since_us, shown_us, hidden_us;
};
struct life {
    struct names *names;
    uint32_t target, target_in, target_message; /* the latter two of "plans/m1" */
    uint32_t conversation, other;               /* of the target message; other: a second one that has it */
    bool found, is_conversation, committed;
    uint64_t messages, view, last_us;
    struct names *cell_keys, *op_keys, *members; /* from keys of numbers to dense numbers */
    struct life_line *lines;
    size_t line_count, line_cap;
    struct life_fact *facts;
    size_t fact_count, fact_cap;
    struct life_op *ops; /* by op key */
    size_t op_cap;
    struct life_cell *cells; /* by cell key */
    size_t cell_cap;
    struct life_device *devices;
    size_t device_count, device_cap;
    uint32_t *device_of; /* by name: index + 1 */
    size_t device_of_cap;
    uint8_t *candidates; /* by name: a message or conversation */
    size_t candidate_cap;
};

#endif
