// Exceptions, also through functions of libc that call back; threads, streams.
#include <ftw.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <future>
#include <iostream>
#include <locale>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

struct Found : std::runtime_error {
	using std::runtime_error::runtime_error;
};

static int depth(int left)
{
	auto kept = std::make_unique<std::string>(100, 'x');

	if (left == 0)
		throw Found("at the bottom");
	return depth(left - 1) + static_cast<int>(kept->size());
}

static int throws(const char *, const struct stat *, int, struct FTW *)
{
	throw Found("in a walk");
}

static int compare(const void *a, const void *b)
{
	if (*static_cast<const int *>(a) == 3)
		throw Found("in a sort");
	return *static_cast<const int *>(a) - *static_cast<const int *>(b);
}

static void exceptions()
{
	int caught = 0;

	for (int i = 0; i < 200; i++) {
		try {
			depth(i % 20);
		} catch (const std::exception &) {
			caught++;
		}
	}
	std::cout << "exceptions: " << caught << std::endl;
}

static void through_libc()
{
	int numbers[] = {3, 2, 1};

	try {
#ifdef __SANITIZE_ADDRESS__
		throws(nullptr, nullptr, 0, nullptr); // nftw would leave its memory
#endif
		nftw(".", throws, 4, FTW_PHYS);
	} catch (const Found &error) {
		std::cout << "through libc: " << error.what() << std::endl;
	}
	try {
		std::qsort(numbers, 3, sizeof(int), compare);
	} catch (const Found &error) {
		std::cout << "through libc: " << error.what() << std::endl;
	}
}

static long work(int number)
{
	std::map<std::string, int> words;

	for (int i = 0; i < 300; i++) {
		std::ifstream file("/proc/self/comm");
		std::string name;

		std::getline(file, name);
		words[name + std::to_string(i % 10 + number)]++;
	}
	return static_cast<long>(words.size());
}

static void threads()
{
	std::vector<std::future<long>> results;
	long sum = 0;
	std::exception_ptr carried;

	for (int i = 0; i < 5; i++)
		results.push_back(std::async(std::launch::async, work, i));
	for (auto &each : results)
		sum += each.get();
	std::thread thrower([&] {
		try {
			depth(5);
		} catch (...) {
			carried = std::current_exception();
		}
	});
	thrower.join();
	std::cout << "threads: " << sum << " " << (carried != nullptr) << std::endl;
}

static void children()
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		try {
			depth(3);
		} catch (const Found &) {
			std::_Exit(static_cast<int>(work(1)));
		}
	}
	waitpid(pid, &status, 0);
	std::cout << "children: " << status << " " << std::system("exit 5") << std::endl;
}

static void note()
{
	std::ifstream file("note");
	std::stringstream text;

	text << file.rdbuf();
	std::cout << "note: " << text.str();
}

int main()
{

	exceptions();
	through_libc();
	threads();
	children();
	note();
	return 7;
}
