/*
 * The named sets of system calls that images and operators may use in seccomp
 * isolators.  Pure data.  The lists of @rkt and @docker are those of rkt 1.30;
 * those of @systemd are systemd's groups.
 */
#include "cli/seccomp_sets.h"

#include <stddef.h>
#include <string.h>

#include "privsep/attr.h"

static const char whitelist[] =
	"accept accept4 access alarm bind brk capget capset chdir chmod "
	"chown chown32 clock_getres clock_gettime clock_nanosleep close "
	"connect copy_file_range creat dup dup2 dup3 epoll_create "
	"epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_wait "
	"epoll_wait_old eventfd eventfd2 execve execveat exit "
	"exit_group faccessat fadvise64 fadvise64_64 fallocate "
	"fanotify_mark fchdir fchmod fchmodat fchown fchown32 fchownat "
	"fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork "
	"fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs "
	"fstatfs64 fsync ftruncate ftruncate64 futex futimesat getcpu "
	"getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 "
	"getgid getgid32 getgroups getgroups32 getitimer getpeername "
	"getpgid getpgrp getpid getppid getpriority getrandom getresgid "
	"getresgid32 getresuid getresuid32 getrlimit get_robust_list "
	"getrusage getsid getsockname getsockopt get_thread_area gettid "
	"gettimeofday getuid getuid32 getxattr inotify_add_watch "
	"inotify_init inotify_init1 inotify_rm_watch io_cancel ioctl "
	"io_destroy io_getevents ioprio_get ioprio_set io_setup "
	"io_submit ipc kill lchown lchown32 lgetxattr link linkat "
	"listen listxattr llistxattr _llseek lremovexattr lseek "
	"lsetxattr lstat lstat64 madvise memfd_create mincore mkdir "
	"mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 "
	"mprotect mq_getsetattr mq_notify mq_open mq_timedreceive "
	"mq_timedsend mq_unlink mremap msgctl msgget msgrcv msgsnd "
	"msync munlock munlockall munmap nanosleep newfstatat "
	"_newselect open openat pause personality pipe pipe2 poll ppoll "
	"prctl pread64 preadv prlimit64 pselect6 pwrite64 pwritev read "
	"readahead readlink readlinkat readv recv recvfrom recvmmsg "
	"recvmsg remap_file_pages removexattr rename renameat renameat2 "
	"restart_syscall rmdir rt_sigaction rt_sigpending "
	"rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend "
	"rt_sigtimedwait rt_tgsigqueueinfo sched_getaffinity "
	"sched_getattr sched_getparam sched_get_priority_max "
	"sched_get_priority_min sched_getscheduler "
	"sched_rr_get_interval sched_setaffinity sched_setattr "
	"sched_setparam sched_setscheduler sched_yield seccomp select "
	"semctl semget semop semtimedop send sendfile sendfile64 "
	"sendmmsg sendmsg sendto setfsgid setfsgid32 setfsuid "
	"setfsuid32 setgid setgid32 setgroups setgroups32 setitimer "
	"setpgid setpriority setregid setregid32 setresgid setresgid32 "
	"setresuid setresuid32 setreuid setreuid32 setrlimit "
	"set_robust_list setsid setsockopt set_thread_area "
	"set_tid_address setuid setuid32 setxattr shmat shmctl shmdt "
	"shmget shutdown sigaltstack signalfd signalfd4 sigreturn "
	"socket socketcall socketpair splice stat stat64 statfs "
	"statfs64 symlink symlinkat sync sync_file_range syncfs sysinfo "
	"syslog tee tgkill time timer_create timer_delete "
	"timerfd_create timerfd_gettime timerfd_settime "
	"timer_getoverrun timer_gettime timer_settime times tkill "
	"truncate truncate64 ugetrlimit umask uname unlink unlinkat "
	"utime utimensat utimes vfork vmsplice wait4 waitid waitpid "
	"write writev arch_prctl modify_ldt chroot clone";

static const char arm[] =
	"arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush "
	"set_tls sync_file_range2";

static const char blacklist[] =
	"acct add_key adjtimex bpf clock_adjtime clock_settime "
	"create_module delete_module finit_module get_kernel_syms "
	"get_mempolicy init_module ioperm iopl kcmp kexec_file_load "
	"kexec_load keyctl lookup_dcookie mbind mount move_pages "
	"name_to_handle_at nfsservctl open_by_handle_at perf_event_open "
	"pivot_root process_vm_readv process_vm_writev ptrace "
	"query_module quotactl reboot request_key set_mempolicy setns "
	"settimeofday stime swapon swapoff sysfs _sysctl umount umount2 "
	"unshare uselib userfaultfd ustat vm86 vm86old";

static const char clock[] =
	"adjtimex clock_adjtime clock_settime settimeofday stime";

static const char mount[] =
	"chroot fsconfig fsmount fsopen fspick mount mount_setattr "
	"move_mount open_tree pivot_root umount umount2";

static const char network_io[] =
	"accept accept4 bind connect getpeername getsockname getsockopt "
	"listen recv recvfrom recvmmsg recvmsg send sendmmsg sendmsg "
	"sendto setsockopt shutdown socket socketcall socketpair";

static const char obsolete[] =
	"_sysctl afs_syscall bdflush break create_module ftime "
	"get_kernel_syms getpmsg gtty idle lock mpx prof profil putpmsg "
	"query_module security sgetmask ssetmask stty sysfs tuxcall "
	"ulimit uselib ustat vserver";

static const char process[] =
	"arch_prctl clone clone3 execve execveat fork kill prctl setns "
	"tgkill tkill unshare vfork";

static const char raw_io[] =
	"ioperm iopl pciconfig_iobase pciconfig_read pciconfig_write "
	"s390_pci_mmio_read s390_pci_mmio_write";

static const char privileged[] =
	"acct bpf capset chown chown32 chroot delete_module fchown "
	"fchown32 fchownat finit_module init_module kexec_file_load "
	"kexec_load lchown lchown32 nfsservctl pivot_root quotactl "
	"reboot setdomainname setfsuid setfsuid32 setgroups setgroups32 "
	"sethostname setresuid setresuid32 setreuid setreuid32 setuid "
	"setuid32 swapoff swapon syslog vhangup";

static const char defaults[] =
	"arch_prctl brk clock_getres clock_gettime clock_nanosleep "
	"execve exit exit_group futex get_robust_list get_thread_area "
	"getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups "
	"getgroups32 getpgid getpgrp getpid getppid getrandom getresgid "
	"getresgid32 getresuid getresuid32 getrlimit getsid gettid "
	"gettimeofday getuid getuid32 madvise membarrier mmap mmap2 "
	"mprotect munmap nanosleep pause prlimit64 restart_syscall rseq "
	"rt_sigreturn sched_getaffinity sched_yield set_robust_list "
	"set_thread_area set_tid_address sigreturn time ugetrlimit";

#if defined(__arm__) || defined(__aarch64__)
#define ON_ARM arm
#else
#define ON_ARM NULL
#endif

static const struct cli_seccomp_set sets[] = {
	{ "@appc.io/all", CLI_SET_ALL, { NULL } },
	{ "@appc.io/empty", CLI_SET_EMPTY, { NULL } },
	{ "@docker/default-whitelist", CLI_SET_CALLS, { whitelist, arm } },
	{ "@rkt/default-whitelist", CLI_SET_CALLS, { whitelist, ON_ARM } },
	{ "@docker/default-blacklist", CLI_SET_CALLS, { blacklist } },
	{ "@rkt/default-blacklist", CLI_SET_CALLS, { blacklist } },
	{ "@systemd/clock", CLI_SET_CALLS, { clock } },
	{ "@systemd/default-whitelist", CLI_SET_CALLS, { defaults } },
	{ "@systemd/mount", CLI_SET_CALLS, { mount } },
	{ "@systemd/network-io", CLI_SET_CALLS, { network_io } },
	{ "@systemd/obsolete", CLI_SET_CALLS, { obsolete } },
	{ "@systemd/privileged", CLI_SET_CALLS, { privileged, clock, raw_io } },
	{ "@systemd/process", CLI_SET_CALLS, { process } },
	{ "@systemd/raw-io", CLI_SET_CALLS, { raw_io } },
};

const struct cli_seccomp_set *
cli_seccomp_set(const char *name)
{
	for (size_t i = 0; i < PS_COUNT(sets); i++)
		if (strcmp(sets[i].name, name) == 0)
			return &sets[i];
	return NULL;
}
