// Package sandbox runs a program that nobody vouches for, mostly code that a
// model wrote, with as little power as the machine can enforce.
//
// Run runs any argv; FindPython and FindJavaScript find interpreters, whose Run
// writes code to a file first. The program's main function must call Main before
// anything else, because the launcher is the same program started again:
//
//	func main() {
//		sandbox.Main()
//		…
//	}
//
// # How a run is built
//
// Run starts a supervisor in namespaces of its own: process 1 of a process
// namespace. It starts the confined process, which makes a root that holds only
// what the policy names, becomes a user that nobody else is, gives up all
// capabilities, sets PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, resource limits,
// Landlock's rules and a seccomp filter, in this order, and executes the
// program. Standard input, output and error are its only open descriptors, and
// PATH, LANG, HOME, TMPDIR, PWD, USER and LOGNAME its only environment. When the
// program ends, or a limit is reached, or Run's context is cancelled, or this
// process dies, the supervisor ends every process below it, and Run removes the
// folders.
//
// # Layers and what each stops
//
//	user-namespace    capabilities over anything outside; makes the next ones possible without root
//	pid-namespace     seeing, signalling or tracing other processes; outliving the run
//	net-namespace     every network, loopback and abstract local sockets included
//	ipc-namespace     System V and POSIX shared memory and queues of others
//	mount-namespace   seeing any file but the system's programs and libraries, ReadOnly and Dir; local sockets by name
//	bubblewrap        the five above, where the system lets bwrap alone make namespaces (not for root)
//	rlimits           CPU time, private memory and open files per process, processes per user, size of a file, core dumps
//	watch             memory, CPU time, threads and disk space of all processes together, looked at ten times a second
//	own-uid           (root only) files and processes of every user, root's among them
//	no-new-privs      gaining power by set-user-ID programs
//	landlock          reading outside the same paths, writing outside Dir, tracing the processes outside (Linux 5.13)
//	landlock-net      TCP (Linux 6.7)
//	landlock-scope    signals and abstract local sockets to processes outside (Linux 6.12)
//	seccomp           every system call that ordinary programs do without: ptrace, mount, bpf, io_uring, unshare,
//	                  setns, keyctl, perf_event_open, userfaultfd, modules …; sockets of families that the policy
//	                  does not grant (x86-64 and arm64)
//
// A refused call fails with EPERM, a refused socket with EACCES, and a few calls
// with ENOSYS, after which libraries take another way.
//
// # Modes
//
// Required, the zero Mode, refuses to run anything unless rlimits, no-new-privs,
// seccomp and one of landlock, mount-namespace and bubblewrap are in force:
// files are closed by either, the network by seccomp, and the supervisor ends
// every descendant also without a process namespace, since no process can leave
// it (it is their subreaper) and the filter keeps them from signalling it. Auto
// runs with what there is; Outcome.Layers says what that was. Off confines
// nothing. Systems other than Linux have no layers: there, Required always
// refuses and Auto is Off.
//
// # What is not protected
//
// The kernel is shared: a hole in it is a hole in the sandbox. For tenants who
// attack each other, run the server in a virtual machine or under gVisor as
// well. Memory is bounded per process by the kernel and in all by watching, so
// that a tree of processes can pass Memory for a tenth of a second. Processors
// are shared fairly and not reserved. What the program writes into a Dir of the
// caller's, and what it prints, is untrusted data. With Network, it reaches all
// that this machine reaches, private and metadata addresses included. System
// files under /usr can be read, as can the paths in ReadOnly. A caller that is
// not root shares its supplementary groups with the program.
package sandbox
