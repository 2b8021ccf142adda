package main

// #include <stdio.h>
// #include <unistd.h>
// static int parent(void) { puts("from C"); fflush(stdout); return getppid() > 0; }
import "C"
import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"
)

func main() {
	fmt.Println(C.parent())
	var all sync.WaitGroup
	for i := 0; i < 8; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			os.WriteFile(fmt.Sprintf("go%d", i), make([]byte, 1000*i), 0o644)
			time.Sleep(time.Millisecond)
		}(i)
	}
	all.Wait()
	out, err := exec.Command("cat", "notes").Output()
	fmt.Println(len(out), err)
}
