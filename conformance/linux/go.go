// 10,000 goroutines, a process, a fault that is recovered from, a server.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

func main() {
	var group sync.WaitGroup
	results := make(chan int, 100)
	for i := 0; i < 10000; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			time.Sleep(time.Millisecond)
			os.Getpid()
			results <- i
		}(i)
	}
	go func() { group.Wait(); close(results) }()
	sum := 0
	for value := range results {
		sum += value
	}
	fmt.Println("sum", sum)
	out, err := exec.Command("/bin/busybox", "echo", "from a process").CombinedOutput()
	fmt.Printf("%q %v\n", out, err)
	_, err = exec.Command("/none").CombinedOutput()
	fmt.Println(err)
	func() {
		defer func() { fmt.Println("recovered:", recover()) }()
		var p *int
		*p = 1
	}()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
	}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(c, c); c.Close() }()
		}
	}()
	answered := 0
	for i := 0; i < 100; i++ {
		c, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Fprintf(c, "%d\n", i)
		var back int
		fmt.Fscan(c, &back)
		if back == i {
			answered++
		}
		c.Close()
	}
	fmt.Println("answered", answered)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println("signal", <-signals)
}
