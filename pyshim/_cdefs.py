"""The C declarations that Python reads: the parts of the shim's headers marked so."""

from __future__ import annotations

import re
from pathlib import Path

HOST_FUNCTIONS = """
struct session {
    struct arena *arena;
    int arena_fd, trace_fd;
    uint32_t spare;
    volatile int stop;
    int tsc;
    volatile uint64_t horizon;
    uint64_t torn;
    uint64_t lost;
};
uint64_t host_ticks(int tsc);
void host_drain(struct session *session);
void host_reap(struct session *session);
void host_last(struct session *session);
void host_grow(struct session *session);
void host_loop(struct session *session);
bool host_take(struct arena *arena, struct head *head, uint16_t asked);
int host_signal(int pid, int tid, int signal);
void *host_counters(struct proc *entry);
struct running {
    int pid, tid;
    uint32_t call;
    uint64_t since;
};
int host_hooks(struct arena *arena, struct running *found, int most);
int host_give_up(struct arena *arena, struct running *hook);
size_t host_shared_size(void);
int host_share(struct arena *arena);
void host_unshare(void);
"""

REMOTE_FUNCTIONS = """
struct channel *remote_channel(struct remote *remote, uint32_t index);
int remote_take(struct alive *who);
int remote_ended(struct alive *who);
void remote_set_state(struct channel *channel, uint32_t state);
void remote_share(struct arena *arena);
void remote_count_error(uint32_t hook, uint32_t error);
void remote_gave_up(struct channel *channel);
void remote_close(struct remote *remote);
uint32_t remote_next(struct remote *remote, struct channel *channel, struct call *now);
void remote_give(struct channel *channel, uint32_t word);
void remote_answer(struct channel *channel, const struct call *now, uint32_t word);
int64_t remote_want(struct remote *remote, struct channel *channel, uint32_t word,
                    int64_t address, int64_t size);
int remote_follow(uint32_t pid);
int remote_end_with(int parent);
void remote_adopts(void);
int remote_detach(struct channel *channel, int nursery);
uint32_t remote_claims(struct remote *remote, uint32_t seen, uint64_t ns);
uint32_t remote_used(struct remote *remote, uint32_t *found);
int remote_disown(struct channel *channel, uint32_t pid);
void remote_free(struct channel *channel);
"""

REGULAR_EXPRESSIONS = """
#define REG_EXTENDED ...
#define REG_NOSUB ...
typedef struct { ...; } regex_t;
typedef struct { ...; } regmatch_t;
int regcomp(regex_t *preg, const char *regex, int cflags);
int regexec(const regex_t *preg, const char *string, size_t nmatch, regmatch_t *pmatch,
            int eflags);
size_t regerror(int errcode, const regex_t *preg, char *errbuf, size_t errbuf_size);
void regfree(regex_t *preg);
"""
"""libc's own, which strace reads its sets with."""

BRIDGE_HOOKS = """
struct call now;
uint32_t now_count;
int now_entering, now_lent;
uint64_t now_delay;
long text_length(const char *text);
int can_read(const char *at, uint64_t size);
int now_path(uint32_t index, char *path);
int now_real(void);
void narrow(uint32_t id, uint8_t sign, uint8_t word);
void count_error(uint32_t hook, uint32_t error);
extern "Python" int hooks_setup(const char *);
"""


def declarations(header: Path) -> str:
    """What stands between `cdef begin` and `cdef end`, preprocessor lines turned."""
    parts = re.findall(
        r"/\* cdef begin.*?\*/(.*?)/\* cdef end \*/", header.read_text(), re.DOTALL
    )
    return "\n".join(parts)
