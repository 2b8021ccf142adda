/* What words are told by: numbers, names of the headers', variables, text. */
static const struct constant {
	const char *name;
	long value;
} constants[] = {
#define CONSTANT(name) { #name, name }
	CONSTANT(O_RDONLY), CONSTANT(O_WRONLY), CONSTANT(O_RDWR), CONSTANT(O_CREAT),
	CONSTANT(O_EXCL), CONSTANT(O_TRUNC), CONSTANT(O_APPEND), CONSTANT(O_NONBLOCK),
	CONSTANT(O_CLOEXEC), CONSTANT(O_DIRECTORY), CONSTANT(O_TMPFILE), CONSTANT(O_NOFOLLOW),
	CONSTANT(SIGUSR1), CONSTANT(SIGUSR2), CONSTANT(SIGPIPE), CONSTANT(SIGXFSZ),
	CONSTANT(SIGKILL), CONSTANT(SIGTERM), CONSTANT(SA_RESTART),
	CONSTANT(SEEK_SET), CONSTANT(SEEK_END), CONSTANT(AT_REMOVEDIR),
	CONSTANT(AF_UNIX), CONSTANT(AF_INET), CONSTANT(AF_INET6), CONSTANT(SOCK_STREAM),
	CONSTANT(SOCK_DGRAM), CONSTANT(SOCK_SEQPACKET), CONSTANT(SOCK_NONBLOCK),
	CONSTANT(SHUT_WR), CONSTANT(SHUT_RD), CONSTANT(MSG_NOSIGNAL), CONSTANT(MSG_DONTWAIT),
	CONSTANT(MSG_WAITALL), CONSTANT(MSG_WAITFORONE),
	CONSTANT(SO_RCVTIMEO), CONSTANT(SO_SNDTIMEO),
	CONSTANT(SO_SNDBUF), CONSTANT(SO_RCVBUF),
	CONSTANT(EFD_NONBLOCK), CONSTANT(TFD_NONBLOCK), CONSTANT(IN_NONBLOCK),
	CONSTANT(SFD_NONBLOCK), CONSTANT(SPLICE_F_NONBLOCK), CONSTANT(WNOHANG),
	CONSTANT(LOCK_EX), CONSTANT(LOCK_SH), CONSTANT(LOCK_NB), CONSTANT(F_LOCK),
	CONSTANT(F_TLOCK), CONSTANT(IPC_NOWAIT), CONSTANT(MAP_POPULATE),
	CONSTANT(MREMAP_MAYMOVE), CONSTANT(FALLOC_FL_KEEP_SIZE), CONSTANT(W_OK),
	CONSTANT(AI_NUMERICHOST), CONSTANT(AI_NUMERICSERV),
};

static bool constant(const char *name, size_t length, long *value)
{
	for (size_t i = 0; i < sizeof(constants) / sizeof(*constants); i++) {
		if (strlen(constants[i].name) == length
		    && memcmp(constants[i].name, name, length) == 0) {
			*value |= constants[i].value;
			return true;
		}
	}
	return false;
}

/* A|B; false for what is none. */
static bool constants_of(const char *text, long *value)
{
	*value = 0;
	for (size_t length; *text; text += length + (text[length] == '|')) {
		length = strcspn(text, "|");
		if (!constant(text, length, value))
			return false;
	}
	return true;
}

static long value_of(const char *text)
{
	char *end;
	long value = strtol(text, &end, 0);

	if (*text == '$')
		return shared->vars[text[1] - 'a'];
	if (end != text && (!*end || !strcmp(end, "k")))
		return *end ? value * 1024 : value;
	return constants_of(text, &value) ? value : (long)text;
}
