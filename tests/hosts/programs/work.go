// Goroutines that call C, C that calls Go, children, collections of garbage.
package main

/*
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern int goTwice(int n);

static int reads(int n)
{
	char block[100];
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC), sum = 0;

	for (int i = 0; i < n; i++)
		sum += (int)read(fd, block, sizeof(block));
	close(fd);
	return goTwice(sum);
}

static char *note(void)
{
	char text[16] = "";
	int fd = open("note", O_RDONLY);

	if (read(fd, text, sizeof(text) - 1) < 0 || close(fd))
		abort();
	return strdup(text);
}
*/
import "C"

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"unsafe"
)

//export goTwice
func goTwice(n C.int) C.int {
	blocks := make([]string, 0)
	for i := 0; i < 50; i++ {
		blocks = append(blocks, strings.Repeat("x", i))
	}
	return 2*n + C.int(len(blocks)-50)
}

func goroutines() {
	var all sync.WaitGroup
	sums := make([]int, 20)
	for i := range sums {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			if i%5 == 0 {
				runtime.LockOSThread()
			}
			for k := 0; k < 20; k++ {
				sums[i] += int(C.reads(C.int(i)))
				runtime.Gosched()
			}
		}(i)
	}
	all.Wait()
	total := 0
	for _, each := range sums {
		total += each
	}
	fmt.Println("goroutines:", total)
}

func files() {
	folder, _ := os.MkdirTemp("", "work")
	defer os.RemoveAll(folder)
	for i := 0; i < 40; i++ {
		os.WriteFile(filepath.Join(folder, fmt.Sprint(i)), make([]byte, i), 0o644)
	}
	entries, err := os.ReadDir(folder)
	fmt.Println("files:", len(entries), err)
}

func panics() {
	caught := 0
	for i := 0; i < 100; i++ {
		func() {
			defer func() {
				if recover() != nil {
					caught++
				}
			}()
			var none *struct{ field int }
			none.field++
		}()
	}
	fmt.Println("panics:", caught)
}

func main() {
	goroutines()
	runtime.GC()
	files()
	panics()
	said, err := exec.Command("sh", "-c", "echo from the shell").Output()
	fmt.Printf("child: %s%v\n", said, err)
	text := C.note()
	fmt.Print("note: ", C.GoString(text))
	C.free(unsafe.Pointer(text))
	os.Exit(7)
}
