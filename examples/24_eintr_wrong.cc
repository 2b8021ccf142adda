// Copies stdin to stdout. An interrupted read becomes an exception.
#include <cerrno>
#include <iostream>
#include <system_error>
#include <unistd.h>

static std::size_t read_some(int fd, char *buf, std::size_t size)
{
	ssize_t got = read(fd, buf, size);

	if (got < 0)
		throw std::system_error(errno, std::generic_category(), "read");
	return got;
}

int main()
{
	char buf[4096];

	try {
		while (std::size_t got = read_some(STDIN_FILENO, buf, sizeof(buf)))
			std::cout.write(buf, got);
	} catch (const std::system_error &error) {
		std::cerr << error.what() << '\n';
		return 1;
	}
	return !std::cout.flush();
}
