# Threads that fork, start programs, open files and make threads, under thousands of signals a second.
import warnings; warnings.simplefilter('ignore')
import threading, signal, os, subprocess, time, sys
hits=0
def h(s,f):
    global hits; hits+=1
signal.signal(signal.SIGALRM,h); signal.signal(signal.SIGUSR1,h)
signal.setitimer(signal.ITIMER_REAL,0.0003,0.0003)
stop=time.time()+2
n=[0]*6; bad=[]
def w(i):
    while time.time()<stop:
        try:
            if i%3==0:
                r=subprocess.run(["/bin/true"]); 
                if r.returncode: bad.append(r)
            elif i%3==1:
                with open("/etc/passwd") as f: 
                    if not f.read().startswith("root"): bad.append(1)
                os.stat("/usr/bin/python3"); os.listdir("/tmp")
            else:
                t=threading.Thread(target=lambda: time.sleep(0.0001)); t.start(); t.join()
                pid=os.fork()
                if pid==0: os._exit(3)
                if os.waitstatus_to_exitcode(os.waitpid(pid,0)[1])!=3: bad.append(2)
            n[i]+=1
        except Exception as e: bad.append(repr(e))
ts=[threading.Thread(target=w,args=(i,)) for i in range(6)]
[t.start() for t in ts]; [t.join() for t in ts]
signal.setitimer(signal.ITIMER_REAL,0)
print("all went on", all(n), "signals", hits > 100, "errors", bad[:3])
