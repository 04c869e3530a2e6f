/* What pod.h says.  Runs as root; nothing is hostile. */
#include "pod.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "privsep/fds.h"
#include "privsep/limits.h"
#include "privsep/paths.h"
#include "privsep/proto.h"
#include "stage1/common/door.h"

#define CODE 7

static void
make_pod(void)
{
	static const char *const dirs[] = {"pod", "pod/root", "pod/root/run",
	    "pod/root/run/rkt"};
	FILE *f;

	for (size_t i = 0; i < PS_COUNT(dirs); i++)
		(void)mkdir(dirs[i], 0755);
	f = fopen("pod/private-users-prepared", "w");
	if (f) {
		(void)fprintf(f, "%u:%u", POD_ID, PS_RANGE);
		(void)fclose(f);
	}
}

/* A plan of one app, as root keeps it: read-only. */
static int
make_plan(void)
{
	static uint8_t bytes[4096];
	struct ps_msg_PLAN_APP a = {.name = "app",
	    .image_name = "example.test/app",
	    .exec = {"/bin/true"},
	    .n_exec = 1,
	    .working_dir = "/",
	    .user = "0",
	    .group = "0"};
	struct ps_writer w = {
	    .p = bytes + PS_HEADER, .size = sizeof(bytes) - PS_HEADER};
	struct ps_writer head = {.p = bytes, .size = PS_HEADER};
	int fd;

	if (ps_encode_PLAN_APP(&w, &a) < 0)
		return -1;
	ps_put_header(&head, &(struct ps_header){
	    .type = PS_PLAN_APP, .length = (uint32_t)w.at});
	(void)unlink("pod/plan");
	fd = open("pod/plan", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || ps_write_full(fd, bytes, PS_HEADER + w.at) < 0)
		return -1;
	(void)close(fd);
	return open("pod/plan", O_RDONLY | O_CLOEXEC);
}

static int
make_door(void)
{
	struct sockaddr_un a = {
	    .sun_family = AF_UNIX, .sun_path = "pod/root/" S1_DOOR_PATH};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)unlink(a.sun_path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    chown(a.sun_path, POD_ID, POD_ID) < 0 || listen(fd, 1) < 0)
		(void)close(fd), fd = -1;
	return fd;
}

/* Its pid 1, to one caller. */
static pid_t
start_pod(int door)
{
	const struct s1_door begun = {.kind = S1_DOOR_STARTED},
			     ended = {.kind = S1_DOOR_ENDED, .b = CODE};
	int fds[S1_DOOR_FDS], ready[2], one;
	struct s1_door m;
	size_t n;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		return -1;
	if (pid != 0) {
		(void)close(ready[1]);
		(void)!read(ready[0], &n, 1); /* until it has its root */
		(void)close(ready[0]);
		return pid;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (chroot("pod/root") < 0)
		_exit(1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	one = accept(door, NULL, NULL);
	if (one >= 0 && s1_door_recv(one, &m, fds, &n) == 0 &&
	    m.kind == S1_DOOR_ENTER && s1_door_send(one, &begun, NULL, 0) == 0)
		(void)s1_door_send(one, &ended, NULL, 0);
	for (;;)
		pause();
}

/* 0 1 2, then the plan, the pod's directory and its pid 1, and nothing else. */
static _noreturn_ void
become(int plan, int pod, int init)
{
	static char path[1024];
	char name[] = "stage1-enter", verb[] = "command", app[] = "app",
	     word[] = "/bin/true", *argv[] = {name, verb, app, word, NULL},
	     *const env[] = {NULL};
	const int fds[] = {plan, pod, init};
	int high[PS_COUNT(fds)], null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)snprintf(path, sizeof(path), "%s/stage1-enter", ps_libexec_dir);
	for (size_t i = 0; i < PS_COUNT(fds); i++)
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 100);
	for (size_t i = 0; i < PS_COUNT(fds); i++)
		if (dup2(high[i], 3 + (int)i) < 0)
			_exit(1);
	if (dup2(null, 0) < 0 ||
	    syscall(SYS_close_range, 3 + PS_COUNT(fds), ~0u, 0) < 0)
		_exit(1);
	(void)execve(path, argv, env);
	_exit(1);
}

int
pod_enter(int *ret_status)
{
	_cleanup_fd_ int plan = -1, door = -1, pod = -1, init = -1;
	int status = -1;
	pid_t one, pid;

	make_pod();
	plan = make_plan();
	door = make_door();
	pod = open("pod", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (plan < 0 || door < 0 || pod < 0)
		return -1;
	one = start_pod(door);
	init = (int)syscall(SYS_pidfd_open, one, 0);
	pid = fork();
	if (pid == 0)
		become(plan, pod, init);
	(void)waitpid(pid, &status, 0);
	(void)kill(one, SIGKILL);
	(void)waitpid(one, NULL, 0);
	*ret_status = WIFSIGNALED(status) ? 256 + WTERMSIG(status)
					  : WEXITSTATUS(status);
	return *ret_status == CODE ? 0 : -1;
}
