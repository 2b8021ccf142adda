/* Rules in remote.h. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <string.h>
#include <time.h>
#include "process_hooks.h"
#include "remote.h"
#include "remote_serve.h"
#include "sys.h"
#include "thread.h"

enum { WAITING = TURN_STAND_IN | TURN_WAITED, TRY_EVERY = 64, LOOK_NS = 100000000 };

static struct remote *remote;
static struct channel *channel;  /* this process's; NULL: none */
static struct channel *unborn;   /* for the child of the fork(3) that is going on */
static uint32_t parent;          /* of that child */
static const char *because = "";
static const struct ground *ground;

static struct channel *channel_at(uint32_t index)
{
	return (struct channel *)((char *)remote + REMOTE_AT * (index + 1ul));
}

/* Relaxed: nothing is read on its strength. */
static bool ended(const struct alive *who)
{
	return __atomic_load_n((const uint32_t *)who->mutex, __ATOMIC_RELAXED)
		& FUTEX_OWNER_DIED;
}

static bool nobody_there(void)
{
	return __atomic_load_n(&remote->closed, __ATOMIC_RELAXED) || ended(&remote->host)
		|| ended(&remote->nursery);
}

void remote_init(struct remote *mapped)
{
	if (mapped && mapped->magic == REMOTE_MAGIC && mapped->version == REMOTE_VERSION)
		remote = mapped;
}

bool remote_there(void)
{
	return remote && !nobody_there();
}

void remote_because(const char *why)
{
	because = why;
}

/* ---- turns ---- */

/* Not for ever: who ends by SIGKILL wakes nobody. */
static void sleep_on(uint32_t *word, uint32_t is)
{
	const struct timespec step = { 0, LOOK_NS };

	sys4(__NR_futex, word, FUTEX_WAIT, is, &step);
}

static void give_turn(enum remote_word word)
{
	channel->word = word;
	/* Release pairs with the stand-in's acquire: all that we wrote is there. */
	if (__atomic_exchange_n(&channel->turn, TURN_STAND_IN, __ATOMIC_RELEASE) & TURN_WAITED)
		sys3(__NR_futex, &channel->turn, FUTEX_WAKE, 1);
}

/* Acquire pairs with the stand-in's release; it may be waiting for us already. */
static bool turn_is_ours(void)
{
	return (__atomic_load_n(&channel->turn, __ATOMIC_ACQUIRE) & ~TURN_WAITED) == TURN_TARGET;
}

/* Relaxed: only the kernel is told by it that somebody waits. */
static void sleep_on_turn(void)
{
	uint32_t is = TURN_STAND_IN;

	if (__atomic_compare_exchange_n(&channel->turn, &is, WAITING, false,
					__ATOMIC_RELAXED, __ATOMIC_RELAXED)
	    || is == (WAITING))
		sleep_on(&channel->turn, WAITING);
}

/* Looking on pays where the stand-in has a processor: as long as it did the last times,
 * and to see whether it would once in a while. */
static bool turn_comes_soon(void)
{
	static uint32_t rounds, waits;
	uint32_t most = remote->spins;

	if (waits++ % TRY_EVERY == 0)
		rounds = most;
	for (uint32_t round = rounds; round; round--) {
		if (turn_is_ours()) {
			rounds = most;
			return true;
		}
		__builtin_ia32_pause();
	}
	rounds /= 4;
	return false;
}

/* False: the stand-in has ended. */
static bool wait_turn(void)
{
	if (turn_comes_soon())
		return true;
	while (!turn_is_ours()) {
		if (ended(&channel->alive))
			return turn_is_ours();
		sleep_on_turn();
	}
	return true;
}

/* ---- a channel for this process ---- */

static struct channel *claim(uint32_t pid)
{
	for (uint32_t i = 0; i < REMOTE_CHANNELS; i++) {
		uint32_t nobody = 0;

		/* Acquire pairs with the nursery's release: it has cleared the rest. */
		if (__atomic_compare_exchange_n(&channel_at(i)->pid, &nobody, pid, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return channel_at(i);
	}
	__atomic_fetch_add(&remote->full, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void call_nursery(void)
{
	/* Release: who sees it move finds the claim. */
	__atomic_fetch_add(&remote->claims, 1, __ATOMIC_RELEASE);
	sys3(__NR_futex, &remote->claims, FUTEX_WAKE, 1);
}

static bool starting(struct channel *mine)
{
	/* Acquire pairs with the stand-in's release: it has set itself up. */
	return __atomic_load_n(&mine->state, __ATOMIC_ACQUIRE) == REMOTE_STARTING;
}

/* True: it has a stand-in that asks its hooks. */
static bool await(struct channel *mine)
{
	while (starting(mine)) {
		if (nobody_there() || ended(&mine->alive))
			return false;
		sleep_on(&mine->state, REMOTE_STARTING);
	}
	return mine->state == REMOTE_RUNNING;
}

static int start(const char *wanted, const struct ground *given)
{
	(void)wanted;
	ground = given;
	channel = remote && !process->foreign ? claim((uint32_t)process->pid) : NULL;
	if (!channel)
		return -1;
	channel->why = (uint32_t)strnlen(because, REMOTE_WINDOW);
	memcpy(channel->window, because, channel->why);
	/* Release: who sees the state finds the rest. */
	__atomic_store_n(&channel->state, REMOTE_STARTING, __ATOMIC_RELEASE);
	call_nursery();
	return await(channel) ? 0 : -1;
}

/* ---- asking ---- */

/* Others ask meanwhile: all that is in the channel is theirs. */
static enum remote_word make_real(void)
{
	struct call call = channel->call;
	uint32_t token = channel->token;
	int made = ground->real(&call);

	if (!channel)
		return SAY_MADE;
	channel->call = call;
	channel->token = token;
	channel->size = made;
	return SAY_MADE;
}

static uint64_t lost(void)
{
	channel = NULL;
	skipped(SKIP_HOOK_GONE);
	return 0;
}

/* Until the stand-in wants no more. False: it has ended. */
static bool say(enum remote_word word)
{
	while (give_turn(word), wait_turn() && channel->word > WANT_NOTHING) {
		word = SAY_DONE;
		if (channel->word == WANT_REAL)
			word = make_real();
		else
			channel->size = remote_serve(channel, ground);
		if (!channel)
			return false;
	}
	return channel->word == WANT_NOTHING;
}

static uint64_t ask(struct call *call, uint32_t hooks, int entering)
{
	if (!channel)
		return lost();
	channel->call = *call;
	channel->hooks = hooks;
	remote_hand_texts(channel, call);
	if (!say(entering ? SAY_ENTER : SAY_EXIT))
		return lost();
	*call = channel->call;
	return channel->delay;
}

static void tell_moment(const struct moment *moment, uint32_t hooks)
{
	const int64_t members[] = {
		moment->kind, moment->parent, moment->status, moment->dirfd,
		(int64_t)moment->path, (int64_t)moment->argv, (int64_t)moment->envp,
	};

	if (!channel) {
		lost();
		return;
	}
	_Static_assert(sizeof(members) == sizeof(channel->moment), "all of them");
	memcpy(channel->moment, members, sizeof(members));
	channel->hooks = hooks;
	if (!say(SAY_MOMENT))
		lost();
}

/* ---- fork(3) ---- */

/* The stand-in forks first: the child's is to be as ours is now. */
static void before_fork(void)
{
	parent = (uint32_t)process->pid;
	unborn = channel ? claim(parent) : NULL;
	if (!unborn)
		return;
	unborn->unborn = unborn->forked = 1;
	/* Release: as in start(). */
	__atomic_store_n(&unborn->state, REMOTE_STARTING, __ATOMIC_RELEASE);
	channel->size = (int64_t)((char *)unborn - (char *)remote) / REMOTE_AT - 1;
	give_turn(SAY_FORK);
	if (wait_turn() && channel->word == WANT_NOTHING)
		return;
	/* The nursery finds that nobody is born. */
	unborn = channel = NULL;
}

static bool adopt(void)
{
	uint32_t was = parent;

	/* Release: pairs with the nursery's acquire. It fails where the nursery has taken
	 * us for a fork that never was. */
	if (!unborn || !__atomic_compare_exchange_n(&unborn->pid, &was,
						    (uint32_t)sys0(__NR_getpid), false,
						    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return false;
	__atomic_store_n(&unborn->unborn, 0, __ATOMIC_RELEASE);
	call_nursery();
	return await(unborn);
}

static void after_fork(int in_child)
{
	if (in_child)
		channel = adopt() ? unborn : NULL;
	unborn = NULL;
}

/* The nursery ends the stand-in, and tells what it was doing. */
static void gave_up(void)
{
	if (!channel)
		return;
	/* Relaxed, both: it is but a word. */
	__atomic_store_n(&channel->gave_up, 1, __ATOMIC_RELAXED);
	call_nursery();
	while (__atomic_load_n(&channel->gave_up, __ATOMIC_RELAXED) == 1 && !nobody_there())
		sleep_on(&channel->gave_up, 1);
	channel = NULL;
}

/* Never called: ground->thread_begins() is not. */
static void thread_ends(void)
{
}

struct bridge remote_bridge = {
	.start = start,
	.ask = ask,
	.moment = tell_moment,
	.before_fork = before_fork,
	.after_fork = after_fork,
	.thread_ends = thread_ends,
	.gave_up = gave_up,
};
